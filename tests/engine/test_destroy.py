"""Removal ends, whatever the apps are in: Helm uninstalls, data and others' objects stay, and what stays is named."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from fluxapps.devcluster import Cluster
from tests.engine.fleet import WAYS, Fleet, Way
from tests.engine.live import HELM, Live, Object, is_being_deleted
from tests.engine.objects import Objects, is_failing, is_ready, pod_template

pytestmark = pytest.mark.engine

IDENTITY = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
BRIEF: Object = {"interval": "1h", "retryInterval": "2s", "timeout": "30s"}
CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}, namespace: {namespace}, annotations: {{{annotations}}}}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
"""
QUEUE = """\
apiVersion: messaging.example.org/v1
kind: Queue
metadata: {{name: orders, namespace: {namespace}}}
spec: {{durable: true}}
"""


@pytest.mark.parametrize("way", WAYS)
def test_every_state_of_an_app_comes_to_an_end(
    way: Way, flux_fleet: Callable[[Way], Fleet], flux_live: Live, flux_objects: Objects
) -> None:
    fleet = flux_fleet(way)
    apps = {
        name: declared(fleet, name)
        for name in ("healthy", "paused", "homeless", "sourceless", "unrecorded", "one", "two")
    }
    apps["failing"] = declared(fleet, "failing", {"failAt": "install"}, chart="told-to-fail", version="*")
    apps["operator"] = declared(fleet, "operator", chart="queue-operator", version="*")
    fleet.write(f"apps/{apps['operator']}/queue.yaml", QUEUE.format(namespace=apps["operator"]))
    keeper = apps["keeper"] = declared(fleet, "keeper")
    claims = CLAIM.format(name="kept", namespace=keeper, annotations="")
    claims += CLAIM.format(name="asked-for", namespace=keeper, annotations="kustomize.toolkit.fluxcd.io/prune: enabled")
    fleet.write(f"apps/{keeper}/claims.yaml", claims)
    lone = f"{fleet.name}-lone-charts"
    fleet.write("fleet.yaml", {"repositories": dict.fromkeys((fleet.charts, lone), fleet.cluster.charts_url)})
    declared(fleet, "sourceless", repository=lone)
    follow(fleet)
    fleet.up()
    for name in apps.keys() - {"failing"}:
        flux_live.until(f"HelmRelease {apps[name]}/{apps[name]}", is_ready)
    flux_live.until(f"HelmRelease {apps['failing']}/{apps['failing']}", is_failing)
    for name in ("operator", "keeper"):
        flux_live.until(f"Kustomization flux-system/{apps[name]}", is_ready)

    # Several at once.
    for name in ("one", "two"):
        fleet.remove(apps[name])
    said = fleet.up()
    assert f"this run uninstalls {apps['one']}/{apps['one']}, {apps['two']}/{apps['two']}" in said
    assert f"keeps the namespaces {apps['one']}, {apps['two']}" in said
    for name in ("one", "two"):
        assert flux_objects.find(deployment(apps[name])) is None
        assert flux_live.find(f"Namespace {apps[name]}")

    flux_live.change(f"HelmRelease {apps['paused']}/{apps['paused']}", {"spec": {"suspend": True}})
    flux_objects.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": apps["homeless"]}})
    flux_live.delete(f"HelmRepository flux-system/{lone}")
    lost = apps["unrecorded"]
    flux_objects.delete(named("v1", "Secret", f"sh.helm.release.v1.{lost}.v1", lost))
    theirs = {**config_map("theirs", apps["healthy"]), "data": {"a": "b"}}
    flux_live.create(theirs)
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "kept"}}]
    user = {**named("v1", "Pod", "user", keeper), "spec": pod_template("user", volumes=volumes)["spec"]}
    flux_objects.apply(user)
    flux_objects.until(user, lambda found: found["status"].get("phase") == "Running")
    queue = named("messaging.example.org/v1", "Queue", "orders", apps["operator"])
    assert flux_objects.until(queue, bool)["metadata"]["finalizers"]

    # Flux takes a release that Helm has no record of for uninstalled: only `fluxapps` sees that it isn't.
    said = fleet.destroy() if way == "pulumi" else fleet.refused("destroy")

    assert flux_objects.find(deployment(lost))
    assert flux_live.ours(fleet.label).keys() == {
        f"Namespace {app}" for name, app in apps.items() if name != "homeless"
    }
    assert fleet.is_empty()
    for name in ("healthy", "sourceless", "operator", "keeper", "failing"):
        assert flux_objects.find(deployment(apps[name])) is None, name
    assert flux_objects.find(deployment(apps["paused"]))
    assert flux_objects.find(queue) is None
    claim = named("v1", "PersistentVolumeClaim", "kept", keeper)
    assert not is_being_deleted(flux_objects.until(claim, bool))
    assert flux_objects.find(named("v1", "PersistentVolumeClaim", "asked-for", keeper)) is None
    assert flux_objects.find(user)
    assert flux_live.find(f"ConfigMap {apps['healthy']}/theirs")
    if way == "fluxapps":
        names_all(said, apps)


def names_all(said: str, apps: dict[str, str]) -> None:
    """Check that a destruction said before and after what goes and what stays."""
    healthy, paused, keeper = apps["healthy"], apps["paused"], apps["keeper"]
    assert f"{healthy}/{healthy}" in line_of(said, "destroy uninstalls ")
    assert f"destroy leaves running, because suspended, {paused}/{paused}" in said
    assert f"destroy deletes with its data the volume claim {keeper}/asked-for (Flux prunes it)" in said
    assert f"destroy keeps the volume claim {keeper}/kept" in said
    assert healthy in line_of(said, "destroy keeps the namespaces ")
    assert f"runs on: Helm release {paused}/{paused}; to end it: helm uninstall {paused} -n {paused}" in said
    assert f"delete helmchart {paused}-{paused} -n flux-system" in line_of(said, "runs on: ")
    assert f"stays: volume claim {keeper}/kept" in said
    lost = apps["unrecorded"]
    assert line_of(said, "remains: ").endswith(
        f"{lost}/{lost}: of Helm release {lost}/{lost}, which counts as uninstalled"
    )
    assert f"delete deployment.apps {lost} -n {lost}" in said


def test_helm_controller_stopped_and_a_hook_that_fails(
    flux_fleet: Callable[[Way], Fleet], flux_cluster: Cluster, flux_live: Live, flux_objects: Objects
) -> None:
    fleet = flux_fleet("fluxapps")
    plain = declared(fleet, "plain")
    hooked = declared(fleet, "hooked", {"failAt": "uninstall"}, chart="told-to-fail", version="*")
    fleet.up()
    for app in (plain, hooked):
        flux_live.until(f"HelmRelease {app}/{app}", is_ready)

    # Nobody works: it says so, ends, and says how to go on; also where an `up` removes.
    with stopped(flux_cluster, "helm-controller"):
        fleet.remove(plain)
        said = ended(fleet, "up")
        assert f"held up: HelmRelease {plain}/{plain} helm-controller has not begun to uninstall it" in said
        assert f"then run this again, it goes on where it ended: fluxapps up --stack {fleet.name}" in said
        said = ended(fleet)
        assert "helm-controller has not begun to uninstall it" in said
        assert "nothing has moved for 4 s" in said
        both = f"2 objects (HelmRelease {hooked}/{hooked}, HelmRelease {plain}/{plain})"
        assert f"remains: {both}: each helm-controller has not begun to uninstall it" in said
        assert "start helm-controller, and it goes on by itself" in said
        flags = f"--context={fleet.cluster.context} --kubeconfig={fleet.cluster.kubeconfig}"
        assert f"kubectl {flags} patch helmrelease.helm.toolkit.fluxcd.io" in said
        assert f"then run this again, it goes on where it ended: fluxapps destroy --stack {fleet.name}" in said
        assert flux_objects.find(deployment(plain))

    # It works again: what can go, goes; what a hook keeps is told in Helm's words, with the way out.
    for gone in (named(HELM, "HelmRelease", plain, plain), deployment(plain)):
        flux_objects.until_gone(gone)
    flux_live.until(f"HelmRelease {hooked}/{hooked}", could_not_uninstall)
    said = ended(fleet)
    assert f"held up: HelmRelease {hooked}/{hooked} can't be uninstalled, and Flux tries again: " in said
    assert f"Job/{hooked}/{hooked}-hook status: 'Failed'" in line_of(said, f"remains: HelmRelease {hooked}/{hooked} ")
    assert '{"spec":{"uninstall":{"disableHooks":true}}}' in said
    flux_live.change(f"HelmRelease {hooked}/{hooked}", {"spec": {"uninstall": {"disableHooks": True}}})
    fleet.destroy()
    assert flux_objects.find(deployment(hooked)) is None
    assert fleet.is_empty()


def test_plain_pulumi_gives_up_in_the_time_that_its_state_says(
    flux_fleet: Callable[[Way], Fleet], flux_cluster: Cluster, flux_live: Live, flux_objects: Objects
) -> None:
    fleet = flux_fleet("pulumi")
    app = fleet.app("slow", None, chart="podinfo", version="6.x", release={"timeout": "10m"})
    fleet.up()
    flux_live.until(f"HelmRelease {app}/{app}", is_ready)
    state = yaml.safe_load(fleet.pulumi("stack", "export", "--stack", fleet.name))
    (release,) = [each for each in state["deployment"]["resources"] if each["type"].endswith(":HelmRelease")]
    assert release["customTimeouts"]["delete"] == 2 * 600 + 120
    # Nobody waits so long here.
    release["customTimeouts"]["delete"] = 2
    file = fleet.state.with_name("shortened.json")
    file.write_text(json.dumps(state), "utf-8")
    fleet.pulumi("stack", "import", "--stack", fleet.name, "--file", str(file))
    with stopped(flux_cluster, "helm-controller"):
        assert "finalizers might be preventing deletion (finalizers.fluxcd.io)" in fleet.refused("destroy")
    flux_objects.until_gone(named(HELM, "HelmRelease", app, app))
    fleet.destroy()
    assert flux_objects.find(deployment(app)) is None
    assert fleet.is_empty()


def ended(fleet: Fleet, verb: str = "destroy") -> str:
    """Remove what can't go, told to wait for nothing long, and return what is said."""
    return fleet.fluxapps_fails(verb, "--stack", fleet.name, "--yes", "--patience", "4")


@contextmanager
def stopped(cluster: Cluster, process: str) -> Iterator[None]:
    """Have one process of the cluster stand still inside the block."""
    cluster.stop_process(process)
    try:
        yield
    finally:
        cluster.start_process(process)


def declared(fleet: Fleet, name: str, values: dict[str, Any] | None = None, /, **fields: Any) -> str:
    """Write an app whose failures and waits are short."""
    chart = {"chart": "podinfo", "version": "6.x", **fields}
    return fleet.app(name, values, release={"timeout": "20s"}, kustomization=BRIEF, **chart)


def follow(fleet: Fleet) -> None:
    """Have Flux follow the repository's commits."""
    git(fleet, "init", "--quiet", "--initial-branch=main")
    git(fleet, "add", "--all")
    git(fleet, "commit", "--quiet", "--message=the fleet")
    url = fleet.cluster.repository_url(fleet.name, fleet.root)
    fleet.stack_says(git={"url": url, "branch": "main", "name": fleet.name, "follow": "branch"})


def git(fleet: Fleet, *words: str) -> str:
    command = ["git", "-C", str(fleet.root), *words]
    env = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout.strip()  # noqa: S603 - git


def could_not_uninstall(found: Object) -> bool:
    conditions: list[Object] = found.get("status", {}).get("conditions") or []
    return any((each["type"], each["reason"]) == ("Ready", "UninstallFailed") for each in conditions)


def named(version: str, kind: str, name: str, namespace: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def deployment(app: str) -> Object:
    return named("apps/v1", "Deployment", app, app)


def config_map(name: str, namespace: str) -> Object:
    return named("v1", "ConfigMap", name, namespace)


def line_of(said: str, beginning: str) -> str:
    """Return the one line that begins so."""
    (line,) = [line for line in said.splitlines() if line.startswith(beginning)]
    return line
