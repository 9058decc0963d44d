"""Comments of the objects that app files say now: kept at the field they stood at, or else at the head."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fluxapps.importing.original import Document, Original

_KEY: Final = re.compile(r"^(?P<indent>[ ]*)(?:- )?(?P<key>[A-Za-z][\w.-]*):(?: |$)")
_TRAILING: Final = re.compile(r"(?:^|[ \t])(#[^\"']*)$")
_SCHEMA: Final = re.compile(r"#\s*yaml-language-server:")
_RULE: Final = re.compile(r"#[#=\-*\s]*")
_OFTEN: Final = 3
"""So many apps with one comment say it once, in fleet.yaml."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, and the field it is about."""

    key: str
    """The field's name; ``""``: none, it heads the object."""
    text: str
    """With its ``#``."""
    behind: bool = False
    """It stood behind the field, on its line."""


def comments_of(original: Original, documents: Iterable[Document]) -> list[Comment]:
    """Return the comments of *documents*, without those of values, which stay with the values."""
    found: list[Comment] = []
    for document in documents:
        if not document.path and "#" in original.files[document.file].text:
            found += _comments(_lines(original, document))
    return found


def _lines(original: Original, document: Document) -> list[str]:
    read = original.files[document.file]
    lines = read.text.splitlines()
    start = read.documents[document.index].line - 1 if document.index else 0
    following = document.index + 1
    return lines[start : read.documents[following].line - 1 if following < len(read.documents) else len(lines)]


def _comments(lines: list[str]) -> list[Comment]:
    found: list[Comment] = []
    pending: list[str] = []
    inside: int | None = None
    for line in lines:
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if inside is not None and (not stripped or indent > inside):
            continue
        if stripped.startswith("#"):
            if not _SCHEMA.match(stripped) and not _RULE.fullmatch(stripped):
                pending.append(stripped)
            continue
        inside = None
        match = _KEY.match(line)
        if match is None:
            continue
        key = "" if match["key"] in ("apiVersion", "kind", "metadata") else match["key"]
        found += [Comment(key, text) for text in pending]
        pending = []
        rest = line[match.end() :]
        if rest.strip().startswith(("|", ">")) or (match["key"] == "values" and not rest.strip(" ")):
            inside = indent
        elif trailing := _TRAILING.search(rest):
            found.append(Comment(key, trailing[1].strip(), behind=True))
    return found + [Comment("", text) for text in pending]


def shared_comments(of_apps: Iterable[list[Comment]]) -> list[Comment]:
    """Return the comments that many apps have alike: fleet.yaml says them once."""
    counted = Counter(one for comments in of_apps for one in dict.fromkeys(comments))
    return [one for one, count in counted.items() if count >= _OFTEN]


def with_comments(text: str, comments: Iterable[Comment]) -> str:
    """Return *text*, of an app.yaml, with *comments* at their fields; those of no field in it at the head."""
    lines = text.splitlines()
    head: list[str] = []
    for one in dict.fromkeys(comments):
        places = [number for number, line in enumerate(lines) if line.lstrip(" ").startswith(f"{one.key}:")]
        if not one.key or len(places) != 1:
            head.append(one.text if not one.key else f"# {one.key}: {one.text.lstrip('# ')}")
        elif one.behind and "#" not in lines[places[0]] and not lines[places[0]].endswith(("|", "|-", ">-", ">")):
            lines[places[0]] += f" {one.text}"
        else:
            indent = " " * (len(lines[places[0]]) - len(lines[places[0]].lstrip(" ")))
            lines.insert(places[0], f"{indent}{one.text}")
    return "".join(f"{line}\n" for line in [*dict.fromkeys(head), *lines])
