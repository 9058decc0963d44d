"""`wait: ready`: `up` ends when Flux has made of the stack what was declared, or at once with what keeps it from it."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from fluxapps.devcluster import Cluster
from tests.engine.fleet import Fleet, Way
from tests.engine.live import Live, Object
from tests.engine.test_destroy import stopped
from tests.engine.watched import until

pytestmark = pytest.mark.engine

MakeFleet = Callable[[Way], Fleet]

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\n"


def ready(found: Object) -> Object:
    """Return the Ready condition."""
    said = [one for one in found.get("status", {}).get("conditions", ()) if one["type"] == "Ready"]
    return said[0] if said else {"status": "Unknown", "observedGeneration": -1}


def is_ready(found: Object) -> bool:
    said = ready(found)
    return bool(said["status"] == "True" and said["observedGeneration"] == found["metadata"]["generation"])


def is_failing(found: Object) -> bool:
    """Say whether Flux has got to it, and to what it needs, and failed."""
    said = ready(found)
    return said["status"] == "False" and "latest generation of object" not in said["message"]


def told_to_fail(fleet: Fleet, name: str, at: str, **fields: Any) -> str:
    return fleet.app(name, {"failAt": at}, chart="told-to-fail", **fields)


def test_up_ends_ready_and_says_at_once_what_is_not(
    flux_fleet: MakeFleet, flux_live: Live, flux_cluster: Cluster
) -> None:
    fleet = flux_fleet("pulumi")
    fleet.stack_says(wait="ready", deleteNamespaces=True)
    web = fleet.app("web", {"replicaCount": 1}, chart="podinfo", version="6.x")
    fleet.app("next", chart="strict-values", dependsOn=[web])
    aside = told_to_fail(fleet, "aside", "install", wait="none")
    suspended = fleet.app("suspended", chart="strict-values", release={"suspend": True})
    preview = fleet.preview()
    assert "waiting" not in preview

    output = fleet.up()
    ended = time.time()
    assert "2 of 2 apps ready" in output
    last = 0.0
    for name in (web, f"{fleet.name}-next"):
        found = flux_live.get(f"HelmRelease {name}/{name}")
        assert is_ready(found)
        last = max(last, datetime.fromisoformat(ready(found)["lastTransitionTime"]).timestamp())
    # Three seconds, one that Kubernetes' times leave out, and the engine's own end on a busy machine.
    assert ended - last < 6
    assert not is_ready(flux_live.get(f"HelmRelease {aside}/{aside}"))
    assert not is_ready(flux_live.get(f"HelmRelease {suspended}/{suspended}"))
    fleet.unchanged()

    # That it was Ready before says nothing of what is asked for now.
    fleet.app("web", {"replicaCount": 2}, chart="podinfo", version="6.x")
    with fleet.running("up", "--skip-preview") as running:
        with stopped(flux_cluster, "helm-controller"):
            assert until(lambda: "1 of 2 apps ready" in running.output), running.output
        running.succeeds()
    assert is_ready(flux_live.get(f"HelmRelease {web}/{web}"))

    # One that can't be installed is told within seconds, long before Flux tries again; what goes meanwhile stays.
    bad = told_to_fail(fleet, "bad", "install")
    fleet.remove(f"{fleet.name}-next")
    output = fleet.refused("up")
    assert f"HelmRelease {bad}/{bad}: InstallFailed: " in output
    assert "told to fail at install" in output
    assert output.count("told to fail at install") == 1
    gone = f"{fleet.name}-next"
    assert f"not removed before a good end: HelmRelease {gone}/{gone}" in output
    assert is_ready(flux_live.get(f"HelmRelease {gone}/{gone}"))
    # The same again, without anything to do; then mended.
    assert "told to fail at install" in fleet.refused("up")
    told_to_fail(fleet, "bad", "", release={"timeout": "1m"})
    fleet.up()
    assert is_ready(flux_live.get(f"HelmRelease {bad}/{bad}"))
    assert flux_live.find(f"HelmRelease {gone}/{gone}") is None

    fleet.destroy()


def test_all_that_keeps_apps_from_being_ready_is_told_from_its_root(flux_fleet: MakeFleet, flux_live: Live) -> None:
    fleet = flux_fleet("fluxapps")
    urls = {fleet.charts: fleet.cluster.charts_url, "nowhere": f"{fleet.cluster.charts_url}/nothing"}
    fleet.write("fleet.yaml", {"repositories": urls})
    # Deployed without waiting, then waited for.
    troubles = {
        told_to_fail(fleet, "hook", "hook", release={"timeout": "20s"}): "failed pre-install",
        told_to_fail(fleet, "slow", "readiness", release={"timeout": "2s"}): "timeout waiting for",
        fleet.app(
            "values", {"greetings": "hi"}, chart="strict-values"
        ): "additional properties 'greetings' not allowed",
        fleet.app("version", chart="podinfo", version="9.x"): "no 'podinfo' chart with version matching '9.x' found",
        fleet.app("chart", chart="nothing"): "no chart name found",
        fleet.app(
            "index", chart="podinfo", version="6.x", repository="nowhere"
        ): "failed to fetch Helm repository index",
        fleet.app(
            "secret", chart="podinfo", valuesFrom=[{"kind": "Secret", "name": "none"}]
        ): 'secrets "none" not found',
        told_to_fail(fleet, "upgrade", "", release={"timeout": "1m"}): "told to fail at upgrade",
    }
    fleet.stack_says(wait="none", deleteNamespaces=True)
    fleet.up()
    upgrade = f"{fleet.name}-upgrade"
    flux_live.until(f"HelmRelease {upgrade}/{upgrade}", is_ready)
    told_to_fail(fleet, "upgrade", "upgrade", release={"timeout": "1m"})
    held = fleet.app("held", chart="podinfo", version="6.x", dependsOn=[f"{fleet.name}-hook"])
    fleet.up()
    for name in troubles:
        flux_live.until(f"HelmRelease {name}/{name}", is_failing)
    fleet.stack_says(wait="ready", deleteNamespaces=True)
    output = fleet.refused("up")
    counted = {name: told for name, told in troubles.items() if told not in output}
    # What Flux may get over by itself has to last; the others don't wait for it.
    assert counted.keys() <= {f"{fleet.name}-index", f"{fleet.name}-secret"}
    assert f"(keeps back {held})" in output
    assert "history" not in flux_live.get(f"HelmRelease {held}/{held}")["status"]
    assert f"HelmChart flux-system/{fleet.name}-version-{fleet.name}-version: InvalidChartReference" in output
    for name in troubles.keys() - {f"{fleet.name}-index"}:
        fleet.remove(name)
    fleet.remove(held)
    output = fleet.refused("up")
    assert "HelmRepository flux-system/nowhere: Failed: failed to fetch Helm repository index" in output
    fleet.remove(f"{fleet.name}-index")
    fleet.up()
    fleet.destroy()
