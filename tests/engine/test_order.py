"""`dependsOn` holds across kinds, in both deliveries: what makes a kind is Ready before Flux sees what uses it."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
import yaml

from tests.engine.fleet import Fleet, Way
from tests.engine.live import Live, Object

pytestmark = pytest.mark.engine

MakeFleet = Callable[[Way], Fleet]
Delivery = Literal["apply", "git"]


def plain(kind: str, name: str, namespace: str, **rest: Any) -> str:
    api = "messaging.example.org/v1" if kind == "Queue" else "v1"
    return yaml.safe_dump({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest})


def ready_since(found: Object) -> str:
    said = next(one for one in found["status"]["conditions"] if one["type"] == "Ready")
    assert said["status"] == "True", found["status"]
    return str(said["lastTransitionTime"])


@pytest.mark.parametrize(("way", "delivery"), [("pulumi", "apply"), ("fluxapps", "git")])
def test_what_depends_comes_after_what_it_depends_on(
    way: Way, delivery: Delivery, flux_fleet: MakeFleet, flux_live: Live
) -> None:
    fleet = flux_fleet(way)
    operator = fleet.app("operator", chart="queue-operator")
    # Plain YAML after a release, of the kind that the release makes; a release after plain YAML, which it reads.
    queues = fleet.app("queues", releases=None, namespace=operator, dependsOn=[operator])
    fleet.write(f"apps/{queues}/queue.yaml", plain("Queue", "jobs", operator))
    settings = fleet.app("settings", releases=None, namespace=f"{fleet.name}-web", dependsOn=[queues])
    fleet.write(
        f"apps/{settings}/settings.yaml",
        plain("ConfigMap", "settings", f"{fleet.name}-web", data={"values.yaml": "replicaCount: 2\n"}),
    )
    web = fleet.app(
        "web",
        chart="podinfo",
        version="6.x",
        dependsOn=[settings],
        valuesFrom=[{"kind": "ConfigMap", "name": "settings"}],
    )
    front = fleet.app("front", chart="podinfo", version="6.x", dependsOn=[web])
    git = {"url": fleet.git_url(), "name": fleet.name, "branch": "main", "interval": "5s"}
    fleet.stack_says(delivery=delivery, git=git, wait="ready", deleteNamespaces=True)
    if delivery == "git":
        fleet.fluxapps("render", "--stack", fleet.name)
    fleet.commit()

    output = fleet.up()
    assert "ready, " in output
    steps = [
        flux_live.get(what)
        for what in (
            f"HelmRelease {operator}/{operator}",
            f"Kustomization flux-system/{queues}",
            f"Kustomization flux-system/{settings}",
            f"HelmRelease {web}/{web}",
            f"HelmRelease {front}/{front}",
        )
    ]
    since = [ready_since(found) for found in steps]
    assert since == sorted(since)
    for kustomization in steps[1:3]:
        # Flux keeps what became of each attempt.
        assert [one["lastReconciledStatus"] for one in kustomization["status"]["history"]] == [
            "ReconciliationSucceeded"
        ]
        assert kustomization["status"]["history"][0]["firstReconciled"] >= since[0]
    assert [one["status"] for one in steps[3]["status"]["history"]] == ["deployed"]
    fleet.unchanged()
    fleet.destroy()
    assert flux_live.find(f"HelmRelease {web}/{web}") is None
