"""What two sets of objects have not in common, field by field."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from fluxapps.model.objects import Manifest, ObjectId

_encode: Final = json.JSONEncoder(sort_keys=True).encode
"""One encoder for all: making one takes longer than using it."""


class Absent(Enum):
    """The value of a field that isn't there; null is something else."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = Absent.ABSENT

WHOLE: Final = "(object)"
"""The field of a difference that is about the whole object: it is in one set alone."""
APPLIED_BY: Final = "(applied by)"
"""The field of a difference that is about which Kustomization applies an object."""


@dataclass(slots=True, eq=False)
class Found:
    """An object on one side."""

    manifest: Manifest
    applied_by: str
    """The Kustomization that applies it, as ``namespace/name``; ``""``: the root."""
    file: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one object that isn't the same."""

    id: ObjectId
    field: str
    original: Any
    ours: Any
    why: str = ""
    """Why that is as it should be; ``""`` where nobody knows."""
    file: str = ""
    """Where the original stands."""
    line: int | None = None

    @property
    def object(self) -> str:
        """Return the object as people call it."""
        return str(self.id)

    def __str__(self) -> str:
        return f"{self.object}: {self.field}: {self.original!r} in the original, {self.ours!r} in ours"


def object_differences(id_: ObjectId, original: Manifest, ours: Manifest) -> Iterator[Difference]:
    """Yield each innermost field in which two manifests of one object differ."""
    if original is not ours and not _alike(original, ours):
        yield from (Difference(id_, *parts) for parts in walk("", original, ours))


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same YAML: ``1``, ``1.0`` and ``true`` are three, a not-a-number is itself."""
    return next(walk("", one, other), None) is None


def _alike(one: Any, other: Any) -> bool:
    """Return whether two values are certainly the same; quick, and the walk decides what it can't."""
    try:
        return _encode(one) == _encode(other)
    except (TypeError, ValueError):
        return False


def walk(path: str, original: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield path, original and ours of each innermost part that differs."""
    if original is ours:
        return
    if isinstance(original, dict) and isinstance(ours, dict):
        for key in [*original, *(key for key in ours if key not in original)]:
            yield from walk(_below(path, key), original.get(key, ABSENT), ours.get(key, ABSENT))
    elif isinstance(original, list | tuple) and isinstance(ours, list | tuple):
        for number in range(max(len(original), len(ours))):
            yield from walk(f"{path}[{number}]", _item(original, number), _item(ours, number))
    elif not _same_scalar(original, ours):
        yield path, original, ours


def _below(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _item(items: Sequence[Any], number: int) -> Any:
    return items[number] if number < len(items) else ABSENT


def _same_scalar(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)
