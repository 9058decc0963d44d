"""What can be wrong with a repository's files, said so that a person can mend it.

A check returns problems; only loading raises, once, with all it found. How a problem is printed is the CLI's business.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum, unique
from functools import lru_cache


@unique
class Severity(StrEnum):
    """How much a problem matters."""

    ERROR = "error"
    """Nothing is rendered or applied."""
    WARNING = "warning"
    """It works, but is probably not meant."""
    HINT = "hint"
    """It works; there is a better way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, where it stands, and what would be right."""

    code: str
    """Stable kebab-case id, e.g. ``unknown-repository``; listed in docs/problems.md."""
    what: str
    """What is wrong: a sentence without a full stop."""
    file: str
    """Path from the repository's root, with forward slashes."""
    severity: Severity = Severity.ERROR
    line: int | None = None
    """1-based; None where the whole file is meant."""
    column: int | None = None
    """1-based."""
    path: str = ""
    """The field, dotted: ``releases.operator.version``."""
    fix: str = ""
    """What would be right, or the command that mends it."""

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Sort by place, so that a reader walks each file top-down."""
        return (self.file, self.line or 0, self.column or 0, self.code, self.what)


class ConfigError(Exception):
    """The files can't be used; ``problems`` says all that is wrong, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.order))
        super().__init__("\n".join(f"{p.file}:{p.line or 1}: {p.what}" for p in self.problems))


def raise_errors(problems: Iterable[Problem]) -> None:
    """Let *problems* pass where none is an error.

    Raises:
        ConfigError: One is; with all of them, warnings too.
    """
    problems = tuple(problems)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise ConfigError(problems)


def did_you_mean(word: str, known: Iterable[str], *, besides: str = "", otherwise: str = "") -> str:
    """Return ``did you mean 'x'?`` for the known word (*besides* is none) nearest to *word*, else *otherwise*."""
    nearest = [one for one in _nearest(word, tuple(known)) if one != besides]
    return f"did you mean '{nearest[0]}'?" if nearest else otherwise


@lru_cache(maxsize=128)
def _nearest(word: str, known: tuple[str, ...]) -> list[str]:
    """Return the two known words nearest to *word*, at most; many a name is missed by hundreds of apps at once."""
    return get_close_matches(word, known, n=2, cutoff=0.6)
