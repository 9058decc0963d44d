"""Removal of what Git delivers: what others depend on goes after them, what stays is named, and it comes to an end."""

from collections.abc import Callable
from typing import Any

import pytest

from fluxapps.devcluster import Cluster
from fluxapps.model.live.pruning import is_held
from tests.engine.fleet import REPOSITORY, Fleet, Way
from tests.engine.live import Live, is_being_deleted
from tests.engine.objects import Objects, is_failing, is_ready
from tests.engine.test_destroy import (
    BRIEF,
    CLAIM,
    declared,
    deployment,
    ended,
    line_of,
    named,
    stopped,
)

pytestmark = pytest.mark.engine

GROUP = "messaging.example.org/v1"


def queue(name: str, namespace: str) -> dict[str, Any]:
    """Return a queue that its operator takes its time to let go of."""
    made = named(GROUP, "Queue", name, namespace)
    made["metadata"]["annotations"] = {"fluxapps-devcluster/cleared-after": "4"}
    return {**made, "spec": {"durable": True}}


def test_what_others_depend_on_goes_after_them(  # noqa: PLR0915 - one cluster and few runs for many cases
    flux_fleet: Callable[[Way], Fleet], flux_cluster: Cluster, flux_live: Live, flux_objects: Objects
) -> None:
    fleet = flux_fleet("fluxapps")
    apps = {name: f"{fleet.name}-{name}" for name in ("crds", "operator", "queues", "failing", "paused", "keeper")}
    place = apps["operator"]
    write_operator(fleet, apps)
    declared(fleet, "failing", {"failAt": "install"}, chart="told-to-fail", version="*")
    declared(fleet, "paused")
    declared(fleet, "keeper")
    fleet.write(
        f"apps/{apps['keeper']}/claim.yaml", CLAIM.format(name="kept", namespace=apps["keeper"], annotations="")
    )
    git = {"url": fleet.git_url(), "name": fleet.name, "branch": "main", "interval": "1h"}
    fleet.stack_says(delivery="git", git=git)
    deliver(fleet)
    fleet.up()
    top = f"Kustomization flux-system/{fleet.name}"
    folders = {name: f"Kustomization flux-system/{app}" for name, app in apps.items()}
    queues = [queue("own", place), queue("jobs", place)]
    for name in folders.keys() - {"failing"}:
        flux_live.until(folders[name], is_ready)
    flux_live.until(f"HelmRelease {apps['failing']}/{apps['failing']}", is_failing)

    # One that others depend on, alone.
    fleet.stack_says(delivery="git", git=git, apps={apps["operator"]: {"enabled": False}})
    refused = fleet.refused("up")
    assert apps["queues"] in refused
    assert apps["operator"] in refused
    fleet.stack_says(delivery="git", git=git)

    # Both at once: whoever is quicker than Flux removes them in order.
    for name in ("operator", "queues"):
        fleet.remove(apps[name])
    deliver(fleet)
    said = fleet.up()
    assert f"- {apps['queues']}  removed" in said
    assert said.index(f"- {apps['queues']}  removed") < said.index(f"- {apps['operator']}  removed: release")
    for each in queues:
        assert flux_objects.find(each) is None
    assert flux_objects.find(deployment(place)) is None
    # Flux goes on with the rest.
    assert not is_held(flux_live.until(top, is_ready))
    assert flux_live.find(folders["crds"])

    # Without Flux it ends, and says so.
    write_operator(fleet, apps)
    deliver(fleet)
    ask_for_commit(fleet, flux_live)
    flux_live.until(folders["queues"], is_ready)
    with stopped(flux_cluster, "kustomize-controller"):
        assert "kustomize-controller has taken no notice" in ended(fleet)
    assert not is_held(flux_live.get(top))
    with stopped(flux_cluster, "helm-controller"):
        said = ended(fleet)
        assert "helm-controller has not begun to uninstall it" in said[said.index("remains: ") :]
        assert f"run this again, it goes on where it ended: fluxapps destroy --stack {fleet.name}" in said
        assert f"to have it all back instead: fluxapps up --stack {fleet.name}" in said
        assert is_held(flux_live.get(top))

    # It is taken back by an `up`, and nothing else is needed.
    fleet.up()
    assert not is_held(flux_live.get(top))
    for name in ("queues", "paused", "keeper"):
        flux_live.until(folders[name], lambda found: is_ready(found) and not is_being_deleted(found))

    # One that is killed is gone on with.
    flux_live.change(f"HelmRelease {apps['paused']}/{apps['paused']}", {"spec": {"suspend": True}})
    with fleet.running("destroy", "--skip-preview") as running:
        flux_objects.until(queues[1], is_being_deleted)
        assert is_held(flux_live.get(top))
        assert flux_live.find(folders["operator"])
        running.kill()
        said = running.output
    assert f"destroy leaves running, because suspended, {apps['paused']}/{apps['paused']}" in said
    assert f"destroy keeps the volume claim {apps['keeper']}/kept" in said
    assert apps["keeper"] in line_of(said, "destroy keeps the namespaces ")
    said = fleet.destroy()
    assert said.index(f"- {apps['operator']}  removed") < said.index(f"- {apps['crds']}  removed")
    # Where Flux has ended by now what the killed one began, there is nothing to say of it.
    assert said.find(f"- {apps['queues']}  removed") < said.index(f"- {apps['operator']}  removed")
    assert "remains" not in said
    assert apps["keeper"] in line_of(said, "stays: namespace ")
    assert flux_live.ours(fleet.label) == {}
    assert fleet.is_empty()
    for each in queues:
        assert flux_objects.find(each) is None
    for name in ("failing", "keeper", "operator"):
        assert flux_objects.find(deployment(apps[name])) is None, name
    assert flux_objects.find(deployment(apps["paused"]))
    claim = flux_objects.until(named("v1", "PersistentVolumeClaim", "kept", apps["keeper"]), bool)
    assert not is_being_deleted(claim)


def write_operator(fleet: Fleet, apps: dict[str, str]) -> None:
    """Write a kind, an operator of it with an object of its own, and an app that needs it."""
    definition = (REPOSITORY / "fluxapps/devcluster/charts/queue-operator/crds/queues.yaml").read_text("utf-8")
    fleet.app("crds", releases=None, namespace=apps["operator"], kustomization=BRIEF)
    fleet.write(f"apps/{apps['crds']}/queues.yaml", definition)
    declared(fleet, "operator", chart="queue-operator", version="*", dependsOn=[apps["crds"]])
    fleet.write(f"apps/{apps['operator']}/queue.yaml", queue("own", apps["operator"]))
    fleet.app("queues", releases=None, namespace=apps["operator"], dependsOn=[apps["operator"]], kustomization=BRIEF)
    fleet.write(f"apps/{apps['queues']}/queue.yaml", queue("jobs", apps["operator"]))


def deliver(fleet: Fleet) -> None:
    """Render and commit, which is where Flux reads it."""
    fleet.fluxapps("render", "--stack", fleet.name)
    fleet.commit()


def ask_for_commit(fleet: Fleet, live: Live) -> None:
    """Have Flux read Git now."""
    asked = {"reconcile.fluxcd.io/requestedAt": fleet.commit()}
    live.change(f"GitRepository flux-system/{fleet.name}", {"metadata": {"annotations": asked}})
