"""What people change by hand in a cluster where Flux is alive: it is shown, and `up` restores what is the stack's."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.fleet import Fleet, Way
from tests.engine.live import Live
from tests.engine.objects import is_ready

pytestmark = pytest.mark.engine

Fleets = Callable[[Way], Fleet]


def looked(fleet: Fleet, *words: str) -> tuple[int, Any]:
    """Return the exit code of a command that changes nothing, and what it says, read as JSON where it is."""
    command = [str(Path(sys.executable).with_name("fluxapps")), *words, "--stack", fleet.name]
    ended = subprocess.run(  # noqa: S603 - ours
        command, cwd=fleet.root, env=fleet.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in ended.stderr
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout) if ended.stdout[0] in "[{" else ended.stdout


def found(fleet: Fleet) -> set[tuple[str, str]]:
    """Return the code of all that the doctor finds, and the object that it names first."""
    code, problems = looked(fleet, "doctor", "--format", "json")
    assert code == any(one["severity"] == "error" for one in problems)
    return {(one["code"], " ".join(one["what"].removesuffix(" is not there").split()[:2])) for one in problems}


def test_what_was_changed_by_hand_is_shown_and_restored(flux_fleet: Fleets, flux_live: Live) -> None:
    fleet, live = flux_fleet("fluxapps"), flux_live
    web = fleet.app("podinfo", {"replicaCount": 1}, version="6.x")
    other = fleet.app("strict-values", version="1.x")
    fleet.write("fleet.yaml", {"repositories": {fleet.charts: fleet.cluster.charts_url}})
    release, charts = f"HelmRelease {web}/{web}", f"HelmRepository flux-system/{fleet.charts}"
    lost = f"HelmRelease {other}/{other}"
    assert found(fleet) == {("not-deployed", "nothing of")}
    fleet.up()
    for what in (release, lost, charts):
        live.until(what, is_ready)
    code, status = looked(fleet, "status", "--json")
    assert (code, status["well"]) == (0, True)
    assert {app["app"]: app["revisions"] for app in status["apps"]} == {None: [], web: ["6.99.0"], other: ["1.0.0"]}
    assert found(fleet) == set()

    before = live.get(release)
    values = before["spec"]["valuesFrom"][0]["name"]
    live.change(release, {"spec": {"interval": "5m"}}, "kubectl-edit")
    live.change(release, {"spec": {"suspend": True}}, "kubectl-patch")
    live.change(release, {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "x"}}}, "flux")
    live.change(release, {"spec": {"driftDetection": None}}, "kubectl-edit")
    live.delete(f"ConfigMap {web}/{values}")
    live.change(charts, {"metadata": {"labels": {"fluxapps/stack": None}}}, "kubectl-label")
    live.change(lost, {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/ssa": None}}}, "kubectl-annotate")

    code, status = looked(fleet, "status", "--json")
    assert code == 1
    shows_the_drift(status)
    assert found(fleet) == {
        ("drift", release),
        ("drift", lost),
        ("drift", charts),
        ("suspended", release),
        ("missing-object", f"ConfigMap {web}/{values}"),
    }
    # Plain pulumi doesn't look, and says so.
    said = fleet.pulumi("preview", "--stack", fleet.name)
    assert f"ConfigMap {web}/{values} was deleted by hand [drift]" in said
    assert "spec.interval is 5m instead of 30m (by kubectl-edit) [drift]" in said

    assert "interval" in fleet.preview()
    said = fleet.up()
    assert "[drift]" not in said
    after = live.get(release)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"] == {**before["spec"], "suspend": True}
    assert after["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] == "x"
    assert live.find(f"ConfigMap {web}/{values}") is not None
    assert charts in live.ours(fleet.label)
    assert live.get(lost)["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/ssa"] == "Ignore"
    fleet.unchanged()
    assert found(fleet) == {("suspended", release)}

    # What the files say anew is neither gone nor changed by hand.
    fleet.app("podinfo", {"replicaCount": 2}, version="6.x")
    assert "[drift]" not in fleet.pulumi("preview", "--stack", fleet.name)
    fleet.app("podinfo", {"replicaCount": 1}, version="6.x")

    # By plain pulumi, told to look; what was resumed stays so.
    live.change(release, {"spec": {"suspend": False, "interval": "5m"}}, "kubectl-patch")
    fleet.pulumi("up", "--yes", "--refresh", "--skip-preview", "--stack", fleet.name)
    assert live.get(release)["spec"] == {**before["spec"], "suspend": False}
    fleet.unchanged()
    fleet.destroy()


def shows_the_drift(status: Any) -> None:
    shared, mine, _ = status["apps"]
    assert (mine["declared"], mine["live"], mine["suspended"], mine["drift"]) == (2, 1, True, 2)
    fields = [each for one in mine["objects"] for each in one["drift"]]
    assert sorted(fields, key=lambda each: each["field"]) == [
        {"field": "spec.driftDetection.mode", "declared": "enabled", "live": None, "managers": []},
        {"field": "spec.interval", "declared": "30m", "live": "5m", "managers": ["kubectl-edit"]},
    ]
    assert shared["drift"] == 1
