"""``dependsOn``: what it names, and whether it goes round."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from fluxapps.model.checks.fields import own_layers
from fluxapps.model.checks.flux_dependencies import Dependency, kustomization_dependencies, release_dependencies
from fluxapps.model.checks.report import error
from fluxapps.model.declare.order import in_order, sibling_graph
from fluxapps.model.declare.releases import releases_called
from fluxapps.model.layers import Origin
from fluxapps.model.problems import Problem, did_you_mean
from fluxapps.model.resolved import App, Fleet, Release
from fluxapps.model.yaml_file import FieldPath

DEEPEST = 400
"""Apps, or releases of one app, in one chain: Pulumi's engine and SDK walk dependencies by recursion."""

Graph = Mapping[str, Sequence[str]]
"""Names, each with those it comes after; all of them are keys."""


def dependency_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is wrong with the fleet's ``dependsOn``."""
    disabled = {app.name for app in fleet.disabled}
    for app in fleet.apps:
        for name, path in app.dependencies():
            yield from _name(fleet, app, disabled, name, path)
    found = [*_app_cycles(fleet), *_release_cycles(fleet)] or [*_flux_cycles(fleet)]
    yield from found
    if not found:
        yield from _depth(fleet)


def _name(fleet: Fleet, app: App, disabled: set[str], name: str, path: FieldPath) -> Iterator[Problem]:
    app_name, slash, release_name = name.partition("/")
    other = fleet.app_named(app_name)
    if other is None:
        found = _no_app(fleet, app, name, disabled=app_name in disabled)
    elif slash and release_name not in (releases := [release.name for release in other.releases]):
        what = f"'{app.name}' depends on '{name}', and {app_name} has no such release"
        otherwise = f"its releases: {', '.join(releases)}" if releases else f"write {app_name}: it has no releases"
        found = "unknown-dependency", what, did_you_mean(release_name, releases, otherwise=otherwise)
    elif other is not app:
        return
    elif not slash:
        own = any("dependsOn" in layer.data for layer in own_layers(app))
        fix = f"take it out; a release of the same app is written {app.name}/<release>"
        if not own:
            fix = f"it is said for all apps: write 'dependsOn: []' in {app.source.file.file}"
        found = "self-dependency", f"'{app.name}' depends on itself", fix
    elif path[0] == "releases" and path[1] == release_name:
        found = "self-dependency", f"the release '{name}' depends on itself", "take it out"
    elif len(other.releases) == 1:
        found = "self-dependency", f"'{name}' is the app's only release", "take it out"
    else:
        return
    code, what, fix = found
    # Looked for last: to find a place the file is read once more.
    yield error(code, what, app.origin(*path), app.source.file.file, fix)


def _no_app(fleet: Fleet, app: App, name: str, *, disabled: bool) -> tuple[str, str, str]:
    """Return code, sentence and fix of a dependency of *app* on *name*, an app that isn't there."""
    other = name.partition("/")[0]
    if disabled:
        what = f"'{app.name}' depends on '{other}', which is not enabled on stack {fleet.stack}"
        return "disabled-dependency", what, f"enable {other} there, or take it out of dependsOn there"
    what = f"'{app.name}' depends on '{name}', and there is no such app"
    return "unknown-dependency", what, did_you_mean(other, (one.name for one in fleet.apps), besides=app.name)


def _app_cycles(fleet: Fleet) -> Iterator[Problem]:
    by_flux = {app.name: _before_by_flux(fleet, app) for app in fleet.apps}
    graph = {
        app.name: [
            *dict.fromkeys(name for name in (*fleet.app_dependencies(app), *by_flux[app.name]) if name != app.name)
        ]
        for app in fleet.apps
    }
    for cycle in cycles(graph):
        app = fleet.app_named(cycle[0])
        assert app is not None  # noqa: S101 - the graph is made of enabled apps; mypy can't know
        paths = (path for name, path in app.dependencies() if name.partition("/")[0] == cycle[1])
        path = next(paths, None)
        yield _cycle(app, cycle, by_flux[app.name][cycle[1]].where if path is None else app.origin(*path))


def _before_by_flux(fleet: Fleet, app: App) -> dict[str, Dependency]:
    """Return the apps that *app*'s ``kustomization`` names in Flux's spelling."""
    return {
        entry.named[1]: entry
        for entry in kustomization_dependencies(fleet, app)
        if entry.named[0] == fleet.flux_namespace and fleet.app_named(entry.named[1]) is not None
    }


def _flux_cycles(fleet: Fleet) -> Iterator[Problem]:
    """Yield cycles that only go round by what a ``release`` names in Flux's spelling."""
    if not any("dependsOn" in release.said for app in fleet.apps for release in app.releases):
        return
    by_id = {(release.namespace, release.name): release for app in fleet.apps for release in app.releases}
    graph: dict[str, list[str]] = {}
    by_flux: dict[tuple[str, str], Origin | None] = {}
    for app in fleet.apps:
        for release in app.releases:
            name = _name_of(release)
            named = [entry for entry in release_dependencies(release) if entry.named in by_id]
            by_flux |= {(name, _name_of(by_id[entry.named])): entry.where for entry in named}
            before = [*_before(fleet, app, release), *(by_id[entry.named] for entry in named)]
            graph[name] = [*dict.fromkeys(_name_of(other) for other in before if other is not release)]
    for cycle in cycles(graph):
        steps = [*pairwise(cycle)]
        first = next((step for step in steps if step in by_flux), steps[0])
        app = next(app for app in fleet.apps if app.name == first[0].partition("/")[0])
        yield _cycle(app, cycle, by_flux.get(first))


def _before(fleet: Fleet, app: App, release: Release) -> Iterator[Release]:
    """Yield the releases that *release* waits for by its app's order.

    In git delivery its Kustomization waits for that of another app, and with it for all of that app's releases.
    """
    for name in (*app.depends_on, *(release.depends_on if release.key is not None else ())):
        if _is_ready_before_its_releases(fleet, app, name.partition("/")[0]):
            continue
        whole = name.partition("/")[0] if fleet.delivery == "git" and name.partition("/")[0] != app.name else name
        yield from releases_called(fleet, whole)
    if fleet.delivery == "git":
        for name in _before_by_flux(fleet, app):
            yield from releases_called(fleet, name)


def _is_ready_before_its_releases(fleet: Fleet, app: App, name: str) -> bool:
    """Return whether the Kustomization of the app *name*, another one than *app*, looks at no release's health."""
    other = fleet.app_named(name)
    if other is None or other is app or fleet.delivery == "apply" or fleet.preset:
        return False
    return not (other.kustomization.get("wait") or other.kustomization.get("healthChecks"))


def _name_of(release: Release) -> str:
    return f"{release.app}/{release.name}"


def _release_cycles(fleet: Fleet) -> Iterator[Problem]:
    for app in fleet.apps:
        graph = sibling_graph(app) if len(app.releases) > 1 else {}
        for cycle in cycles(graph):
            where = app.origin(*_naming(app, cycle[0], cycle[1]))
            yield _cycle(app, [f"{app.name}/{name}" for name in cycle], where)


def _naming(app: App, release: str, sibling: str) -> FieldPath:
    """Return the field by which *release* depends on its *sibling*."""
    said = [path for name, path in app.dependencies() if name == f"{app.name}/{sibling}"]
    return next((path for path in said if path[:2] == ("releases", release)), said[0])


def _cycle(app: App, cycle: Sequence[str], where: Origin | None) -> Problem:
    what = f"dependsOn goes round: {' → '.join(cycle)}"
    return error("dependency-cycle", what, where, app.source.file.file, "take one of these out")


def cycles(graph: Graph) -> list[list[str]]:
    """Return one shortest cycle of each knot in *graph*, first and last name the same; [] when names can be ordered."""
    found = []
    for knot in _knots(graph):
        start = min(knot)
        # Breadth first from the smallest name, within the knot, until it is met again.
        before: dict[str, str] = {}
        queue = [start]
        while start not in before:
            queue = [
                before.setdefault(name, one) and name
                for one in queue
                for name in sorted(graph[one])
                if name in knot and name not in before
            ]
        cycle = [start, before[start]]
        while cycle[-1] != start:
            cycle.append(before[cycle[-1]])
        found.append(cycle[::-1])
    return sorted(found)


def _knots(graph: Graph) -> list[set[str]]:
    """Return the sets of names that all come after each other (Tarjan's way, without recursion)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    knots = []
    for root in graph:
        walk = [(root, iter(graph[root]))] if root not in number else []
        if walk:
            number[root] = lowest[root] = len(number)
            stack.append(root)
            on_stack.add(root)
        while walk:
            name, following = walk[-1]
            if (other := next(following, None)) is None:
                walk.pop()
                if walk:
                    lowest[walk[-1][0]] = min(lowest[walk[-1][0]], lowest[name])
                if lowest[name] == number[name]:
                    knot: set[str] = set()
                    while name not in knot:
                        knot.add(stack.pop())
                    on_stack -= knot
                    knots.append(knot)
            elif other not in number:
                number[other] = lowest[other] = len(number)
                stack.append(other)
                on_stack.add(other)
                walk.append((other, iter(graph[other])))
            elif other in on_stack:
                lowest[name] = min(lowest[name], number[other])
    return [knot for knot in knots if len(knot) > 1]


def _depth(fleet: Fleet) -> Iterator[Problem]:
    graph = {app.name: [name for name in fleet.app_dependencies(app) if name != app.name] for app in fleet.apps}
    depth: dict[str, int] = {}
    for name in in_order(graph):
        app = fleet.app_named(name)
        before = max((depth[other] for other in graph[name]), default=0)
        depth[name] = before + (_longest(app) if app is not None else 1)
        # Everything behind the first that is too deep is too: one problem says it.
        if app is not None and depth[name] > DEEPEST:
            what = f"with '{name}' a chain of dependencies has {depth[name]} links, Pulumi takes {DEEPEST}"
            fix = "depend on fewer apps and releases in a row: on those that are really needed first"
            paths = (path for one, path in app.dependencies() if depth.get(one.partition("/")[0], 0) == before)
            path = next(paths, ("releases",))
            yield error("dependency-too-deep", what, app.origin(*path), app.source.file.file, fix)
            return


def _longest(app: App) -> int:
    """Return how many of *app*'s releases stand in its longest chain; 1 where it has no order of its own."""
    if len(app.releases) < 2:  # noqa: PLR2004 - one has no sibling
        return 1
    graph, depth = sibling_graph(app), dict[str, int]()
    for name in in_order(graph):
        depth[name] = 1 + max((depth[other] for other in graph[name]), default=0)
    return max(depth.values())
