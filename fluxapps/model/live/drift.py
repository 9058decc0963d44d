"""How an object in a cluster differs from what is declared: in declared fields, and in none that operators set."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, unique
from typing import Any, Final

from fluxapps.model.objects import Manifest
from fluxapps.model.strict import dotted

Live = Mapping[str, Any]
"""An object as the cluster has it."""

FieldPath = tuple[str | int, ...]


@unique
class Absent(Enum):
    """Stands for the value of a field that isn't there, which null is not."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

OPERATORS_FIELDS: Final[frozenset[FieldPath]] = frozenset({("spec", "suspend")})
"""What `flux suspend` and `flux resume` set: an operator's from the moment the object is there."""

_OPERATORS_ANNOTATIONS: Final = re.compile(r"(reconcile|event)\.(toolkit\.)?fluxcd\.io/.+")
"""What `flux reconcile` sets: requestedAt, forceAt, resetAt."""
_ANNOTATION_DEPTH: Final = len(("metadata", "annotations", "key"))


@dataclass(frozen=True, slots=True)
class Difference:
    """A declared field that the cluster has otherwise."""

    path: FieldPath
    declared: Any
    live: Any
    """ABSENT where the field isn't there."""

    @property
    def field(self) -> str:
        """Return the field as a person writes it: ``spec.chart.spec.version``."""
        return dotted(self.path)


def differences(manifest: Manifest, live: Live) -> tuple[Difference, ...]:
    """Return the fields of *manifest* that *live* has otherwise, in the manifest's order.

    What *manifest* doesn't say is no difference: defaults of the server, what controllers and other people add. A list
    must have as many items as declared, since each of them is declared. A declared null wants no value. What operators
    toggle is theirs, be it declared or not.
    """
    return tuple(_of_map(manifest, live, ()))


def _of_map(declared: Mapping[str, Any], live: Mapping[str, Any], path: FieldPath) -> Iterator[Difference]:
    for key, value in declared.items():
        here = (*path, key)
        if not _is_operators(here):
            yield from _of(value, live.get(key, ABSENT), here)


def _of(declared: Any, live: Any, path: FieldPath) -> Iterator[Difference]:
    if isinstance(declared, dict) and (live is ABSENT or isinstance(live, dict)):
        yield from _of_map(declared, {} if live is ABSENT else live, path)
    elif isinstance(declared, list) and isinstance(live, list) and len(declared) == len(live):
        for index, (one, other) in enumerate(zip(declared, live, strict=True)):
            yield from _of(one, other, (*path, index))
    elif not _same(declared, live):
        yield Difference(path, declared, live)


def _same(declared: Any, live: Any) -> bool:
    if live is ABSENT:
        # The server may keep no null, and no list that is empty.
        return declared is None or declared == []
    return bool(declared == live) and isinstance(declared, bool) == isinstance(live, bool)


def _is_operators(path: FieldPath) -> bool:
    # Asked of every field of every object.
    if len(path) == _ANNOTATION_DEPTH and path[1] == "annotations":
        return path[0] == "metadata" and _OPERATORS_ANNOTATIONS.fullmatch(str(path[2])) is not None
    return path in OPERATORS_FIELDS
