"""What libyaml says about broken YAML, in words that help the author of the file."""

import re
from typing import NamedTuple

import yaml

from fluxapps.model.problems import Problem

# What YAML's readers accept (YAML 1.1, 5.1), without the byte order mark: inside a text they differ over it.
_NOT_IN_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_MOST_CHARACTERS = 10


class _Said(NamedTuple):
    """libyaml's words, ours, and what mends it."""

    theirs: str
    what: str
    fix: str


_SAYINGS = (
    _Said(
        "mapping values are not allowed in this context",
        "a ':' stands where no key can be",
        "quote a value that has ': ' in it; a nested key goes on a line of its own, indented by two spaces more",
    ),
    _Said(
        "could not find expected ':'",
        "this should be a key, but no ':' follows it",
        "write 'key: value'; indent the lines of a longer text, or quote it",
    ),
    _Said(
        "did not find expected key",
        "this line fits neither the map nor the list it stands in",
        "keys of one map start in one column; quote a value that only starts with quotes, brackets, '*' or '&'",
    ),
    _Said(
        "did not find expected '-' indicator",
        "a list's item or its end is expected here",
        "start each item of one list with '- ' in one column",
    ),
    _Said(
        "did not find expected ',' or ']'",
        "a list in brackets is not closed",
        "put ',' between its items and ']' behind them",
    ),
    _Said(
        "did not find expected ',' or '}'",
        "a map in braces is not closed",
        "put ',' between its keys and '}' behind them",
    ),
    _Said(
        "block sequence entries are not allowed in this context",
        "a list's item can't stand here",
        "put '- ' on a line of its own, below the key",
    ),
    _Said(
        "block mapping entries are not allowed in this context",
        "a map's key can't stand here",
        "put the key on a line of its own",
    ),
    _Said(
        "found unknown escape character",
        "an unknown escape stands in double quotes",
        "write '\\\\' for a backslash, or use single quotes",
    ),
    _Said("found undefined tag handle", "a tag's prefix is not declared", "quote a text that starts with '!'"),
    _Said(
        "found unexpected document indicator",
        "a '---' or '...' stands inside quotes that are still open",
        "close the quotes, or indent the line",
    ),
    _Said(
        "did not find expected alphabetic or numeric character",
        "a name must follow '&' and '*'",
        "quote a text that starts with '&' or '*'",
    ),
    _Said(
        "did not find expected <document start>",
        "something stands behind the end of the document",
        "put '---' before a second document",
    ),
    _Said("did not find expected node content", "a value is missing here", "write the value, or null"),
    _Said("found unexpected ':'", "a ':' stands inside brackets without quotes", "put the text in quotes"),
)


def syntax_problem(error: yaml.YAMLError, text: str, file: str, lines_before: int = 0) -> Problem:
    """Return *error*, which libyaml raised for *text*, as a problem of *file*; *lines_before* stand above *text*."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    context_mark = getattr(error, "context_mark", None)
    said = str(getattr(error, "problem", None) or error)
    context = str(getattr(error, "context", None) or "")
    code = "yaml-syntax"
    found = text[mark.index : mark.index + 1] if mark else ""
    if "unexpected end of stream" in said and "quoted" in context:
        what, fix, mark = (
            "the quotes opened here are never closed",
            "close them; a quote inside is doubled or escaped",
            context_mark,
        )
    elif "\t" in {found, *_tab_before(text, mark)} and ("cannot start any token" in said or "tab" in said):
        code, what, fix = "yaml-tab", "a tab stands where YAML wants spaces", "indent with two spaces a level"
    elif "cannot start any token" in said:
        what, fix = f"a value can't start with {found!r}", "put the value in quotes"
    else:
        what, fix = next(((s.what, s.fix) for s in _SAYINGS if s.theirs in said), (f"this is no YAML: {said}", ""))
    return Problem(
        code=code,
        what=what,
        file=file,
        line=(mark.line if mark else 0) + 1 + lines_before,
        column=(mark.column if mark else 0) + 1,
        fix=fix,
    )


def character_problems(text: str, file: str) -> list[Problem]:
    """Return the first few characters that YAML doesn't take, each as a problem."""
    problems: list[Problem] = []
    for match in _NOT_IN_YAML.finditer(text):
        if len(problems) == _MOST_CHARACTERS:
            break
        start = match.start()
        number = ord(match[0])
        lone_surrogate = 0xD800 <= number <= 0xDFFF  # noqa: PLR2004 - Unicode's bounds
        problems.append(
            Problem(
                code="not-utf8" if lone_surrogate else "yaml-syntax",
                what=f"the character U+{number:04X} can't stand in YAML",
                file=file,
                line=text.count("\n", 0, start) + 1,
                column=start - text.rfind("\n", 0, start),
                fix="remove it" if lone_surrogate else f'remove it, or write it as "\\u{number:04x}" in double quotes',
            )
        )
    return problems


def _tab_before(text: str, mark: "yaml.Mark | None") -> str:
    return text[mark.index - 1 : mark.index] if mark and mark.index else ""
