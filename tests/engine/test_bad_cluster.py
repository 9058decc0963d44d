"""Clusters that are the wrong one, not there, without Flux, or hold what is somebody else's: said before any write."""

import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.dynamic import DynamicClient

from fluxapps.devcluster import Cluster
from fluxapps.model.flux_schema import FLUX_VERSION
from tests.engine.conftest import Connect
from tests.engine.fleet import Fleet
from tests.engine.live import Live, Object, version_of

pytestmark = pytest.mark.engine

CONTENT_TYPE = "application/json-patch+json"


@pytest.fixture(scope="module")
def other_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A second cluster, for what must not happen to the one of all tests."""
    with Cluster(tmp_path_factory.mktemp("other") / "dev", say=print) as started:
        yield started
    started.reset()


@pytest.fixture
def other_live(other_cluster: Cluster, connect: Connect) -> Iterator[Live]:
    with connect(other_cluster) as client:
        yield Live(client)


class Definitions:
    """Flux's CRDs in a cluster, put back at the end as they were."""

    def __init__(self, client: DynamicClient) -> None:
        self._kind = client.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition")
        self._before: dict[str, Object] = {}

    def _keep(self, name: str) -> Object:
        if name not in self._before:
            found = self._kind.get(name=name).to_dict()
            labels = found["metadata"]["labels"]
            kept = {key: found[key] for key in ("apiVersion", "kind", "spec")}
            self._before[name] = {**kept, "metadata": {"name": name, "labels": labels}}
        return self._before[name]

    def say_version(self, name: str, version: str) -> None:
        """Let a CRD say that it came with another Flux."""
        self._keep(name)
        label = "/metadata/labels/app.kubernetes.io~1version"
        steps = [{"op": "replace", "path": label, "value": version}]
        self._kind.patch(name=name, body=steps, content_type=CONTENT_TYPE)

    def remove_field(self, name: str, version: str, *path: str) -> None:
        """Take a field out of the schema of one version."""
        served = [each["name"] for each in self._keep(name)["spec"]["versions"]]
        schema = f"/spec/versions/{served.index(version)}/schema/openAPIV3Schema"
        steps = [{"op": "remove", "path": "/".join((schema, *(f"properties/{field}" for field in path)))}]
        self._kind.patch(name=name, body=steps, content_type=CONTENT_TYPE)

    def delete(self, name: str) -> None:
        """Remove a kind, and all objects of it."""
        self._keep(name)
        since = self._kind.get(name=name).metadata.resourceVersion
        self._kind.delete(name=name)
        for event in self._kind.watch(name=name, resource_version=since, timeout=60):
            if event["type"] == "DELETED":
                return
        raise AssertionError(f"{name} was not deleted")

    def restore(self) -> None:
        """Put back what was changed, and wait until it is served."""
        there = {each.metadata.name for each in self._kind.get().items}
        for name, manifest in self._before.items():
            if name in there:
                self._kind.replace(body=self._replacing(name, manifest))
            else:
                self._kind.create(body=manifest)
            for event in self._kind.watch(name=name, timeout=60):
                conditions = event["raw_object"].get("status", {}).get("conditions") or ()
                if any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
                    break
            else:
                raise AssertionError(f"{name} is not served")

    def _replacing(self, name: str, manifest: Object) -> Object:
        version = self._kind.get(name=name).metadata.resourceVersion
        return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": version}}


@pytest.fixture
def definitions(other_live: Live) -> Iterator[Definitions]:
    made = Definitions(other_live.client)
    yield made
    made.restore()


def refused(fleet: Fleet, *, preview: bool = False, **env: str) -> str:
    """Return how `up` (or a preview) that is refused explains itself, which it does once."""
    said = fleet.refused("preview" if preview else "up", **env)
    # Pulumi says before that how each resource goes on, with the first line of the reasons.
    bounds = {"pulumi": (r"Diagnostics:\n", r"(?:Outputs|Resources):"), "fluxapps": ("error: ", r"\w+ failed in")}
    start, end = bounds[fleet.way]
    found = re.search(rf"^{start}(.*?)^{end}", said, re.DOTALL | re.MULTILINE)
    assert found is not None, said
    assert len(re.findall(rf"stack '{fleet.name}' (?:can't be|was) deployed", found[1])) == 1, said
    return found[1]


def test_another_cluster_is_refused_until_the_old_one_is_forgotten(
    fleet: Fleet, cluster: Cluster, other_cluster: Cluster, other_live: Live, live: Live
) -> None:
    web = fleet.app("web", {"replicas": 2})
    kubeconfig = fleet.state.parent / "kubeconfig"
    shutil.copy(cluster.kubeconfig, kubeconfig)
    fleet.stack_says(kubeconfig=str(kubeconfig))
    fleet.up()
    before = versions(live.ours(fleet.label))

    # The same names, and another cluster behind them.
    shutil.copy(other_cluster.kubeconfig, kubeconfig)
    said = refused(fleet)
    assert f"({other_cluster.server}) is not the cluster that stack '{fleet.name}' was deployed to" in said
    assert refused(fleet, preview=True) == said
    assert other_live.ours(fleet.label) == {}
    assert other_live.find(f"Namespace {web}") is None
    shutil.copy(cluster.kubeconfig, kubeconfig)
    fleet.unchanged()
    assert versions(live.ours(fleet.label)) == before

    # The way out for a cluster that was built anew, as the message has it.
    shutil.copy(other_cluster.kubeconfig, kubeconfig)
    urn = re.search(r"pulumi state delete '(.*)'", said)
    assert urn is not None
    fleet.pulumi("refresh", "--yes", "--skip-preview", "--stack", fleet.name)
    fleet.pulumi("state", "delete", "--yes", "--stack", fleet.name, urn[1])
    fleet.up()
    assert other_live.ours(fleet.label).keys() == before.keys()
    assert versions(live.ours(fleet.label)) == before


def test_what_cannot_be_reached_or_read_changes_nothing(fleet: Fleet, live: Live) -> None:
    fleet.app("web", {"replicas": 2})
    fleet.up()
    before = versions(live.ours(fleet.label))
    fleet.app("web", {"replicas": 3})
    state = stored(fleet)

    variable = "PULUMI_CONFIG_PASSPHRASE"
    assert "incorrect passphrase" in fleet.refused("up", **{variable: "wrong"})
    right = fleet.env.pop(variable)
    assert variable in fleet.refused("up")
    fleet.env[variable] = right

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"https://127.0.0.1:{closed.getsockname()[1]}"
        kubeconfig = copied(
            fleet, "unreachable", lambda config: config["clusters"][0]["cluster"].update(server=address)
        )
        said = refused(fleet, FLUXAPPS_KUBECONFIG=kubeconfig)
        assert refused(fleet, preview=True, FLUXAPPS_KUBECONFIG=kubeconfig) == said
    assert f"cluster '{fleet.cluster.context}' ({address}) can't be reached: Connection refused" in said
    assert "start it, or name another context" in said

    kubeconfig = copied(fleet, "stranger", lambda config: config["users"][0].update(user={"token": "wrong"}))
    said = refused(fleet, FLUXAPPS_KUBECONFIG=kubeconfig)
    assert "refuses the credentials of context" in said
    assert "log in again" in said

    said = refused(fleet, FLUXAPPS_CONTEXT="prod")
    assert "there is no context 'prod'" in said
    assert f"there are: {fleet.cluster.context}" in said

    assert stored(fleet) == state
    assert versions(live.ours(fleet.label)) == before


def test_flux_that_lacks_something_is_said_before_anything_is_made(
    fleet: Fleet, other_cluster: Cluster, other_live: Live, definitions: Definitions
) -> None:
    web = fleet.app("web", {"replicas": 2})
    fleet.cluster = other_cluster
    fleet.stack_says()
    kubeconfig, context = other_cluster.kubeconfig, other_cluster.context
    install = f"flux install --version={FLUX_VERSION} --context={context} --kubeconfig={kubeconfig}"

    def lacks(what: str) -> None:
        said = refused(fleet)
        assert what in said
        assert install in said
        assert other_live.ours(fleet.label) == {}
        assert other_live.find(f"Namespace {web}") is None

    releases, repositories = "helmreleases.helm.toolkit.fluxcd.io", "helmrepositories.source.toolkit.fluxcd.io"
    definitions.remove_field(releases, "v2", "spec", "install", "strategy")
    lacks(f"has no HelmRelease spec.install.strategy, which {web} uses [flux-too-old]")
    definitions.say_version(releases, "v2.6.4")
    lacks("is v2.6.4; 2.7 or newer is needed [flux-too-old]")
    definitions.delete(releases)
    lacks("lacks HelmRelease [flux-missing]")
    definitions.delete(repositories)
    lacks("Flux is not installed in cluster")
    assert "Flux is not installed in cluster" in refused(fleet, preview=True)

    definitions.restore()
    fleet.up()
    assert f"HelmRelease {web}/{web}" in other_live.ours(fleet.label)


def test_what_is_somebody_elses_is_refused_with_the_ways_out(fleet: Fleet, live: Live) -> None:
    web = fleet.app("web", {"replicas": 2})
    theirs = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {
            "name": web,
            "namespace": web,
            "labels": {
                "kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
            },
        },
        "spec": {"interval": "5m", "chartRef": {"kind": "OCIRepository", "name": "web"}},
    }
    live.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": web}}, "kubectl-create")
    live.create(theirs, "kubectl-create")
    release = f"HelmRelease {web}/{web}"
    before = live.get(release)

    assert "[not-ours]" in refused(fleet, preview=True)
    said = refused(fleet)
    assert re.search(rf"Namespace {web} is in cluster .* belongs to somebody else \(written by kubectl-create\)", said)
    assert re.search(
        rf"{release} is in cluster .* belongs to the Flux Kustomization flux-system/apps \[not-ours\]", said
    )
    external = f"namespaces: {{{web}: {{external: true}}}}"
    assert external in said
    assert f"fluxapps attach {web} --stack {fleet.name}" in said
    assert live.ours(fleet.label) == {}
    assert live.get(release) == before

    # Both ways out, as they are written there.
    fleet.stack_says(**yaml.safe_load(external))
    fleet.fluxapps("attach", web, "--stack", fleet.name, "--yes")
    taken = live.get(release)
    assert taken["metadata"]["uid"] == before["metadata"]["uid"]
    assert taken["spec"]["chart"]["spec"]["chart"] == "web"
    assert "chartRef" not in taken["spec"]
    fleet.unchanged()
    fleet.destroy()
    assert live.find(release) is None
    assert live.get(f"Namespace {web}")


def versions(objects: dict[str, Object]) -> dict[str, str]:
    return {what: version_of(found) for what, found in objects.items()}


def stored(fleet: Fleet) -> Any:
    """Return the resources in the stack's state."""
    (file,) = fleet.state.glob(f".pulumi/stacks/*/{fleet.name}.json")
    return json.loads(file.read_bytes())["checkpoint"]["latest"]["resources"]


def copied(fleet: Fleet, name: str, change: Any) -> str:
    """Write a changed copy of the cluster's kubeconfig, and return its path."""
    config = yaml.safe_load(fleet.cluster.kubeconfig.read_text("utf-8"))
    change(config)
    file: Path = fleet.root / ".fluxapps" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(config), "utf-8")
    return str(file)
