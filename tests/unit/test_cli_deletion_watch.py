"""Deletions are watched: what is held up is told once, and pulumi is ended only where nobody is at work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluxapps.cli.deletion_watch import DeletionWatch
from fluxapps.engine.cluster import Cluster
from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.model.live.held import FINALIZER
from tests.unit.fake_api import FakeApi, manifest, serving, write_kubeconfig

HELM = "helm.toolkit.fluxcd.io/v2"
LABELS = {"fluxapps/stack": "fleet.dev"}


class Watched:
    """A watch with a patience of forty seconds, of which ten are quiet, on a cluster that only answers."""

    def __init__(self, api: FakeApi, cluster: Cluster) -> None:
        self.api = api
        self.said: list[str] = []
        self.watch = DeletionWatch(cluster=cluster, label="fleet.dev", say=self.said.append, patience=40)

    def going(self, name: str, version: str = "1", **status: Any) -> None:
        metadata: dict[str, Any] = {
            "labels": LABELS,
            "finalizers": [FINALIZER],
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "resourceVersion": version,
        }
        self.api.add({**manifest(HELM, "HelmRelease", name, "web", **metadata), "spec": {}, "status": status})

    def helm(self, name: str, status: str) -> None:
        labels = {"owner": "helm", "name": name, "version": "1", "status": status}
        self.api.add(manifest("v1", "Secret", f"sh.helm.release.v1.{name}.v1", "web", labels=labels))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with serving(FakeApi()) as api:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", api.address, "dev")
        with Cluster(ClusterChoice(context="dev", files=(kubeconfig,), kubeconfig=None)) as cluster:
            yield Watched(api, cluster)


def test_nothing_is_said_of_what_goes_soon(watched: Watched) -> None:
    watched.going("a")
    assert [watched.watch.look(second) for second in (0, 5, 9)] == [False, False, False]
    watched.going("a", version="2")
    assert not watched.watch.look(12)
    assert not watched.watch.look(21)
    assert watched.said == []


def test_what_nobody_works_on_is_told_once_and_ended(watched: Watched) -> None:
    watched.going("a")
    watched.going("b")
    assert [watched.watch.look(second) for second in (0, 10, 20, 39)] == [False] * 4
    assert watched.said == [
        "held up: 2 objects (HelmRelease web/a, HelmRelease web/b): each helm-controller has not begun to uninstall it"
    ]
    assert watched.watch.look(40)


def test_it_waits_while_helm_is_at_work_on_one_of_them(watched: Watched) -> None:
    watched.going("a")
    watched.going("b")
    watched.helm("b", "uninstalling")
    assert not any(watched.watch.look(second) for second in (0, 10, 40, 80, 200))
    watched.helm("b", "failed")
    assert not watched.watch.look(210)
    assert watched.watch.look(240)


def test_progress_of_others_is_waited_for(watched: Watched) -> None:
    watched.going("a")
    watched.going("b")
    assert not any(watched.watch.look(second) for second in (0, 10, 39))
    # Another one of the queue is gone.
    del watched.api.objects[f"/apis/{HELM}/namespaces/web/helmreleases/b"]
    assert not any(watched.watch.look(second) for second in (40, 69))
    assert watched.watch.look(70)


def test_a_failed_uninstallation_is_tried_again_for_as_long_only(watched: Watched) -> None:
    failed = {"conditions": [{"type": "Ready", "status": "False", "reason": "UninstallFailed", "message": "a job"}]}
    for second in (0, 10, 20, 30, 39):
        # Each try writes to it.
        watched.going("a", version=str(second // 20), **failed)
        assert not watched.watch.look(second)
    assert "a job" in watched.said[0]
