"""JSONPath (RFC 9535) as far as `pulumi.com/waitFor` needs it: everything but functions."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Nodes = list[Any]
Select = Callable[[Any, Any], Nodes]
"""Root and current value in, selected values out."""
Test = Callable[[Any, Any], bool]

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|\.\.|[$@.\[\]()?*:,!<>]))"
)

COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
LITERALS = {"true": True, "false": False, "null": None}
NOTHING = object()


class JSONPathError(Exception):
    """An expression cannot be read."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


class _Reader:
    """Reads a path by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def path(self) -> Select:
        """Read a whole path."""
        self._expect("$")
        segments = self._segments()
        if self._at != len(self._tokens):
            raise JSONPathError(f'parsing "{self._text}": unexpected "{self._tokens[self._at].text}"')
        return _chain(segments, from_root=True)

    def _peek(self, ahead: int = 0) -> _Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else _Token("end", "")

    def _take(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _skip(self, sign: str) -> bool:
        found = self._peek() == _Token("sign", sign)
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._skip(sign):
            raise JSONPathError(f'parsing "{self._text}": expected "{sign}" at "{self._peek().text or "the end"}"')

    def _segments(self) -> list[Select]:
        segments: list[Select] = []
        while True:
            if self._skip(".."):
                below = self._selectors() if self._skip("[") else [self._dotted()]
                segments.append(_each(below, deep=True))
            elif self._skip("."):
                segments.append(self._dotted())
            elif self._skip("["):
                segments.append(_each(self._selectors(), deep=False))
            else:
                return segments

    def _dotted(self) -> Select:
        if self._skip("*"):
            return _wildcard
        token = self._take()
        if token.kind != "name":
            raise JSONPathError(f'parsing "{self._text}": expected a name at "{token.text or "the end"}"')
        return _member(token.text)

    def _selectors(self) -> list[Select]:
        selectors = [self._selector()]
        while self._skip(","):
            selectors.append(self._selector())
        self._expect("]")
        return selectors

    def _selector(self) -> Select:
        if self._skip("*"):
            return _wildcard
        if self._skip("?"):
            return _filter(self._or())
        if self._peek().kind == "string":
            return _member(_unquoted(self._take().text))
        start = self._integer()
        if not self._skip(":"):
            if start is None:
                raise JSONPathError(f'parsing "{self._text}": expected a selector at "{self._peek().text}"')
            return _index(start)
        stop = self._integer()
        step = self._integer() if self._skip(":") else None
        return _slice(slice(start, stop, step))

    def _integer(self) -> int | None:
        if self._peek().kind != "number":
            return None
        text = self._take().text
        if not re.fullmatch(r"-?\d+", text):
            raise JSONPathError(f'parsing "{self._text}": {text} is no integer')
        return int(text)

    def _or(self) -> Test:
        tests = [self._and()]
        while self._skip("||"):
            tests.append(self._and())
        return lambda root, value: any(test(root, value) for test in tests)

    def _and(self) -> Test:
        tests = [self._basic()]
        while self._skip("&&"):
            tests.append(self._basic())
        return lambda root, value: all(test(root, value) for test in tests)

    def _basic(self) -> Test:
        if self._skip("!"):
            inner = self._basic()
            return lambda root, value: not inner(root, value)
        if self._skip("("):
            inner = self._or()
            self._expect(")")
            return inner
        left, singular = self._operand()
        sign = self._peek().text
        if self._peek().kind == "sign" and sign in COMPARISONS:
            self._take()
            right, _ = self._operand()
            return lambda root, value: _compare(sign, _one(left(root, value)), _one(right(root, value)))
        if singular:
            raise JSONPathError(f'parsing "{self._text}": a literal alone is no test')
        return lambda root, value: bool(left(root, value))

    def _operand(self) -> tuple[Select, bool]:
        """Read one side of a comparison, and whether it is a literal."""
        token = self._take()
        if token.kind == "string":
            text = _unquoted(token.text)
            return (lambda _root, _value: [text]), True
        if token.kind == "number":
            number = float(token.text)
            return (lambda _root, _value: [number]), True
        if token.kind == "name" and token.text in LITERALS:
            literal = LITERALS[token.text]
            return (lambda _root, _value: [literal]), True
        if token.kind == "sign" and token.text in "$@":
            return _chain(self._segments(), from_root=token.text == "$"), False
        raise JSONPathError(f'parsing "{self._text}": unexpected "{token.text or "end"}"')


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise JSONPathError(f'parsing "{text}": unexpected "{text[at:]}"')
        yield _Token(str(match.lastgroup), match[str(match.lastgroup)])
        at = match.end()


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _chain(segments: list[Select], *, from_root: bool) -> Select:
    def select(root: Any, value: Any) -> Nodes:
        nodes = [root if from_root else value]
        for segment in segments:
            nodes = [found for node in nodes for found in segment(root, node)]
        return nodes

    return select


def _each(selectors: list[Select], *, deep: bool) -> Select:
    def select(root: Any, value: Any) -> Nodes:
        nodes = list(_descendants(value)) if deep else [value]
        return [found for node in nodes for selector in selectors for found in selector(root, node)]

    return select


def _descendants(value: Any) -> Iterator[Any]:
    yield value
    for below in _wildcard(None, value):
        yield from _descendants(below)


def _wildcard(_root: Any, value: Any) -> Nodes:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _member(name: str) -> Select:
    return lambda _root, value: [value[name]] if isinstance(value, dict) and name in value else []


def _index(index: int) -> Select:
    return lambda _root, value: [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []


def _slice(bounds: slice) -> Select:
    return lambda _root, value: value[bounds] if isinstance(value, list) and bounds.step != 0 else []


def _filter(test: Test) -> Select:
    return lambda root, value: [each for each in _wildcard(root, value) if test(root, each)]


def _one(nodes: Nodes) -> Any:
    return nodes[0] if len(nodes) == 1 else NOTHING


def _compare(sign: str, left: Any, right: Any) -> bool:
    if sign in ("==", "!="):
        return _equal(left, right) == (sign == "==")
    if sign in ("<=", ">=") and _equal(left, right):
        return True
    numbers = all(isinstance(side, int | float) and not isinstance(side, bool) for side in (left, right))
    if not numbers and not (isinstance(left, str) and isinstance(right, str)):
        return False
    return bool(left < right if sign in ("<", "<=") else left > right)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def parse_wait(expression: str) -> Callable[[Any], str]:
    """Read what follows `jsonpath=`: `{.path}`, which must be there, or `{.path}=value`.

    Returns:
        What says of an object, as long as it doesn't match, what is missing; an empty text when it matches.

    Raises:
        JSONPathError: It is not of that form.
    """
    # A single `=` parts path and value; the filters' `==`, `!=`, `<=` and `>=` don't.
    parts = re.split(r"(?<![=!<>])=(?!=)", expression)
    path, *rest = parts
    if len(rest) > 1:
        raise JSONPathError(f'format should be {{.path}}=value or {{.path}}, got "{expression}"')
    if rest and not rest[0]:
        raise JSONPathError(f"{path}= requires a value")
    if path.startswith("'") and path.endswith("'"):
        raise JSONPathError(f"{path} should omit shell quotes")
    braced = re.search(r"\{\s*(.*?)\s*\}", path)
    if braced is None:
        raise JSONPathError(f"{path} should be wrapped in brackets {{ ... }}")
    select = _Reader(braced[1] if braced[1].startswith("$") else f"${braced[1]}").path()

    def missing(value: Any) -> str:
        nodes = select(value, value)
        if not nodes:
            return f"{path} selected nothing"
        if not rest:
            return ""
        found = _printed(nodes[0])
        return "" if found == rest[0] else f'Waiting for {path}={rest[0]} (found "{found}")'

    return missing


def _printed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)
