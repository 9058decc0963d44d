"""``fluxapps status`` and ``doctor`` against a fake API: what they show of a stack, and how they end."""

import json
import signal
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from fluxapps.model import declare, load, resolve
from fluxapps.model.live.standing import delivered
from tests.unit.cli_run import COMMAND, PATIENCE, Ended, environment, fluxapps, process, situation, terminal, write
from tests.unit.fake_api import FakeApi, manifest, serving, write_kubeconfig

FILES = {
    "Pulumi.yaml": "name: fluxapps\nruntime: python\n",
    "Pulumi.dev.yaml": "config:\n  fluxapps:cluster:\n    context: dev\n",
    "fleet.yaml": "repositories:\n  podinfo: https://charts.example.org/podinfo\n",
    "apps/web/app.yaml": "chart: podinfo\nrepository: podinfo\nversion: 6.x\n",
    "apps/web/values.yaml": "replicas: 2\n",
    "apps/two/app.yaml": "repository: podinfo\nversion: 6.x\nreleases:\n  a: {chart: podinfo}\n  b: {chart: podinfo}\n",
}
HELM_RELEASE = "helm.toolkit.fluxcd.io/v2"
STACK = ("--stack", "dev")


class Deployed:
    """A repository whose stack is in a cluster, as it is declared, and Ready."""

    def __init__(self, root: Path, api: FakeApi) -> None:
        self.root = root
        self.api = api
        write(root, FILES)
        self.env = {"KUBECONFIG": str(write_kubeconfig(root.parent / "kubeconfig", api.address, "dev"))}

    def deploy(self) -> None:
        for one in delivered(declare(resolve(load(self.root), "dev"))):
            made = deepcopy(one.manifest)
            made["metadata"] |= {"generation": 1, "uid": "u", "managedFields": []}
            made["status"] = {"conditions": [condition("True")]}
            if one.id.kind == "HelmRelease":
                made["status"]["history"] = [
                    {"chartVersion": "6.9.3", "status": "failed"},
                    {"chartVersion": "6.9.2", "status": "deployed"},
                ]
            self.api.add(made)

    def object(self, kind: str, name: str) -> dict[str, Any]:
        return next(one for one in self.api.objects.values() if (one["kind"], one["metadata"]["name"]) == (kind, name))

    def remove(self, kind: str, name: str) -> None:
        found = self.object(kind, name)
        self.api.objects = {path: one for path, one in self.api.objects.items() if one is not found}

    def run(self, *words: str) -> Ended:
        with situation(self.root, environment(**self.env)):
            return fluxapps(*words)

    def status(self) -> dict[str, Any]:
        ended = self.run("status", *STACK, "--json")
        found: dict[str, Any] = json.loads(ended.out or ended.err)
        assert ended.code == int(not found["well"])
        return found

    def doctor(self) -> dict[str, str]:
        """Return what the doctor finds, by code, with what would help."""
        ended = self.run("doctor", *STACK, "--format", "json")
        assert not ended.err, ended.err
        found = json.loads(ended.out)
        assert ended.code == any(one["severity"] == "error" for one in found)
        return {one["code"]: f"{one['file']}: {one['what']} => {one['fix']}" for one in found}


def condition(status: str, reason: str = "Done", message: str = "done", generation: int = 1) -> dict[str, Any]:
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
    }


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    api = FakeApi()
    api.install_flux()
    api.add(manifest("v1", "Namespace", "flux-system"))
    with serving(api):
        made = Deployed(tmp_path / "fleet", api)
        made.deploy()
        yield made


def test_all_is_well(deployed: Deployed) -> None:
    found = deployed.status()
    assert [app["app"] for app in found["apps"]] == [None, "two", "web"]
    assert found["well"]
    ended = deployed.run("status", *STACK)
    assert ended.code == 0
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["web", "podinfo", "6.x", "2/2", "yes", "6.9.2", "-"] in lines
    assert ["two", "podinfo", "6.x,", "podinfo", "6.x", "2/2", "yes", "6.9.2", "-"] in lines
    assert ended.out.endswith("\n2 apps: 2 as declared and Ready\n")
    assert deployed.doctor() == {}
    ended = deployed.run("doctor", *STACK)
    assert (ended.code, ended.out) == (
        0,
        f"stack dev, 7 objects in cluster 'dev' ({deployed.api.address}): no problems\n",
    )


def test_the_json_has_every_key_whatever_is_wrong(deployed: Deployed) -> None:
    well = deployed.status()
    deployed.remove("HelmRelease", "web")
    deployed.object("HelmRelease", "a")["status"] = {}
    found = deployed.status()
    assert found.keys() == well.keys()
    for app, before in zip(found["apps"], well["apps"], strict=True):
        assert app.keys() == before.keys()
        assert [one.keys() for one in app["objects"]] == [one.keys() for one in before["objects"]]


def test_an_app_is_as_bad_as_the_worst_of_its_objects(deployed: Deployed) -> None:
    deployed.object("HelmRelease", "a")["status"]["conditions"] = [condition("False", "InstallFailed", "no\nway")]
    deployed.object("HelmRelease", "b")["status"]["conditions"] = [condition("Unknown", "Progressing", "soon")]
    two = deployed.status()["apps"][1]
    assert (two["ready"], two["reason"], two["revisions"]) == ("no", "InstallFailed", ["6.9.2"])
    ended = deployed.run("status", *STACK)
    assert ended.code == 1
    assert "no: InstallFailed" in ended.out
    assert "\nHelmRelease two/a: InstallFailed: no way\n" in ended.out
    assert "2 apps: 1 as declared and Ready, 1 not Ready" in ended.out
    assert deployed.doctor()["not-ready"].startswith("apps/two/app.yaml: HelmRelease two/a is not Ready: InstallFailed")


@pytest.mark.parametrize(
    ("said", "ready"),
    [
        ([condition("True", generation=0)], "progressing"),
        ([condition("Unknown")], "progressing"),
        ([], "unseen"),
    ],
)
def test_what_is_not_ready_yet(deployed: Deployed, said: list[dict[str, Any]], ready: str) -> None:
    deployed.object("HelmRelease", "web")["status"] = {"conditions": said}
    assert deployed.status()["apps"][2]["ready"] == ready
    assert ("no-controller" in deployed.doctor()) == (ready == "unseen")


def test_the_root_of_the_trouble_is_told(deployed: Deployed) -> None:
    waits = condition("False", "SourceNotReady", "HelmChart 'flux-system/web-web' is not ready")
    deployed.object("HelmRelease", "web")["status"]["conditions"] = [waits]
    chart = manifest("source.toolkit.fluxcd.io/v1", "HelmChart", "web-web", "flux-system")
    chart["metadata"] |= {"generation": 1, "uid": "u"}
    chart["spec"] = {"chart": "podinfo", "sourceRef": {"kind": "HelmRepository", "name": "podinfo"}}
    no_version = condition("False", "InvalidChartReference", "no chart version found for podinfo-6.x")
    chart["status"] = {"conditions": [no_version]}
    deployed.api.add(chart)
    told = "InvalidChartReference: no chart version found for podinfo-6.x"

    def web() -> dict[str, Any]:
        app = next(app for app in deployed.status()["apps"] if app["app"] == "web")
        return next(one for one in app["objects"] if one["kind"] == "HelmRelease")

    root = {"group": "source.toolkit.fluxcd.io", "kind": "HelmChart", "namespace": "flux-system", "name": "web-web"}
    assert (web()["reason"], web()["root"]) == ("SourceNotReady", {**root, "message": told})
    because = f"; because of HelmChart flux-system/web-web: {told}"
    assert because in " ".join(deployed.run("status", *STACK).out.split())
    assert because in deployed.doctor()["not-ready"]
    # What the chart waits for itself.
    denied = condition("False", "AuthenticationFailed", "401")
    deployed.object("HelmRepository", "podinfo")["status"]["conditions"] = [denied]
    assert web()["root"] == {
        **root,
        "kind": "HelmRepository",
        "name": "podinfo",
        "message": "AuthenticationFailed: 401",
    }
    # Its own trouble is its own.
    failing = condition("False", "InstallFailed", "no")
    deployed.object("HelmRepository", "podinfo")["status"]["conditions"] = [condition("True")]
    chart["status"] = {"conditions": [condition("True")]}
    deployed.object("HelmRelease", "web")["status"]["conditions"] = [failing]
    assert (web()["message"], web()["root"]) == ("no", None)


def test_a_repository_of_type_oci_has_no_readiness(deployed: Deployed) -> None:
    write(deployed.root, {"fleet.yaml": "repositories:\n  podinfo: oci://charts.example.org/podinfo\n"})
    deployed.deploy()
    del deployed.object("HelmRepository", "podinfo")["status"]
    assert deployed.status()["well"]
    assert deployed.doctor() == {}


def test_what_is_suspended_is_not_well_unless_the_files_say_so(deployed: Deployed) -> None:
    release = deployed.object("HelmRelease", "web")
    release["spec"]["suspend"] = True
    release["metadata"]["generation"] = 2
    web = deployed.status()["apps"][2]
    assert (web["well"], web["suspended"], web["ready"], web["drift"]) == (False, True, None, 0)
    assert deployed.doctor().keys() == {"suspended"}
    assert "flux resume helmrelease web -n web --context=dev" in deployed.doctor()["suspended"]
    write(deployed.root, {"apps/web/app.yaml": f"{FILES['apps/web/app.yaml']}release: {{suspend: true}}\n"})
    assert deployed.status()["well"]
    assert deployed.doctor() == {}


def test_what_is_missing_and_what_nobody_declares(deployed: Deployed) -> None:
    deployed.remove("HelmRelease", "web")
    label = {"fluxapps/stack": "fluxapps.dev", "fluxapps/app": "old"}
    deployed.api.add(manifest(HELM_RELEASE, "HelmRelease", "old", "old", labels=label) | {"spec": {}})
    deployed.api.add(manifest("v1", "Namespace", "old", labels=label))
    apps = deployed.status()["apps"]
    assert [(app["app"], app["declared"], app["live"], app["undeclared"]) for app in apps] == [
        (None, 3, 3, 0),
        ("old", 0, 0, 1),
        ("two", 2, 2, 0),
        ("web", 2, 1, 0),
    ]
    table = deployed.run("status", *STACK).out
    assert "HelmRelease web/web is not there" in table
    assert "HelmRelease old/old carries the stack's label and is not declared" in table
    found = deployed.doctor()
    assert found.keys() == {"missing-object", "orphan", "kept-namespace", "no-controller"}
    assert "HelmRelease web/web of app web is not there => fluxapps up --stack dev" in found["missing-object"]
    assert "kubectl --context=dev delete helmreleases.helm.toolkit.fluxcd.io old -n old" in found["orphan"]


def test_a_namespace_that_was_kept_is_well(deployed: Deployed) -> None:
    deployed.api.add(manifest("v1", "Namespace", "old", labels={"fluxapps/stack": "fluxapps.dev"}))
    assert deployed.status()["well"]
    assert deployed.run("doctor", *STACK).code == 0


def test_nothing_is_deployed(deployed: Deployed) -> None:
    for kind, name in (
        ("HelmRelease", "web"),
        ("HelmRelease", "a"),
        ("HelmRelease", "b"),
        ("HelmRepository", "podinfo"),
    ):
        deployed.remove(kind, name)
    for one in [one for one in deployed.api.objects.values() if one["kind"] in {"ConfigMap", "Namespace"}]:
        if one["metadata"]["name"] != "kube-system":
            deployed.remove(one["kind"], one["metadata"]["name"])
    assert deployed.doctor().keys() == {"not-deployed"}
    assert not deployed.status()["well"]


def test_who_changed_what(deployed: Deployed) -> None:
    release = deployed.object("HelmRelease", "web")
    release["spec"]["interval"] = "5m"
    edited = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:interval": {}}}}
    release["metadata"]["managedFields"] = [edited]
    repository = deployed.object("HelmRepository", "podinfo")
    del repository["metadata"]["labels"]["fluxapps/stack"]
    repository["metadata"]["managedFields"] = [{"manager": "pulumi-kubernetes", "operation": "Update"}]
    shared, _, web = deployed.status()["apps"]
    assert (shared["drift"], web["drift"]) == (1, 1)
    assert "spec.interval is 5m instead of 30m (by kubectl-edit)" in deployed.run("status", *STACK).out
    findings = json.loads(deployed.run("doctor", *STACK, "--format", "json").out)
    assert [(one["code"], one["file"]) for one in findings] == [("drift", "apps/web/app.yaml"), ("drift", "fleet.yaml")]
    release["metadata"]["managedFields"] = [{**edited, "manager": "dashboard"}]
    found = deployed.doctor()
    assert "another tool wrote fields of HelmRelease web/web" in found["other-writer"]
    assert (
        "kubectl --context=dev patch helmreleases.helm.toolkit.fluxcd.io web -n web --type=json"
        in found["other-writer"]
    )


def test_a_deletion_that_waits_and_somebody_elses_object(deployed: Deployed) -> None:
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["finalizers.fluxcd.io"]}
    deployed.object("HelmRelease", "web")["metadata"] |= going
    foreign = deployed.object("HelmRepository", "podinfo")
    foreign["metadata"] = {
        "name": "podinfo",
        "namespace": "flux-system",
        "generation": 1,
        "managedFields": [{"manager": "kubectl-create"}],
    }
    found = deployed.doctor()
    assert found.keys() == {"stuck-deletion", "not-ours"}
    assert "is being deleted since 2026-01-01T00:00:00Z, and waits for finalizers.fluxcd.io" in found["stuck-deletion"]
    assert "see that helm-controller runs" in found["stuck-deletion"]
    assert deployed.status()["apps"][2]["objects"][-1]["beingDeleted"]


@pytest.mark.parametrize("marked", [True, False])
def test_a_copy_in_what_flux_applies(deployed: Deployed, marked: bool) -> None:
    entries = [{"id": "web_web_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"}]
    theirs = manifest("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "theirs", "flux-system")
    deployed.api.add({**theirs, "spec": {}, "status": {"inventory": {"entries": entries}}})
    if not marked:
        del deployed.object("HelmRelease", "web")["metadata"]["annotations"]
    found = deployed.doctor()
    code = "flux-copy" if marked else "flux-writes"
    assert "the Kustomization flux-system/theirs" in found[code]
    assert found.keys() == {code} | (set() if marked else {"drift"})


def test_another_release_of_the_same_name(deployed: Deployed) -> None:
    spec = {"releaseName": "web", "chart": {"spec": {"chart": "podinfo"}}}
    deployed.api.add(manifest(HELM_RELEASE, "HelmRelease", "by-hand", "web") | {"spec": spec})
    said = deployed.doctor()["release-taken"]
    assert "HelmRelease web/by-hand, none of this stack's" in said
    assert "fluxapps attach web --stack dev" in said
    deployed.object("HelmRelease", "by-hand")["spec"]["suspend"] = True
    assert deployed.doctor() == {}


def test_in_git_delivery_objects_are_known_by_name(deployed: Deployed) -> None:
    git = "    delivery: git\n    git: {url: https://git.example.org/fleet.git}\n"
    for kind, name in (
        ("HelmRelease", "web"),
        ("HelmRelease", "a"),
        ("HelmRelease", "b"),
        ("HelmRepository", "podinfo"),
    ):
        deployed.remove(kind, name)
    write(deployed.root, {"Pulumi.dev.yaml": FILES["Pulumi.dev.yaml"] + git})
    deployed.deploy()
    release = deployed.object("HelmRelease", "web")
    assert "labels" not in release["metadata"]
    found = deployed.status()
    assert (found["delivery"], found["well"]) == ("git", True)
    assert deployed.doctor() == {}
    release["spec"]["interval"] = "5m"
    release["metadata"]["managedFields"] = [
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:interval": {}}}}
    ]
    assert "flux reconcile kustomization fluxapps -n flux-system" in deployed.doctor()["drift"]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_table_fits_the_terminal(deployed: Deployed, columns: int) -> None:
    deployed.object("HelmRelease", "a")["status"]["conditions"] = [condition("False", "InstallFailed", "no way " * 30)]
    shown = terminal(
        "status", *STACK, folder=deployed.root, env=environment(**deployed.env, NO_COLOR="1"), columns=columns
    )
    assert shown.code == 1
    assert all(len(line) <= columns for line in shown.out.splitlines())
    assert "web" in shown.out


def test_watching_on_a_terminal_goes_on_until_ctrl_c(deployed: Deployed) -> None:
    env = environment(**deployed.env, NO_COLOR="1")
    shown = terminal("status", *STACK, "--watch", folder=deployed.root, env=env, interrupt_at="as declared and Ready")
    assert shown.code == 130
    assert "Traceback" not in shown.out


@pytest.mark.parametrize("as_json", [False, True])
def test_watching_in_a_pipe_tells_what_changes(deployed: Deployed, as_json: bool) -> None:
    words = ["status", *STACK, "--watch", *(["--json"] if as_json else [])]
    with subprocess.Popen(  # noqa: S603 - ourselves
        [*COMMAND, *words],
        cwd=deployed.root,
        env=environment(**deployed.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        try:
            first = [running.stdout.readline() for _ in range(1 if as_json else 4)]
            assert ("well" in first[0]) if as_json else first[-1] == "2 apps: 2 as declared and Ready\n"
            deployed.api.failures["/helmreleases"] = (500, "no luck")
            deployed.object("HelmRelease", "web")["spec"]["suspend"] = True
            if not as_json:
                assert "no luck" in running.stdout.readline()
            deployed.api.failures.clear()
            told = running.stdout.readline()
            if as_json:
                while "no luck" in told:
                    told = running.stdout.readline()
                assert json.loads(told)["well"] is False
            else:
                assert "suspended" in told
            running.send_signal(signal.SIGINT)
            assert running.wait(PATIENCE) == 130
            assert running.stderr is not None
            assert "Traceback" not in running.stderr.read()
        finally:
            running.kill()


def test_a_cluster_that_can_not_be_read_is_said_in_a_sentence(deployed: Deployed) -> None:
    deployed.api.failures["/helmreleases"] = (403, "not for you")
    for verb in ("status", "doctor"):
        ended = deployed.run(verb, *STACK)
        assert ended.code == 1
        assert "does not allow this: not for you" in ended.err
        assert ended.out == ""


def test_files_with_errors_are_told_and_nothing_is_looked_at(deployed: Deployed) -> None:
    write(deployed.root, {"apps/web/app.yaml": "chart: podinfo\n"})
    deployed.api.requests.clear()
    ended = deployed.run("status", *STACK)
    assert ended.code == 1
    assert "apps/web/app.yaml" in ended.err
    assert deployed.api.requests == []


def test_five_hundred_apps_take_a_list_a_kind(deployed: Deployed) -> None:
    apps = {f"apps/app-{number}/app.yaml": FILES["apps/web/app.yaml"] for number in range(500)}
    write(deployed.root, {**apps, "fleet.yaml": FILES["fleet.yaml"]})
    deployed.deploy()
    deployed.api.requests.clear()
    ended = process("status", *STACK, "--json", folder=deployed.root, env=environment(**deployed.env))
    assert ended.code == 0
    assert len(json.loads(ended.out)["apps"]) == 503
    assert (requests := len(deployed.api.requests)) < 10
    # One more when all of them wait for their charts: the list of those.
    for one in deployed.api.objects.values():
        if one["kind"] == "HelmRelease":
            one["status"]["conditions"] = [condition("False", "SourceNotReady", "not ready")]
    deployed.api.requests.clear()
    ended = process("status", *STACK, "--json", folder=deployed.root, env=environment(**deployed.env))
    assert ended.code == 1
    assert len(deployed.api.requests) == requests + 1
