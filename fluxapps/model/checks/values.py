"""Values: files that belong to nothing, what can't travel inline, and what is too large."""

from collections.abc import Iterator
from typing import Any

from fluxapps.model.checks.ownership import release_of
from fluxapps.model.checks.report import at, error, warning
from fluxapps.model.declare.releases import values_text
from fluxapps.model.layers import Origin, origin
from fluxapps.model.objects import DeclaredObject
from fluxapps.model.problems import Problem, did_you_mean
from fluxapps.model.resolved import App, Fleet, Release
from fluxapps.model.yaml_file import FieldPath

LARGEST = 1 << 20
"""Bytes of a ConfigMap's data. Source: https://kubernetes.io/docs/concepts/configuration/configmap/."""
LARGE = 900 << 10
_EXACT = 1 << 53
"""Whole numbers up to it are exact in a float, as which Pulumi carries every number."""
_MOST = 10


_NOWHERE = Origin("", 0, 0, ())


def values_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is wrong with values and their files."""
    for app in (*fleet.apps, *fleet.disabled):
        if app.source.values:
            yield from _files(fleet, app)
    for app in fleet.apps:
        for release in app.releases:
            if release.values_in == "inline":
                yield from _inline(fleet, app, release)


def size_problem(app: App, values: DeclaredObject) -> Problem | None:
    """Return what is wrong with the size of *values*, the ConfigMap of a release of *app*."""
    size = sum(_length(text) for text in values.manifest["data"].values())
    release = release_of(app, values) if size >= LARGE else None
    return _size(app, release, size) if release is not None else None


def _length(text: str) -> int:
    # Encoding 1,000 ConfigMaps to learn that none is large would be most of what this check costs.
    return len(text) if 4 * len(text) < LARGE else len(text.encode())


def _size(app: App, release: Release, size: int) -> Problem | None:
    if size < LARGE:
        return None
    file, where = app.source.file.file, None
    if (largest := max(release.values_layers, key=lambda layer: len(str(layer.data)), default=None)) is not None:
        file = largest.file.file if largest.file is not None else file
        where = at(largest.file, largest.prefix) if largest.file is not None and largest.prefix else None
    what = f"the values of '{release.name}' are {size >> 10} KiB"
    fix = "move what is large out of the values, into a ConfigMap of its own say"
    if size > LARGEST:
        return error("values-too-large", f"{what}, and a ConfigMap holds 1024 KiB", where, file, fix)
    return warning("values-large", f"{what}: near the 1024 KiB that a ConfigMap holds", where, file, fix)


def _files(fleet: Fleet, app: App) -> Iterator[Problem]:
    several = any(release is not None for release, _ in app.source.values)
    releases = _release_names(fleet, app) if several else set()
    layers = {*fleet.sources.stack_files, *fleet.sources.environments}
    for (release, layer), file in app.source.values.items():
        name = file.rpartition("/")[2]
        if release is not None and release not in releases:
            what = f"{name} is for a release '{release}', and the app has none of that name"
            if release in layers:
                fix = f"did you mean values.{release}.yaml? a layer stands after a dot"
            else:
                fix = did_you_mean(release, releases, otherwise=_known("its releases", releases))
            yield error("unknown-values-release", what, None, file, fix)
        if layer is not None and layer not in layers:
            what = f"{name} is for '{layer}', and there is no such stack or environment"
            fix = did_you_mean(layer, layers, otherwise=_known("stacks and environments", layers))
            yield error("unknown-values-layer", what, None, file, fix)
    if "values" in app.source.fields and (None, None) in app.source.values:
        yield _both(app, ("values",), app.source.values[None, None])
    for key, fields in (app.source.fields.get("releases") or {}).items():
        if "values" in (fields or {}) and (key, None) in app.source.values:
            yield _both(app, ("releases", key, "values"), app.source.values[key, None])


def _known(what: str, names: Any) -> str:
    return f"{what}: {', '.join(sorted(names))}" if names else "remove it"


def _both(app: App, path: FieldPath, file: str) -> Problem:
    what = f"both 'values' and {file.rpartition('/')[2]} say the values"
    return error("two-values", what, at(app.source.file, path), app.source.file.file, "keep one of them")


def _release_names(fleet: Fleet, app: App) -> set[str]:
    """Return the keys under the app's ``releases``, on any stack: values files are there for all of them."""
    stacks = fleet.sources.stack_files.values()
    said = [app.source.fields, *((stack.cluster.get("apps") or {}).get(app.name) or {} for stack in stacks)]
    return {key for fields in said for key in fields.get("releases") or {}}


def _inline(fleet: Fleet, app: App, release: Release) -> Iterator[Problem]:
    file = app.source.file.file
    if release.values_name is not None and (release.origin("valuesName") or _NOWHERE).file == file:
        what = "'valuesName' names a ConfigMap, and with 'valuesIn: inline' there is none"
        yield error("said-twice", what, release.origin("valuesName"), file, "keep one of them")
    if not release.values:
        return
    if fleet.delivery == "apply":
        for count, (path, what) in enumerate(lost_inline(release.values)):
            if count == _MOST:
                break
            where = origin(release.values_layers, path)
            fix = "write 'valuesIn: configMap', in which values travel as text"
            yield error("inline-values", what, where, where.file if where else file, fix)
    problem = _size(app, release, len((values_text(release) or "").encode()))
    if problem is not None:
        yield problem


def lost_inline(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    """Yield what of *value*, which stands at *path*, doesn't survive as an input of Pulumi's, and why."""
    if value is None:
        yield path, "a null is lost on its way through Pulumi"
    elif isinstance(value, int) and abs(value) > _EXACT:
        yield path, f"{value} is not exact on its way through Pulumi, which has floats alone"
    elif isinstance(value, dict | list) and not value:
        yield path, f"an empty {'map' if isinstance(value, dict) else 'list'} is a change for ever to Pulumi"
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from lost_inline(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from lost_inline(below, (*path, index))
