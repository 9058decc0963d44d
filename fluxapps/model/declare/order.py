"""Order: of apps by ``dependsOn``, and of the releases within one."""

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter

from fluxapps.model.resolved import App, Fleet, Release


def apps_in_order(fleet: Fleet) -> tuple[App, ...]:
    """Return the apps of *fleet*, each after those it depends on, by name where that leaves a choice.

    Raises:
        graphlib.CycleError: They depend on each other; the checks find that first.
    """
    by_name = {app.name: app for app in fleet.apps}
    graph = {app.name: [name for name in fleet.app_dependencies(app) if name != app.name] for app in fleet.apps}
    return tuple(by_name[name] for name in in_order(graph) if name in by_name)


def releases_in_order(app: App) -> tuple[Release, ...]:
    """Return the releases of *app*, each after its siblings that it depends on."""
    by_key = {release.key or release.name: release for release in app.releases}
    return tuple(by_key[key] for key in in_order(sibling_graph(app)))


def sibling_graph(app: App) -> dict[str, list[str]]:
    """Return the releases of *app* by their keys, each with its siblings that it comes after.

    That is by its own word or its app's. In two namespaces two of them may have one name, and have two keys.
    """
    keys = {f"{app.name}/{release.name}": release.key or release.name for release in app.releases}
    graph = {}
    for release in app.releases:
        key = release.key or release.name
        said = dict.fromkeys((*app.depends_on, *release.depends_on))
        graph[key] = [keys[one] for one in said if keys.get(one, key) != key]
    return graph


def in_order(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the names of *graph* (name: what comes before it), by name where order leaves a choice."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found += ready
        sorter.done(*ready)
    return found
