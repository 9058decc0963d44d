"""The life of objects under plain `pulumi` commands: what the real Kubernetes provider does, its stand-in does."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from fluxapps.devcluster import Cluster
from tests.engine.plain_pulumi import Plain, Project, declared, kubeconfig_of, plain_pulumi
from tests.reliability.proxy import Fault, Proxy, Request, Step

pytestmark = pytest.mark.engine

Object = dict[str, Any]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    with plain_pulumi(tmp_path_factory.mktemp("plain")) as found:
        yield found


@pytest.fixture
def project(plain: Plain, tmp_path: Path, cluster: Cluster) -> Project:
    return Project(tmp_path / "project", plain, kubeconfig=kubeconfig_of(cluster))


@pytest.fixture
def namespace(kubernetes_client: DynamicClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, made and removed beside Pulumi."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name).removeprefix("test-")[:50].strip("-")
    namespaces = kubernetes_client.resources.get(api_version="v1", kind="Namespace")
    namespaces.create(body={"metadata": {"name": name}})
    yield name
    namespaces.delete(name=name)


class Live:
    """Objects as they are in the cluster."""

    def __init__(self, client: DynamicClient) -> None:
        self.client = client

    def kind(self, manifest: Object) -> Any:
        return self.client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])

    def get(self, manifest: Object) -> Object:
        meta = manifest["metadata"]
        live: Object = self.kind(manifest).get(name=meta["name"], namespace=meta.get("namespace")).to_dict()
        return live

    def is_there(self, manifest: Object) -> bool:
        try:
            self.get(manifest)
        except NotFoundError:
            return False
        return True

    def uid(self, manifest: Object) -> str:
        return str(self.get(manifest)["metadata"]["uid"])

    def create(self, manifest: Object) -> None:
        """Make an object as a killed update would have left it."""
        namespace = manifest["metadata"].get("namespace")
        self.kind(manifest).create(body=manifest, namespace=namespace, field_manager="pulumi-kubernetes")

    def delete(self, manifest: Object) -> None:
        self.kind(manifest).delete(name=manifest["metadata"]["name"], namespace=manifest["metadata"].get("namespace"))

    def change(self, manifest: Object, patch: Object, manager: str = "somebody") -> None:
        meta = manifest["metadata"]
        self.kind(manifest).patch(
            body=patch,
            name=meta["name"],
            namespace=meta.get("namespace"),
            content_type="application/merge-patch+json",
            field_manager=manager,
        )

    def set_condition(self, manifest: Object, status: str, *, observed: int) -> None:
        condition = {
            "type": "Ready",
            "status": status,
            "reason": "Tested",
            "message": "set by the test",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": observed,
        }
        body = {"status": {"conditions": [condition], "observedGeneration": observed}}
        meta = manifest["metadata"]
        self.kind(manifest).status.patch(
            body=body,
            name=meta["name"],
            namespace=meta["namespace"],
            content_type="application/merge-patch+json",
        )

    def until(self, manifest: Object, is_so: Callable[[Object], bool] = bool, within: int = 60) -> Object:
        """Watch for an object that is as wanted, and return it."""
        meta = manifest["metadata"]
        selected = {"field_selector": f"metadata.name={meta['name']}", "timeout": within}
        for event in self.kind(manifest).watch(namespace=meta.get("namespace"), **selected):
            live: Object = event["raw_object"]
            if is_so(live):
                return live
        raise AssertionError(f"{meta['name']} did not become as wanted within {within} s")


@pytest.fixture
def live(kubernetes_client: DynamicClient) -> Live:
    return Live(kubernetes_client)


def config_map(namespace: str, name: str = "settings", **more: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"level": "info"},
        **more,
    }


def helm_repository(namespace: str, name: str = "charts", interval: str = "1h", **annotations: str) -> Object:
    """Make a custom resource, with annotations of `pulumi.com/`."""
    noted = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmRepository",
        "metadata": {"name": name, "namespace": namespace, **({"annotations": noted} if noted else {})},
        "spec": {"url": "https://charts.example.org", "interval": interval, "timeout": "60s"},
    }


def test_a_second_up_changes_nothing_and_destroy_leaves_nothing(project: Project, live: Live) -> None:
    home: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "whole-life"}}
    settings, charts = config_map("whole-life"), helm_repository("whole-life")
    project.declare(
        declared(home),
        declared(settings, depends_on=["whole-life"]),
        declared(charts, depends_on=["whole-life"]),
    )

    assert "+ 5 to create" in project.succeeds("preview")
    assert not live.is_there(home)

    project.succeeds("up", "--yes")
    assert live.get(settings)["data"] == {"level": "info"}
    assert live.get(charts)["spec"]["timeout"] == "60s"
    assert live.get(charts)["metadata"]["managedFields"][0]["manager"] == "pulumi-kubernetes"
    project.unchanged()

    project.destroy()
    assert not live.is_there(home)
    assert project.state() == {}


def test_a_changed_config_map_is_applied_in_place(project: Project, live: Live, namespace: str) -> None:
    settings = config_map(namespace)
    project.declare(declared(settings))
    project.up()
    before = live.uid(settings)

    settings["data"] = {"level": "debug", "colour": "red"}
    project.declare(declared(settings))
    assert "~ 1 to update" in project.succeeds("preview")
    assert live.get(settings)["data"] == {"level": "info"}
    project.up()

    after = live.get(settings)
    assert (after["metadata"]["uid"], after["data"]) == (before, {"level": "debug", "colour": "red"})
    manager = project.state()[f"{namespace}/settings"]["outputs"]["__fieldManager"]
    assert [(each["manager"], each["operation"]) for each in after["metadata"]["managedFields"]] == [(manager, "Apply")]

    settings["data"] = {"colour": "red"}
    project.declare(declared(settings))
    project.up()
    assert live.get(settings)["data"] == {"colour": "red"}


def test_a_config_map_named_by_its_content_is_replaced(project: Project, live: Live, namespace: str) -> None:
    first, second = config_map(namespace, "values-1", immutable=True), config_map(namespace, "values-2", immutable=True)
    second["data"] = {"level": "debug"}
    project.declare(declared(first, "values"))
    project.up()
    project.declare(declared(second, "values"))

    output = project.up()

    assert "+-1 replaced" in output
    assert output.index("values creating replacement") < output.index("values deleting original")
    assert live.is_there(second)
    assert not live.is_there(first)


def test_an_immutable_config_map_of_one_name_goes_first(project: Project, live: Live, namespace: str) -> None:
    settings = config_map(namespace, immutable=True)
    project.declare(declared(settings))
    project.up()
    before = live.uid(settings)
    settings["data"] = {"level": "debug"}
    project.declare(declared(settings))

    assert "+-1 to replace" in project.succeeds("preview")
    project.up()

    assert live.uid(settings) != before
    assert live.get(settings)["data"] == {"level": "debug"}
    project.unchanged()


def test_without_the_mutable_setting_data_replaces(project: Project, live: Live, namespace: str) -> None:
    settings = config_map(namespace)
    project.declare(declared(settings, provider="strict"), strict={})
    project.up()
    before = live.uid(settings)
    settings["data"] = {"level": "debug"}
    project.declare(declared(settings, provider="strict"), strict={})
    project.up()
    assert live.uid(settings) != before


def test_what_is_there_already_is_not_taken(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace)
    live.create(charts)
    project.declare(declared(charts))

    assert "+ 3 to create" in project.succeeds("preview")
    output = project.fails("up", "--yes", "--skip-preview")

    assert f'"{charts["metadata"]["name"]}" already exists' in output
    for way_out in ("alias", "Patch resource", "pulumi import", "upsertExistingObjects"):
        assert way_out in output
    assert f"{namespace}/charts" not in project.state()
    project.destroy()
    assert live.is_there(charts)


def test_what_is_imported_is_taken_over_and_changed(project: Project, live: Live, namespace: str) -> None:
    charts, settings = helm_repository(namespace), config_map(namespace)
    live.create(charts)
    live.create(settings)
    before = live.uid(charts), live.uid(settings)
    charts["spec"]["interval"] = "30m"
    project.declare(
        declared(charts, import_=f"{namespace}/charts"),
        declared(settings, import_=f"{namespace}/settings"),
    )

    assert "= 2 to import" in project.succeeds("preview")
    assert "2 imported" in project.up()

    assert (live.uid(charts), live.uid(settings)) == before
    assert live.get(charts)["spec"]["interval"] == "30m"
    project.unchanged()


def test_an_import_of_nothing_is_an_error(project: Project, namespace: str) -> None:
    project.declare(declared(config_map(namespace), import_=f"{namespace}/settings"))
    assert f"resource '{namespace}/settings' does not exist" in project.fails("up", "--yes", "--skip-preview")


def test_the_command_import_takes_over_through_the_ambient_kubeconfig(
    project: Project, live: Live, namespace: str, cluster: Cluster
) -> None:
    settings = config_map(namespace)
    live.create(settings)
    project.env["KUBECONFIG"] = str(cluster.kubeconfig)
    token, name = "kubernetes:core/v1:ConfigMap", "taken"
    project.succeeds("import", "--yes", "--generate-code=false", token, name, f"{namespace}/settings")
    assert project.state()[name]["inputs"]["data"] == {"level": "info"}


def test_existing_objects_are_taken_over_when_the_provider_says_so(
    project: Project, live: Live, namespace: str
) -> None:
    settings = config_map(namespace)
    live.create(settings)
    before = live.uid(settings)
    project.declare(declared(settings, provider="taker"), taker={"upsert_existing_objects": True})
    project.up()
    assert live.uid(settings) == before


def test_a_conflict_names_the_other_and_is_not_forced(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace)
    project.declare(declared(charts))
    project.up()
    live.change(charts, {"spec": {"interval": "5m"}}, manager="flux-cli")
    charts["spec"]["interval"] = "30m"
    project.declare(declared(charts))

    output = project.fails("up", "--yes", "--skip-preview")
    assert 'conflict with "flux-cli"' in output
    assert ".spec.interval" in output
    assert live.get(charts)["spec"]["interval"] == "5m"

    charts["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    project.declare(declared(charts))
    project.up()
    assert live.get(charts)["spec"]["interval"] == "30m"
    project.unchanged()


def test_what_kubectl_wrote_is_no_conflict(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace)
    project.declare(declared(charts))
    project.up()
    live.change(charts, {"spec": {"interval": "5m"}, "metadata": {"labels": {"by": "hand"}}}, manager="kubectl-edit")
    charts["spec"]["interval"] = "30m"
    project.declare(declared(charts))
    project.up()
    after = live.get(charts)
    assert after["spec"]["interval"] == "30m"
    assert "labels" not in after["metadata"]


class WritesBetween(Fault):
    """Has a controller write an object's status after the provider has read it, and before each of its patches."""

    def __init__(self, live: Live, manifest: Object) -> None:
        self.live = live
        self.manifest = manifest
        self.targets: list[str] = []

    def meets(self, request: Request) -> Step:
        if request.method == "PATCH" and request.is_write:
            self.targets.append(request.target)
            self.live.set_condition(self.manifest, "False", observed=len(self.targets))
        return Step.PASS


def test_what_a_controller_writes_meanwhile_hinders_no_first_update(
    project: Project, live: Live, namespace: str, cluster: Cluster, tmp_path: Path
) -> None:
    charts = helm_repository(namespace)
    project.declare(declared(charts))
    project.up()
    charts["spec"]["interval"] = "30m"
    with Proxy(cluster, tmp_path) as proxy:
        project.kubeconfig = proxy.kubeconfig.read_text("utf-8")
        project.declare(declared(charts))
        proxy.fault = fault = WritesBetween(live, charts)
        project.up()
    # The fields' hand-over, which names no manager, and the apply.
    assert ["fieldManager=" in each for each in fault.targets] == [False, True]
    after = live.get(charts)
    assert after["spec"]["interval"] == "30m"
    assert after["status"]["observedGeneration"] == 2
    owners = {(each["operation"], each.get("subresource")) for each in after["metadata"]["managedFields"]}
    assert owners == {("Apply", None), ("Update", "status")}


def test_others_fields_are_no_difference_and_are_kept(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace)
    project.declare(declared(charts))
    project.up()
    live.change(charts, {"spec": {"suspend": True}}, manager="flux-cli")
    live.set_condition(charts, "True", observed=2)
    project.unchanged()
    charts["spec"]["interval"] = "30m"
    project.declare(declared(charts))
    project.up()
    assert live.get(charts)["spec"]["suspend"] is True


def test_an_empty_map_is_a_difference_for_ever(project: Project, namespace: str) -> None:
    charts = helm_repository(namespace)
    charts["metadata"]["annotations"] = {}
    project.declare(declared(charts))
    project.up()
    assert "~ 1 updated" in project.up()
    assert "~ 1 updated" in project.up()


def test_an_object_of_another_namespace_is_another(project: Project, live: Live, namespace: str) -> None:
    here, there = config_map(namespace), config_map("default", "settings")
    project.declare(declared(here, "settings"))
    project.up()
    project.declare(declared(there, "settings"))
    assert "+-1 replaced" in project.up()
    assert live.is_there(there)
    assert not live.is_there(here)
    project.destroy()


def test_up_waits_until_the_condition_holds(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace, waitFor="condition=Ready")
    project.declare(declared(charts))
    with project.running("up", "--yes", "--skip-preview") as up:
        assert up.stdout is not None
        live.until(charts)
        live.set_condition(charts, "False", observed=1)
        assert any("Resource has condition Ready=False (want True)" in line for line in up.stdout)
        live.set_condition(charts, "True", observed=0)
        assert any("Generation 0 is less than expected 1" in line for line in up.stdout)
        live.set_condition(charts, "True", observed=1)
        output = up.communicate(timeout=60)[0]
        assert up.returncode == 0, output
    exported = json.loads(project.succeeds("stack", "output", "--json"))[f"{namespace}/charts"]
    assert exported["conditions"][0]["status"] == "True"


def test_warnings_about_an_awaited_object_are_shown(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace, waitFor="condition=Ready")
    project.declare(declared(charts))
    with project.running("up", "--yes", "--skip-preview") as up:
        made = live.until(charts)
        live.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": "warning", "namespace": namespace},
                "involvedObject": {"kind": "HelmRepository", "namespace": namespace, "uid": made["metadata"]["uid"]},
                "type": "Warning",
                "reason": "Failed",
                "message": "the charts are wet",
            }
        )
        assert up.stdout is not None
        assert any("Failed: the charts are wet" in line for line in up.stdout)
        live.set_condition(charts, "True", observed=1)
        output = up.communicate(timeout=60)[0]
        assert up.returncode == 0, output


@pytest.mark.parametrize(
    "wait",
    [
        "jsonpath={.status.conditions[?(@.type=='Ready' && @.status=='True' || @.type=='Stalled')].type}",
        "jsonpath={.status.observedGeneration}=1",
        '["condition=Ready=True", "jsonpath={.status.conditions[*].reason}=Tested"]',
    ],
    ids=["filter", "value", "several"],
)
def test_up_waits_for_paths(project: Project, live: Live, namespace: str, wait: str) -> None:
    charts = helm_repository(namespace, waitFor=wait)
    project.declare(declared(charts))
    with project.running("up", "--yes", "--skip-preview") as up:
        live.until(charts)
        live.set_condition(charts, "True", observed=1)
        output = up.communicate(timeout=60)[0]
        assert up.returncode == 0, output


def test_a_wait_that_fails_leaves_the_object_in_the_state(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace, waitFor="condition=Ready", timeoutSeconds="1")
    project.declare(declared(charts))
    output = project.fails("up", "--yes", "--skip-preview")
    assert "failed to fully initialize or become live: timed out waiting for the condition" in output

    kept = project.state()[f"{namespace}/charts"]
    assert kept["id"] == f"{namespace}/charts"
    assert "timed out waiting for the condition" in kept["initErrors"][0]
    assert "timed out" in project.fails("up", "--yes", "--skip-preview")

    live.set_condition(charts, "True", observed=1)
    assert "1 updated" in project.up()
    assert not project.state()[f"{namespace}/charts"].get("initErrors")
    project.unchanged()


def test_a_wait_can_be_skipped(project: Project, namespace: str) -> None:
    project.declare(declared(helm_repository(namespace, waitFor="condition=Ready", skipAwait="true")))
    project.up()


def test_an_unreadable_wait_is_said(project: Project, namespace: str) -> None:
    project.declare(declared(helm_repository(namespace, waitFor="Ready")))
    output = project.fails("up", "--yes", "--skip-preview")
    assert 'expected a "jsonpath=" or "condition=" prefix, got "Ready"' in output


def test_destroy_waits_for_finalizers(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace)
    project.declare(declared(charts))
    project.up()
    live.change(charts, {"metadata": {"finalizers": ["example.org/wait"]}})
    with project.running("destroy", "--yes", "--skip-preview") as destroy:
        live.until(charts, lambda seen: "deletionTimestamp" in seen["metadata"])
        assert destroy.poll() is None
        live.change(charts, {"metadata": {"finalizers": None}})
        output = destroy.communicate(timeout=60)[0]
        assert destroy.returncode == 0, output
    assert not live.is_there(charts)
    assert project.state() == {}


def test_a_delete_that_takes_too_long_names_the_finalizers(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace)
    project.declare(declared(charts, custom_timeouts={"delete": "1s"}))
    project.up()
    live.change(charts, {"metadata": {"finalizers": ["example.org/wait"]}})

    output = project.fails("destroy", "--yes", "--skip-preview")
    assert "finalizers might be preventing deletion" in output
    assert "example.org/wait" in output
    assert f"{namespace}/charts" in project.state()

    live.change(charts, {"metadata": {"finalizers": None}})
    project.destroy()
    assert project.state() == {}


def test_what_is_gone_already_is_deleted_without_error(project: Project, live: Live, namespace: str) -> None:
    settings = config_map(namespace)
    project.declare(declared(settings))
    project.up()
    live.delete(settings)
    project.destroy()
    assert project.state() == {}


def test_an_orphaned_dependent_stays(project: Project, live: Live, namespace: str) -> None:
    owner, dependent = config_map(namespace, "owner"), config_map(namespace, "dependent")
    owner["metadata"]["annotations"] = {"pulumi.com/deletionPropagationPolicy": "orphan"}
    project.declare(declared(owner))
    project.up()
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": live.uid(owner)}
    live.create({**dependent, "metadata": {**dependent["metadata"], "ownerReferences": [reference]}})
    project.destroy()
    assert not live.is_there(owner)
    assert "ownerReferences" not in live.until(dependent, lambda seen: "ownerReferences" not in seen["metadata"])


def test_refresh_sees_what_others_changed_and_removed(project: Project, live: Live, namespace: str) -> None:
    settings, charts = config_map(namespace), helm_repository(namespace)
    project.declare(declared(settings), declared(charts))
    project.up()
    project.succeeds("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    live.change(settings, {"data": {"level": "trace", "unasked": "for"}}, manager="kubectl-edit")
    live.delete(charts)

    output = project.succeeds("refresh", "--yes", "--skip-preview")

    assert "1 updated" in output
    assert "1 deleted" in output
    kept = project.state()
    assert kept[f"{namespace}/settings"]["inputs"]["data"] == {"level": "trace"}
    assert f"{namespace}/charts" not in kept
    project.up()
    assert live.get(settings)["data"] == {"level": "info"}


def test_secrets_stay_secret(project: Project, live: Live, namespace: str) -> None:
    password: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "password", "namespace": namespace},
        "stringData": {"password": "hunter2"},
    }
    project.declare(declared(password), cluster={"enable_secret_mutable": True})
    output = project.succeeds("up", "--yes", "--diff")
    kept = (project.folder / "state" / ".pulumi" / "stacks" / "trial" / "dev.json").read_text("utf-8")
    for text in (output, kept):
        assert "hunter2" not in text
        assert "aHVudGVyMg==" not in text
        assert "current-context" not in text
    assert live.get(password)["data"] == {"password": "aHVudGVyMg=="}
    project.unchanged()

    password["stringData"] = {"password": "hunter3"}
    project.declare(declared(password), cluster={"enable_secret_mutable": True})
    project.up()
    assert live.get(password)["data"] == {"password": "aHVudGVyMw=="}


def test_numbers_stay_whole(project: Project, live: Live, namespace: str) -> None:
    quota: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "numbers", "namespace": namespace},
        "spec": {"ports": [{"port": 80, "targetPort": 8080}], "selector": {"app": "numbers"}},
    }
    project.declare(declared(quota))
    project.up()
    assert live.get(quota)["spec"]["ports"][0]["port"] == 80
    project.unchanged()


def test_ignored_changes_leave_the_live_value(project: Project, live: Live, namespace: str) -> None:
    charts = helm_repository(namespace)
    project.declare(declared(charts, ignore_changes=["spec.interval"]))
    project.up()
    live.change(charts, {"spec": {"interval": "5m"}}, manager="flux-cli")
    charts["spec"] |= {"interval": "30m", "timeout": "90s"}
    project.declare(declared(charts, ignore_changes=["spec.interval"]))
    project.up()
    spec = live.get(charts)["spec"]
    assert (spec["interval"], spec["timeout"]) == ("5m", "90s")


def test_providers_of_one_program_keep_their_settings_apart(project: Project, live: Live, namespace: str) -> None:
    nowhere: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nowhere"}, "data": {"a": "b"}}
    project.declare(
        declared(nowhere, "here", provider="here"),
        declared(nowhere, "there", provider="there"),
        here={"namespace": namespace},
        there={"namespace": "default"},
    )
    project.up()
    for home in (namespace, "default"):
        assert live.is_there({**nowhere, "metadata": {"name": "nowhere", "namespace": home}})
    project.unchanged()
    project.destroy()


def test_a_kind_that_comes_during_the_update_is_waited_for(project: Project, live: Live, namespace: str) -> None:
    definition: Object = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "laters.example.org"},
        "spec": {
            "group": "example.org",
            "names": {"kind": "Later", "plural": "laters"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }
    later: Object = {
        "apiVersion": "example.org/v1",
        "kind": "Later",
        "metadata": {"name": "later", "namespace": namespace},
        "spec": {"count": 3},
    }
    project.declare(declared(later))
    assert "+ 3 to create" in project.succeeds("preview")
    with project.running("up", "--yes", "--skip-preview") as up:
        assert up.stdout is not None
        assert any("no matches for kind" in line for line in up.stdout)
        live.create(definition)
        output = up.communicate(timeout=60)[0]
        assert up.returncode == 0, output
    project.unchanged()
    project.destroy()
    live.delete(definition)


def test_killed_in_the_middle_it_converges_by_import(project: Project, live: Live, namespace: str) -> None:
    made, waits = config_map(namespace), helm_repository(namespace, waitFor="condition=Ready")
    project.env["PULUMI_SKIP_CHECKPOINTS"] = "true"
    project.declare(declared(made), declared(waits, depends_on=[f"{namespace}/settings"]))
    with project.running("up", "--yes", "--skip-preview") as up:
        live.until(waits)
        up.kill()
        up.wait()
    before = live.uid(made), live.uid(waits)
    assert "locked by 1 lock" in project.fails("up", "--yes", "--skip-preview")
    project.succeeds("cancel", "--yes")

    live.set_condition(waits, "True", observed=1)
    project.declare(
        declared(made, import_=f"{namespace}/settings"),
        declared(waits, import_=f"{namespace}/charts", depends_on=[f"{namespace}/settings"]),
    )
    project.up()
    assert (live.uid(made), live.uid(waits)) == before
    project.unchanged()


def test_an_interrupt_ends_what_is_waited_for(project: Project, live: Live, namespace: str) -> None:
    waits = helm_repository(namespace, waitFor="condition=Ready")
    project.declare(declared(waits))
    with project.running("up", "--yes", "--skip-preview") as up:
        live.until(waits)
        up.send_signal(2)
        output = up.communicate(timeout=30)[0]
    assert up.returncode != 0
    assert "cancel" in output
    assert f"{namespace}/charts" in project.state()


def test_an_unreachable_cluster_is_said(project: Project, namespace: str) -> None:
    reachable = project.kubeconfig
    settings = config_map(namespace)
    project.declare(declared(settings))
    project.up()

    parsed = yaml.safe_load(reachable)
    parsed["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    project.kubeconfig = json.dumps(parsed)
    settings["data"] = {"level": "debug"}
    project.declare(declared(settings))
    output = project.fails("up", "--yes", "--skip-preview")
    assert "configured Kubernetes cluster is unreachable" in output
    assert "127.0.0.1:1" in output
    assert "PULUMI_K8S_DELETE_UNREACHABLE" in project.fails("destroy", "--yes", "--skip-preview")

    project.kubeconfig = reachable
    project.declare(declared(settings))
    project.up()


def test_an_unknown_context_is_said(project: Project, namespace: str) -> None:
    project.declare(declared(config_map(namespace), provider="lost"), lost={"context": "nowhere"})
    assert 'context "nowhere" does not exist' in project.fails("up", "--yes", "--skip-preview")


def test_operations_go_on_at_once(project: Project, live: Live, namespace: str) -> None:
    waits = [helm_repository(namespace, f"charts-{number}", waitFor="condition=Ready") for number in range(12)]
    project.declare(*map(declared, waits))
    with project.running("up", "--yes", "--skip-preview", "--parallel", "16") as up:
        readers = [threading.Thread(target=live.until, args=(each,)) for each in waits]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        # All of them were made before the first was ready.
        for each in waits:
            live.set_condition(each, "True", observed=1)
        output = up.communicate(timeout=60)[0]
        assert up.returncode == 0, output
