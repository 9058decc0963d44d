"""The fixtures: tiny repositories, each laid over ``tests/fixtures/base``, that say what is wrong with them.

A line that must cause a problem ends in ``# expect: <code>``. What no line can say stands in the case's file
``expect``: ``<code> <file>[:<line>]``, ``stack <name>`` (default: dev), ``without <file of the base>``.
"""

import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fluxapps.model import ConfigError, Fleet, Problem, Severity, check, load, resolve

FIXTURES = Path(__file__).parents[1] / "fixtures"
_INLINE = re.compile(rb"# expect: ([a-z0-9, -]+)$")

Expected = Counter[tuple[str, str, int | None]]
"""Code, file and line of each problem."""


@dataclass
class Case:
    """What a fixture says of itself."""

    stack: str = "dev"
    without: list[str] = field(default_factory=list)
    expected: Expected = field(default_factory=Counter)


def cases(kind: str) -> list[str]:
    """Return the names of the fixtures in ``valid`` or ``invalid``."""
    return sorted(path.name for path in (FIXTURES / kind).iterdir())


def read_case(kind: str, name: str) -> Case:
    """Return what the fixture says of itself."""
    folder = FIXTURES / kind / name
    case = Case()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if (found := _INLINE.search(line)) is not None:
                for code in found[1].decode().split(", "):
                    case.expected[code, path.relative_to(folder).as_posix(), number] += 1
    if (says := folder / "expect").exists():
        for said in says.read_text().splitlines():
            _read(case, *said.split(" "))
    return case


def lay_out(kind: str, name: str, root: Path) -> Case:
    """Copy the fixture into *root*, and return what it says of itself."""
    case = read_case(kind, name)
    shutil.copytree(FIXTURES / "base", root, dirs_exist_ok=True)
    shutil.copytree(FIXTURES / kind / name, root, dirs_exist_ok=True)
    (root / "expect").unlink(missing_ok=True)
    for file in case.without:
        (root / file).unlink()
    return case


def _read(case: Case, word: str, what: str) -> None:
    if word == "stack":
        case.stack = what
    elif word == "without":
        case.without.append(what)
    else:
        file, _, line = what.partition(":")
        case.expected[word, file, int(line) if line else None] += 1


def problems(root: Path, stack: str) -> list[Problem]:
    """Return all that is wrong with the repository at *root*."""
    try:
        return check(resolve(load(root), stack))
    except ConfigError as error:
        return list(error.problems)


def base(root: Path, files: dict[str, str]) -> None:
    """Lay *files* over the base in *root*."""
    shutil.copytree(FIXTURES / "base", root, dirs_exist_ok=True)
    for file, text in files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text, encoding="utf-8")


def resolved(root: Path, stack: str = "dev") -> Fleet:
    """Return the stack, which has no errors."""
    fleet = resolve(load(root), stack)
    assert [problem for problem in check(fleet) if problem.severity is Severity.ERROR] == []
    return fleet
