"""The conditions of an object in a cluster."""

from collections.abc import Mapping
from typing import Any

Live = Mapping[str, Any]
"""An object as the cluster has it."""
Condition = Mapping[str, Any]


def condition(one: Live, kind: str) -> Condition | None:
    """Return what *one* says of *kind* (``Ready``, ``Stalled``); None where no controller has said any yet."""
    conditions: list[Condition] = one.get("status", {}).get("conditions") or []
    return next((said for said in conditions if said["type"] == kind), None)


def current_condition(one: Live, kind: str) -> Condition | None:
    """Return what *one* says of *kind*, where it is said of the generation that it has now."""
    said = condition(one, kind)
    return said if said is not None and _generation(one, said) == one["metadata"]["generation"] else None


def holds(one: Live, kind: str) -> bool:
    """Return whether *one* says that *kind* is so now."""
    said = current_condition(one, kind)
    return said is not None and said["status"] == "True"


def ready_condition(one: Live) -> Condition | None:
    """Return the Ready condition of *one*; None where no controller has said any yet."""
    return condition(one, "Ready")


def is_ready(one: Live) -> bool:
    """Return whether *one* is Ready, said of the generation that it has now."""
    return holds(one, "Ready")


def _generation(one: Live, said: Condition) -> int | None:
    """Return the generation that *said* is about; a condition without one speaks of the status's."""
    about: int | None = said.get("observedGeneration", one.get("status", {}).get("observedGeneration"))
    return about
