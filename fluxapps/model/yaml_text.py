"""Canonical YAML text: equal data gives equal bytes, and every YAML reader reads them alike.

Sorted keys, block style, two spaces, no anchors, no folding. A string that any reader (go-yaml v2 and v3, PyYAML,
libyaml, YAML 1.1, YAML 1.2's core schema) could take for something else is quoted.
"""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

Order = Callable[[dict[str, Any]], list[str]]

DEPTH_LIMIT = 300
"""Levels of maps and lists that can be written; what is read from files has fewer."""

# Characters that some reader doesn't take as they are; a space may stand inside only. The sets say what is not in them:
# compiling what is, nearly all of Unicode, takes as long as reading dozens of files.
_BELOW, _ABOVE = "\x00-\x08\x0b-\x1f", "\x7f-\xa0\u2000-\u200f\u2028-\u202f\ud800-\udfff\ufeff\ufffe\uffff"
_HIDDEN = f"{_BELOW}\t\n{_ABOVE}"
# Indicators may not begin a plain scalar; '-' may, if no space follows.
_PLAIN = re.compile(
    rf"(?![-?:](?: |\Z)|---|\.\.\.|[?:,\[\]{{}}#&*!|>'\"%@`])[^{_HIDDEN} ](?:[^{_HIDDEN}]*[^{_HIDDEN} ])?"
)
_INLINE_END = re.compile(r": | #|:\Z")
_PRINTABLE = re.compile(f"[^{_HIDDEN}]*")
_LINES = re.compile(f"[^{_BELOW}{_ABOVE}]*")
_SPECIAL = re.compile(f'["\\\\{_HIDDEN}]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}

# Words that some reader takes for a boolean, for null, for a merge key or for a default value, in any case.
_WORDS = frozenset(("", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<"))
# Wider than any reader's numbers, base 60, hexadecimal floats and dates; so "1.2.3", "6.x" and "30m" stay bare.
_NUMBER_LIKE = re.compile(
    r"""[-+]?(?:
      0[bB][-+]?[01_]*
    | 0[oO]?[-+]?[0-7_]*
    | 0[xX][-+]?[0-9a-fA-F_.]*(?:[pP][-+]?[0-9_]*)?
    | [0-9][0-9_]*(?::[0-9_]{1,2})+(?:\.[0-9_]*)?
    | (?=[0-9]|\.[0-9_])(?:[0-9][0-9_,]*)?\.?[0-9_]*(?:[eE][-+]?[0-9_]*)?
    | \.?(?:inf|nan|infinity)
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\ \t].*)?
    )""",
    re.VERBOSE | re.IGNORECASE,
)
# A key on one line with its ':' may have 1024 characters at most (YAML 1.1, 7.4.2); escapes count as written.
_LONGEST_KEY = 512
_INT64_MIN, _UINT64_MAX = -(2**63), 2**64 - 1


def dump_yaml(value: Any) -> str:
    """Return *value* as canonical YAML text, which ends with a newline.

    Args:
        value: What JSON can say: None, bool, int, float, str, lists (or tuples) and dicts with str keys.

    Raises:
        TypeError: Something else is in it.
        ValueError: A number that is not finite, a lone surrogate, or more levels than DEPTH_LIMIT.
    """
    return _document(value, sorted)


def dump_documents(values: Iterable[Any]) -> str:
    """Return *values* as one text of several documents with ``---`` between them; no values, no text."""
    return "---\n".join(dump_yaml(value) for value in values)


def dump_manifest(manifest: dict[str, Any]) -> str:
    """Return a Kubernetes object as canonical text whose first keys are those a reader looks for first."""
    return _document(manifest, _manifest_order)


_FIRST_KEYS = {key: place for place, key in enumerate(("apiVersion", "kind", "metadata", "type", "immutable"))}
_FIRST_METADATA = {key: place for place, key in enumerate(("name", "namespace"))}


def _manifest_order(manifest: dict[str, Any]) -> list[str]:
    return sorted(manifest, key=lambda key: (_FIRST_KEYS.get(key, len(_FIRST_KEYS)), key))


def _metadata_order(metadata: dict[str, Any]) -> list[str]:
    return sorted(metadata, key=lambda key: (_FIRST_METADATA.get(key, len(_FIRST_METADATA)), key))


def _document(value: Any, order: Order) -> str:
    lines: list[str] = []
    if isinstance(value, dict) and value:
        _mapping(value, "", lines, 0, order)
    elif isinstance(value, list | tuple) and value:
        _sequence(value, "", lines, 0)
    else:
        lines.append(_text(value) if isinstance(value, str) else _leaf(value))
    lines.append("")
    return "\n".join(lines)


def _text(value: str) -> str:
    text = str.__str__(value)
    spelled = _strings[text]
    return _long_text(text, "") if spelled is None else spelled


def _mapping(value: dict[str, Any], pad: str, lines: list[str], depth: int, order: Order = sorted) -> None:
    _check_depth(depth)
    add = lines.append
    for key in order(value):
        item = value[key]
        kind = item.__class__
        name = _keys[key]
        head = pad + name if name is not None else f"{pad}? {_quoted(key)}\n{pad}:"
        if kind is str:
            text = _strings[item]
            add(f"{head} {_long_text(item, pad) if text is None else text}")
        elif kind is dict and item:
            add(head)
            inner_order = _metadata_order if order is _manifest_order and key == "metadata" else sorted
            _mapping(item, pad + "  ", lines, depth + 1, inner_order)
        elif kind is list and item:
            add(head)
            _sequence(item, pad, lines, depth + 1)
        elif kind in _LEAVES or not item:
            add(f"{head} {_leaf(item)}")
        else:
            _mapping({key: _plain_data(item)}, pad, lines, depth, order)


def _sequence(value: Iterable[Any], pad: str, lines: list[str], depth: int) -> None:
    _check_depth(depth)
    inner = pad + "  "
    for item in value:
        kind = item.__class__
        if kind is str:
            text = _strings[item]
            lines.append(f"{pad}- {_long_text(item, pad) if text is None else text}")
        elif (kind is dict or kind is list) and item:
            first = len(lines)
            if kind is dict:
                _mapping(item, inner, lines, depth + 1)
            else:
                _sequence(item, inner, lines, depth + 1)
            lines[first] = f"{pad}- {lines[first][len(inner) :]}"
        elif kind in _LEAVES or not item:
            lines.append(f"{pad}- {_leaf(item)}")
        else:
            _sequence([_plain_data(item)], pad, lines, depth)


def _check_depth(depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise ValueError(f"more than {DEPTH_LIMIT} levels of maps and lists")


_LEAVES = frozenset((bool, int, float, type(None)))


def _leaf(value: Any) -> str:  # noqa: PLR0911 - one line a type
    """Return what has no lines of its own: a word, a number, an empty map or list."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        # No reader keeps a larger one; each makes the nearest float of it.
        return int.__repr__(value) if _INT64_MIN <= value <= _UINT64_MAX else _leaf(float(value))
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    if isinstance(value, str):
        return '""'
    raise TypeError(f"YAML text is made of plain data, and this is a {type(value).__name__}: {value!r}")


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that JSON has")
    digits, exponent, power = float.__repr__(value).partition("e")
    # YAML 1.1 takes a number for a float only when it has a point.
    return f"{digits if '.' in digits else digits + '.0'}{exponent}{power}"


_EXACT: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    dict: dict,
    list: list,
    tuple: list,
    int: int.__int__,
    float: float.__float__,
}


def _plain_data(value: Any) -> Any:
    """Return an instance of a builtin's subclass as that builtin."""
    for kind, exact in _EXACT.items():
        if isinstance(value, kind):
            return exact(value)
    raise TypeError(f"YAML text is made of plain data, and this is a {type(value).__name__}: {value!r}")


class _Remembered(dict[str, str | None]):
    """How short strings are written, remembered: a repository says the same few again and again."""

    MOST = 1 << 15
    LONGEST = 64

    def __init__(self, spell: Callable[[str], str | None]) -> None:
        super().__init__()
        self.spell = spell

    def __missing__(self, text: str) -> str | None:
        spelled = self.spell(text)
        if len(text) <= self.LONGEST:
            if len(self) >= self.MOST:
                self.clear()
            self[text] = spelled
        return spelled


def _spell(text: str) -> str | None:
    """Return *text* on one line; None for one of several lines."""
    return None if "\n" in text else _on_one_line(text)


def _spell_key(key: str) -> str | None:
    """Return *key* with its colon; None for one that is too long to be told from a value by readers."""
    spelled = _on_one_line(key)
    return f"{spelled}:" if len(spelled) <= _LONGEST_KEY else None


_strings = _Remembered(_spell)
_keys = _Remembered(_spell_key)


def _on_one_line(text: str) -> str:
    if _PLAIN.fullmatch(text) and not _INLINE_END.search(text) and not _is_ambiguous(text):
        return text
    return _quoted(text)


def _is_ambiguous(text: str) -> bool:
    return text.lower() in _WORDS or _NUMBER_LIKE.fullmatch(text) is not None


def _quoted(text: str) -> str:
    if not _PRINTABLE.fullmatch(text):
        return f'"{_SPECIAL.sub(_escape, text)}"'
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    number = ord(character)
    if 0xD800 <= number <= 0xDFFF:  # noqa: PLR2004 - Unicode's bounds
        raise ValueError(f"half a character, U+{number:04X}, can't be written")
    return _ESCAPES.get(character) or f"\\u{number:04x}"


def _long_text(text: str, pad: str) -> str:
    """Return a text of several lines as a literal block where all readers give it back as it is, else in quotes."""
    content = text.strip("\n")
    first, last = content.partition("\n")[0], content.rpartition("\n")[2]
    if not _LINES.fullmatch(text) or first.startswith("\t") or not first.strip(" \t") or not last.strip(" \t"):
        return _quoted(text)
    # Without the number readers would take the first line's own spaces for indentation.
    indent = "2" if text[0] in " \n" else ""
    chomp = "-" if text[-1] != "\n" else "+" if text.endswith("\n\n") else ""
    inner = pad + "  "
    lines = text.removesuffix("\n").split("\n")
    return "\n".join((f"|{indent}{chomp}", *(inner + line if line else "" for line in lines)))
