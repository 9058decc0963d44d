"""The lines of the benchmark's table, and what each promises."""

from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Verdict(StrEnum):
    """Whether a promise holds."""

    HOLDS = "holds"
    BROKEN = "broken"
    INFORMATION = ""
    """Nothing was promised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement."""

    what: str
    ours: str
    theirs: str
    """What it is measured against, or nothing."""
    ratio: str
    wanted: str
    verdict: Verdict

    @property
    def cells(self) -> tuple[str, ...]:
        """Return its text, column by column."""
        return (self.what, self.ours, self.theirs, self.ratio, self.wanted, self.verdict.value)


COLUMNS = ("what", "ours", "theirs", "ratio", "wanted", "verdict")


def at_most(what: str, ours: float, theirs: float, most: float | None, *, unit: str = "s") -> Row:
    """Return the row of *ours* that takes at most *most* times as long as *theirs*; None: nothing is promised."""
    ratio = ours / theirs
    return Row(
        what=what,
        ours=_quantity(ours, unit),
        theirs=_quantity(theirs, unit),
        ratio=f"{ratio:.2f} times",
        wanted=f"at most {most:g} times" if most is not None else "",
        verdict=Verdict.INFORMATION if most is None else _verdict(holds=ratio <= most),
    )


def faster(what: str, ours: float, theirs: float, least: float) -> Row:
    """Return the row of *ours*, in seconds, that is at least *least* times faster than *theirs*."""
    ratio = theirs / ours
    return Row(
        what=what,
        ours=_quantity(ours, "s"),
        theirs=_quantity(theirs, "s"),
        ratio=f"{ratio:.1f} times faster",
        wanted=f"at least {least:g} times faster",
        verdict=_verdict(holds=ratio >= least),
    )


def within(what: str, amount: float, most: float, unit: str) -> Row:
    """Return the row of an *amount* of at most *most*, both in *unit*."""
    return Row(
        what=what,
        ours=_quantity(amount, unit),
        theirs="",
        ratio="",
        wanted=f"at most {most:g} {unit}",
        verdict=_verdict(holds=amount <= most),
    )


def counted(what: str, ours: int, theirs: int) -> Row:
    """Return the row of two numbers of which nothing is promised."""
    ratio = f"{ours / theirs:.2f} times"
    return Row(what=what, ours=f"{ours:,}", theirs=f"{theirs:,}", ratio=ratio, wanted="", verdict=Verdict.INFORMATION)


def information(what: str, ours: float, unit: str) -> Row:
    """Return a row that promises nothing."""
    return Row(what=what, ours=_quantity(ours, unit), theirs="", ratio="", wanted="", verdict=Verdict.INFORMATION)


def _verdict(*, holds: bool) -> Verdict:
    return Verdict.HOLDS if holds else Verdict.BROKEN


def _quantity(number: float, unit: str) -> str:
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f} {unit}"
