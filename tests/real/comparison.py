"""What two sets of objects have not in common, field by field, and the table of what is known to differ."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from fluxapps.importing.comparison import ABSENT, WHOLE, same, walk
from fluxapps.model.objects import Manifest, ObjectId

__all__ = ["ABSENT", "WHOLE", "Difference", "Known", "compare", "known", "same", "unexplained"]


_TEXT: Final = "{text}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one object that isn't the same."""

    object: str
    field: str
    original: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.object}: {self.field}: {self.original!r} in the original, {self.ours!r} in ours"


@dataclass(frozen=True, slots=True)
class Known:
    """A row of the table: differences that are as they should be, and why."""

    objects: str
    """Which objects, as a shell pattern over ``Kind namespace/name``."""
    count: int
    """How many of them differ so."""
    field: str
    original: Any
    """Its value there; ``{text}`` in it stands for any text, the same in ``ours``."""
    ours: Any
    reason: str

    def covers(self, difference: Difference) -> bool:
        """Return whether *difference* is one of these."""
        return (
            fnmatchcase(difference.object, self.objects)
            and self.field == difference.field
            and self._values(difference.original, difference.ours)
        )

    def _values(self, original: Any, ours: Any) -> bool:
        expected = self.original, self.ours
        if isinstance(self.original, str) and _TEXT in self.original:
            before, _, after = self.original.partition(_TEXT)
            text = str(original).removeprefix(before).removesuffix(after)
            expected = self.original.replace(_TEXT, text), self.ours.replace(_TEXT, text)
        return same(expected, (original, ours))


def known(rows: Iterable[Mapping[str, Any]]) -> list[Known]:
    """Return the table that *rows* say.

    Each row has ``objects``, ``field`` and ``reason``; ``original`` and ``ours`` where the field is there at all;
    ``count`` unless it is 1.
    """
    return [
        Known(
            objects=row["objects"],
            count=row.get("count", 1),
            field=row["field"],
            original=row.get("original", ABSENT),
            ours=row.get("ours", ABSENT),
            reason=row["reason"],
        )
        for row in rows
    ]


def compare(original: Mapping[ObjectId, Manifest], ours: Mapping[ObjectId, Manifest]) -> list[Difference]:
    """Return what differs between two sets of objects, sorted by object."""
    found: list[Difference] = []
    for identity in sorted({*original, *ours}):
        there, here = original.get(identity), ours.get(identity)
        if there is None:
            found.append(Difference(str(identity), WHOLE, ABSENT, "present"))
        elif here is None:
            found.append(Difference(str(identity), WHOLE, "present", ABSENT))
        else:
            found += (Difference(str(identity), *parts) for parts in walk("", there, here))
    return found


def unexplained(differences: Sequence[Difference], table: Sequence[Known]) -> list[str]:
    """Return what the table doesn't say, and what it says that isn't so; [] when both agree."""
    wrong = [f"not in the table: {one}" for one in differences if not any(row.covers(one) for row in table)]
    for row in table:
        covered = sum(row.covers(one) for one in differences)
        if covered != row.count:
            wrong.append(f"the table says {row.count} times, but it is {covered}: {row.objects}: {row.field}")
    return wrong
