"""Apps change hands on a cluster where Flux is alive, and nothing of them is uninstalled or restarted."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.engine.fleet import Fleet, Way
from tests.engine.live import Live, Object

pytestmark = pytest.mark.engine

Fleets = Callable[[Way], Fleet]

IGNORE = {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}


def running(live: Live, namespace: str) -> tuple[set[str], list[str]]:
    """Return the UIDs of a namespace's pods, and its Helm releases' revisions."""
    pods = live.client.resources.get(api_version="v1", kind="Pod").get(namespace=namespace).to_dict()["items"]
    secrets = live.client.resources.get(api_version="v1", kind="Secret").get(namespace=namespace).to_dict()["items"]
    revisions = sorted(
        one["metadata"]["name"].removeprefix("sh.helm.release.v1.")
        for one in secrets
        if one["type"] == "helm.sh/release.v1"
    )
    return {one["metadata"]["uid"] for one in pods}, revisions


def ready(live: Live, what: str) -> Object:
    """Wait until an object is Ready at its present generation."""

    def is_so(found: Object) -> bool:
        conditions = found.get("status", {}).get("conditions") or []
        said = next((one for one in conditions if one["type"] == "Ready"), {})
        generation = found["metadata"]["generation"]
        return said.get("status") == "True" and found["status"].get("observedGeneration") == generation

    return live.until(what, is_so)


def podinfo(fleet: Fleet, **fields: Any) -> str:
    return fleet.app("podinfo", {"replicaCount": 2}, version="6.x", **fields)


def test_an_app_leaves_pulumi_and_comes_back(flux_fleet: Fleets, flux_live: Live) -> None:
    fleet = flux_fleet("fluxapps")
    app = podinfo(fleet)
    stays = fleet.app("strict-values", version="1.x")
    fleet.write("fleet.yaml", {"repositories": {fleet.charts: fleet.cluster.charts_url}})
    fleet.up()
    release = f"HelmRelease {app}/{app}"
    ready(flux_live, release)
    before = running(flux_live, app)
    uid = flux_live.uid(release)
    assert before[1] == [f"{app}.v1"]

    said = fleet.fluxapps("detach", app, "--stack", fleet.name, "--yes")
    assert release in said
    left = flux_live.get(release)
    assert not {"fluxapps/stack", "fluxapps/app"} & left["metadata"].get("labels", {}).keys()
    assert not left["metadata"].get("annotations")
    stack_file = yaml.safe_load((fleet.root / f"Pulumi.{fleet.name}.yaml").read_text("utf-8"))
    assert stack_file["config"]["fluxapps:cluster"]["apps"] == {app: {"enabled": False}}
    fleet.unchanged()
    assert f"HelmRelease {stays}/{stays}" in flux_live.ours(fleet.label)
    assert running(flux_live, app) == before

    said = fleet.fluxapps("attach", app, "--stack", fleet.name, "--yes")
    fleet.unchanged()
    ready(flux_live, release)
    assert flux_live.uid(release) == uid
    assert running(flux_live, app) == before
    assert flux_live.get(release)["metadata"]["annotations"].items() >= IGNORE.items()
    assert app in flux_live.ours(fleet.label)[release]["metadata"]["labels"].values()
    fleet.destroy()
