"""Removal of what Git delivers, on a cluster in memory: what is held, what is let go, and what isn't touched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from fluxapps.cli import pruned
from fluxapps.cli.failure import CommandError
from fluxapps.cli.pruned import RemovedApps
from fluxapps.engine.cluster import ClusterError, path_of
from fluxapps.engine.cluster_writer import ClusterWriter
from fluxapps.engine.hold import hold, release
from fluxapps.engine.pruning import Pruning
from fluxapps.model.declare.names import KUSTOMIZATION_API
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.live.pruning import is_held
from fluxapps.model.objects import ObjectId
from tests.unit.flux_in_memory import FluxInMemory, Object
from tests.unit.written import GIT, resolved
from tests.unit.written import cluster as stack_file

KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
LABEL = "fleet.dev"
TREE = "deploy/dev"


@dataclass(frozen=True)
class Choice:
    flags: str = "--context dev"


class Flux(FluxInMemory):
    """Flux's controllers, as far as a removal needs them."""

    def __init__(self) -> None:
        super().__init__()
        self.choice = Choice()
        self.is_noticed = True
        self.deleted: list[str] = []

    def get(self, path: str, **query: str) -> Object | None:
        return super().get(path, **{key: value for key, value in query.items() if key != "accept"})

    def metadata_of_all(self, api_version: str, kind: str, label: str | None = None) -> dict[ObjectId, Object]:
        return {one: live["metadata"] for one, live in self.objects_of(api_version, kind, label).items()}

    def delete(self, found: Mapping[str, Any]) -> None:
        self.deleted.append(found["metadata"]["name"])
        super().delete(found)

    def controllers(self) -> None:
        for live in self.objects.values():
            if is_held(live) and self.is_noticed:
                live["status"] = {**live["status"], "conditions": [{"type": "Ready", "status": "False"}]}
        if not any(map(is_held, self.objects.values())):
            super().controllers()


def kustomization(name: str, path: str, *needs: str, **labels: str) -> Object:
    return {
        "apiVersion": KUSTOMIZATION_API,
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system", "labels": labels},
        "spec": {
            "path": path,
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
            "dependsOn": [{"name": each} for each in needs],
        },
    }


ROOT = ObjectId(KUSTOMIZE, "Kustomization", "flux-system", "fleet")


@pytest.fixture
def flux() -> Flux:
    made = Flux()
    made.git[TREE] = [
        kustomization("operator", f"{TREE}/apps/operator"),
        kustomization("queues", f"{TREE}/apps/queues", "operator"),
    ]
    made.add(kustomization("fleet", TREE, **{"fluxapps/stack": LABEL}))
    made.controllers()
    return made


def pruning(flux: Flux, patience: float = 5.0) -> Pruning:
    return Pruning(cluster=cast(ClusterWriter, flux), label=LABEL, say=print, patience=patience)


def named(name: str) -> ObjectId:
    return ROOT._replace(name=name)


def root_of(flux: Flux) -> Object:
    return flux.objects[ROOT]


def test_dependents_go_first_while_the_one_above_is_held(flux: Flux) -> None:
    assert pruning(flux).remove(ROOT)
    assert flux.deleted == ["queues", "operator"]
    assert is_held(root_of(flux))


def test_what_another_kustomization_has_applied_since_is_left(flux: Flux) -> None:
    flux.objects[named("queues")]["metadata"]["labels"][f"{KUSTOMIZE}/name"] = "flux-system"
    assert pruning(flux).remove(ROOT)
    assert flux.deleted == ["operator"]


def test_it_ends_where_another_run_has_flux_apply_again(flux: Flux, monkeypatch: pytest.MonkeyPatch) -> None:
    def delete_and_meet_another(found: Mapping[str, Any]) -> None:
        FluxInMemory.delete(flux, found)
        release(cast(ClusterWriter, flux), ROOT)

    monkeypatch.setattr(flux, "delete", delete_and_meet_another)
    with pytest.raises(ClusterError, match="somebody let Kustomization flux-system/fleet apply again"):
        pruning(flux).remove(ROOT)
    assert named("operator") in flux.objects


@pytest.mark.parametrize("error", [KeyboardInterrupt, ClusterError("the API server is gone", "")])
def test_a_hold_that_nobody_has_noticed_is_taken_back(
    flux: Flux, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    flux.is_noticed = False

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(flux, "find", fails)
    with pytest.raises((KeyboardInterrupt, ClusterError)):
        hold(cast(ClusterWriter, flux), ROOT, 5.0)
    assert not is_held(root_of(flux))


class TestRemovedApps:
    """An `up` after apps were taken out of the files."""

    @pytest.fixture(autouse=True)
    def in_git(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have Git lack what the files lack."""
        monkeypatch.setattr(pruned, "lacks", lambda *_: True)
        monkeypatch.setattr(pruned, "ask_to_fetch", lambda *_: None)

    @staticmethod
    def removed(
        flux: Flux, root: Path, refuse: Callable[[], None] = lambda: None, *, git: str = GIT, patience: float = 5.0
    ) -> RemovedApps:
        """Return it, of a stack of which all but one app is gone."""
        fleet = resolved(root, {"Pulumi.dev.yaml": stack_file("delivery: git", "context: dev", git)})
        assert fleet.git_path == TREE
        return RemovedApps(pruning=pruning(flux, patience), root=root, fleet=fleet, say=print, refuse=refuse)

    @staticmethod
    def fetched(flux: Flux) -> None:
        """Have Flux read what Git has now."""
        flux.git[TREE] = []
        source = {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": "flux-system"},
            "spec": {"ref": {"branch": "main"}},
        }
        flux.add(source)
        at = ObjectId("source.toolkit.fluxcd.io", "GitRepository", "flux-system", "fleet")
        flux.objects[at]["status"] = {"artifact": {"revision": f"main@sha1:{'a' * 40}"}}

    def test_they_go_in_order_said_first(self, flux: Flux, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.fetched(flux)
        assert self.removed(flux, tmp_path).remove()
        assert flux.deleted == ["queues", "operator"]
        assert not is_held(root_of(flux))
        assert capsys.readouterr().out.startswith("Git no longer has operator, queues: removed here, ")

    def test_flux_reads_the_ref_that_the_files_say_before_they_go(self, flux: Flux, tmp_path: Path) -> None:
        self.fetched(flux)
        ref = {"commit": "b" * 40}
        removed = self.removed(flux, tmp_path, git=f'git: {{url: "https://example.org/fleet.git", ref: {ref}}}')
        assert removed.remove()
        at = ObjectId("source.toolkit.fluxcd.io", "GitRepository", "flux-system", "fleet")
        assert flux.objects[at]["spec"]["ref"] == ref
        assert flux.deleted == ["queues", "operator"]

    def test_a_commit_that_has_them_yet_is_not_waited_for(
        self, flux: Flux, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.fetched(flux)
        monkeypatch.setattr(pruned, "lacks", lambda _root, commit, _paths: commit == "HEAD")
        git = f'git: {{url: "https://example.org/fleet.git", ref: {{commit: {"b" * 40}}}}}'
        flux.writes_left = 0
        assert self.removed(flux, tmp_path, git=git).remove()
        assert flux.deleted == []
        assert capsys.readouterr().out.startswith("git.ref names a commit that has operator, queues yet")

    def test_a_ref_that_brings_none_without_them_is_named(
        self, flux: Flux, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.fetched(flux)
        monkeypatch.setattr(pruned, "lacks", lambda _root, commit, _paths: commit == "HEAD")
        git = 'git: {url: "https://example.org/fleet.git", ref: {tag: v1}}'
        assert self.removed(flux, tmp_path, git=git, patience=0.01).remove()
        assert not is_held(root_of(flux))
        assert "yet: have git.ref name one that is pushed, and" in capsys.readouterr().out

    def test_nothing_is_written_on_another_cluster(self, flux: Flux, tmp_path: Path) -> None:
        self.fetched(flux)

        def refuse() -> None:
            raise CommandError("another cluster")

        flux.writes_left = 0
        with pytest.raises(CommandError, match="another cluster"):
            self.removed(flux, tmp_path, refuse).remove()

    def test_it_is_called_off_before_anything_has_gone(
        self, flux: Flux, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.fetched(flux)

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(pruned, "ask_to_fetch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            self.removed(flux, tmp_path).remove()
        assert not is_held(root_of(flux))
        assert flux.deleted == []

    @pytest.mark.parametrize(
        "moved", ["podinfo_podinfo_helm.toolkit.fluxcd.io_HelmRelease", "site_settings__ConfigMap"]
    )
    def test_what_another_app_has_by_now_is_not_removed(self, flux: Flux, tmp_path: Path, moved: str) -> None:
        self.fetched(flux)
        settings = tmp_path / "apps/podinfo/settings.yaml"
        settings.parent.mkdir(parents=True)
        settings.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: site}\n")
        removed = self.removed(flux, tmp_path)
        entry = {"id": moved, "v": "v2"}
        flux.objects[named("queues")]["status"] = {"inventory": {"entries": [entry]}}
        assert removed.remove()
        assert flux.deleted == ["operator"]

    def test_without_a_removed_app_nothing_is_written(self, flux: Flux, tmp_path: Path) -> None:
        for one in inventory_of(root_of(flux)):
            (tmp_path / TREE / "apps" / one.name).mkdir(parents=True)
        flux.writes_left = 0
        assert self.removed(flux, tmp_path).remove()
        assert flux.get(path_of(ROOT, KUSTOMIZATION_API)) == root_of(flux)
