"""Versions and ranges of charts and tags, as Helm and Flux read them (github.com/Masterminds/semver, v3)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_PART = r"(?:0|[1-9]\d*)"
_TAIL = r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_VERSION = re.compile(rf"v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?{_TAIL}")
_WILD = r"(?:\d+|[xX*])"
_WANTED = rf"v?{_WILD}(?:\.{_WILD})?(?:\.{_WILD})?(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_OPERATOR = r"=|!=|>=|=>|<=|=<|>|<|~>|~|\^|"
_HYPHEN = re.compile(rf"\s*({_WANTED})\s+-\s+({_WANTED})\s*")
_TERM = re.compile(rf"({_OPERATOR})\s*({_WANTED})")
_TERMS = re.compile(rf"\s*(?:{_OPERATOR})\s*{_WANTED}\s*(?:(?:\s|,\s*)(?:{_OPERATOR})\s*{_WANTED}\s*)*")

_Key = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


@dataclass(frozen=True, slots=True)
class Version:
    """A version; what stands after a ``+`` doesn't count."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read a version; minor and patch may be left out, a ``v`` before it too.

        Raises:
            ValueError: It is none.
        """
        found = _VERSION.fullmatch(text)
        if not found:
            raise ValueError(f"invalid semantic version: {text}")
        return cls(int(found["major"]), int(found["minor"] or 0), int(found["patch"] or 0), found["pre"] or "")

    @property
    def key(self) -> _Key:
        """Sorts versions: a pre-release before its release, numbers before words."""
        words = self.pre.split(".") if self.pre else ()
        ranked = tuple((not word.isdigit(), int(word) if word.isdigit() else 0, word) for word in words)
        return (self.major, self.minor, self.patch, not self.pre, ranked)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The version in a term of a range, and how many of its numbers were said."""

    version: Version
    said: int

    @classmethod
    def parse(cls, text: str) -> "_Wanted":
        core, _, pre = text.removeprefix("v").partition("+")[0].partition("-")
        numbers = []
        for number in core.split("."):
            if not number.isdigit():
                break
            numbers.append(int(number))
        major, minor, patch, *_ = (*numbers, 0, 0, 0)
        return cls(Version(major, minor, patch, pre), len(numbers))

    def equals(self, version: Version) -> bool:
        if self.said == 3:  # noqa: PLR2004  major, minor, patch
            return version.key == self.version.key
        return self.within_tilde(version)

    def within_tilde(self, version: Version) -> bool:
        if version.key < self.version.key:
            return False
        same = ((version.major, self.version.major), (version.minor, self.version.minor))
        return all(one == other for one, other in same[: self.said])

    def within_caret(self, version: Version) -> bool:
        wanted = self.version
        if version.key < wanted.key:
            return False
        if wanted.major or self.said <= 1:
            return self.said == 0 or version.major == wanted.major
        if wanted.minor or self.said == 2:  # noqa: PLR2004  major and minor
            return (version.major, version.minor) == (0, wanted.minor)
        return (version.major, version.minor, version.patch) == (0, 0, wanted.patch)

    def is_below(self, version: Version) -> bool:
        return version.key > self.version.key and not (self.said < 3 and self.within_tilde(version))  # noqa: PLR2004

    def is_above(self, version: Version) -> bool:
        return version.key < self.version.key


_CHECKS: dict[str, Callable[[_Wanted, Version], bool]] = {
    "": _Wanted.equals,
    "=": _Wanted.equals,
    "!=": lambda wanted, version: not wanted.equals(version),
    ">": _Wanted.is_below,
    "<": _Wanted.is_above,
    ">=": lambda wanted, version: not wanted.is_above(version),
    "=>": lambda wanted, version: not wanted.is_above(version),
    "<=": lambda wanted, version: not wanted.is_below(version),
    "=<": lambda wanted, version: not wanted.is_below(version),
    "~": _Wanted.within_tilde,
    "~>": _Wanted.within_tilde,
    "^": _Wanted.within_caret,
}


class Range:
    """A range of versions: terms that all have to hold, groups of them joined by ``||``."""

    def __init__(self, text: str) -> None:
        """Read a range.

        Raises:
            ValueError: It is none.
        """
        self._groups = [list(self._terms(group)) for group in text.split("||")]

    def has(self, version: Version) -> bool:
        """Whether a version is in the range; a pre-release only where a term of the group names one."""
        return any(
            (not version.pre or any(wanted.version.pre for _, wanted in group))
            and all(_CHECKS[operator](wanted, version) for operator, wanted in group)
            for group in self._groups
        )

    def _terms(self, group: str) -> Iterable[tuple[str, _Wanted]]:
        plain = _HYPHEN.sub(r" >=\1 <=\2 ", group) if group.strip() else "*"
        if not _TERMS.fullmatch(plain):
            raise ValueError(f"improper constraint: {group}")
        for operator, wanted in _TERM.findall(plain):
            yield operator, _Wanted.parse(wanted)


def newest(texts: Iterable[str], wanted: str) -> str | None:
    """Return the newest of some versions that is in a range, or None; what is no version is passed over.

    Raises:
        ValueError: *wanted* is no range.
    """
    allowed = Range(wanted or "*")
    found: list[tuple[_Key, str]] = []
    for text in texts:
        try:
            version = Version.parse(text)
        except ValueError:
            continue
        if allowed.has(version):
            found.append((version.key, text))
    # The first of equal ones, which differ in what stands after a + only.
    return max(found, key=lambda pair: pair[0])[1] if found else None
