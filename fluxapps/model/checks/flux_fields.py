"""Fields that Flux's own schema refuses, said where a file of ours says them.

What is checked are the declared objects, as the API server will see them; a fault is then walked back to the layer that
said the field. A fault in what apps have in common is said once, where it stands.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from fluxapps.model.checks.ownership import release_of
from fluxapps.model.checks.report import error, nearest, stack_file
from fluxapps.model.flux_schema import FieldFault, field_faults
from fluxapps.model.layers import Origin
from fluxapps.model.objects import DeclaredObject, Manifest, Role
from fluxapps.model.problems import Problem
from fluxapps.model.resolved import App, Fleet, Release
from fluxapps.model.strict import dotted, kind_of
from fluxapps.model.yaml_file import FieldPath

_OWN_CHECKS = (
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("spec", "url"),
    ("spec", "values"),
    ("spec", "chartRef"),
)
"""What other checks look at, with more to say."""
_OWN_FIELDS: dict[FieldPath, FieldPath] = {
    ("spec", "chart", "spec", "chart"): ("chart",),
    ("spec", "chart", "spec", "version"): ("version",),
    ("spec", "chart", "spec", "sourceRef"): ("repository",),
}
"""Fields of a HelmRelease that ours become."""


def metadata_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is wrong with ``metadata``, of which Flux's schemas don't know that it is not all ours to pass on."""
    for repository in fleet.repositories.values():
        yield from _metadata(repository.metadata, repository.origin, ("metadata",), stack_file(fleet), ("name",))
    if fleet.git is not None:
        yield from _metadata(fleet.git.metadata, fleet.origin, ("git", "metadata"), stack_file(fleet))
        said = fleet.git.kustomization.get("metadata")
        yield from _metadata(said, fleet.origin, ("git", "kustomization", "metadata"), stack_file(fleet))
    for app in fleet.apps:
        file = app.source.file.file
        said = app.kustomization.get("metadata")
        yield from _metadata(said, app.origin, ("kustomization", "metadata"), file, ("name", "namespace"))
        for release in app.releases:
            said = release.spec.get("metadata")
            yield from _metadata(said, release.origin, ("release", "metadata"), file, ("name",))


def _metadata(
    said: Any, origin: Callable[..., Origin | None], path: FieldPath, file: str, names: tuple[str, ...] = ()
) -> Iterator[Problem]:
    """Yield what is wrong with *said*, which may say labels, annotations, and *names*: the object's own."""
    if not said:
        return
    if not isinstance(said, dict):
        what = f"'{dotted(path)}' is {kind_of(said)}, but a map is wanted"
        yield error("wrong-type", what, nearest(origin, path), file, "write labels and annotations below it")
        return
    for part, content in said.items():
        if part in names:
            yield from _object_name(content, nearest(origin, (*path, part)), file)
        elif part not in ("labels", "annotations"):
            where = nearest(origin, (*path, part))
            known = ", ".join((*names, "labels", "annotations"))
            yield error("unknown-field", f"unknown field '{part}'", where, file, f"known here: {known}")
        elif not isinstance(content, dict):
            where = nearest(origin, (*path, part))
            what = f"'{dotted((*path, part))}' is {kind_of(content)}, but a map is wanted"
            yield error("wrong-type", what, where, file, "write name: value lines below it")


def _object_name(said: Any, where: Origin | None, file: str) -> Iterator[Problem]:
    if not isinstance(said, str):
        yield error("wrong-type", f"a name is {kind_of(said)}, but a string is wanted", where, file, "write a name")
    elif _NAME.fullmatch(said) is None:
        what = f"'{said}' is not a name Kubernetes takes"
        fix = "at most 63 lower-case letters, digits, hyphens and dots; a letter or digit first and last"
        yield error("wrong-value", what, where, file, fix)


_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")


def schema_problems(fleet: Fleet, declared: DeclaredObject) -> Iterator[Problem]:
    """Yield what Flux's schema refuses in *declared*."""
    if declared.role is Role.NAMESPACE:
        yield from _namespace(fleet, declared)
        return
    for fault in field_faults(declared.manifest):
        if any(fault.path[: len(path)] == path for path in _OWN_CHECKS):
            continue
        app = fleet.app_named(declared.app) if declared.app is not None else None
        if app is None:
            yield _of_shared(fleet, declared, fault)
        elif declared.role is Role.KUSTOMIZATION:
            yield _problem(fault, app.origin, ("kustomization", *_field(fault)), app.source.file.file)
        elif (release := release_of(app, declared)) is not None:
            yield from _of_release(fleet, app, release, declared, fault)


def unmade_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is wrong with templates of OCIRepositories that no release makes one of."""
    used = {release.repository for app in fleet.apps for release in app.releases}
    for repository in fleet.repositories.values():
        if repository.is_template and repository.name not in used:
            for fault in field_faults(_sample("OCIRepository", repository.name, repository.metadata, repository.spec)):
                if fault.path[:2] not in _OWN_CHECKS:
                    yield _problem(fault, repository.origin, _field(fault), stack_file(fleet))


def _sample(kind: str, name: str, metadata: dict[str, Any], spec: dict[str, Any]) -> Manifest:
    parts = {part: content for part, content in metadata.items() if part in ("labels", "annotations") and content}
    metadata = {"name": name, "namespace": "default", **parts}
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _namespace(fleet: Fleet, declared: DeclaredObject) -> Iterator[Problem]:
    said = fleet.namespaces.get(declared.id.name)
    if said is None or not (said.labels or said.annotations):
        return
    # Labels and annotations are the same in every kind, so one of Flux's stands in for the Namespace.
    metadata = {"labels": said.labels, "annotations": said.annotations}
    for fault in field_faults(_sample("HelmRepository", said.name, metadata, {"url": "https://example.org"})):
        yield _problem(fault, said.origin, fault.path[1:], stack_file(fleet))


def _field(fault: FieldFault) -> FieldPath:
    """Return the field at fault as ours spell it: what stands in ``spec`` by itself, the rest below ``metadata``."""
    return fault.path[1:] if fault.path[:1] == ("spec",) else fault.path


def _of_shared(fleet: Fleet, declared: DeclaredObject, fault: FieldFault) -> Problem:
    repository = fleet.repositories.get(declared.id.name)
    if repository is not None and (repository.kind, repository.namespace) == (declared.id.kind, declared.id.namespace):
        return _problem(fault, repository.origin, _field(fault), stack_file(fleet))
    return _problem(fault, fleet.origin, ("git", *_field(fault)), stack_file(fleet))


def _of_release(
    fleet: Fleet, app: App, release: Release, declared: DeclaredObject, fault: FieldFault
) -> Iterator[Problem]:
    file = app.source.file.file
    if declared.role is Role.SOURCE:
        # What the release itself says of it, ref and url, fits in any case.
        yield _problem(fault, fleet.repositories[release.repository or ""].origin, _field(fault), file)
    elif fault.path == ("spec", "releaseName") and "releaseName" not in release.said:
        pass  # the names' check says it
    elif (ours := _own_field(release, fault)) is not None:
        # A field of ours that is missing is another check's to say.
        if release.origin(*ours) is not None and fault.code not in ("missing-field", "refused-combination"):
            yield _problem(fault, release.origin, ours, file)
    elif fault.path[:2] == ("spec", "valuesFrom") and len(fault.path) > 2:  # noqa: PLR2004 - spec, valuesFrom, index
        ours_first = len(declared.manifest["spec"]["valuesFrom"]) - len(release.values_from)
        index = int(fault.path[2]) - ours_first
        yield _problem(fault, release.origin, ("valuesFrom", index, *fault.path[3:]), file)
    else:
        named = app.origin("releases", release.key) if release.key is not None else None
        yield _problem(fault, release.origin, ("release", *_field(fault)), file, named)


def _own_field(release: Release, fault: FieldFault) -> FieldPath | None:
    """Return the field of ours that became the one at fault, unless ``release`` says it."""
    for theirs, ours in _OWN_FIELDS.items():
        if fault.path[: len(theirs)] == theirs and release.origin("release", *theirs[1:]) is None:
            return ours
    return None


def _problem(
    fault: FieldFault,
    origin: Callable[..., Origin | None],
    path: FieldPath,
    otherwise: str,
    named: Origin | None = None,
) -> Problem:
    """Return *fault* in the words of who wrote *path*, as *origin* finds it, or else what it is of, at *named*."""
    where = nearest(origin, path) or named
    said = where.path if where is not None else ()
    # What stands in the file already is not said twice.
    known = next((length for length in range(len(path), 0, -1) if said[-length:] == path[:length]), 0)
    field = dotted((*said, *path[known:]))
    what = fault.what.removeprefix(f"{fault.field}: ")
    fix = f"add it: {fault.fix}" if fault.code == "missing-field" else fault.fix
    return error(fault.code, f"{field}: {what}", where, otherwise, fix)
