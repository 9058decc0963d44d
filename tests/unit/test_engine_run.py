"""The whole program against a mock engine and a fake API: what it registers, and what it refuses before it does."""

import os
import runpy
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from fluxapps.engine.kubeconfig import CONTEXT_OVERRIDE, KUBECONFIG_OVERRIDE
from tests.unit.fake_api import UID, FakeApi, flux_crd, manifest, serving, write_kubeconfig
from tests.unit.recorder import Recording, RecordingMonitor, record

REPOSITORY = Path(__file__).parents[2]
LABELS = {"fluxapps/stack": "fluxapps.dev"}
MARKED = {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}
HELM_RELEASE = "helm.toolkit.fluxcd.io/v2"

FILES = {
    "Pulumi.yaml": "name: fluxapps\nruntime: python\n",
    "Pulumi.dev.yaml": "config:\n  fluxapps:cluster:\n    context: dev\n",
    "fleet.yaml": "repositories:\n  podinfo: https://charts.example.org/podinfo\n",
    "apps/podinfo/app.yaml": "chart: podinfo\nrepository: podinfo\nversion: 6.x\n",
    "apps/podinfo/values.yaml": "replicas: 2\n",
}


class Repository:
    """A user's repository, and the cluster it is for."""

    def __init__(self, root: Path, api: FakeApi) -> None:
        self.root = root
        self.api = api
        self.write(FILES)

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def up(self, **options: Any) -> Recording:
        """Run the program as `pulumi up` does: in the repository's root."""
        return record(lambda: runpy.run_path(str(REPOSITORY / "__main__.py")), **options)

    def refused(self, **options: Any) -> str:
        with pytest.raises(pulumi.RunError) as refusal:
            self.up(**options)
        return str(refusal.value)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    made = FakeApi()
    made.install_flux()
    with serving(made):
        yield made


@pytest.fixture
def repository(tmp_path: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Repository:
    kubeconfig = write_kubeconfig(tmp_path / "home" / ".kube" / "config", api.address, "other", "dev")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", KUBECONFIG_OVERRIDE, CONTEXT_OVERRIDE, "HTTP_PROXY", "HTTPS_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert kubeconfig.exists()
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    return Repository(root, api)


@pytest.mark.parametrize("preview", [False, True])
def test_a_plain_app_is_declared(repository: Repository, preview: bool) -> None:
    seen = repository.up(preview=preview)
    assert sorted(name for name in seen.names() if "ConfigMap" not in name) == [
        "FluxBootstrap bootstrap",
        "FluxHelmApp podinfo",
        "FluxSystem flux-system",
        "HelmRelease podinfo/podinfo",
        "HelmRepository flux-system/podinfo",
        "Namespace podinfo",
        "Stash cluster",
        "kubernetes kubernetes",
    ]
    (values,) = seen.all("ConfigMap")
    assert values.inputs["data"] == {"values.yaml": "replicas: 2\n"}
    provider = seen.one("kubernetes")
    leaves = [one for one in seen.resources.values() if "$fluxapps:index" in one.parent and one.custom]
    assert len(leaves) == 4
    assert {one.provider for one in leaves} == {provider.urn}
    assert {one.inputs["metadata"]["labels"]["fluxapps/stack"] for one in leaves} == {"fluxapps.dev"}


def test_components_and_provider_are_direct_children_of_the_stack(repository: Repository) -> None:
    seen = repository.up()
    for kind in ("FluxSystem", "FluxBootstrap", "FluxHelmApp", "kubernetes", "Stash"):
        assert seen.one(kind).parent == seen.stack


def test_outputs_of_the_stack_say_what_runs(repository: Repository) -> None:
    assert repository.up().exports == {
        "delivery": "apply",
        "namespaces": "podinfo",
        "apps": {"podinfo": "podinfo 6.x in podinfo/podinfo"},
    }


def test_provider_is_the_same_on_every_machine(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {
        "context": "dev",
        "clusterIdentifier": "fluxapps/dev",
        "enableConfigMapMutable": "true",
        "enableSecretMutable": "true",
    }
    provider = repository.up().one("kubernetes")
    assert provider.inputs == expected
    assert provider.version
    elsewhere = write_kubeconfig(repository.root.parent / "elsewhere", repository.api.address, "dev")
    monkeypatch.setenv("KUBECONFIG", f"{repository.root.parent / 'nowhere'}{os.pathsep}{elsewhere}")
    assert repository.up().one("kubernetes").inputs == expected


def test_a_kubeconfig_of_the_repository_is_said_from_its_root(repository: Repository) -> None:
    write_kubeconfig(repository.root / "clusters" / "dev.yaml", repository.api.address, "only")
    repository.write({"Pulumi.dev.yaml": "config:\n  fluxapps:cluster:\n    kubeconfig: clusters/dev.yaml\n"})
    inputs = repository.up().one("kubernetes").inputs
    assert (inputs["kubeconfig"], inputs["context"]) == ("clusters/dev.yaml", "only")


def test_environment_points_a_stack_at_the_local_cluster(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = write_kubeconfig(repository.root / ".fluxapps" / "dev" / "kubeconfig", repository.api.address, "local")
    monkeypatch.setenv(KUBECONFIG_OVERRIDE, str(local))
    monkeypatch.setenv(CONTEXT_OVERRIDE, "local")
    inputs = repository.up().one("kubernetes").inputs
    assert (inputs["kubeconfig"], inputs["context"]) == (".fluxapps/dev/kubeconfig", "local")


def test_the_current_context_is_never_used(repository: Repository) -> None:
    repository.write({"Pulumi.dev.yaml": "config:\n  fluxapps:cluster: {}\n"})
    said = repository.refused()
    assert "Pulumi.dev.yaml" in said
    assert "no context is named, and the current one is never used [no-context]" in said
    assert "your kubeconfig has: other, dev" in said


def test_an_unknown_context_is_told_with_its_place(repository: Repository) -> None:
    repository.write({"Pulumi.dev.yaml": "config:\n  fluxapps:cluster:\n    context: dve\n"})
    said = repository.refused()
    assert "Pulumi.dev.yaml:3:5: config.fluxapps:cluster.context: there is no context 'dve' in " in said
    assert "did you mean 'dev'?" in said


def test_a_kubeconfig_that_is_not_there_is_told(repository: Repository) -> None:
    repository.write({"Pulumi.dev.yaml": "config:\n  fluxapps:cluster:\n    kubeconfig: gone.yaml\n"})
    assert "there is no kubeconfig gone.yaml [no-kubeconfig]" in repository.refused()


def test_an_unreachable_cluster_is_told_at_once(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(repository.root.parent / "down", address, "dev")))
        said = repository.refused()
    assert f"cluster 'dev' ({address}) can't be reached: Connection refused" in said.replace("[Errno 111] ", "")


def test_refused_credentials_are_told(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = write_kubeconfig(repository.root.parent / "wrong", repository.api.address, "dev", token="old")  # noqa: S106
    monkeypatch.setenv("KUBECONFIG", str(wrong))
    assert "refuses the credentials of context 'dev': Unauthorized" in repository.refused()


def test_all_problems_of_the_files_come_as_one_error(repository: Repository) -> None:
    repository.write(
        {"apps/podinfo/app.yaml": "chart: podinfo\nrepository: podinf\nversion: 6.x\ndependsOn: [nobody]\n"}
    )
    said = repository.refused()
    assert said.startswith("stack 'dev' can't be deployed: 2 problems\n")
    assert "apps/podinfo/app.yaml:2:1: repository: " in said
    assert "apps/podinfo/app.yaml:4:13: dependsOn[0]: " in said
    assert repository.api.requests == []


def test_broken_yaml_is_told_with_its_place(repository: Repository) -> None:
    repository.write({"apps/podinfo/app.yaml": "chart: [\n"})
    assert "apps/podinfo/app.yaml:" in repository.refused()


def refused_and_untouched(repository: Repository, **options: Any) -> str:
    """Return the refusal; nothing may have been registered, the Stash included."""
    registered: list[str] = []
    original = pulumi.Resource.__init__

    def noted(self: pulumi.Resource, kind: str, *args: Any, **kwargs: Any) -> None:
        registered.append(kind)
        original(self, kind, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi.Resource, "__init__", noted)
        said = repository.refused(**options)
    assert registered == ["pulumi:pulumi:Stack"]
    return said


@pytest.mark.parametrize("preview", [False, True])
def test_a_cluster_without_flux_is_refused_with_the_command(repository: Repository, preview: bool) -> None:
    repository.api.objects = {path: one for path, one in repository.api.objects.items() if "customres" not in path}
    said = refused_and_untouched(repository, preview=preview)
    assert "Flux is not installed in cluster 'dev'" in said
    assert "install Flux: flux install --version=v" in said
    assert "--context=dev" in said


def test_a_kind_that_flux_lacks_is_refused(repository: Repository) -> None:
    del repository.api.objects[
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/helmrepositories.source.toolkit.fluxcd.io"
    ]
    assert "the Flux of cluster 'dev'" in (said := refused_and_untouched(repository))
    assert "lacks HelmRepository [flux-missing]" in said


def test_a_flux_that_is_too_old_is_refused_with_its_version(repository: Repository) -> None:
    repository.api.install_flux("v2.6.4")
    said = refused_and_untouched(repository)
    assert "is v2.6.4; 2.7 or newer is needed [flux-too-old]" in said


def test_a_field_that_flux_lacks_is_refused_with_who_uses_it(repository: Repository) -> None:
    spec = {"type": "object", "properties": {"interval": {"type": "string"}, "url": {"type": "string"}}}
    repository.api.add(flux_crd("HelmRepository", "source.toolkit.fluxcd.io/v1", "v2.8.0", spec))
    repository.write({"fleet.yaml": "repositories:\n  podinfo: {url: https://c.example.org, timeout: 30s}\n"})
    said = refused_and_untouched(repository)
    assert "Flux v2.8.0 of cluster 'dev'" in said
    assert "has no HelmRepository spec.timeout, which HelmRepository flux-system/podinfo uses" in said


def test_whoever_may_not_read_crds_still_learns_that_flux_is_missing(repository: Repository) -> None:
    repository.api.failures["customresourcedefinitions"] = (403, "forbidden")
    seen = repository.up()
    assert [one for one in seen.logged if "flux-unchecked" in one]
    repository.api.objects = {path: one for path, one in repository.api.objects.items() if "customres" not in path}
    assert "Flux is not installed" in repository.refused()


def test_whoever_may_not_list_is_told(repository: Repository) -> None:
    repository.api.failures["/configmaps"] = (403, 'configmaps is forbidden: User "u" cannot list resource')
    said = refused_and_untouched(repository)
    assert "does not allow this: configmaps is forbidden" in said
    assert "give that user the right to get and list it" in said


@pytest.mark.parametrize("preview", [False, True])
def test_another_cluster_than_the_stacks_is_refused(repository: Repository, preview: bool) -> None:
    said = repository.refused(preview=preview, stashed={"cluster": {"uid": "the-first-uid", "clusterIdentifier": "x"}})
    assert "is not the cluster that stack 'dev' was deployed to" in said
    assert f"has UID {UID}, the stack's has the-first-uid" in said
    assert "pulumi state delete 'urn:pulumi:dev::fluxapps::pulumi:index:Stash::cluster'" in said


def test_the_first_up_keeps_what_tells_its_cluster_from_others(repository: Repository) -> None:
    stash = repository.up().one("Stash")
    assert stash.type == "pulumi:index:Stash"
    assert stash.inputs == {"input": {"uid": UID, "clusterIdentifier": "fluxapps/dev"}}


def test_a_renamed_stack_keeps_its_provider(repository: Repository) -> None:
    """The provider's identifier is the one thing whose change replaces every object."""
    seen = repository.up(stashed={"cluster": {"uid": UID, "clusterIdentifier": "fluxapps/old-name"}})
    assert seen.one("kubernetes").inputs["clusterIdentifier"] == "fluxapps/old-name"


def test_a_stack_that_has_kept_nothing_yet_goes_on(repository: Repository) -> None:
    """As `pulumi up --target` of something else leaves it."""
    seen = repository.up(stashed={"cluster": None})
    assert seen.one("kubernetes").inputs["clusterIdentifier"] == "fluxapps/dev"


def test_what_is_ours_already_is_taken_over(repository: Repository) -> None:
    repository.api.add(manifest("v1", "Namespace", "podinfo", labels=LABELS))
    repository.api.add(manifest(HELM_RELEASE, "HelmRelease", "podinfo", "podinfo", labels=LABELS))
    repository.api.add(manifest(HELM_RELEASE, "HelmRelease", "forgotten", "podinfo", labels=LABELS))
    seen = repository.up()
    assert {one.name: one.import_id for one in seen.resources.values() if one.import_id} == {
        "podinfo": "podinfo",
        "podinfo/podinfo": "podinfo/podinfo",
    }


def deployed(repository: Repository, manager: str = "kubectl-edit", **spec: Any) -> None:
    """Add the release as a run made it; then *manager* set the fields of *spec*."""
    made = repository.up().one("HelmRelease").inputs
    fields: dict[str, Any] = {f"f:{name}": {} for name in spec}
    written = [{"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": fields}}]
    metadata = {**made["metadata"], "uid": "u", "managedFields": written}
    repository.api.add({**made, "metadata": metadata, "spec": {**made["spec"], **spec}, "status": {}})


def flux_applies_it(repository: Repository) -> None:
    entries = [{"id": "podinfo_podinfo_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"}]
    theirs = manifest("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "theirs", "flux-system")
    repository.api.add({**theirs, "spec": {}, "status": {"inventory": {"entries": entries}}})


def test_what_a_person_changed_is_told_unless_it_is_restored(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(repository, interval="5m", suspend=True)
    (warning,) = repository.up().logged
    assert (
        "HelmRelease podinfo/podinfo was changed by hand: spec.interval is 5m instead of 30m (by kubectl-edit)"
        in warning
    )
    assert "suspend" not in warning
    monkeypatch.setenv("FLUXAPPS_RESTORES", "1")
    assert repository.up().logged == []


def test_a_label_that_was_taken_away_is_told(repository: Repository) -> None:
    deployed(repository, manager="pulumi-kubernetes")
    repository.api.add(manifest("v1", "Namespace", "podinfo", labels=LABELS, annotations=MARKED))
    (found,) = (one for one in repository.api.objects.values() if one["kind"] == "HelmRelease")
    del found["metadata"]["labels"]["fluxapps/stack"]
    assert "the stack's label is gone [drift]" in repository.up().logged[0]


def test_what_the_state_has_and_the_cluster_has_not_is_told_in_a_preview(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(repository)
    assert repository.up(preview=True).logged == []
    # What the state has, has an id in a preview too.
    monkeypatch.setattr(RecordingMonitor, "preview", property(lambda _: False, lambda *_: None), raising=False)
    told = sorted(line.partition(" was deleted by hand [drift]")[0] for line in repository.up(preview=True).logged)
    assert [one.rpartition(": ")[2].partition("-helm")[0] for one in told] == [
        "ConfigMap podinfo/podinfo",
        "HelmRepository flux-system/podinfo",
        "Namespace podinfo",
    ]
    assert repository.up().logged == []


def test_a_field_that_another_tool_wrote_is_not_fought_over(repository: Repository) -> None:
    deployed(repository, manager="dashboard", interval="5m")
    refusal = repository.refused()
    assert "apps/podinfo/app.yaml: another tool wrote fields of HelmRelease podinfo/podinfo" in refusal
    assert "spec.interval is 5m instead of 30m (by dashboard) [other-writer]" in refusal


def test_a_copy_in_what_flux_applies_is_told_and_one_that_flux_writes_is_refused(repository: Repository) -> None:
    deployed(repository, manager="kustomize-controller", timeout="1m")
    flux_applies_it(repository)
    assert "the Kustomization flux-system/theirs applies too" in repository.up().logged[0]
    (found,) = (one for one in repository.api.objects.values() if one["kind"] == "HelmRelease")
    del found["metadata"]["annotations"]
    refusal = repository.refused()
    assert "is applied by the Kustomization flux-system/theirs too" in refusal
    assert "annotate helmreleases.helm.toolkit.fluxcd.io podinfo -n podinfo --overwrite kustomize" in refusal


def test_another_release_for_the_same_helm_release_is_refused(repository: Repository) -> None:
    made = manifest(HELM_RELEASE, "HelmRelease", "by-hand", "podinfo")
    repository.api.add({**made, "spec": {"releaseName": "podinfo"}})
    assert (
        "HelmRelease podinfo/by-hand, none of this stack's, makes the Helm release podinfo/podinfo"
        in repository.refused()
    )


def foreign(**metadata: Any) -> dict[str, Any]:
    return manifest(HELM_RELEASE, "HelmRelease", "podinfo", "podinfo", **metadata)


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        (
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}},
            "the Flux Kustomization flux/apps",
        ),
        (
            {"labels": {"helm.toolkit.fluxcd.io/name": "all", "helm.toolkit.fluxcd.io/namespace": "flux"}},
            "the Flux HelmRelease flux/all",
        ),
        ({"annotations": {"meta.helm.sh/release-name": "umbrella"}}, "the Helm release umbrella"),
        ({"labels": {"app.kubernetes.io/managed-by": "Tanka"}}, "Tanka"),
        ({}, "somebody else (written by kubectl-create)"),
    ],
)
def test_an_object_of_somebody_elses_is_refused_with_its_owner_and_the_ways_out(
    repository: Repository, metadata: dict[str, Any], owner: str
) -> None:
    repository.api.add(manifest("v1", "Namespace", "podinfo", labels=LABELS))
    repository.api.add(foreign(**metadata))
    said = refused_and_untouched(repository)
    assert f"apps/podinfo/app.yaml: HelmRelease podinfo/podinfo is in cluster 'dev' ({repository.api.address})" in said
    assert f"already and belongs to {owner} [not-ours]" in said
    assert "fluxapps attach podinfo --stack dev" in said


def test_an_object_of_another_stack_is_refused_and_a_renamed_one_can_take_all(repository: Repository) -> None:
    repository.api.add(manifest("v1", "Namespace", "podinfo", labels={"fluxapps/stack": "fluxapps.old"}))
    said = refused_and_untouched(repository)
    assert "already and belongs to another stack of fluxapps, fluxapps.old [not-ours]" in said
    assert "fluxapps detach --all --stack old, then fluxapps attach --all --stack dev" in said
    assert (
        "if stack fluxapps.old was renamed to this one, give it all: kubectl --context=dev label namespaces -A "
        "-l fluxapps/stack=fluxapps.old --overwrite fluxapps/stack=fluxapps.dev"
    ) in said


def test_a_namespace_of_somebody_elses_can_be_left_to_them(repository: Repository) -> None:
    repository.api.add(manifest("v1", "Namespace", "podinfo"))
    said = refused_and_untouched(repository)
    assert "Namespace podinfo is in cluster 'dev'" in said
    assert "`namespaces: {podinfo: {external: true}}`" in said
    assert "Nothing of stack 'dev' is in this cluster yet" in said
    repository.write({"fleet.yaml": FILES["fleet.yaml"] + "namespaces:\n  podinfo: {external: true}\n"})
    assert repository.up().all("Namespace") == []


def test_an_object_that_lost_our_label_is_left_to_the_engine(repository: Repository) -> None:
    repository.api.add(manifest("v1", "Namespace", "podinfo", labels=LABELS))
    repository.api.add(foreign(annotations=MARKED, manager="pulumi-kubernetes-0a1b2c3d"))
    assert repository.up().one("HelmRelease").import_id == ""


def test_an_object_that_is_being_deleted_is_not_taken_over(repository: Repository) -> None:
    repository.api.add(manifest("v1", "Namespace", "podinfo", labels=LABELS, deletionTimestamp="2026-01-01T00:00:00Z"))
    seen = repository.up()
    assert seen.one("Namespace").import_id == ""
    (warning,) = [one for one in seen.logged if "being-deleted" in one]
    assert "Namespace podinfo is being deleted in cluster 'dev'" in warning


def test_a_cluster_is_asked_little(repository: Repository) -> None:
    apps = {f"apps/app-{number}/app.yaml": FILES["apps/podinfo/app.yaml"] for number in range(100)}
    repository.write(apps | {f"{folder.rpartition('/')[0]}/values.yaml": "a: 1\n" for folder in apps})
    for number in range(100):
        repository.api.add(manifest("v1", "Namespace", f"app-{number}", labels=LABELS))
    seen = repository.up()
    assert len(seen.all("HelmRelease")) == 101
    assert len(repository.api.requests) < 20


def test_config_given_otherwise_counts_and_is_said(repository: Repository) -> None:
    config = {"fluxapps:cluster": '{"context": "dev", "apps": {"podinfo": {"enabled": false}}}'}
    seen = repository.up(config=config)
    assert seen.all("HelmRelease") == []
    (warning,) = [one for one in seen.logged if "--config-file" in one]
    assert "Pulumi.dev.yaml: apps of fluxapps:cluster came by" in warning.replace("apps.podinfo.enabled", "apps")


def test_config_as_the_file_has_it_is_no_overlay(repository: Repository) -> None:
    seen = repository.up(config={"fluxapps:cluster": '{"context": "dev"}'})
    assert seen.logged == []


def test_an_overlay_file_stands_over_the_stacks_file(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """How the local cluster's repositories take the place of the real ones."""
    repository.write({"local.yaml": "repositories: {podinfo: 'http://127.0.0.1:1/charts'}\n"})
    monkeypatch.setenv("FLUXAPPS_OVERLAY", "local.yaml")
    seen = repository.up(config={"fluxapps:cluster": '{"context": "dev"}'})
    assert seen.one("HelmRepository").inputs["spec"]["url"] == "http://127.0.0.1:1/charts"
    (warning,) = seen.logged
    assert "repositories of fluxapps:cluster came by local.yaml, named by $FLUXAPPS_OVERLAY" in warning


def test_an_overlay_file_that_is_not_there_is_said(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXAPPS_OVERLAY", "nowhere.yaml")
    assert "nowhere.yaml" in repository.refused(config={"fluxapps:cluster": '{"context": "dev"}'})


def test_config_given_otherwise_is_checked(repository: Repository) -> None:
    said = repository.refused(config={"fluxapps:cluster": '{"context": "dev", "contxt": "x"}'})
    assert "Pulumi.dev.yaml" in said
    assert "contxt" in said


def test_an_unknown_stack_is_told(repository: Repository) -> None:
    assert "there are: dev" in repository.refused(stack="production").replace("did you mean", "there are")


def git_delivery(repository: Repository) -> None:
    repository.write(
        {
            "Pulumi.dev.yaml": "config:\n  fluxapps:cluster:\n    context: dev\n    delivery: git\n"
            "    git: {url: https://example.org/fleet.git}\n"
        }
    )


def test_git_delivery_declares_the_system_alone_once_the_tree_is_rendered(
    repository: Repository, render: Callable[[Path, str], None]
) -> None:
    git_delivery(repository)
    said = repository.refused()
    assert "deploy/dev: the rendered tree is not what the files say" in said
    assert "fluxapps render --stack dev, commit and push" in said
    assert [one for one in repository.up(preview=True).logged if "tree-stale" in one]
    render(repository.root, "dev")
    seen = repository.up()
    assert [one.name for one in seen.all("GitRepository")] == ["flux-system/fluxapps"]
    assert [one.name for one in seen.all("Kustomization")] == ["flux-system/fluxapps"]
    assert seen.all("FluxHelmApp") == []
    assert seen.all("HelmRelease") == seen.all("Namespace") == []


def test_git_delivery_warns_of_a_tree_that_is_not_committed(
    repository: Repository, render: Callable[[Path, str], None]
) -> None:
    git_delivery(repository)
    render(repository.root, "dev")
    assert repository.up().logged == []
    subprocess.run(["git", "init", "--quiet"], check=True)  # noqa: S607 - whichever git there is
    (warning,) = repository.up().logged
    assert "deploy/dev: the rendered tree is not committed" in warning
    assert "git add deploy/dev, commit and push" in warning


def test_git_delivery_over_releases_that_pulumi_delivered_is_refused(
    repository: Repository, render: Callable[[Path, str], None]
) -> None:
    """Pulumi would delete them, and Helm uninstall them."""
    labels = {"fluxapps/stack": "fluxapps.dev"}
    repository.api.add(manifest("helm.toolkit.fluxcd.io/v2", "HelmRelease", "podinfo", "podinfo", labels=labels))
    git_delivery(repository)
    render(repository.root, "dev")
    said = repository.refused()
    assert "Pulumi.dev.yaml:4" in said
    assert "this would uninstall what Pulumi delivered" in said
    assert "podinfo/podinfo" in said
    assert "[delivery-changed]" in said


@pytest.fixture
def render() -> Callable[[Path, str], None]:
    from fluxapps import model  # noqa: PLC0415 - as a user of the package does
    from fluxapps.model.tree import write_tree  # noqa: PLC0415 - as above

    def write(root: Path, stack: str) -> None:
        fleet = model.resolve(model.load(root), stack)
        assert fleet.git_path is not None
        write_tree(root / fleet.git_path, model.tree_files(fleet, model.declare(fleet)), root=root)

    return write


def test_the_components_work_from_a_copied_folder(repository: Repository) -> None:
    """Who copies the folder may change it: the program must use the copy."""
    shutil.copytree(REPOSITORY / "components", repository.root / "mine")
    for file in (repository.root / "mine").glob("*.py"):
        file.write_text(file.read_text("utf-8").replace("from components.", "from mine."), "utf-8")
    program = (REPOSITORY / "__main__.py").read_text("utf-8").replace("from components ", "from mine ")
    repository.write({"__main__.py": program})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository.root))
        seen = record(lambda: runpy.run_path(str(repository.root / "__main__.py")))
    assert seen.one("FluxHelmApp").type == "fluxapps:index:FluxHelmApp"
    assert len(seen.all("HelmRelease")) == 1


@pytest.fixture
def pinned(repository: Repository) -> Repository:
    """A repository in Git, with other YAML, whose remote is at hand."""
    remote = repository.root.parent / "remote.git"
    git(repository.root, "init", "-q", "-b", "main")
    git(repository.root, "init", "-q", "--bare", "-b", "main", str(remote))
    git(repository.root, "remote", "add", "origin", str(remote))
    repository.write(
        {
            "Pulumi.dev.yaml": "config:\n  fluxapps:cluster:\n    context: dev\n"
            "    git: {url: https://example.org/fleet.git}\n",
            "apps/podinfo/ingress.yaml": "apiVersion: networking.k8s.io/v1\nkind: Ingress\n"
            "metadata: {name: podinfo, namespace: podinfo}\nspec: {defaultBackend: {service: {name: podinfo}}}\n",
        }
    )
    git(repository.root, "add", "-A")
    git(repository.root, "commit", "-q", "-m", "all")
    git(repository.root, "push", "-q", "origin", "main")
    git(repository.root, "remote", "set-url", "origin", "git@example.org:fleet")
    return repository


def test_one_up_moves_values_and_other_yaml(pinned: Repository) -> None:
    seen = pinned.up()
    commit = git(pinned.root, "rev-parse", "HEAD")
    assert seen.one("GitRepository").inputs["spec"]["ref"] == {"branch": "main", "commit": commit}
    assert seen.one("Kustomization").inputs["spec"]["path"] == "./apps/podinfo"


def test_yaml_that_is_not_committed_is_refused_and_a_preview_remarks_on_it(pinned: Repository) -> None:
    pinned.write(
        {"apps/podinfo/ingress.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: podinfo}\n"}
    )
    expected = "apps/podinfo/ingress.yaml: has changes that are not committed, so Flux would not see it"
    assert expected in refused_and_untouched(pinned)
    assert expected in "\n".join(pinned.up(preview=True).logged)


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(  # noqa: S603 - git, on a repository of the test
        ["git", *identity, *arguments],  # noqa: S607 - whichever git there is
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_a_kubeconfig_below_a_linked_folder_is_still_said_from_the_root(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    (link := repository.root.parent / "link").symlink_to(repository.root)
    write_kubeconfig(repository.root / "kubeconfig", repository.api.address, "dev")
    monkeypatch.chdir(link)
    for root in (link, repository.root):
        monkeypatch.setenv(KUBECONFIG_OVERRIDE, str(root / "kubeconfig"))
        assert repository.up().one("kubernetes").inputs["kubeconfig"] == "kubeconfig"
