"""Apps change hands on a cluster where Flux is alive, and nothing of them is uninstalled or restarted."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.fleet import Fleet, Way
from tests.engine.live import Live, Object
from tests.engine.objects import Repository

pytestmark = pytest.mark.engine

Fleets = Callable[[Way], Fleet]

IGNORE = {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}


def running(live: Live, namespace: str) -> tuple[set[str], list[str]]:
    """Return the UIDs of a namespace's pods, and its Helm releases' revisions."""
    pods = live.client.resources.get(api_version="v1", kind="Pod").get(namespace=namespace).to_dict()["items"]
    secrets = live.client.resources.get(api_version="v1", kind="Secret").get(namespace=namespace).to_dict()["items"]
    revisions = sorted(
        one["metadata"]["name"].removeprefix("sh.helm.release.v1.")
        for one in secrets
        if one["type"] == "helm.sh/release.v1"
    )
    return {one["metadata"]["uid"] for one in pods}, revisions


def ready(live: Live, what: str) -> Object:
    """Wait until an object is Ready at its present generation."""

    def is_so(found: Object) -> bool:
        conditions = found.get("status", {}).get("conditions") or []
        said: Object = next((one for one in conditions if one["type"] == "Ready"), {})
        generation = found["metadata"]["generation"]
        return said.get("status") == "True" and found["status"].get("observedGeneration") == generation

    return live.until(what, is_so)


def podinfo(fleet: Fleet, **fields: Any) -> str:
    return fleet.app("podinfo", {"replicaCount": 2}, version="6.x", **fields)


def test_an_app_leaves_pulumi_comes_back_and_moves_to_another_stack(flux_fleet: Fleets, flux_live: Live) -> None:
    fleet = flux_fleet("fluxapps")
    app = podinfo(fleet)
    needing = fleet.app("strict-values", version="1.x", dependsOn=[app])
    fleet.write("fleet.yaml", {"repositories": {fleet.charts: fleet.cluster.charts_url}})
    fleet.up()
    release = f"HelmRelease {app}/{app}"
    ready(flux_live, release)
    before = running(flux_live, app)
    uid = flux_live.uid(release)
    assert before[1] == [f"{app}.v1"]

    said = fleet.fails("detach", app, "--stack", fleet.name, "--yes")
    assert f"{needing} needs {app}" in said
    fleet.app("strict-values", version="1.x")
    fleet.up()
    detach = ("detach", app, "--stack", fleet.name, "--yes")
    assert release in fleet.fluxapps(*detach)
    left = flux_live.get(release)
    assert not {"fluxapps/stack", "fluxapps/app"} & left["metadata"].get("labels", {}).keys()
    assert not left["metadata"].get("annotations")
    # Flux may apply a copy in Git again, and take away what that lacks.
    writers = {one["manager"] for one in left["metadata"]["managedFields"] if not one.get("subresource")}
    assert writers == {"kustomize-controller", "helm-controller"}
    stack_file = yaml.safe_load((fleet.root / f"Pulumi.{fleet.name}.yaml").read_text("utf-8"))
    assert stack_file["config"]["fluxapps:cluster"]["apps"] == {app: {"enabled": False}}
    assert "0 objects out of Pulumi's state" in fleet.fluxapps(*detach)
    fleet.unchanged()
    assert f"HelmRelease {needing}/{needing}" in flux_live.ours(fleet.label)
    assert running(flux_live, app) == before

    fleet.fluxapps("attach", app, "--stack", fleet.name, "--yes")
    fleet.unchanged()
    assert flux_live.get(release)["metadata"]["annotations"].items() >= IGNORE.items()
    assert flux_live.get(release)["metadata"]["labels"]["fluxapps/stack"] == fleet.label

    # To another stack, by a run that is killed, and by the next.
    other = flux_fleet("fluxapps")
    other.write("fleet.yaml", {"repositories": {other.charts: fleet.cluster.charts_url}})
    fields = {"chart": "podinfo", "repository": other.charts, "version": "6.x", "values": {"replicaCount": 2}}
    other.write(f"apps/{app}/app.yaml", fields)
    said = other.fails("attach", app, "--stack", other.name, "--yes")
    assert f"fluxapps detach {app} --stack {fleet.name}" in said
    fleet.fluxapps(*detach)
    with other.running("attach", app) as attaching:
        flux_live.until(release, lambda found: "fluxapps/stack" in found["metadata"].get("labels", {}))
        attaching.kill()
    other.fluxapps("attach", app, "--stack", other.name, "--yes")
    other.unchanged()
    fleet.unchanged()
    ready(flux_live, release)
    assert flux_live.get(release)["metadata"]["labels"]["fluxapps/stack"] == other.label
    assert flux_live.uid(release) == uid
    assert running(flux_live, app) == before
    for one in (fleet, other):
        one.destroy()
    assert running(flux_live, app)[1] == []


class Legacy:
    """What others made: Kustomizations of another repository, one of them of the very name of ours, and one by hand."""

    def __init__(self, fleet: Fleet, live: Live, folder: Path) -> None:
        self.names = {name: f"{fleet.name}-{name}" for name in ("whole", "cook", "part", "hand")}
        self.repository = Repository(folder / "legacy", fleet.cluster, f"{fleet.name}-legacy")
        self.source = f"{fleet.name}-legacy"
        self.text = release_text(fleet)
        self.folders = {"whole": f"{fleet.name}-bundle", "cook": self.names["cook"], "part": self.names["part"] + "-x"}
        self.repository.commit(
            {
                **{f"{name}/release.yaml": self.text(self.names[name]) for name in self.folders},
                "cook/kept.yaml": extra(self.names["cook"], "kept"),
                "part/other.yaml": extra(self.names["part"], "other"),
            }
        )
        for name in self.names.values():
            live.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        live.create(flux("HelmRepository", fleet.charts, {"url": fleet.cluster.charts_url, "interval": "1h"}))
        read = {"url": self.repository.url, "interval": "1h", "ref": {"branch": "main"}}
        live.create(flux("GitRepository", self.source, read))
        for folder_, name in self.folders.items():
            spec = {"path": f"./{folder_}", "sourceRef": {"kind": "GitRepository", "name": self.source}}
            live.create(flux("Kustomization", name, {**spec, "interval": "1h", "prune": True, "timeout": "1m"}))
        hand = self.names["hand"]
        by_hand = yaml.safe_load(self.text(hand).partition("---")[2])
        by_hand["metadata"]["name"] = "old-name"
        by_hand["spec"] |= {"releaseName": hand, "values": {"replicaCount": 1}}
        del by_hand["spec"]["valuesFrom"]
        live.create(by_hand, "kubectl-create")
        self.releases = {name: f"HelmRelease {name}/{name}" for name in self.names.values()}
        for name, release in self.releases.items():
            ready(live, release if name != hand else f"HelmRelease {hand}/old-name")

    def commit_longer_intervals(self) -> None:
        """Change the release of the Kustomization that has something else as well."""
        longer = self.text(self.names["part"]).replace("interval: 1h", "interval: 2h")
        self.repository.commit({"part/release.yaml": longer})


def test_what_others_made_is_taken_over_as_it_runs(flux_fleet: Fleets, flux_live: Live, tmp_path: Path) -> None:
    fleet = flux_fleet("pulumi")
    legacy = Legacy(fleet, flux_live, tmp_path)
    names, releases, folders = legacy.names, legacy.releases, legacy.folders
    before = {name: running(flux_live, name) for name in releases}
    uids = {name: flux_live.uid(release) for name, release in releases.items() if name != names["hand"]}

    fleet.write("fleet.yaml", {"repositories": {fleet.charts: fleet.cluster.charts_url}})
    for name in ("whole", "cook", "part", "hand"):
        fleet.app(name, {"replicaCount": 1}, chart="podinfo", version="6.x")
        fleet.write(f"apps/{names[name]}/settings.yaml", extra(names[name], "settings"))
    mine = Clone(fleet)
    fleet.stack_says(git={"url": mine.url, "branch": "main", "name": fleet.name})
    mine.commit()

    assert "attach" in fleet.refused("up")
    said = fleet.fluxapps("attach", "--all", "--stack", fleet.name, "--dry-run")
    assert "spec.interval: 1h -> 30m" in said
    assert f"keep ConfigMap {names['cook']}/kept" in said
    assert flux_live.ours(fleet.label) == {}

    fleet.fluxapps("attach", "--all", "--stack", fleet.name, "--yes")
    fleet.unchanged()
    for name, release in releases.items():
        ready(flux_live, release)
        ready(flux_live, f"Kustomization flux-system/{name}")
        pods, revisions = running(flux_live, name)
        assert pods == before[name][0]
        # A HelmRelease of another name adds one upgrade of the same manifests.
        assert revisions == [f"{name}.v1", *([f"{name}.v2"] if name == names["hand"] else [])]
        assert flux_live.get(f"ConfigMap {name}/settings")["data"]
    assert {name: flux_live.uid(releases[name]) for name in uids} == uids
    assert flux_live.find(f"HelmRelease {names['hand']}/old-name") is None
    assert flux_live.find(f"Kustomization flux-system/{folders['whole']}") is None
    assert not flux_live.get(f"Kustomization flux-system/{folders['part']}")["spec"].get("suspend")
    for name, kept in ((names["cook"], "kept"), (names["part"], "other")):
        assert flux_live.get(f"ConfigMap {name}/{kept}")["data"]

    # What the old repository says of them from now on does nothing.
    legacy.commit_longer_intervals()
    flux_live.change(f"GitRepository flux-system/{legacy.source}", {"metadata": {"annotations": REQUESTED}})
    applied = flux_live.get(f"Kustomization flux-system/{folders['part']}")["status"]["lastAppliedRevision"]
    flux_live.until(
        f"Kustomization flux-system/{folders['part']}",
        lambda found: found["status"]["lastAppliedRevision"] != applied,
    )
    fleet.unchanged()
    fleet.destroy()


REQUESTED = {"reconcile.fluxcd.io/requestedAt": "now"}


def release_text(fleet: Fleet) -> Callable[[str], str]:
    """Return what makes the YAML of a release and its values as people write it who follow the Geek Cookbook."""

    def text(name: str) -> str:
        values: Object = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{name}-helm-chart-value-overrides", "namespace": name},
            "data": {"values.yaml": "replicaCount: 1\n"},
        }
        origin = {"kind": "HelmRepository", "name": fleet.charts, "namespace": "flux-system"}
        release = {
            "apiVersion": "helm.toolkit.fluxcd.io/v2",
            "kind": "HelmRelease",
            "metadata": {"name": name, "namespace": name},
            "spec": {
                "interval": "1h",
                "chart": {"spec": {"chart": "podinfo", "version": "6.x", "sourceRef": origin}},
                "valuesFrom": [{"kind": "ConfigMap", "name": values["metadata"]["name"], "valuesKey": "values.yaml"}],
            },
        }
        return str(yaml.safe_dump_all([values, release]))

    return text


def extra(namespace: str, name: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace},
            "data": {"a": "b"},
        }
    )


def flux(kind: str, name: str, spec: dict[str, Any]) -> Object:
    api = "kustomize" if kind == "Kustomization" else "source"
    metadata = {"name": name, "namespace": "flux-system"}
    return {"apiVersion": f"{api}.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


class Clone:
    """The fleet's repository, whose commits the cluster reads."""

    def __init__(self, fleet: Fleet) -> None:
        self._root = fleet.root
        self._git("init", "--quiet", "--initial-branch=main")
        self.url = fleet.cluster.repository_url(fleet.name, fleet.root)
        self._git("remote", "add", "origin", str(fleet.root))
        self._git("config", f"url.{fleet.root.as_uri()}.insteadOf", self.url)

    def commit(self) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message=change")

    def _git(self, *words: str) -> None:
        named = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(self._root), *named, *words], check=True)  # noqa: S603, S607 - git
