"""Which files of a repository an artifact leaves out: patterns as in .gitignore, with Flux's own default list.

Other than in git, `!` brings a file back also where its folder is excluded: every path is matched by itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

FILE = ".sourceignore"
"""Found anywhere in a repository; holds for its own folder."""
_ALWAYS = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
_DEFAULTS = (
    *("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"),
    *(".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml", "cloudbuild.yaml"),
    *("codeship-services.yml", "codeship-steps.yml", "**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"),
)


@dataclass(frozen=True, slots=True)
class _Pattern:
    matches: re.Pattern[str]
    folders_only: bool
    brings_back: bool


class Ignore:
    """Says of each path of a repository whether the artifact leaves it out."""

    def __init__(self, ignore: str | None, files: Iterable[tuple[str, str]] = ()) -> None:
        """Read the patterns.

        Args:
            ignore: ``spec.ignore``; the default list counts when neither it nor a file has a pattern.
            files: The ``.sourceignore`` files: folder (``""`` is the root), text.
        """
        said = [_pattern(line, folder) for folder, text in files for line in _lines(text)]
        said += [_pattern(line, "") for line in _lines(ignore or "")]
        usual = (*_ALWAYS, *(() if said else _DEFAULTS))
        self._patterns = [*(_pattern(line, "") for line in usual), *said]

    def leaves_out(self, path: str, *, is_folder: bool) -> bool:
        """Say whether the path, ``/`` between its parts, is left out."""
        parts = path.split("/")
        ways = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        for pattern in reversed(self._patterns):
            asked = ways if is_folder or not pattern.folders_only else ways[:-1]
            if any(pattern.matches.fullmatch(way) for way in asked):
                return not pattern.brings_back
        return False


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _pattern(line: str, folder: str) -> _Pattern:
    brings_back = line.startswith("!")
    wanted = line.removeprefix("!")
    if not wanted.endswith("\\ "):
        wanted = wanted.rstrip(" ")
    folders_only = wanted.endswith("/")
    wanted = wanted.removesuffix("/")
    names = wanted.removeprefix("/").split("/") if "/" in wanted else ["**", wanted]
    *before, last = names
    expression = re.escape(f"{folder}/") if folder else ""
    expression += "".join("(?:[^/]+/)*" if name == "**" else f"{_name(name)}/" for name in before)
    expression += ".+" if last == "**" else _name(last)
    return _Pattern(re.compile(expression, re.DOTALL), folders_only, brings_back)


def _name(name: str) -> str:
    """Translate one part of a pattern."""
    told = re.sub(r"\\(.)|\[([!^]?)([^]]+)]|(\*+)|(\?)|(.)", _translated, name, flags=re.DOTALL)
    return f"(?:{told})"


def _translated(found: re.Match[str]) -> str:
    escaped, negated, characters, stars, one, plain = found.groups()
    if characters is not None:
        listed = characters.replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
        return f"[{'^/' if negated else ''}{listed}]"
    if stars:
        return "[^/]*"
    return "[^/]" if one else re.escape(escaped or plain)
