"""Fields that stand where they mean nothing, that are missing, or that two places say."""

from collections.abc import Iterator
from typing import Any

from fluxapps.model.checks.report import error, stack_file, warning
from fluxapps.model.layers import Layer, origin
from fluxapps.model.problems import Problem, did_you_mean
from fluxapps.model.resolved import App, Fleet, Release
from fluxapps.model.strict import dotted
from fluxapps.model.yaml_file import FieldPath

_OF_A_RELEASE = ("release", "values", "valuesFrom", "valuesName", "valuesIn")
_NOT_IN_DEFAULTS = ("name", "releases")
_ALWAYS_OURS = {"values": "'values'", "valuesFrom": "'valuesFrom'"}
"""Of a HelmRelease's spec, what only our own fields say, and which."""
_SAID_BY_OURS = {
    "chart": ("chart", "spec", "chart"),
    "version": ("chart", "spec", "version"),
    "repository": ("chart", "spec", "sourceRef"),
}
"""Of a HelmRelease's spec, what a file may say where our own field doesn't."""


def field_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is wrong with fields, each fine by itself."""
    yield from _misplaced(fleet)
    yield from _unknown_apps(fleet)
    yield from _wait_twice(fleet)
    for app in fleet.apps:
        yield from _app(app)
        for release in app.releases:
            yield from _incomplete(fleet, app, release)
            yield from _said_twice(app, release)
        yield from _kustomization(fleet, app)


def own_layers(app: App) -> tuple[Layer, ...]:
    """Return the layers of *app*'s own: app.yaml and the stack's ``apps.<app>``, without what apps have in common."""
    first = next(index for index, layer in enumerate(app.layers) if layer.file is app.source.file)
    return app.layers[first:]


def _misplaced(fleet: Fleet) -> Iterator[Problem]:
    for layer in fleet.layers:
        for field in _NOT_IN_DEFAULTS:
            if field in (layer.data.get("defaults") or {}):
                yield _misplaced_field(fleet, layer, ("defaults", field), "not what apps have in common")
        for app, fields in (layer.data.get("apps") or {}).items():
            if "name" in (fields or {}):
                yield _misplaced_field(fleet, layer, ("apps", app, "name"), "the same on every cluster")
    if fleet.sources.fleet is not None:
        for name, said in ((fleet.sources.fleet.value or {}).get("repositories") or {}).items():
            if said is None:
                where = fleet.origin("repositories", name)
                what = f"the repository '{name}' says nothing"
                yield error("missing-field", what, where, "fleet.yaml", f"write {name}: <its URL>")


def _wait_twice(fleet: Fleet) -> Iterator[Problem]:
    for layer in fleet.layers:
        if "wait" in layer.data and "wait" in (layer.data.get("defaults") or {}):
            where = origin((layer,), ("wait",))
            yield _twice("defaults.wait", "wait", where, stack_file(fleet))


def _misplaced_field(fleet: Fleet, layer: Layer, path: FieldPath, why: str) -> Problem:
    what = f"'{dotted(path)}' has no place here: it is {why}"
    return error("misplaced-field", what, origin([layer], path), stack_file(fleet), "say it in app.yaml")


def _unknown_apps(fleet: Fleet) -> Iterator[Problem]:
    names = [app.name for app in (*fleet.apps, *fleet.disabled)]
    known = set(names)
    for layer in fleet.layers:
        for app in layer.data.get("apps") or {}:
            if app not in known:
                where = origin([layer], ("apps", app))
                fix = did_you_mean(
                    app, names, otherwise="an app is called by its folder, or by the name in its app.yaml"
                )
                yield error("unknown-app", f"there is no app '{app}'", where, stack_file(fleet), fix)


def _app(app: App) -> Iterator[Problem]:
    own, file = own_layers(app), app.source.file.file
    # Of the fields themselves the topmost layer decides; a null takes one away.
    merged = {key: value for layer in own for key, value in layer.data.items()}
    said = {key for key, value in merged.items() if value is not None}
    if "releases" in said and "chart" in said:
        what = "'chart' stands beside 'releases': which of them is it the chart of"
        yield error("chart-and-releases", what, origin(own, ("chart",)), file, "say a chart in each of the releases")
    elif not app.releases:
        yield from _without_release(app, own, said)
    for key, fields in (app.source.fields.get("releases") or {}).items():
        if fields is None:
            what = f"the release '{key}' says nothing, so it is none"
            where = origin(own, ("releases", key))
            yield error("missing-field", what, where, file, "say its chart below it, or remove the line")


def _without_release(app: App, own: tuple[Layer, ...], said: set[str]) -> Iterator[Problem]:
    file = app.source.file.file
    fix = "add chart and repository, or remove it: an app without them is one of plain YAML"
    for field in _OF_A_RELEASE:
        if field in said:
            yield error(
                "no-release", f"'{field}' is a release's, and the app has none", origin(own, (field,)), file, fix
            )
    for values in app.source.values.values():
        yield error("no-release", "these are a release's values, and the app has none", None, values, fix)
    if not app.other and not said & set(_OF_A_RELEASE) and not app.source.values:
        what = "the app has neither a chart nor YAML of its own: nothing is declared"
        fix = "add chart, repository and version, or YAML beside app.yaml"
        yield warning("empty-app", what, None, file, fix)


def _incomplete(fleet: Fleet, app: App, release: Release) -> Iterator[Problem]:
    if release.chart and release.repository:
        return
    if "chartRef" in release.said and not (release.chart or release.repository):
        return
    where = app.origin("releases", release.key) if release.key is not None else None
    which = f"the release '{release.key}'" if release.key is not None else "the app"
    repository = fleet.repositories.get(release.repository or "")
    # A chart in an OCIRepository isn't said in the HelmRelease, but by our own field alone.
    in_oci = repository is not None and repository.kind == "OCIRepository"
    if not release.chart and (in_oci or "chart" not in below(release.said, ("chart", "spec"))):
        named = release.origin("chart") or where
        yield error("missing-field", f"{which} says no chart", named, app.source.file.file, "add 'chart: <its name>'")
    if not release.repository and "sourceRef" not in below(release.said, ("chart", "spec")):
        named = release.origin("repository") or where
        fix = "add 'repository: <a name under repositories in fleet.yaml>'"
        yield error("missing-field", f"{which} says no repository", named, app.source.file.file, fix)


def _said_twice(app: App, release: Release) -> Iterator[Problem]:
    file = app.source.file.file
    for theirs, ours in _ALWAYS_OURS.items():
        if theirs in release.said:
            what = f"'release.{theirs}' is said by {ours} here"
            yield error("said-twice", what, release.origin("release", theirs), file, f"say {ours}, beside 'release'")
    ours_too = [name for name in ("chart", "repository", "version") if getattr(release, name) is not None]
    if "chartRef" in release.said and ours_too:
        yield _twice("release.chartRef", ours_too[0], release.origin("release", "chartRef"), file)
    for ours, path in _SAID_BY_OURS.items():
        if getattr(release, ours) is not None and path[-1] in below(release.said, path[:-1]):
            yield _twice(f"release.{'.'.join(path)}", ours, release.origin("release", *path), file)
    if (app.depends_on or release.depends_on) and "dependsOn" in release.said:
        yield _twice("release.dependsOn", "dependsOn", release.origin("release", "dependsOn"), file)


def _twice(theirs: str, ours: str, where: Any, file: str) -> Problem:
    return error("said-twice", f"both '{ours}' and '{theirs}' are said", where, file, f"keep '{ours}'")


def below(said: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return the map at *path* in *said*; an empty one where there is none."""
    found: Any = said
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _kustomization(fleet: Fleet, app: App) -> Iterator[Problem]:
    file, said = app.source.file.file, app.said_kustomization
    if "dependsOn" in said and app.dependencies():
        yield _twice("kustomization.dependsOn", "dependsOn", app.origin("kustomization", "dependsOn"), file)
    if fleet.delivery == "apply" and app.releases and said.get("wait") is True:
        what = "'wait: true' beside a release: Flux would then pass over healthChecks, which look at the release"
        fix = "remove it; an app that others depend on is checked anyway"
        yield error("wait-beside-release", what, app.origin("kustomization", "wait"), file, fix)
    if fleet.delivery == "git" and app.releases:
        yield from _moved(app)
    where = origin(own_layers(app), ("substituteValues",)) if app.substitute_values else None
    if where is not None and "postBuild" not in app.kustomization:
        what = "'substituteValues' does nothing: the app's kustomization has no postBuild"
        fix = "add kustomization: {postBuild: …}, or remove it"
        yield warning("substitute-without-postbuild", what, where, file, fix)


def _moved(app: App) -> Iterator[Problem]:
    """Yield what would give our releases other names or namespaces, on which values and dependencies don't follow."""
    said, file = app.said_kustomization, app.source.file.file
    for field in ("namePrefix", "nameSuffix", "targetNamespace"):
        value = said.get(field)
        if value and (field != "targetNamespace" or any(one.namespace != value for one in app.releases)):
            what = f"'{field}' would move the app's releases away from their values: Flux applies both in git delivery"
            fix = "remove it; put other YAML that needs it in an app of its own"
            if field == "targetNamespace":
                fix = "say 'namespace' instead, or put other YAML that needs it in an app of its own"
            yield error("moved-release", what, app.origin("kustomization", field), file, fix)
