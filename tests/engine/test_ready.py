"""`wait: ready`: `up` ends when Flux has made of the stack what was declared, or at once with what keeps it from it."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.fleet import Fleet, Way
from tests.engine.live import Live, Object

pytestmark = pytest.mark.engine

MakeFleet = Callable[[Way], Fleet]


def is_ready(found: Object) -> bool:
    said = [one for one in found["status"].get("conditions", ()) if one["type"] == "Ready"]
    return (
        bool(said) and said[0]["status"] == "True" and said[0]["observedGeneration"] == found["metadata"]["generation"]
    )


def failing(fleet: Fleet, name: str, at: str, **fields: Any) -> str:
    return fleet.app(name, {"failAt": at}, chart="told-to-fail", **fields)


def test_up_ends_ready_or_at_once_with_the_root_of_the_trouble(flux_fleet: MakeFleet, flux_live: Live) -> None:
    fleet = flux_fleet("pulumi")
    fleet.stack_says(wait="ready", deleteNamespaces=True)
    web = fleet.app("web", {"replicas": 1}, chart="podinfo", version="6.x")
    output = fleet.up()
    print(output)
    assert is_ready(flux_live.get(f"HelmRelease {web}/{web}"))
    assert "1 of 1 app ready" in output
    bad = failing(fleet, "bad", "install")
    begun = time.monotonic()
    output = fleet.refused("up")
    print(time.monotonic() - begun, output)
    assert "told to fail at install" in output
    print(fleet.refused("up"))
