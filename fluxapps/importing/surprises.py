"""YAML that readers of different years take for different things: said, so that a person can look."""

import re
from collections.abc import Iterator

from fluxapps.model.problems import Problem, Severity
from fluxapps.model.yaml_file import YamlFile

_MOST = 20
"""Of one file."""
_OCTAL = re.compile(r"(?:^|[:\-,\[] )(0[0-7]+)(?=[ \t]*(?:#|$|[,\]}]))", re.MULTILINE)
_EQUALS = re.compile(r"(?::|^[ \t]*-)[ \t]+(=)[ \t]*(?:#.*)?$", re.MULTILINE)
_ANCHOR = re.compile(r"(?:^|[:\-,\[{] )&([^\s,\[\]{}]+)", re.MULTILINE)


def surprises(file: YamlFile) -> list[Problem]:
    """Return the first few surprises of *file*: octal numbers, a bare ``=``, an anchor that is defined twice."""
    found: list[Problem] = []
    if " 0" in file.text:
        found += _octals(file)
    if "=\n" in file.text or " = " in file.text:
        found += _equals(file)
    if "&" in file.text:
        found += _anchors(file)
    return found[:_MOST]


def _octals(file: YamlFile) -> Iterator[Problem]:
    for match in _OCTAL.finditer(file.text):
        text = match[1]
        if text.strip("0"):
            what = f"{text} is {int(text, 8)} to Flux and Helm (YAML 1.1), and {int(text)} to newer readers"
            yield _hint(file, match.start(1), what, f"write {int(text, 8)}, or quote it if it is text")


def _equals(file: YamlFile) -> Iterator[Problem]:
    for match in _EQUALS.finditer(file.text):
        what = "a bare = is text to Flux and Helm, and a default value to other readers of YAML 1.1"
        yield _hint(file, match.start(1), what, 'write "="')


def _anchors(file: YamlFile) -> Iterator[Problem]:
    starts = [document.line for document in file.documents[1:]]
    seen: dict[tuple[int, str], int] = {}
    for match in _ANCHOR.finditer(file.text):
        line = file.text.count("\n", 0, match.start(1)) + 1
        document = sum(line >= start for start in starts)
        if (first := seen.setdefault((document, match[1]), line)) != line:
            what = (
                f"the anchor '{match[1]}' is defined twice, on line {first} too: an alias means the last one above it"
            )
            yield _hint(file, match.start(1), what, "give each anchor a name of its own")


def _hint(file: YamlFile, index: int, what: str, fix: str) -> Problem:
    line = file.text.count("\n", 0, index) + 1
    column = index - file.text.rfind("\n", 0, index)
    return Problem(
        code="yaml-surprise",
        what=what,
        file=file.file,
        line=line,
        column=column,
        fix=fix,
        severity=Severity.HINT,
    )
