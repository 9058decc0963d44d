"""Somebody else writes an object of a stack: `up` says who, instead of fighting over it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.engine.fleet import Fleet, Way
from tests.engine.live import Live, Object
from tests.engine.objects import Objects, Repository, git_repository, helm_release, is_ready, kustomization
from tests.engine.test_drift import found

pytestmark = pytest.mark.engine

Fleets = Callable[[Way], Fleet]

IGNORE = "kustomize.toolkit.fluxcd.io/ssa"
REQUESTED = "reconcile.fluxcd.io/requestedAt"


def test_who_else_writes_is_said_and_nothing_is_fought_over(
    flux_fleet: Fleets, flux_live: Live, flux_objects: Objects, tmp_path: Path
) -> None:
    fleet, live = flux_fleet("fluxapps"), flux_live
    web = fleet.app("podinfo", version="6.x")
    fleet.write("fleet.yaml", {"repositories": {fleet.charts: fleet.cluster.charts_url}})
    fleet.up()
    release = f"HelmRelease {web}/{web}"
    made = live.until(release, is_ready)

    # A copy is committed where a Kustomization of somebody else's applies it: it does nothing.
    copied = {key: made["metadata"][key] for key in ("name", "namespace")}
    text = yaml.safe_dump({**made, "metadata": copied, "status": None, "spec": {**made["spec"], "interval": "11m"}})
    repository = Repository(tmp_path / "elsewhere", fleet.cluster, f"{fleet.name}-elsewhere")
    repository.commit({"copy/release.yaml": text})
    theirs = kustomization(f"{fleet.name}-elsewhere", "./copy", deletionPolicy="Orphan")
    flux_objects.apply(git_repository(f"{fleet.name}-elsewhere", repository))
    flux_objects.apply(theirs)
    flux_objects.until(theirs, is_ready)
    who = f"Kustomization flux-system/{fleet.name}-elsewhere"
    said = fleet.up("--expect-no-changes")
    assert "[flux-copy]" in said
    assert who in said
    assert live.get(release)["spec"] == made["spec"]
    assert found(fleet) == {("flux-copy", release)}

    # Without the mark, Flux writes it: refused, not fought over, and what is said to do, helps.
    live.change(release, {"metadata": {"annotations": {IGNORE: None}}}, "kubectl-annotate")
    applied(flux_objects, theirs, "once")
    taken = live.until(release, lambda one: one["spec"]["interval"] == "11m")
    said = fleet.refused("up")
    assert "[flux-writes]" in said
    assert f"{who} too, which takes back what this stack writes: spec.interval is 11m instead of 30m" in said
    assert live.get(release)["metadata"]["generation"] == taken["metadata"]["generation"]
    assert ("flux-writes", release) in found(fleet)
    live.change(release, {"metadata": {"annotations": {IGNORE: "Ignore"}}}, "kubectl-annotate")
    assert "other-writer" in {code for code, _ in found(fleet)}
    live.change(release, {"metadata": {"managedFields": [{}]}}, "kubectl-patch")
    fleet.up()
    applied(flux_objects, theirs, "twice")
    assert live.get(release)["spec"] == made["spec"]

    # Another tool's field is not taken from it; and a HelmRelease by hand makes the same Helm release.
    live.change(release, {"spec": {"interval": "12m"}}, "dashboard")
    mine = helm_release("by-hand", "podinfo", fleet.charts, releaseName=web)
    mine["metadata"]["namespace"] = web
    live.create(mine)
    said = fleet.refused("up")
    assert "spec.interval is 12m instead of 30m (by dashboard) [other-writer]" in said
    assert f"HelmRelease {web}/by-hand, none of this stack's, makes the Helm release {web}/{web}" in said
    live.change(f"HelmRelease {web}/by-hand", {"spec": {"suspend": True}})
    flux_objects.delete(mine)
    flux_objects.delete(theirs)
    live.change(release, {"metadata": {"managedFields": [{}]}}, "kubectl-patch")
    fleet.up()
    assert live.get(release)["spec"] == made["spec"]
    assert not {"flux-copy", "flux-writes", "other-writer", "release-taken", "drift"} & {
        code for code, _ in found(fleet)
    }
    fleet.destroy()


def applied(objects: Objects, theirs: Object, when: str) -> None:
    """Have a Kustomization applied, and wait until it was."""
    objects.apply({**theirs, "metadata": {**theirs["metadata"], "annotations": {REQUESTED: when}}})
    objects.until(theirs, lambda one: is_ready(one) and one["status"].get("lastHandledReconcileAt") == when)
