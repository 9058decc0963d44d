"""Whose trouble keeps an object from being Ready, where several objects say so at once."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

from fluxapps.model import declare, load, resolve
from fluxapps.model.live.bounds import bounds
from fluxapps.model.live.health import Health, State
from fluxapps.model.live.lasting import Lasting
from fluxapps.model.live.root_cause import RootCause
from fluxapps.model.live.scene import Cast, Scene
from fluxapps.model.live.verdict import Verdict
from fluxapps.model.objects import ObjectId
from tests.unit.fixture_repositories import base

Live = dict[str, Any]

STACK = """\
config:
  fluxapps:cluster:
    context: dev
    wait: ready
    git: {{url: https://example.org/fleet.git, branch: main}}
    delivery: {delivery}
"""
WEB = "chart: podinfo\nrepository: podinfo\nversion: 6.x\n"
QUEUE = "apiVersion: example.org/v1\nkind: Queue\nmetadata: {name: a, namespace: web}\n"
NO_MATCH = 'Queue/web/a dry-run failed: no matches for kind "Queue" in version "example.org/v1"'
FLUX = "flux-system"
GIT = ObjectId("source.toolkit.fluxcd.io", "GitRepository", FLUX, "fluxapps")
CHARTS = ObjectId("source.toolkit.fluxcd.io", "HelmRepository", FLUX, "podinfo")
CHART = ObjectId("source.toolkit.fluxcd.io", "HelmChart", FLUX, "web-web")
RELEASE = ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", "web", "web")
KUSTOMIZATION = ObjectId("kustomize.toolkit.fluxcd.io", "Kustomization", FLUX, "web")
SYSTEM = KUSTOMIZATION._replace(name="fluxapps")
FIRST, SECOND = "main@sha1:" + "1" * 40, "main@sha1:" + "2" * 40
READY = ("True", "Succeeded", "")


def cast(root: Path, files: dict[str, str] | None = None, delivery: str = "apply", commit: str | None = None) -> Cast:
    """Return what app `web`, of one release, declares; and what *files* add to it."""
    said = {"apps/web/app.yaml": WEB, "apps/web/queue.yaml": QUEUE, "Pulumi.dev.yaml": STACK.format(delivery=delivery)}
    base(root, said | (files or {}))
    rmtree(root / "apps" / "podinfo")
    return Cast.of(declare(resolve(load(root), "dev"), commit))


def live(one: ObjectId, spec: Live, said: tuple[str, str, str] | None, /, at: str = "12:00:00", **status: Any) -> Live:
    """Return *one* as a controller left it, with its Ready condition, at its first generation."""
    ready = []
    if said is not None:
        words = dict(zip(("status", "reason", "message"), said, strict=True))
        ready = [{"type": "Ready", **words, "observedGeneration": 1, "lastTransitionTime": f"2026-01-01T{at}Z"}]
    others = status.pop("others", [])
    conditions = ready + [
        {"type": kind, "status": "True", "reason": "", "message": "", "observedGeneration": 1} for kind in others
    ]
    metadata = {"namespace": one.namespace, "name": one.name, "generation": 1}
    return {"kind": one.kind, "metadata": metadata, "spec": spec, "status": {"conditions": conditions, **status}}


def git(revision: str = FIRST, said: tuple[str, str, str] = READY) -> Live:
    return live(GIT, {}, said, artifact={"revision": revision})


def release(said: tuple[str, str, str] | None = READY, /, at: str = "12:00:00", **more: Any) -> Live:
    spec = {"chart": {"spec": {"sourceRef": {"kind": "HelmRepository", "name": "podinfo", "namespace": FLUX}}}}
    return live(RELEASE, {**spec, **more.pop("spec", {})}, said, at, lastAttemptedRevision="6.1.0", **more)


def folder(said: tuple[str, str, str] | None = READY, /, at: str = "12:00:00", **more: Any) -> Live:
    spec = {"sourceRef": {"kind": "GitRepository", "name": "fluxapps"}, **more.pop("spec", {})}
    status = {"lastAttemptedRevision": FIRST, "lastAppliedRevision": FIRST}
    return live(KUSTOMIZATION, spec, said, at, **{**status, **more})


def chart(said: tuple[str, str, str] = READY) -> Live:
    spec = {"sourceRef": {"kind": "HelmRepository", "name": "podinfo"}}
    return live(CHART, spec, said, artifact={"revision": "6.1.0"})


def all_ready(**changed: Live | None) -> dict[ObjectId, Live | None]:
    found: dict[ObjectId, Live | None] = {
        GIT: git(),
        CHARTS: live(CHARTS, {}, READY, artifact={"revision": "sha256:0"}),
        CHART: chart(),
        RELEASE: release(),
        KUSTOMIZATION: folder(),
        SYSTEM: folder(),
    }
    names = {"git": GIT, "charts": CHARTS, "chart": CHART, "release": RELEASE, "folder": KUSTOMIZATION}
    return found | {names[name]: one for name, one in (changed | {"system": found[SYSTEM]}).items() if name in names}


def health(known: Cast, one: ObjectId, there: Mapping[ObjectId, Live | None]) -> Health:
    return RootCause(known, Scene(there)).of(one)


def test_all_is_ready(tmp_path: Path) -> None:
    known = cast(tmp_path)
    assert {health(known, one, all_ready()).state for one in known.granted} == {State.READY}
    assert known.granted.keys() == {RELEASE, KUSTOMIZATION}


def test_kinds_that_a_release_makes_are_waited_for(tmp_path: Path) -> None:
    known = cast(tmp_path)
    refused = ("False", "ReconciliationFailed", NO_MATCH)
    installing = release(("Unknown", "Progressing", "Running 'install' action"))
    found = health(known, KUSTOMIZATION, all_ready(folder=folder(refused), release=installing))
    assert (found.state, found.why) == (State.PROGRESSING, "needs what a release makes")
    # The release got Ready since; Flux tries the folder again after its retryInterval.
    late = all_ready(folder=folder(refused, at="11:00:00"), release=release(at="12:00:00"))
    assert health(known, KUSTOMIZATION, late).state is State.PROGRESSING
    again = all_ready(folder=folder(refused, at="12:01:00"), release=release(at="12:00:00"))
    found = health(known, KUSTOMIZATION, again)
    assert (found.root, found.why) == (KUSTOMIZATION, f"ReconciliationFailed: {NO_MATCH}")
    # What fails is the release.
    failing = release(("False", "InstallFailed", "no"), failures=1)
    found = health(known, KUSTOMIZATION, all_ready(folder=folder(refused), release=failing))
    assert (found.root, found.why) == (RELEASE, "InstallFailed: no")
    # What no release mends doesn't wait for one.
    invalid = ("False", "ReconciliationFailed", "ConfigMap/web/a dry-run failed (Invalid)")
    assert health(known, KUSTOMIZATION, all_ready(folder=folder(invalid), release=installing)).is_failure


def test_values_that_the_folder_brings_are_waited_for(tmp_path: Path) -> None:
    known = cast(tmp_path)
    secret = ObjectId("", "Secret", "web", "made")
    spec = {"valuesFrom": [{"kind": "Secret", "name": "made"}]}
    lacking = release(("False", "ValuesError", "not found"), spec=spec)
    applying = folder(("Unknown", "Progressing", "Reconciliation in progress"))
    found = health(known, RELEASE, all_ready(release=lacking, folder=applying) | {secret: None})
    assert (found.state, found.why) == (State.PROGRESSING, "waits for Secret web/made")
    found = health(known, RELEASE, all_ready(release=lacking) | {secret: None})
    assert found.is_failure
    assert found.lasting > 10
    # It has come, and Flux tries again.
    came = {"metadata": {"creationTimestamp": "2026-01-01T12:00:05Z"}}
    assert health(known, RELEASE, all_ready(release=lacking) | {secret: came}).state is State.PROGRESSING
    # It was there all the time: what is in it is wrong.
    old = {"metadata": {"creationTimestamp": "2026-01-01T11:00:05Z"}}
    assert health(known, RELEASE, all_ready(release=lacking) | {secret: old}).is_failure
    # The folder that brings it can't be applied.
    broken = folder(("False", "BuildFailed", "bad"))
    assert health(known, RELEASE, all_ready(release=lacking, folder=broken) | {secret: None}).root == KUSTOMIZATION


def test_only_the_wanted_revision_counts(tmp_path: Path) -> None:
    known = cast(tmp_path, commit="2" * 40)
    # Flux hasn't fetched the pinned commit.
    found = health(known, KUSTOMIZATION, all_ready())
    assert (found.state, found.why) == (State.PROGRESSING, "GitRepository is not at commit 2222222222 yet")
    # It has, and the folder is of the old one: neither its Ready nor its failure counts.
    for said in (READY, ("False", "BuildFailed", "bad")):
        assert health(known, KUSTOMIZATION, all_ready(git=git(SECOND), folder=folder(said))).state is State.PROGRESSING
    applied = folder(READY, lastAttemptedRevision=SECOND, lastAppliedRevision=SECOND)
    assert health(known, KUSTOMIZATION, all_ready(git=git(SECOND), folder=applied)).state is State.READY
    failed = folder(("False", "BuildFailed", "bad"), lastAttemptedRevision=SECOND)
    assert health(known, KUSTOMIZATION, all_ready(git=git(SECOND), folder=failed)).is_failure


def test_what_was_fetched_before_the_branch_moved_on_is_not_enough(tmp_path: Path) -> None:
    known = cast(tmp_path, delivery="git")
    assert health(known, RELEASE, all_ready()).state is State.READY
    behind = replace(known, outdated={GIT: FIRST})
    for one in (SYSTEM, KUSTOMIZATION, RELEASE):
        found = health(behind, one, all_ready())
        assert (found.state, found.why) == (State.PROGRESSING, "GitRepository is not at its branch's latest commit yet")
    # Whatever it fetches next is that commit, or a later one.
    at_second = {"lastAttemptedRevision": SECOND, "lastAppliedRevision": SECOND}
    moved = {**all_ready(git=git(SECOND), folder=folder(**at_second)), SYSTEM: folder(**at_second)}
    assert {health(behind, one, moved).state for one in known.granted} == {State.READY}
    # It may take a minute, the GitRepository's interval, and as long again to be fetched.
    assert bounds(behind)[SYSTEM] == bounds(known)[SYSTEM] + 60 + 60


def test_a_failure_with_an_older_chart_is_none(tmp_path: Path) -> None:
    known = cast(tmp_path)
    failing = release(("False", "UpgradeFailed", "no"), failures=1)
    assert health(known, RELEASE, all_ready(release=failing)).is_failure
    newer = chart()
    newer["status"]["artifact"]["revision"] = "6.2.0"
    found = health(known, RELEASE, all_ready(release=failing, chart=newer))
    assert (found.state, found.why) == (State.PROGRESSING, "failed, tries again with chart 6.2.0")


def test_what_flux_gave_up_is_final_and_told_by_what_failed(tmp_path: Path) -> None:
    known = cast(tmp_path)
    remedied = {"upgrade": {"remediation": {"retries": 3}}}
    failing = release(("False", "RollbackSucceeded", "rolled back"), failures=1, spec=remedied)
    failing["status"]["conditions"].append(
        {"type": "Released", "status": "False", "reason": "UpgradeFailed", "message": "no", "observedGeneration": 1}
    )
    assert health(known, RELEASE, all_ready(release=failing)).why == "failed 1 time, tries again"
    failing["status"]["conditions"].append({"type": "Stalled", "status": "True", "observedGeneration": 1})
    found = health(known, RELEASE, all_ready(release=failing))
    assert (found.root, found.why) == (RELEASE, "UpgradeFailed: no")


def test_a_failing_dependency_keeps_back_what_depends_on_it(tmp_path: Path) -> None:
    known = cast(tmp_path)
    other = RELEASE._replace(namespace="db", name="db")
    held = release(("False", "DependencyNotReady", ""), spec={"dependsOn": [{"name": "db", "namespace": "db"}]})
    failing = live(
        other, release()["spec"], ("False", "InstallFailed", "no"), failures=1, lastAttemptedRevision="6.1.0"
    )
    found = health(known, RELEASE, all_ready(release=held) | {other: failing, CHART._replace(name="db-db"): chart()})
    assert (found.root, found.why) == (other, "InstallFailed: no")


def test_a_repository_of_type_oci_has_no_status(tmp_path: Path) -> None:
    known = cast(tmp_path)
    static = live(CHARTS, {"type": "oci"}, None)
    waiting = release(("False", "SourceNotReady", "not ready"))
    refused = chart(("False", "ChartPullError", "denied"))
    found = health(known, RELEASE, all_ready(charts=static, chart=refused, release=waiting))
    assert (found.root, found.why) == (CHART, "ChartPullError: denied")
    assert health(known, RELEASE, all_ready(charts=static, release=waiting)).state is State.PROGRESSING


def test_a_chart_from_an_oci_repository_is_the_one_that_it_has_now(tmp_path: Path) -> None:
    known = cast(tmp_path)
    source = CHARTS._replace(kind="OCIRepository", namespace="web")
    spec = {"chartRef": {"kind": "OCIRepository", "name": "podinfo"}}
    there = all_ready(release=release(READY, spec=spec, history=[{"ociDigest": "sha256:1"}]))
    for digest, state in (("sha256:1", State.READY), ("sha256:2", State.PROGRESSING)):
        there[source] = live(source, {}, READY, artifact={"revision": f"6.1.0@{digest}"})
        assert health(known, RELEASE, there).state is state


def test_a_suspended_dependency_is_named(tmp_path: Path) -> None:
    known = cast(tmp_path)
    other = RELEASE._replace(namespace="db", name="db")
    held = release(("False", "DependencyNotReady", ""), spec={"dependsOn": [{"name": "db", "namespace": "db"}]})
    there = all_ready(release=held) | {other: live(other, {"suspend": True}, None)}
    found = health(known, RELEASE, there)
    assert (found.root, found.why) == (other, "is suspended and not Ready, and others depend on it")
    there[other] = live(other, {"suspend": True}, READY)
    assert health(known, RELEASE, there).state is State.PROGRESSING
    assert health(known, other, there).state is State.SUSPENDED


def test_a_folder_that_waits_for_a_failing_release_fails_with_it(tmp_path: Path) -> None:
    known = cast(tmp_path)
    checks = {"healthChecks": [{"kind": "HelmRelease", "name": "web", "namespace": "web"}]}
    checking = folder(("Unknown", "Progressing", ""), spec=checks, others=["Healthy"])
    failing = release(("False", "InstallFailed", "no"), failures=1)
    assert health(known, KUSTOMIZATION, all_ready(folder=checking, release=failing)).root == RELEASE
    late = folder(("False", "HealthCheckFailed", "timeout"), at="11:00:00", spec=checks)
    installing = release(("Unknown", "Progressing", ""))
    for there in (installing, release(at="12:00:00")):
        assert health(known, KUSTOMIZATION, all_ready(folder=late, release=there)).state is State.PROGRESSING


def test_what_flux_makes_waits_for_what_applies_it(tmp_path: Path) -> None:
    known = cast(tmp_path, delivery="git")
    assert known.granted.keys() == {SYSTEM, RELEASE, KUSTOMIZATION}
    # A failure that the new commit may mend, before Flux has applied it.
    failing = release(("False", "InstallFailed", "no"), failures=1)
    moved = all_ready(git=git(SECOND), release=failing)
    assert health(known, RELEASE, moved).why == "not applied yet"
    assert health(known, RELEASE, all_ready(release=failing)).is_failure
    # Attempted is not applied: the release is still the one before.
    attempting = folder(("Unknown", "Progressing", ""))
    assert health(known, RELEASE, all_ready(release=failing, folder=attempting)).why == "not applied yet"
    applied = {**failing, **known.declared[RELEASE].manifest, "metadata": failing["metadata"]}
    assert health(known, RELEASE, all_ready(release=applied, folder=attempting)).is_failure
    # It isn't there: not yet, for what applies it fails, or for Git has it not.
    applying = folder(("Unknown", "Progressing", ""), lastAttemptedRevision="")
    assert health(known, RELEASE, all_ready(release=None, folder=applying)).state is State.PROGRESSING
    broken = folder(("False", "ArtifactFailed", "path not found"), lastAttemptedRevision="")
    assert health(known, RELEASE, all_ready(release=None, folder=broken)).root == KUSTOMIZATION
    found = health(known, RELEASE, all_ready(release=None))
    assert found.root == RELEASE
    assert "is the rendered tree committed and pushed?" in found.why
    # Nor is anything else, for Git can't be read.
    unread = git(FIRST, ("False", "AuthenticationFailed", "denied"))
    for one in (SYSTEM, KUSTOMIZATION, RELEASE):
        assert health(known, one, all_ready(git=unread)).root == GIT


def test_a_folder_that_the_controller_lost_is_tried_again_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    known = cast(tmp_path)
    spec = {"path": "./apps/web", "retryInterval": "2m"}

    def lasting(said: str, reason: str = "BuildFailed") -> float:
        found = health(known, KUSTOMIZATION, all_ready(folder=folder(("False", reason, said), spec=spec)))
        assert (found.is_failure, found.why) == (True, f"{reason}: {said}")
        return found.lasting

    for there in ("", "/apps", "/apps/web"):
        gone = f"lstat /tmp/kustomization-3126498{there}: no such file or directory"
        assert lasting(gone) == lasting(f"kustomize build failed: {gone}") == 120 + 15
    assert lasting("write /tmp/kustomization-31/apps/web/kustomization.yaml: no space left on device") == 120 + 15
    assert (
        lasting("tmp dir error: mkdir /tmp/kustomization-31: permission denied", "DirectoryCreationFailed") == 120 + 15
    )
    # What the folder itself says wrong is told at once.
    wrong = "accumulating resources: accumulation err='accumulating resources from 'gone.yaml': "
    for there in ("/apps/web/gone.yaml", "/apps/other", "/apps/webs"):
        assert lasting(f"{wrong}lstat /tmp/kustomization-31{there}: no such file or directory'") == 1
    assert lasting("kustomize build failed: invalid Kustomization: json: unknown field") == 1


def test_what_lacks_is_named_once_asked_for(tmp_path: Path) -> None:
    known = cast(tmp_path)
    scene = Scene({RELEASE: release(("False", "SourceNotReady", ""))})
    assert RootCause(known, scene).of(RELEASE).state is State.PROGRESSING
    assert scene.unseen == {CHART}


def test_a_run_says_how_far_it_is_and_what_it_ends_with(tmp_path: Path) -> None:
    files = {f"apps/app{number}/app.yaml": f"{WEB}dependsOn: [web]\n" for number in range(1, 7)}
    known = cast(tmp_path, files)
    why = Health(state=State.PROGRESSING, why="installing")
    all_late = Verdict(cast=known, healths=dict.fromkeys(known.granted, why))
    assert all_late.progress() == (
        "0 of 7 apps ready; waiting: "
        "app1 (installing), app2 (installing), app3 (installing), app4 (installing) and 3 more"
    )
    ready = Verdict(cast=known, healths=dict.fromkeys(known.granted, Health(state=State.READY)))
    assert ready.progress() == "7 of 7 apps ready"
    no = Health(state=State.FAILED, why="InstallFailed: no", root=RELEASE)
    other = RELEASE._replace(namespace="app1", name="app1")
    late = RELEASE._replace(namespace="app2", name="app2")
    verdict = Verdict(cast=known, healths={RELEASE: no, other: no, late: why})
    gone = {GIT._replace(kind="ConfigMap", group=""), RELEASE._replace(name="old")}
    assert verdict.report(verdict.failures, gone).splitlines() == [
        "2 apps can't get ready: web, app1",
        "  HelmRelease web/web: InstallFailed: no (keeps back app1)",
        "  still in progress: app2 (installing)",
        "  not removed before a good end: HelmRelease web/old, ConfigMap flux-system/fluxapps",
    ]


def test_a_failure_counts_once_it_has_lasted(tmp_path: Path) -> None:
    known, lasting = cast(tmp_path), Lasting()
    soft = Health(state=State.FAILED, why="Failed: no route", root=GIT, lasting=4)
    failing = Verdict(cast=known, healths={KUSTOMIZATION: soft})
    trying = Verdict(cast=known, healths={KUSTOMIZATION: Health(state=State.PROGRESSING, why="fetching")})
    assert lasting.counting(failing, 100) == {}
    assert lasting.counting(trying, 102) == {}
    assert lasting.counting(failing, 104) == {KUSTOMIZATION: soft}
    assert lasting.counting(failing, 120) == {}
    assert lasting.counting(failing, 122, least=2) == {}


def test_waiting_is_bounded_by_flux_s_own_timeouts(tmp_path: Path) -> None:
    release_says = (
        "release: {timeout: 2m, install: {remediation: {retries: 1}}, upgrade: {remediation: {retries: 1}}}\n"
    )
    known = cast(
        tmp_path,
        {
            "apps/web/app.yaml": WEB + release_says,
            "apps/next/app.yaml": WEB + "dependsOn: [web]\nrelease: {timeout: 3m}\nwait: {tries: 2}\n",
        },
    )
    found = bounds(known)
    assert found.keys() == known.granted.keys()
    # Two tries, each with what undoes it; a minute for what comes before.
    assert found[RELEASE] == 2 * (120 + 120) + 60
    # Three tries, and twice the retryInterval between them; after its dependency.
    after = RELEASE._replace(namespace="next", name="next")
    assert found[after] == 3 * 180 + 2 * 300 + 60 + found[RELEASE]
    assert found[KUSTOMIZATION] > found[RELEASE]
