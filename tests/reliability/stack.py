"""The stack that is disturbed: apps with releases and other YAML, in order, on a cluster that Flux is alive on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient

from fluxapps.devcluster import Cluster
from tests.engine.fleet import Fleet, Tools, Way, tools
from tests.engine.live import Live, Object
from tests.reliability.proxy import Proxy

OBJECTS = 20
"""What the stack has: 5 Namespaces, 4 ConfigMaps, 4 HelmReleases, 5 Kustomizations, a source of each kind."""
NAMESPACES = 5
"""Those among them, which `destroy` leaves."""

_NUMBERS = count(1)
_CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: extra, namespace: {namespace}}}\ndata: {{a: b}}\n"


@dataclass(frozen=True)
class Stack:
    """A fleet on disk and what there is of it in the cluster."""

    fleet: Fleet
    live: Live
    releases: tuple[str, ...]
    """The namespaces of its Helm releases, each of which is called as its namespace."""

    @property
    def objects(self) -> dict[str, Object]:
        """What there is of it in the cluster, by kind and name."""
        return self.live.ours(self.fleet.label)

    def is_ready(self) -> None:
        """Wait until Flux has reconciled everything."""
        for what in self.objects:
            if what.startswith(("HelmRelease", "Kustomization")):
                self.live.until(what, _is_ready)

    def is_whole(self, before: dict[str, Object]) -> None:
        """Expect what there should be, nothing twice, and what was there *before* as it was.

        Args:
            before: Objects at an earlier time, which may have been fewer.
        """
        self.is_ready()
        after = self.objects
        assert len(after) == OBJECTS, sorted(after)
        for what, found in before.items():
            assert what in after, f"{what} is lost"
            assert after[what]["metadata"]["uid"] == found["metadata"]["uid"], f"{what} was made anew"
        for what, found in after.items():
            assert found["metadata"].get("generation", 1) == 1, f"{what} was changed"
        for namespace in self.releases:
            revisions = sorted(each["metadata"]["name"] for each in self._of("v1", "Secret", namespace, "owner=helm"))
            assert revisions == [f"sh.helm.release.v1.{namespace}.v1"]
        urns = [each["urn"] for each in self._state().get("resources", ())]
        assert len(urns) == len(set(urns)), "the state has a resource twice"

    def installs_are_pending(self, within: int = 60) -> None:
        """Wait until Helm is in the middle of installing every release that waits for no other."""
        deadline = time.monotonic() + within
        # One waits for another to be Ready.
        while sum(map(self._is_pending, self.releases)) < len(self.releases) - 1:
            assert time.monotonic() < deadline, "no install is under way"
            time.sleep(0.1)

    def _is_pending(self, namespace: str) -> bool:
        return bool(self._of("v1", "Secret", namespace, "owner=helm,status=pending-install"))

    def is_gone(self) -> None:
        """Expect nothing but Namespaces: no object of ours, nothing of Helm's, an empty state."""
        assert {what.partition(" ")[0] for what in self.objects} <= {"Namespace"}, sorted(self.objects)
        for namespace in self.releases:
            left = self._of("v1", "Secret", namespace, "owner=helm") + self._of("apps/v1", "Deployment", namespace)
            assert not left, f"{namespace}: {left[0]['kind']} {left[0]['metadata']['name']}"
        assert self.fleet.is_empty()

    def _of(self, api_version: str, kind: str, namespace: str, label: str = "") -> list[Object]:
        resource = self.live.client.resources.get(api_version=api_version, kind=kind)
        found: list[Object] = resource.get(namespace=namespace, label_selector=label).to_dict()["items"]
        return found

    def _state(self) -> dict[str, Any]:
        exported = yaml.safe_load(self.fleet.pulumi("stack", "export", "--stack", self.fleet.name))
        state: dict[str, Any] = exported["deployment"]
        return state


@dataclass(frozen=True)
class Lab:
    """Where stacks are tried out: a cluster that Flux is alive on, and all that is needed to deploy to it."""

    folder: Path
    cluster: Cluster
    live: Live
    tools: Tools
    proxy: Proxy
    """Between the stacks and the cluster."""

    def stack(self, way: Way, **fields: Any) -> Stack:
        """Write a stack of its own name, which isn't deployed yet.

        Args:
            way: Who runs the program first.
            fields: Of its cluster, as its file says them.
        """
        name = f"r{next(_NUMBERS)}"
        fleet = Fleet(self.folder / name, way, self.tools, self.cluster, name)
        plain = f"{name}-plain"
        fleet.write(f"apps/{plain}/app.yaml", {"namespace": plain})
        fleet.write(f"apps/{plain}/extra.yaml", _CONFIG_MAP.format(namespace=plain))
        first = _release(fleet, "a")
        releases = (first, _release(fleet, "b", plain), _release(fleet, "c", first), _release(fleet, "d"))
        git = {"url": fleet.git_url(), "branch": "main", "follow": "branch", "name": name}
        fleet.commit()
        fleet.stack_says(kubeconfig=str(self.proxy.kubeconfig), git=git, **fields)
        return Stack(fleet, self.live, releases)


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Start a cluster in an empty folder; all of it ends with the block."""
    with (
        Cluster(folder / "dev", flux=True, say=print) as cluster,
        _connected(cluster, folder) as live,
        tools(folder / "pulumi") as found,
        Proxy(cluster, folder) as proxy,
    ):
        yield Lab(folder, cluster, live, found, proxy)


@contextmanager
def _connected(cluster: Cluster, folder: Path) -> Iterator[Live]:
    """Open what reads a cluster, without any proxy."""
    settings = client.Configuration()
    config.load_kube_config(str(cluster.kubeconfig), context=cluster.context, client_configuration=settings)
    with client.ApiClient(settings) as connection:
        yield Live(DynamicClient(connection, cache_file=str(folder / "discovery.json")))


def _release(fleet: Fleet, name: str, after: str | None = None) -> str:
    order: Object = {"dependsOn": [after]} if after else {}
    return fleet.app(name, {"replicaCount": 1}, chart="podinfo", version="6.x", **order)


def _is_ready(found: Object) -> bool:
    generation = found["metadata"]["generation"]
    return any(
        each["type"] == "Ready" and each["status"] == "True" and each.get("observedGeneration") == generation
        for each in found.get("status", {}).get("conditions", ())
    )
