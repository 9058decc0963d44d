"""Looks at the Helm releases that are live before anything is changed: none is to be uninstalled without a word.

Flux reinstalls a release whose name, namespace or chart changes, and uninstalls one whose HelmRelease goes, though
another HelmRelease may have taken it over by then.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from fluxapps.engine.adoption import Survey
from fluxapps.model.declare.claims import leaves_objects
from fluxapps.model.declare.names import APP_LABEL
from fluxapps.model.live.applied import applied_by
from fluxapps.model.live.departure import listed
from fluxapps.model.live.helm_release import HelmId, Reinstall, chart_of, helm_id, is_installed, reinstalls
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.resolved import App, Fleet, Release, place

Live = Mapping[str, Any]

DOWNTIME: Final = "the app is down until it is installed anew, and volume claims that its chart made go with their data"


def release_problems(
    fleet: Fleet, objects: Collection[DeclaredObject], survey: Survey, releases: Mapping[ObjectId, Live]
) -> list[Problem]:
    """Return what would become of live Helm releases, where that is more than an upgrade.

    Args:
        fleet: The stack.
        objects: All that is declared, also what Flux itself will apply.
        survey: What is live of the stack.
        releases: Every HelmRelease of the cluster; those that Flux applies carry no label of ours.
    """
    declared = {one.id: one for one in objects if one.role is Role.RELEASE}
    live = {one: found for one, found in releases.items() if one in survey.live or fleet.delivery == "git"}
    problems = list(_reinstalled(fleet, declared, live))
    if fleet.delivery == "git":
        return [*problems, *_taken_over(fleet, declared, {one: live[one] for one in sorted(live.keys() - declared)})]
    left = {one: survey.live[one] for one in sorted(survey.left) if one.kind == "HelmRelease"}
    return [*problems, *_taken_over(fleet, declared, left), *_renamed(fleet, declared, left, live)]


def yaml_problems(fleet: Fleet, survey: Survey) -> Iterator[Problem]:
    """Yield Kustomizations of the stack that go, and would delete what another app's folder applies from now on.

    That app's Kustomization would apply it anew: another object, its data gone.
    """
    left = {one: survey.live[one] for one in sorted(survey.left) if one.kind == "Kustomization"}
    left = {one: live for one, live in left.items() if not leaves_objects(live.get("spec", {}))}
    applied = applied_by(fleet) if left and fleet.delivery == "apply" else {}
    for identity, live in left.items():
        taken = sorted(one for one in inventory_of(live) if one in applied)
        if not taken:
            continue
        app, some = applied[taken[0]], listed([str(one) for one in taken], 3)
        yield Problem(
            code="yaml-taken-over",
            what=f"{identity} is not declared any more, and its deletion would delete {some}, "
            f"which the app '{app}' applies from now on",
            fix=f"have it handed over: fluxapps attach {app} --stack {fleet.stack}; or keep its name: {identity.name}",
            file=f"{_folder(fleet, app)}/app.yaml",
        )


def reinstall_problem(fleet: Fleet, declared: DeclaredObject, changed: Reinstall) -> Problem:
    """Return what to say of a field whose change reinstalls a release: an error, unless the files allow it."""
    app, release = _release(fleet, declared)
    where = release.origin("chart") if changed.field == "chart" else release.origin("release", changed.field)
    return Problem(
        code="reinstall",
        severity=Severity.WARNING if release.allow_reinstall else Severity.ERROR,
        what=f"{declared.id}: {changed.field} '{changed.old}' becomes '{changed.new}', which Helm can't change in "
        f"place: Flux uninstalls and reinstalls; {DOWNTIME}",
        fix=f"keep '{changed.old}'; or, once that loss is provided for, say allowReinstall: true",
        **place(where, app.source.file.file),
    )


def _reinstalled(
    fleet: Fleet, declared: Mapping[ObjectId, DeclaredObject], live: Mapping[ObjectId, Live]
) -> Iterator[Problem]:
    for identity, one in declared.items():
        if identity in live:
            for changed in reinstalls(one.manifest, live[identity]):
                yield reinstall_problem(fleet, one, changed)


def _taken_over(
    fleet: Fleet, declared: Mapping[ObjectId, DeclaredObject], left: Mapping[ObjectId, Live]
) -> Iterator[Problem]:
    """Yield HelmReleases that go while others make the same Helm release: it would be uninstalled all the same."""
    takers: dict[HelmId, DeclaredObject] = {helm_id(one.manifest): one for one in declared.values()}
    for identity, live in left.items():
        taker = takers.get(helm_id(live))
        if taker is None or live.get("spec", {}).get("suspend"):
            continue
        app, release = _release(fleet, taker)
        yield Problem(
            code="release-taken-over",
            what=f"{identity} is not declared any more, and its deletion would uninstall the Helm release "
            f"{helm_id(live)}, which is {taker.id}'s from now on",
            fix=f"{_hand_over(fleet, app)}; or keep its name: {_old_name(app, release, identity, live)}",
            **place(release.origin("release", "releaseName") or release.origin("namespace"), app.source.file.file),
        )


def _renamed(
    fleet: Fleet,
    declared: Mapping[ObjectId, DeclaredObject],
    left: Mapping[ObjectId, Live],
    live: Mapping[ObjectId, Live],
) -> Iterator[Problem]:
    """Yield a warning where a release goes and a new one of the same chart comes: more likely one that was renamed."""
    takers = {helm_id(one.manifest) for one in declared.values()}
    new = [one for identity, one in declared.items() if identity not in live]
    for identity, going in left.items():
        if helm_id(going) in takers or not is_installed(going):
            continue
        old_app = _app_of(going)
        for one in new:
            is_renamed = one.app == old_app or fleet.app_named(old_app) is None
            if is_renamed and chart_of(one.manifest) == chart_of(going):
                app, release = _release(fleet, one)
                yield Problem(
                    code="renamed-app",
                    severity=Severity.WARNING,
                    what=f"{identity} is not declared any more and gets uninstalled, and {one.id} of the same chart "
                    "is new",
                    fix=f"if that is one app that was renamed, keep it: {_old_name(app, release, identity, going)}",
                    file=app.source.file.file,
                )
                break


def _hand_over(fleet: Fleet, app: App) -> str:
    attach = f"fluxapps attach {app.name} --stack {fleet.stack}"
    if fleet.delivery == "apply":
        return f"have it handed over: {attach}"
    return f"have it make way before the tree that says so is pushed: {attach}"


def _folder(fleet: Fleet, name: str) -> str:
    app = fleet.app_named(name)
    return app.source.folder if app is not None else "apps"


def _old_name(app: App, release: Release, old: ObjectId, live: Live) -> str:
    """Return what app.yaml says so that the release of *live* keeps its HelmRelease."""
    namespace = f", namespace: {old.namespace}" if old.namespace != old.name else ""
    if release.key is not None:
        return f"call it {old.name} under releases{namespace}"
    return f"name: {_app_of(live) or old.name}{namespace} in {app.source.file.file}"


def _app_of(live: Live) -> str:
    return str(live["metadata"].get("labels", {}).get(APP_LABEL, ""))


def _release(fleet: Fleet, declared: DeclaredObject) -> tuple[App, Release]:
    """Return the app and the release that *declared* is made from."""
    app = fleet.app_named(declared.app or "")
    if app is None:
        raise ValueError(f"{declared.id} is no app's")
    release = next(
        one for one in app.releases if (one.namespace, one.name) == (declared.id.namespace, declared.id.name)
    )
    return app, release
