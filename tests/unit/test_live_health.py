"""What keeps objects from being Ready, told from statuses that Flux's controllers wrote on the local cluster.

``tests/fixtures/live/statuses.jsonl`` has them in the order in which they came, each with its second.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fluxapps.model.live.health import Health, State
from fluxapps.model.live.lasting import Lasting
from fluxapps.model.live.root_cause import RootCause
from fluxapps.model.live.scene import Cast, Scene
from fluxapps.model.live.verdict import Verdict
from fluxapps.model.objects import ObjectId

RECORDED = Path(__file__).parents[1] / "fixtures" / "live" / "statuses.jsonl"
GROUPS = {"HelmRelease": "helm.toolkit.fluxcd.io", "Kustomization": "kustomize.toolkit.fluxcd.io"}
SOURCES = "source.toolkit.fluxcd.io"
SECOND_HALF = 40.0
"""Seconds after which some releases were changed, and then Git."""

Live = dict[str, Any]


def identity(name: str) -> ObjectId:
    kind, _, place = name.partition(" ")
    namespace, _, own = place.partition("/")
    return ObjectId("" if kind in {"ConfigMap", "Secret"} else GROUPS.get(kind, SOURCES), kind, namespace, own)


@cache
def recorded() -> tuple[tuple[float, ObjectId, Live], ...]:
    specs: dict[str, Any] = {}
    found = []
    for line in RECORDED.read_text("utf-8").splitlines():
        row = json.loads(line)
        one = identity(row["object"])
        specs[row["object"]] = spec = row.get("spec", specs.get(row["object"]))
        metadata = {"namespace": one.namespace, "name": one.name, "generation": row["generation"]}
        found.append((row["t"], one, {"kind": one.kind, "metadata": metadata, "spec": spec, "status": row["status"]}))
    return tuple(found)


def moments() -> Iterator[tuple[float, dict[ObjectId, Live | None]]]:
    """Yield what was in the cluster after each write, and twice a second between them."""
    live: dict[ObjectId, Live | None] = {
        identity(f"ConfigMap default/{name}"): {"metadata": {"creationTimestamp": "2000-01-01T00:00:00Z"}}
        for name in ("ok", "badyaml")
    }
    last = 0.0
    for at, one, found in recorded():
        while last + 0.5 < at:
            last += 0.5
            yield last, live
        live[one] = found
        last = at
        yield at, live


@dataclass
class Story:
    """What was said of one object in the course of the record."""

    ready: list[float] = field(default_factory=list)
    """When it was Ready."""
    failed: list[tuple[float, Health]] = field(default_factory=list)
    """When it counted as failed, and how."""
    last: Health | None = None


@cache
def stories(granted: int = 0) -> Mapping[ObjectId, Story]:
    waited = {one: granted for _, one, _ in recorded() if one.kind in GROUPS}
    cast = Cast(granted=waited, declared={}, applied_by={}, commits={})
    lasting, found = Lasting(), {one: Story() for one in waited}
    for at, live in moments():
        causes = RootCause(cast, Scene(live))
        verdict = Verdict(cast=cast, healths={one: causes.of(one) for one in waited if one in live})
        counting = lasting.counting(verdict, at)
        for one, health in verdict.healths.items():
            found[one].last = health
            if health.state is State.READY:
                found[one].ready.append(at)
            if one in counting:
                found[one].failed.append((at, health))
    return found


def story(name: str, granted: int = 0) -> Story:
    return stories(granted)[identity(name)]


@pytest.mark.parametrize("name", ["HelmRelease default/ok", "HelmRelease default/upok", "Kustomization flux-system/ok"])
def test_what_gets_ready_is_ready_once_flux_says_so_and_never_failed(name: str) -> None:
    found = story(name)
    assert found.failed == []
    assert found.last is not None
    assert found.last.state is State.READY
    installed = [
        at
        for at, one, live in recorded()
        if one == identity(name)
        and any(c["type"] == "Ready" and c["status"] == "True" for c in live["status"]["conditions"])
    ]
    assert min(found.ready) >= min(installed)


def test_what_is_changed_is_ready_only_in_its_new_generation() -> None:
    found = story("HelmRelease default/upok")
    changed = min(
        at
        for at, one, live in recorded()
        if one.name == "upok" and one.kind == "HelmRelease" and live["metadata"]["generation"] == 2
    )
    upgraded = min(
        at
        for at, one, live in recorded()
        if one.name == "upok" and (live["status"].get("history") or [{}])[0].get("version") == 2
    )
    assert not [at for at in found.ready if changed < at < upgraded]
    assert max(found.ready) >= upgraded


@pytest.mark.parametrize(
    "name",
    [
        "HelmRelease default/readyslow",
        "HelmRelease default/dep",
        "HelmRelease default/depgone",
        "Kustomization flux-system/hangslow",
        "Kustomization flux-system/depks",
        "Kustomization flux-system/depgone",
        "Kustomization flux-system/hcslow",
    ],
)
def test_what_goes_on_is_progress(name: str) -> None:
    found = story(name)
    assert (found.ready, found.failed) == ([], [])
    assert found.last is not None
    assert found.last.state is State.PROGRESSING


@pytest.mark.parametrize("name", ["HelmRelease default/susp", "Kustomization flux-system/susp"])
def test_what_is_suspended_is_not_waited_for(name: str) -> None:
    found = story(name)
    assert (found.ready, found.failed) == ([], [])
    assert found.last is not None
    assert found.last.state is State.SUSPENDED


GIT = "failed to checkout and determine revision: "
CHART = "InvalidChartReference: invalid chart reference: failed to get chart version for remote reference: "


@pytest.mark.parametrize(
    ("name", "root", "why"),
    [
        ("HelmRelease default/instfail", None, "InstallFailed: Helm install failed"),
        ("HelmRelease default/hookfail", None, "InstallFailed: Helm install failed"),
        ("HelmRelease default/readyfail", None, "InstallFailed: Helm install failed"),
        ("HelmRelease default/values", None, "InstallFailed: Helm install failed"),
        ("HelmRelease default/targetns", None, "InstallFailed: Helm install failed"),
        ("HelmRelease default/nostrategy", None, "InstallFailed: Helm install failed"),
        ("HelmRelease default/remed", None, "InstallFailed: Helm install failed"),
        ("HelmRelease default/up", None, "UpgradeFailed: Helm upgrade failed"),
        ("HelmRelease default/upremed", None, "UpgradeFailed: Helm upgrade failed"),
        ("HelmRelease default/novals", None, "ValuesError: could not resolve Secret"),
        ("HelmRelease default/novalkey", None, "ValuesError: could not resolve ConfigMap"),
        ("HelmRelease default/badvals", None, "ValuesError: could not resolve ConfigMap"),
        ("HelmRelease default/badready", None, "InvalidCELExpression: "),
        ("HelmRelease default/nover", "HelmChart flux-system/default-nover", f"{CHART}no 'podinfo' chart"),
        ("HelmRelease default/nochart", "HelmChart flux-system/default-nochart", f"{CHART}no chart name found"),
        ("HelmRelease default/norepo", "HelmRepository flux-system/gone", "is not in the cluster"),
        ("HelmRelease default/badrepo", "HelmRepository flux-system/nowhere", "Failed: failed to fetch Helm"),
        ("HelmRelease default/refrepo", "HelmRepository flux-system/refused", "Failed: failed to fetch Helm"),
        ("Kustomization flux-system/bad", None, "BuildFailed: failed to decode Kubernetes YAML"),
        ("Kustomization flux-system/notk8s", None, "BuildFailed: failed to decode Kubernetes YAML"),
        ("Kustomization flux-system/nomatch", None, "ReconciliationFailed: Foo/default/x dry-run failed: no matches"),
        ("Kustomization flux-system/nons", None, "ReconciliationFailed: ConfigMap/nowhere/x not found"),
        ("Kustomization flux-system/invalid", None, "ReconciliationFailed: ConfigMap/default/Bad_Name"),
        ("Kustomization flux-system/sa", None, "ReconciliationFailed: ConfigMap/default/ok dry-run failed (Forbidden)"),
        ("Kustomization flux-system/decr", None, 'BuildFailed: secrets "missing" not found'),
        ("Kustomization flux-system/subst", None, "BuildFailed: post build failed"),
        ("Kustomization flux-system/hang", None, "HealthCheckFailed: health check failed after 30"),
        ("Kustomization flux-system/job", None, "HealthCheckFailed: health check failed after 5"),
        ("Kustomization flux-system/nopath", None, "ArtifactFailed: kustomization path not found"),
        ("Kustomization flux-system/hc", "HelmRelease default/instfail", "InstallFailed: Helm install failed"),
        ("Kustomization flux-system/s-gone", "GitRepository flux-system/gone", "is not in the cluster"),
        *(
            (f"Kustomization flux-system/s-{name}", f"GitRepository flux-system/{name}", f"GitOperationFailed: {GIT}")
            for name in ("nobranch", "nocommit", "unreachable", "norepo")
        ),
    ],
)
def test_what_waiting_does_not_mend_is_told_from_its_root(name: str, root: str | None, why: str) -> None:
    found = story(name)
    assert found.failed
    _, health = found.failed[0]
    assert health.root == identity(root or name)
    assert health.why.startswith(why), health.why


def test_a_failure_counts_no_more_once_what_failed_is_changed() -> None:
    found = story("HelmRelease default/instfail")
    last = max(at for at, _ in found.failed)
    assert last < SECOND_HALF + 4 < min(found.ready)


def test_failed_tries_are_granted() -> None:
    at = [story("HelmRelease default/instfail", tries).failed[0][0] for tries in range(3)]
    assert at == sorted(set(at))
    # Flux tried every five seconds.
    assert all(4 < later - earlier < 7 for earlier, later in pairwise(at))


@pytest.mark.parametrize(("name", "reason"), [("remed", "InstallFailed"), ("upremed", "UpgradeFailed")])
def test_what_flux_remedies_fails_with_its_last_try(name: str, reason: str) -> None:
    failures = [
        at
        for at, one, live in recorded()
        if one == identity(f"HelmRelease default/{name}") and live["status"].get("failures") == 2
    ]
    first, health = story(f"HelmRelease default/{name}").failed[0]
    assert first == min(failures)
    assert health.why.startswith(reason)
