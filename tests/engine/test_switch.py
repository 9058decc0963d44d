"""A change of chart version and values is one Helm upgrade, wherever the chart and the declaration come from.

Version 2 of the chart `strict-values` refuses the values of version 1 and the other way round: an upgrade in between
would fail, and count.
"""

import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.fleet import Fleet, Way
from tests.engine.live import Live, Object
from tests.engine.objects import is_ready

pytestmark = pytest.mark.engine

WITHIN_SECONDS = 45
"""Intervals are half an hour and more: what comes in this time, comes by an event. A busy machine takes some ten."""
IDENTITY = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
EXTRA = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: extra, namespace: {namespace}}}\ndata: {{key: {value}}}\n"


@pytest.mark.parametrize(("delivery", "way"), [("apply", "pulumi"), ("git", "fluxapps")], ids=["apply", "git"])
def test_values_and_version_switch_in_one_upgrade(
    delivery: str, way: Way, flux_fleet: Callable[[Way], Fleet], flux_live: Live
) -> None:
    fleet = flux_fleet(way)
    declare(fleet, "1", {"greeting": "hello"}, replicas=1, extra="one")
    git(fleet, "init", "--quiet", "--initial-branch=main")
    url = fleet.cluster.repository_url(fleet.name, fleet.root)
    said = {"delivery": delivery, "git": {"url": url, "branch": "main", "name": fleet.name}}
    fleet.stack_says(**said)
    commit(fleet)
    fleet.up()
    apps = {name: f"{fleet.name}-{name}" for name in ("switched", "from-oci", "tuned", "named")}
    for app in apps.values():
        first = flux_live.until(f"HelmRelease {app}/{app}", is_ready)
        assert [each["version"] for each in first["status"]["history"]] == [1]

    declare(fleet, "2", {"salutation": "hello"}, replicas=2, extra="two")
    commit(fleet)
    revision = f"main@sha1:{git(fleet, 'rev-parse', 'HEAD')}"
    if delivery == "apply":
        fleet.stack_says(**said, wait="ready")
        fleet.up()
        # Without waiting any more: whether the version is of a HelmRepository or an OCIRepository, `up` ends with it.
        for app in (apps["switched"], apps["from-oci"]):
            release = flux_live.get(f"HelmRelease {app}/{app}")
            assert upgraded_to("2.0.0")(release)
            assert release["status"]["lastAttemptedRevision"].partition("+")[0] == "2.0.0"
    else:
        told = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}
        flux_live.change(f"GitRepository flux-system/{fleet.name}", told)

    # Values alone, in a ConfigMap of a new name and in one of the same name, and other YAML beside them.
    for app in (apps["tuned"], apps["named"]):
        flux_live.until(f"HelmRelease {app}/{app}", upgraded_to("6.99.0"), WITHIN_SECONDS)
    kustomization = f"Kustomization flux-system/{apps['switched']}"
    flux_live.until(kustomization, lambda found: found["status"].get("lastAppliedRevision") == revision, WITHIN_SECONDS)
    assert flux_live.get(f"ConfigMap {apps['switched']}/extra")["data"] == {"key": "two"}
    for app in (apps["switched"], apps["from-oci"]):
        flux_live.until(f"HelmRelease {app}/{app}", upgraded_to("2.0.0"), WITHIN_SECONDS)
    for app in apps.values():
        history = flux_live.until(f"HelmRelease {app}/{app}", is_ready)["status"]["history"]
        assert [(each["version"], each["status"]) for each in history] == [(2, "deployed"), (1, "superseded")]
        assert helm_revisions(flux_live, app) == [f"sh.helm.release.v1.{app}.v1", f"sh.helm.release.v1.{app}.v2"]


def declare(fleet: Fleet, major: str, values: dict[str, Any], *, replicas: int, extra: str) -> None:
    """Write the fleet: two apps whose version and values go together, two whose version stays."""
    registry = {"kind": "OCIRepository", "url": fleet.cluster.registry_url, "insecure": True}
    fleet.write("fleet.yaml", {"repositories": {fleet.charts: fleet.cluster.charts_url, "registry": registry}})
    # Changed as well, it is waited for between the write of the values and that of the release.
    before = f"{fleet.name}-before"
    fleet.write(f"apps/{before}/app.yaml", {"namespace": before, "kustomization": {"interval": f"{major}h"}})
    switched = fleet.app("switched", values, chart="strict-values", version=f"{major}.x", dependsOn=[before])
    for app in (before, switched):
        fleet.write(f"apps/{app}/extra.yaml", EXTRA.format(namespace=app, value=extra))
    registry_app = {"chart": "strict-values", "repository": "registry", "version": f"{major}.0.0"}
    fleet.app("from-oci", values, dependsOn=[before], **registry_app)
    fleet.app("tuned", {"replicaCount": replicas}, chart="podinfo", version="6.x")
    fleet.app("named", {"replicaCount": replicas}, chart="podinfo", version="6.x", valuesName="podinfo-values")


def commit(fleet: Fleet) -> None:
    """Commit everything, with the rendered tree where Flux reads it."""
    fleet.fluxapps("render", "--stack", fleet.name)
    git(fleet, "add", "--all")
    git(fleet, "commit", "--quiet", "--message=a")


def git(fleet: Fleet, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - git, on a repository of the test
        ["git", *words],  # noqa: S607 - whichever git there is
        cwd=fleet.root,
        env={**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def upgraded_to(version: str) -> Callable[[Object], bool]:
    def is_so(found: Object) -> bool:
        last: Object = found.get("status", {}).get("history", [{}])[0]
        release = (last.get("version"), last.get("status"), str(last.get("chartVersion")).partition("+")[0])
        return release == (2, "deployed", version)

    return is_so


def helm_revisions(live: Live, namespace: str) -> list[str]:
    """Return what Helm has stored of the releases in a namespace."""
    secrets = live.client.resources.get(api_version="v1", kind="Secret")
    found = secrets.get(namespace=namespace, label_selector="owner=helm").to_dict()["items"]
    return sorted(each["metadata"]["name"] for each in found)
