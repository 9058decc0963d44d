"""The Ready condition of an object in a cluster."""

from collections.abc import Mapping
from typing import Any

Live = Mapping[str, Any]
"""An object as the cluster has it."""


def ready_condition(one: Live) -> Mapping[str, Any] | None:
    """Return the Ready condition of *one*; None where no controller has said any yet."""
    conditions: list[Mapping[str, Any]] = one.get("status", {}).get("conditions") or []
    return next((said for said in conditions if said["type"] == "Ready"), None)


def is_ready(one: Live) -> bool:
    """Return whether *one* is Ready, said of the generation that it has now."""
    said = ready_condition(one)
    return said is not None and said["status"] == "True" and _generation(one, said) == one["metadata"]["generation"]


def _generation(one: Live, said: Mapping[str, Any]) -> int | None:
    """Return the generation that *said* is about; a condition without one speaks of the status's."""
    about: int | None = said.get("observedGeneration", one.get("status", {}).get("observedGeneration"))
    return about
