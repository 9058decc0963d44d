"""Destroying what is gone or another's: Flux removed first, the cluster away, objects that changed hands, no state."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fluxapps.devcluster import Cluster
from tests.engine.conftest import Connect
from tests.engine.fleet import GIT_URL, Fleet, Tools
from tests.engine.live import HELM, Live, Object
from tests.engine.objects import Objects

pytestmark = pytest.mark.engine

CRD = "apiextensions.k8s.io/v1"


def test_flux_removed_first_and_then_the_cluster(tmp_path: Path, pulumi_tools: Tools, connect: Connect) -> None:
    """On a cluster of its own: others need Flux's kinds."""
    with lean(tmp_path / "cluster") as cluster:
        plain = Fleet(tmp_path / "plain", "pulumi", pulumi_tools, cluster, "plain")
        ours = Fleet(tmp_path / "ours", "fluxapps", pulumi_tools, cluster, "ours")
        later = Fleet(tmp_path / "later", "fluxapps", pulumi_tools, cluster, "later")
        for fleet in (plain, ours, later):
            fleet.app("web", {"replicas": 2})
            fleet.stack_says(git={"url": GIT_URL, "follow": "branch", "name": fleet.name})
            fleet.up()
        with connect(cluster) as connected:
            # Helm's own record of what it has installed; `flux uninstall` leaves it, and the CRDs go.
            Objects(connected).apply(helm_storage("ours-web"))
            remove_flux(Live(connected), Objects(connected))

        plain.destroy()
        assert plain.is_empty()
        said = ours.destroy()
        assert ours.is_empty()
        assert "destroy leaves running ours-web/ours-web: the HelmRelease is gone already" in said
        assert "runs on: Helm release ours-web/ours-web; to end it: helm uninstall ours-web -n ours-web" in said
        assert "stays: namespace ours-web" in said

        cluster.stop()
        said = later.fluxapps_fails("destroy", "--stack", later.name, "--yes")
        assert "can't be reached" in said
        assert "Nothing was changed" in said
        assert f"PULUMI_K8S_DELETE_UNREACHABLE=true fluxapps destroy --stack {later.name}" in said
        assert not later.is_empty()
        with later.running("destroy", "--skip-preview", env={"PULUMI_K8S_DELETE_UNREACHABLE": "true"}) as running:
            assert "what remains there can't be told" in running.succeeds()
        assert later.is_empty()


def test_what_changed_hands_stays_and_what_no_state_knows_is_named(
    tmp_path: Path, pulumi_tools: Tools, cluster: Cluster, live: Live
) -> None:
    fleet = Fleet(tmp_path, "fluxapps", pulumi_tools, cluster, "hands")
    web = fleet.app("web", {"replicas": 2})
    other = fleet.app("other", {"replicas": 2})
    fleet.up()
    release = f"HelmRelease {web}/{web}"
    theirs = {**bare(live.get(release)), "metadata": {"name": web, "namespace": web}}
    live.delete(release)
    live.create(theirs)
    before = live.uid(release)
    left = bare(live.get(f"HelmRelease {other}/{other}"))
    left["metadata"] = {"name": "left", "namespace": other, "labels": {"fluxapps/stack": fleet.label}}
    live.create(left)

    said = fleet.fluxapps_fails("destroy", "--stack", fleet.name, "--yes")
    assert f"{release} belongs to somebody else (written by somebody)" in said
    assert "Nothing was changed" in said
    urn = f"urn:pulumi:hands::fluxapps::fluxapps:index:FluxHelmApp$kubernetes:{HELM}:HelmRelease::{web}/{web}"
    assert f"pulumi state delete --stack hands '{urn}'" in said
    assert live.find(f"HelmRelease {other}/{other}")

    fleet.pulumi("state", "delete", "--stack", fleet.name, "--yes", urn)
    said = fleet.fluxapps_fails("destroy", "--stack", fleet.name, "--yes")
    assert f"remains: HelmRelease {other}/left: not in the state" in said
    assert fleet.is_empty()
    assert live.uid(release) == before
    assert live.find(f"HelmRelease {other}/{other}") is None

    # Another cluster under the same name.
    for gone in (f"HelmRelease {other}/left", release):
        live.delete(gone)
    fleet.up()
    state = fleet.state / ".pulumi" / "stacks" / "fluxapps" / "hands.json"
    state.write_text(state.read_text("utf-8").replace(uid_of(live), "another"), "utf-8")
    said = fleet.fluxapps_fails("destroy", "--stack", fleet.name, "--yes")
    assert "is not the cluster that stack hands was deployed to" in said
    assert live.find(f"HelmRelease {other}/{other}")


def test_an_app_that_others_depend_on_is_not_removed(
    tmp_path: Path, pulumi_tools: Tools, cluster: Cluster, live: Live
) -> None:
    for way in ("pulumi", "fluxapps"):
        fleet = Fleet(tmp_path / way, way, pulumi_tools, cluster, f"needed{len(way)}")
        database = fleet.app("database", {"replicas": 1})
        users = [fleet.app(name, dependsOn=[database]) for name in ("web", "worker")]
        fleet.up()
        before = live.ours(fleet.label).keys()
        fleet.remove(database)
        said = fleet.refused("up")
        for user in users:
            assert f"'{user}' depends on '{database}', and there is no such app" in said
        assert live.ours(fleet.label).keys() == before
        fleet.destroy()


@contextmanager
def lean(folder: Path) -> Iterator[Cluster]:
    """Start a cluster without Flux's controllers, and remove it in the end."""
    with Cluster(folder / "dev", say=print) as started:
        yield started
    started.reset()


def remove_flux(live: Live, objects: Objects) -> None:
    """Remove Flux's kinds, and what there is of them."""
    crds = live.client.resources.get(api_version=CRD, kind="CustomResourceDefinition")
    names = [one["metadata"]["name"] for one in crds.get().to_dict()["items"]]
    for name in names:
        if name.endswith(".fluxcd.io"):
            crds.delete(name=name)
            objects.until_gone({"apiVersion": CRD, "kind": "CustomResourceDefinition", "metadata": {"name": name}})


def helm_storage(app: str) -> Object:
    labels = {"owner": "helm", "name": app, "status": "deployed", "version": "1"}
    metadata = {"name": f"sh.helm.release.v1.{app}.v1", "namespace": app, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "metadata": metadata}


def bare(found: Object) -> Object:
    return {key: found[key] for key in ("apiVersion", "kind", "spec")}


def uid_of(live: Live) -> str:
    return live.uid("Namespace kube-system")
