"""How problems look: for people on a terminal, for programs as JSON, and as annotations of a GitHub workflow."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from fluxapps.cli.screen import counted, harmless, print_sentence
from fluxapps.model.problems import Problem, Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.HINT: "bold cyan"}
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}
_BREAK = re.compile(r"\r\n|\r|\n")
_INDENT = 2
_WIDEST_LINE = 160
"""Columns of a source line that are shown, however wide the terminal."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and the stacks that have it."""

    problem: Problem
    stacks: tuple[str, ...] = ()
    """Sorted; empty where it is the repository's, whatever the stack."""

    @property
    def is_error(self) -> bool:
        """Return whether nothing can be rendered or applied because of it."""
        return self.problem.severity is Severity.ERROR


def summary(findings: Sequence[Finding]) -> str:
    """Return ``2 errors, 1 warning``, or ``no problems``."""
    counts = {severity: sum(finding.problem.severity is severity for finding in findings) for severity in Severity}
    return ", ".join(counted(count, severity) for severity, count in counts.items() if count) or "no problems"


def as_json(findings: Iterable[Finding]) -> str:
    """Return *findings* as a JSON list; every entry has every key."""
    entries: list[dict[str, Any]] = [
        {
            "code": finding.problem.code,
            "severity": finding.problem.severity.value,
            "file": finding.problem.file,
            "line": finding.problem.line,
            "column": finding.problem.column,
            "path": finding.problem.path,
            "what": finding.problem.what,
            "fix": finding.problem.fix,
            "stacks": list(finding.stacks),
        }
        for finding in findings
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)


def as_annotations(findings: Iterable[Finding], root: Path) -> str:
    """Return *findings* as workflow commands, a line each.

    Syntax and escapes: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions; files are
    named from the workflow's checkout, of which the repository of apps may be a part.
    """
    checkout = os.environ.get("GITHUB_WORKSPACE")
    inside = os.path.relpath(root, checkout) if checkout and root.is_relative_to(checkout) else "."
    return "".join(_annotation(finding, inside) for finding in findings)


def _annotation(finding: Finding, inside: str) -> str:
    problem = finding.problem
    place = {"file": os.path.normpath(f"{inside}/{problem.file}"), "line": problem.line, "col": problem.column}
    properties = ",".join(
        f"{name}={_escaped(str(value), of_property=True)}"
        for name, value in {**place, "title": problem.code}.items()
        if value is not None
    )
    message = "\n".join([problem.what, *_notes(finding)])
    return f"::{_COMMANDS[problem.severity]} {properties}::{_escaped(message)}\n"


def _escaped(text: str, *, of_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if of_property else text


def _notes(finding: Finding) -> list[str]:
    notes = [f"fix: {finding.problem.fix}"] if finding.problem.fix else []
    return (
        [*notes, f"{'stack' if len(finding.stacks) == 1 else 'stacks'}: {', '.join(finding.stacks)}"]
        if (finding.stacks)
        else notes
    )


def print_findings(console: Console, findings: Iterable[Finding], root: Path | None) -> None:
    """Print *findings* file by file, each with the line it is about.

    Args:
        console: Where to.
        findings: Sorted by file.
        root: The repository, to show lines from; None where there is none.
    """
    for number, (file, found) in enumerate(groupby(findings, key=lambda finding: finding.problem.file)):
        if number:
            console.print()
        lines = _lines(root, file)
        for finding in found:
            _print(console, finding, lines, root)


def _print(console: Console, finding: Finding, lines: Sequence[str], root: Path | None) -> None:
    problem = finding.problem
    place = ":".join(str(part) for part in (_from_here(root, problem.file), problem.line, problem.column) if part)
    head = Text.assemble(
        (harmless(place), "bold"), " ", (problem.severity, _STYLES[problem.severity]), " ", problem.code
    )
    console.print(head, soft_wrap=True)
    print_sentence(console, Text(harmless(problem.what)), indent=_INDENT)
    if problem.line is not None and problem.line <= len(lines):
        _print_line(console, lines[problem.line - 1], problem.line, problem.column)
    for note in _notes(finding):
        name, _, text = harmless(note).partition(": ")
        print_sentence(console, Text.assemble((name, "green" if name == "fix" else "dim"), ": ", text), indent=_INDENT)


def _print_line(console: Console, line: str, number: int, column: int | None) -> None:
    """Print the line that a problem is about, and a caret below its column; a long line as far around it as fits."""
    gutter = f"{number:>{_INDENT + 3}} \u2502 "
    room = max(min(console.width, _WIDEST_LINE) - len(gutter), 20)
    shown, before = _cropped(line.replace("\t", "\u2192"), (column or 1) - 1, room)
    console.print(Text.assemble((gutter, "dim"), harmless(shown)), soft_wrap=True)
    if column is not None:
        blank = " " * (len(gutter) - 2) + "\u2502 "
        caret = Text.assemble((blank, "dim"), " " * cell_len(harmless(shown[:before])), ("^", "bold red"))
        console.print(caret, soft_wrap=True)


def _cropped(line: str, column: int, room: int) -> tuple[str, int]:
    """Return the part of *line* around *column* that fits *room*, and where in it the column is."""
    if cell_len(line) <= room:
        return line, min(column, len(line))
    start = max(0, column - room // 2)
    end = start + room // (1 if line.isascii() else 2) - 2
    head, tail = "\u2026" if start else "", "\u2026" if end < len(line) else ""
    return f"{head}{line[start:end]}{tail}", min(column, len(line)) - start + len(head)


def _lines(root: Path | None, file: str) -> list[str]:
    """Return the lines of *file* as YAML counts them; none when it can't be shown."""
    try:
        text = (root / file).read_text("utf-8", errors="replace") if root is not None else ""
    except OSError:
        return []
    return _BREAK.split(text.removeprefix("\ufeff"))


def _from_here(root: Path | None, file: str) -> str:
    """Return *file* as seen from the working directory, so that a terminal can open it."""
    return file if root is None else os.path.relpath(root / file)
