"""The proof: what an imported tree renders, held against what the original makes Flux apply, object by object.

Both sides are read from their files. The original is built as Flux builds it; ours is loaded, resolved, declared and
rendered like any repository of app files.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from fluxapps.importing.applied import Applied, is_moving, told_apart
from fluxapps.importing.by_pulumi import explained
from fluxapps.importing.clusters import Cluster, in_depth
from fluxapps.importing.comparison import ABSENT, APPLIED_BY, WHOLE, Difference, Found, object_differences, walk
from fluxapps.importing.explained import Context, explanation
from fluxapps.importing.kustomize.build import Builder
from fluxapps.importing.kustomize.built import Built, UnbuildableError
from fluxapps.importing.kustomize.transformers import set_namespace
from fluxapps.importing.original import Original
from fluxapps.importing.said import StackSaid
from fluxapps.importing.values import meaning
from fluxapps.model.collector import collector_paused
from fluxapps.model.declare import declare
from fluxapps.model.loader import load
from fluxapps.model.objects import ObjectId, Role
from fluxapps.model.resolve import resolve
from fluxapps.model.resolved import Fleet
from fluxapps.model.sources import BOOTSTRAP, Sources


@dataclass(slots=True, eq=False, kw_only=True)
class Proof:
    """What was compared, and what isn't the same."""

    stack: str
    apps: int
    objects: int
    equal: int
    """Objects that are the same in every field."""
    differences: tuple[Difference, ...]
    files: int = 0
    """Files of other YAML that arrive byte for byte."""

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """Return the differences that nobody can explain."""
        return tuple(one for one in self.differences if not one.why)

    @property
    def summary(self) -> str:
        """Return the verdict in a line."""
        about = f"{self.apps} apps, {self.objects} objects"
        explained = len(self.differences) - len(self.unexplained)
        beside = f" ({explained} explained differences)" if explained else ""
        if not self.unexplained:
            return f"{about}: all equal{beside}"
        return f"{about}: {len(self.unexplained)} differences nobody explains{beside}"


@collector_paused
def prove(cluster: Cluster, root: Path, stack: str, said: StackSaid) -> Proof:
    """Return what the repository of app files at *root* renders for *stack*, compared with *cluster*.

    Args:
        cluster: What the repository that was imported makes Flux apply.
        root: The imported repository.
        stack: The stack that *cluster* became.
        said: What was left out of it on purpose, and why.

    Raises:
        ConfigError: The imported repository can't be read.
    """
    sources = load(root)
    # What git delivery renders is all there is to compare: the other one declares the same, with marks on it.
    _keep_values(sources, said)
    cluster_fields = sources.stack_files[stack].cluster
    fleet = resolve(sources, stack, cluster={**cluster_fields, "delivery": "git"})
    theirs = original_objects(cluster)
    ours = rendered_objects(fleet)
    context = Context.of(cluster, fleet, said)
    if cluster_fields.get("delivery") != "git":
        context.by_pulumi = explained(theirs, ours)
    found: list[Difference] = []
    equal = 0
    for identity in sorted({*theirs, *ours}):
        differences = list(_compared(identity, theirs.get(identity), ours.get(identity)))
        if not differences:
            equal += 1
        found += [replace(one, why=explanation(context, one)) for one in differences]
    return Proof(
        stack=stack,
        apps=len(fleet.apps),
        objects=len(theirs),
        equal=equal,
        differences=tuple(found),
    )


def _keep_values(sources: Sources, said: StackSaid) -> None:
    """Spare *sources* to parse those values files again whose text is one that was parsed in the original."""
    every = (values for app in said.apps.values() for values in app.values.values())
    parsed = {one.text.encode(): one.read for one in every if one.read is not None}
    for file in (file for app in sources.apps for file in app.values.values()) if parsed else ():
        # What can't be read is told of by who reads it next.
        with suppress(OSError), open(f"{sources.root}/{file}", "rb", buffering=0) as there:  # noqa: PTH123 - for each file
            read = parsed.get(there.read())
            if read is not None:
                sources.keep(replace(read, file=file))


def original_objects(cluster: Cluster) -> dict[ObjectId, Found]:
    """Return what *cluster* applies, by identity; each with the deepest Kustomization that applies it."""
    found: dict[ObjectId, Found] = {}
    for applied in in_depth(cluster):
        moving = {id(one.document): one for one in applied.moving if one.document is not None}
        for one in applied.objects:
            effective = moving.get(id(one.document), one) if is_moving(one) else one
            by = _called(applied, cluster)
            found.setdefault(told_apart(effective, applied.spec), _found(effective, by))
    root = cluster.root.built
    if root is not None and root.id not in found:
        found[root.id] = _found(root, "")
    return found


def _called(applied: Applied, cluster: Cluster) -> str:
    if applied is cluster.root or applied.built is None:
        return ""
    return f"{applied.built.namespace}/{applied.built.name}"


def _found(one: Built, applied_by: str) -> Found:
    document = one.document
    file = document.file if document is not None else ", ".join(one.generated_from)
    return Found(one.manifest, "" if is_moving(one) else applied_by, file, document.line if document else None)


def rendered_objects(fleet: Fleet) -> dict[ObjectId, Found]:
    """Return what *fleet* renders in git delivery, by identity, each with the Kustomization that applies it."""
    declaration = declare(fleet)
    found: dict[ObjectId, Found] = {}
    for declared in (*declaration.system, *declaration.bootstrap):
        found[declared.id] = Found(declared.manifest, "")
    for app in declaration.apps:
        kustomization = next((one for one in app.objects if one.role is Role.KUSTOMIZATION), None)
        by = f"{kustomization.id.namespace}/{kustomization.id.name}" if kustomization is not None else ""
        for declared in app.objects:
            moves = declared.role in (Role.KUSTOMIZATION, Role.SOURCE)
            found[declared.id] = Found(declared.manifest, "" if moves else by)
    _other_objects(fleet, found)
    return found


def _other_objects(fleet: Fleet, found: dict[ObjectId, Found]) -> None:
    """Add the objects of other YAML, built as Flux builds the folder that they are rendered to."""
    original = Original(fleet.sources.root)
    for folder, others in [
        *((app.source.folder, app.other) for app in fleet.apps),
        (BOOTSTRAP, fleet.sources.bootstrap),
    ]:
        _add_folder(original, folder, [(other.file, other.path) for other in others])
        for other in others:
            if other.is_yaml:
                original.files[other.file] = fleet.sources.read(other.file)
    builder = Builder(original)
    appliers = {
        app.name: f"{one.id.namespace}/{one.id.name}"
        for app in declare(fleet).apps
        for one in app.objects
        if one.role is Role.KUSTOMIZATION
    }
    for app in fleet.apps:
        if app.other and not {"path", "sourceRef"} & app.said_kustomization.keys():
            by = appliers.get(app.name, "")
            for one in _built(builder, app.source.folder, str(app.kustomization.get("targetNamespace") or "")):
                found.setdefault(told_apart(one, app.kustomization), Found(one.manifest, "" if is_moving(one) else by))
    for one in _built(builder, BOOTSTRAP, ""):
        found.setdefault(told_apart(one, {}), Found(one.manifest, ""))


def _add_folder(original: Original, top: str, files: Iterable[tuple[str, str]]) -> None:
    for file, path in files:
        folder = top
        for part in path.split("/")[:-1]:
            names = original.folders.setdefault(folder, [])
            if f"{part}/" not in names:
                names.append(f"{part}/")
            folder = f"{folder}/{part}"
        original.folders.setdefault(folder, []).append(file.rpartition("/")[2])


def _built(builder: Builder, folder: str, target: str) -> list[Built]:
    try:
        objects = builder.path(folder)
    except UnbuildableError:
        return []
    if target:
        for one in objects:
            set_namespace(one, target, why="target")
    return objects


def _compared(identity: ObjectId, original: Found | None, ours: Found | None) -> Iterator[Difference]:
    if original is None:
        yield Difference(identity, WHOLE, ABSENT, "present")
    elif ours is None:
        yield Difference(identity, WHOLE, "present", ABSENT, file=original.file, line=original.line)
    else:
        for one in object_differences(identity, original.manifest, ours.manifest):
            for each in _of_values(one) if one.field == "data.values.yaml" else (one,):
                yield replace(each, file=original.file, line=original.line)
        if original.applied_by != ours.applied_by:
            yield Difference(
                identity, APPLIED_BY, original.applied_by, ours.applied_by, "", original.file, original.line
            )


def _of_values(one: Difference) -> Iterator[Difference]:
    """Yield what differs between two texts of values once they are parsed; the texts where one can't be."""
    before, after = meaning(one.original), meaning(one.ours)
    if before is None or after is None:
        yield one
        return
    for field, original, ours in walk(one.field, before, after):
        yield Difference(one.id, field, original, ours)
