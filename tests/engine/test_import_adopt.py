"""A cluster that Flux runs from an ordinary repository goes over to the imported one, by the commands printed."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fluxapps.devcluster.programs import find
from tests.engine.fleet import Fleet, Way
from tests.engine.live import Live, Object
from tests.engine.objects import Objects, Repository, is_ready

pytestmark = pytest.mark.engine

NAMES = ("values", "inline", "extra", "plain")
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
_SEEN = (
    ("v1", "Namespace"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    (f"{KUSTOMIZE}/v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("source.toolkit.fluxcd.io/v1", "HelmRepository"),
    ("source.toolkit.fluxcd.io/v1", "HelmChart"),
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
)


Files = dict[str, list[Object]]


class Legacy:
    """What people have who follow the Geek Cookbook, with `flux bootstrap`'s own in it."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.name = fleet.name
        self.root = folder / "legacy"
        self.repository = Repository(self.root, fleet.cluster, f"{fleet.name}-legacy")
        self.apps = {name: f"{fleet.name}-{name}" for name in NAMES}
        self.charts = f"{fleet.name}-charts"
        self.sync = [
            self._flux("GitRepository", "flux-system", url=self.repository.url, ref={"branch": "main"}),
            self._kustomization("flux-system", "./bootstrap"),
        ]
        self.repository.commit({path: yaml.safe_dump_all(objects) for path, objects in self._files(fleet).items()})

    def _files(self, fleet: Fleet) -> Files:
        apps = self.apps
        components = config_map("flux-components", "flux-system", {"what": "Flux itself"})
        shared = config_map(f"{self.name}-shared", "flux-system", {"of": "no app"})
        needing = {"dependsOn": [{"name": apps["values"]}]}
        origin = {"url": fleet.cluster.charts_url}
        named = {"kind": "ConfigMap", "name": f"{apps['values']}-overrides", "valuesKey": "values.yaml"}
        files = {
            "bootstrap/flux-system/gotk-components.yaml": [components],
            "bootstrap/flux-system/gotk-sync.yaml": self.sync,
            "bootstrap/flux-system/kustomization.yaml": [{"resources": ["gotk-components.yaml", "gotk-sync.yaml"]}],
            f"bootstrap/helmrepositories/{self.charts}.yaml": [self._flux("HelmRepository", self.charts, **origin)],
            "bootstrap/configs/shared.yaml": [shared],
            "values/helmrelease.yaml": [self._release(apps["values"], valuesFrom=[named])],
            "values/configmap.yaml": [config_map(named["name"], apps["values"], {"values.yaml": "replicaCount: 2\n"})],
            "inline/helmrelease.yaml": [self._release(apps["inline"], values={"replicaCount": 1})],
            "extra/helmrelease.yaml": [self._release(apps["extra"], values={"replicaCount": 1})],
            "extra/deployment.yaml": [
                deployment("beside", apps["extra"]),
                config_map("beside", apps["extra"], {"a": "b"}),
            ],
            "extra/secret.yaml": [
                {**config_map("token", apps["extra"], {}), "kind": "Secret", "stringData": {"a": "b"}}
            ],
            "plain/all.yaml": [deployment("alone", apps["plain"]), config_map("alone", apps["plain"], {"a": "b"})],
        }
        del files["extra/secret.yaml"][0]["data"]
        for name, full in apps.items():
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": full}}
            files[f"bootstrap/namespaces/namespace-{name}.yaml"] = [space]
            one = self._kustomization(full, f"./{name}", **(needing if name == "plain" else {}))
            files[f"bootstrap/kustomizations/kustomization-{name}.yaml"] = [one]
        return files

    def _flux(self, kind: str, name: str, **spec: Any) -> Object:
        group = {"Kustomization": "kustomize", "HelmRelease": "helm"}.get(kind, "source")
        metadata = {"name": name, "namespace": "flux-system"}
        version = f"{group}.toolkit.fluxcd.io/{'v2' if kind == 'HelmRelease' else 'v1'}"
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": {"interval": "3s", **spec}}

    def _kustomization(self, name: str, path: str, **spec: Any) -> Object:
        source = {"kind": "GitRepository", "name": "flux-system"}
        return self._flux("Kustomization", name, path=path, prune=True, sourceRef=source, timeout="1m", **spec)

    def _release(self, name: str, **spec: Any) -> Object:
        origin = {"kind": "HelmRepository", "name": self.charts, "namespace": "flux-system"}
        chart = {"spec": {"chart": "podinfo", "version": "6.x", "sourceRef": origin}}
        made = self._flux("HelmRelease", name, chart=chart, **spec)
        made["metadata"]["namespace"] = name
        made["spec"]["interval"] = "1h"
        return made


def config_map(name: str, namespace: str, data: dict[str, str]) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(name: str, namespace: str) -> Object:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "registry.example.org/none"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def everything(live: Live, prefix: str) -> dict[str, Object]:
    """Return all that the test's repository brought, by kind, namespace and name."""
    found: dict[str, Object] = {}
    for version, kind in _SEEN:
        for one in live.client.resources.get(api_version=version, kind=kind).get().to_dict()["items"]:
            metadata = one["metadata"]
            space = metadata.get("namespace") or ""
            if space.startswith(prefix) or metadata["name"].startswith((prefix, "flux-system", "flux-components")):
                found[f"{kind} {space}/{metadata['name']}"] = one
    return found


class Shell:
    """A user's, in the new repository."""

    def __init__(self, fleet: Fleet, kubectl: Path, legacy: Legacy) -> None:
        named = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        path = os.pathsep.join((str(kubectl.parent), str(Path(fleet.root, ".venv/bin")), fleet.env["PATH"]))
        self._env = {**fleet.env, **named, "PATH": path}
        self._root = fleet.root
        # What is committed is served; a push goes nowhere that matters.
        fleet.git_url()
        for root in (fleet.root, legacy.root):
            bare = f"{root}.git"
            self.run(f"git init --quiet --bare {bare} && cd {root} && git remote add origin {bare}")
            self.run(f"git -C {root} config push.default current")

    def run(self, command: str) -> str:
        done = subprocess.run(  # noqa: S603 - what fluxapps printed, or the test says
            ["bash", "-c", command],  # noqa: S607 - the system's own
            cwd=self._root, env=self._env, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.mark.parametrize("delivery", ["apply", "git"])
def test_what_flux_runs_goes_over_as_it_runs(
    delivery: str,
    flux_fleet: Callable[[Way], Fleet],
    flux_live: Live,
    flux_objects: Objects,
    tmp_path: Path,
) -> None:
    fleet = flux_fleet("fluxapps")
    fleet.env["KUBECONFIG"] = str(fleet.cluster.kubeconfig)
    legacy = Legacy(fleet, tmp_path)
    for one in legacy.sync:
        flux_objects.apply(one)
    for full in legacy.apps.values():
        flux_live.until(f"Kustomization flux-system/{full}", is_ready)
    for name in ("values", "inline", "extra"):
        flux_live.until(f"HelmRelease {legacy.apps[name]}/{legacy.apps[name]}", is_ready)
    before = everything(flux_live, fleet.name)

    shell = Shell(fleet, find("kubectl", say=print), legacy)
    for file in ("fleet.yaml", f"Pulumi.{fleet.name}.yaml"):
        (fleet.root / file).unlink()
    said = shell.run(
        f"fluxapps import {legacy.root} --stack {fleet.name} --url {fleet.git_url()} --adopt"
        f" --context {fleet.cluster.context} --delivery {delivery}"
    )
    plan = [line for line in said.partition("on the running cluster:\n")[2].splitlines() if not line.startswith("#")]
    for line in plan:
        if '"suspend": true' in line:
            # It is in the middle of applying what is suspended, itself among it.
            asked = {"reconcile.fluxcd.io/requestedAt": line}
            flux_live.change("Kustomization flux-system/flux-system", {"metadata": {"annotations": asked}}, "flux")
        shell.run(line + (" --yes" if line.startswith("fluxapps attach") and "--dry-run" not in line else ""))

    fleet.unchanged()
    for name in (*legacy.apps.values(), "flux-system"):
        flux_live.until(f"Kustomization flux-system/{name}", is_ready)
    after = everything(flux_live, fleet.name)
    goes_on(before, after)
    for name in ("values", "inline", "extra"):
        app = legacy.apps[name]
        history = after[f"HelmRelease {app}/{app}"]["status"]["history"]
        assert [each["version"] for each in history] == [1]
    handed_over(flux_live, fleet, legacy, after, delivery)
    fleet.destroy()
    flux_live.change("Kustomization flux-system/flux-system", {"spec": {"deletionPolicy": "Orphan"}})
    for one in reversed(legacy.sync):
        flux_objects.delete(one)


def goes_on(before: dict[str, Object], after: dict[str, Object]) -> None:
    """Check that nothing was deleted, made anew, or started beside what ran."""
    for what, one in before.items():
        assert what in after, f"{what} is gone"
        assert after[what]["metadata"]["uid"] == one["metadata"]["uid"], f"{what} was made anew"
        if what.startswith("Deployment "):
            assert after[what]["metadata"]["generation"] == one["metadata"]["generation"], f"{what} was changed"
    assert not {what for what in after.keys() - before.keys() if what.startswith(("Pod ", "Secret ", "Deployment "))}


def handed_over(live: Live, fleet: Fleet, legacy: Legacy, after: dict[str, Object], delivery: str) -> None:
    """Check who applies what now: Flux's old Kustomization is left with Flux itself."""
    root = after["Kustomization flux-system/flux-system"]
    assert not root["spec"].get("suspend")
    entries = {one["id"] for one in root["status"]["inventory"]["entries"]}
    assert entries == {
        "flux-system_flux-components__ConfigMap",
        "flux-system_flux-system_source.toolkit.fluxcd.io_GitRepository",
        f"flux-system_flux-system_{KUSTOMIZE}_Kustomization",
    }
    ours = set(live.ours(fleet.label))
    released = {f"HelmRelease {legacy.apps[name]}/{legacy.apps[name]}" for name in ("values", "inline", "extra")}
    assert (released <= ours) == (delivery == "apply")
    for full in legacy.apps.values():
        source = after[f"Kustomization flux-system/{full}"]["spec"]["sourceRef"]["name"]
        assert source == "fluxapps"
    shared = live.get(f"ConfigMap flux-system/{fleet.name}-shared")
    assert shared["metadata"]["labels"][f"{KUSTOMIZE}/name"] == "fluxapps"
