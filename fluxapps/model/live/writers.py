"""Who wrote which field of an object in a cluster, as the API server keeps it in ``metadata.managedFields``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, unique
from typing import Any, Final

from fluxapps.model.declare.names import FLUX_MANAGER, PULUMI_MANAGER
from fluxapps.model.live.drift import FieldPath, Live

_TAKEN_OVER: Final = ("kubectl", "before-first-apply")
"""How the managers begin whose fields Pulumi takes, as Flux does: what a person has set by hand."""


@unique
class Hand(Enum):
    """Whose a field is, as far as it matters to who writes it next."""

    PULUMI = "Pulumi"
    FLUX = "Flux"
    KUBECTL = "kubectl"
    """A person's: Pulumi's next update takes it over."""
    OTHER = "other"
    """Pulumi's next update meets a conflict."""
    NOBODY = "nobody"
    """The field isn't there, or nobody is known to have written it."""


@dataclass(frozen=True, slots=True, order=True)
class Writer:
    """A field manager."""

    manager: str
    """``kubectl-edit``."""
    applies: bool
    """Whether by server-side apply, as who means to keep the field does; else by an update."""


def writers_of(live: Live, path: FieldPath) -> tuple[Writer, ...]:
    """Return who wrote the field at *path* of *live*, the latest first; () where the field isn't there.

    A list counts as one value: Flux's kinds declare none whose items have owners of their own.
    """
    entries = [entry for entry in entries_of(live) if _has(entry.get("fieldsV1") or {}, path)]
    entries.sort(key=lambda entry: str(entry.get("time", "")), reverse=True)
    return tuple(dict.fromkeys(Writer(entry["manager"], entry.get("operation") == "Apply") for entry in entries))


def hand_of(writers: Iterable[Writer]) -> Hand:
    """Return whose a field of *writers*, the latest first, is."""
    found = [_hand(writer.manager) for writer in writers]
    # One that would object counts before one that would not.
    return next((hand for hand in (Hand.FLUX, Hand.OTHER, Hand.KUBECTL, Hand.PULUMI) if hand in found), Hand.NOBODY)


def _hand(manager: str) -> Hand:
    if manager == FLUX_MANAGER:
        return Hand.FLUX
    if manager.startswith(PULUMI_MANAGER):
        return Hand.PULUMI
    return Hand.KUBECTL if manager.startswith(_TAKEN_OVER) else Hand.OTHER


def entries_of(live: Live) -> Iterable[Mapping[str, Any]]:
    """Return the entries of those that wrote more of *live* than its status."""
    entries: list[Mapping[str, Any]] = live["metadata"].get("managedFields") or []
    return [entry for entry in entries if entry.get("manager") and not entry.get("subresource")]


def _has(fields: Mapping[str, Any], path: FieldPath) -> bool:
    for depth, part in enumerate(path):
        if isinstance(part, int):
            break
        if not fields:
            # What is above the field was written as one value.
            return depth > 0
        if f"f:{part}" not in fields:
            return False
        fields = fields[f"f:{part}"]
    return True
