"""`wait: ready` where Flux reads Git: folders beside releases, and whole apps that Flux itself makes."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.engine.fleet import Fleet, Running, Way
from tests.engine.live import Live

pytestmark = pytest.mark.engine

MakeFleet = Callable[[Way], Fleet]


def plain(kind: str, name: str, namespace: str, **rest: Any) -> str:
    return yaml.safe_dump(
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}
    )


def git(fleet: Fleet) -> dict[str, str]:
    return {"url": fleet.git_url(), "name": fleet.name, "branch": "main", "interval": "3s"}


def until_said(running: Running, told: str, within: float = 60) -> None:
    deadline = time.monotonic() + within
    while told not in running.output:
        assert running.is_running(), running.output
        assert time.monotonic() < deadline, running.output
        time.sleep(0.05)


def test_folders_are_waited_for_and_their_trouble_is_told_while_pulumi_waits(
    flux_fleet: MakeFleet, flux_live: Live
) -> None:
    fleet = flux_fleet("pulumi")
    fleet.stack_says(git=git(fleet), wait="ready", deleteNamespaces=True)
    # A release that reads what its own folder brings.
    own = fleet.app("own", chart="podinfo", version="6.x", valuesFrom=[{"kind": "Secret", "name": "own"}])
    secret = plain("Secret", "own", own, stringData={"values.yaml": "replicaCount: 2\n"})
    fleet.write(f"apps/{own}/secret.yaml", secret)
    commit = fleet.commit()
    output = fleet.up()
    assert "1 of 1 app ready" in output
    assert flux_live.get(f"Kustomization flux-system/{own}")["status"]["lastAppliedRevision"] == f"main@sha1:{commit}"

    # A folder that Flux can't apply, and a release that comes after it: Pulumi itself waits for that folder.
    kustomization = {"timeout": "4s", "retryInterval": "2s"}
    base = fleet.app("base", releases=None, namespace=own, kustomization=kustomization)
    fleet.write(f"apps/{base}/broken.yaml", plain("ConfigMap", "Not_A_Name", own))
    after = fleet.app("after", chart="strict-values", dependsOn=[base])
    fleet.commit()
    with fleet.running("up", "--skip-preview") as running:
        until_said(running, f"Kustomization flux-system/{base} won't get Ready")
        until_said(running, 'ConfigMap "Not_A_Name" is invalid')
        assert running.is_running()
        assert running.ends() != 0
    assert flux_live.find(f"HelmRelease {after}/{after}") is None

    # Mended, one up moves Flux to the commit, and waits until it is applied.
    fleet.write(f"apps/{base}/broken.yaml", plain("ConfigMap", "a-name", own))
    commit = fleet.commit()
    assert "3 of 3 apps ready" in fleet.up()
    for app in (own, base, after):
        found = flux_live.get(f"Kustomization flux-system/{app}")
        assert found["status"]["lastAppliedRevision"] == f"main@sha1:{commit}"
    fleet.unchanged()
    fleet.destroy()


def test_what_flux_itself_makes_is_waited_for(flux_fleet: MakeFleet, flux_live: Live) -> None:
    fleet = flux_fleet("pulumi")
    fleet.stack_says(delivery="git", git={**git(fleet), "interval": "1h"}, wait="ready", deleteNamespaces=True)
    web = fleet.app("web", {"replicaCount": 1}, chart="podinfo", version="6.x")
    # What Flux waits for in vain it waits for as long as it may, before it looks at another commit: a while at least.
    shortly = {"timeout": "30s", "retryInterval": "2s"}
    bad = fleet.app("bad", {"failAt": "install"}, chart="told-to-fail", kustomization=shortly)

    def push() -> str:
        fleet.fluxapps("render", "--stack", fleet.name)
        return f"main@sha1:{fleet.commit()}"

    push()
    for _ in range(2):
        output = fleet.refused("up")
        assert f"HelmRelease {bad}/{bad}: InstallFailed: " in output
        assert "told to fail at install" in output
    fleet.app("bad", {"failAt": ""}, chart="told-to-fail", kustomization=shortly)
    revision = push()
    # A failure of what Flux is about to replace is none, and Flux is asked to fetch it now: not in an hour.
    assert "3 of 3 apps ready" in fleet.up()
    for name in (web, bad, fleet.name):
        assert flux_live.get(f"Kustomization flux-system/{name}")["status"]["lastAppliedRevision"] == revision
    fleet.destroy()
