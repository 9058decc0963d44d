"""``dependsOn``: what it names, and whether it goes round."""

from collections.abc import Iterator, Mapping, Sequence

from fluxapps.model.checks.report import error
from fluxapps.model.declare.order import in_order, sibling_graph
from fluxapps.model.problems import Problem, did_you_mean
from fluxapps.model.resolved import App, Fleet
from fluxapps.model.yaml_file import FieldPath

DEEPEST = 400
"""Apps in one chain: Pulumi's engine and SDK walk dependencies by recursion."""

Graph = Mapping[str, Sequence[str]]
"""Names, each with those it comes after; all of them are keys."""


def dependency_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is wrong with the fleet's ``dependsOn``."""
    disabled = {app.name for app in fleet.disabled}
    for app in fleet.apps:
        for name, path in app.dependencies():
            yield from _name(fleet, app, disabled, name, path)
    cycles = [*_app_cycles(fleet), *_release_cycles(fleet)]
    yield from cycles
    if not cycles:
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
        fix = f"take it out; a release of the same app is written {app.name}/<release>"
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
    graph = {app.name: [name for name in fleet.app_dependencies(app) if name != app.name] for app in fleet.apps}
    for cycle in cycles(graph):
        app = fleet.app_named(cycle[0])
        assert app is not None  # noqa: S101 - the graph is made of enabled apps; mypy can't know
        path = next(path for name, path in app.dependencies() if name.partition("/")[0] == cycle[1])
        yield _cycle(app, cycle, path)


def _release_cycles(fleet: Fleet) -> Iterator[Problem]:
    for app in fleet.apps:
        graph = sibling_graph(app) if len(app.releases) > 1 else {}
        for cycle in cycles(graph):
            yield _cycle(app, [f"{app.name}/{name}" for name in cycle], _naming(app, cycle[0], cycle[1]))


def _naming(app: App, release: str, sibling: str) -> FieldPath:
    """Return the field by which *release* depends on its *sibling*."""
    said = [path for name, path in app.dependencies() if name == f"{app.name}/{sibling}"]
    return next((path for path in said if path[:2] == ("releases", release)), said[0])


def _cycle(app: App, cycle: Sequence[str], path: FieldPath) -> Problem:
    what = f"dependsOn goes round: {' → '.join(cycle)}"
    return error("dependency-cycle", what, app.origin(*path), app.source.file.file, "take one of these out")


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
        depth[name] = 1 + max((depth[other] for other in graph[name]), default=0)
    # Everything behind the first that is too deep is too: one problem says it.
    first = min((name for name, found in depth.items() if found == DEEPEST + 1), default=None)
    app = fleet.app_named(first) if first is not None else None
    if app is not None:
        what = f"'{app.name}' is number {DEEPEST + 1} in a chain of dependencies, Pulumi takes {DEEPEST}"
        fix = "depend on fewer apps in a row: on those that are really needed first"
        path = next(path for name, path in app.dependencies() if depth.get(name.partition("/")[0], 0) == DEEPEST)
        yield error("dependency-too-deep", what, app.origin(*path), app.source.file.file, fix)
