"""A Flux Kustomization, and what Flux applies by it."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from fluxapps.importing.kustomize.build import Builder
from fluxapps.importing.kustomize.built import Built, UnbuildableError, built, entries, strings
from fluxapps.importing.kustomize.patches import apply_patches
from fluxapps.importing.kustomize.transformers import set_namespace, transform
from fluxapps.importing.original import FLUX_KUSTOMIZATION, Document, Original
from fluxapps.importing.reading import Reading, Source, named_source
from fluxapps.model.objects import Manifest, ObjectId
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.sources import normalized

SOURCES: Final = ("HelmRepository", "OCIRepository", "GitRepository", "Bucket")
SOURCE_GROUP: Final = "source.toolkit.fluxcd.io"
_VARIABLE: Final = re.compile(r"\$\{(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)(?::?[=-](?P<default>[^}]*))?\}")


@dataclass(slots=True, eq=False)
class Applied:
    """A Flux Kustomization, and what it applies."""

    built: Built | None
    """Itself; None for a root that isn't committed."""
    parent: "Applied | None"
    path: str | None
    """The folder it applies, from the repository's root; None where it leads out of it."""
    objects: list[Built] = field(default_factory=list)
    """What Flux builds from its path, before what its own spec lays over all of it (but in their namespaces)."""
    moving: list[Built] = field(default_factory=list)
    """Of the objects, those that one root applies in our layout, as its spec makes them."""
    problems: list[Problem] = field(default_factory=list)
    unbuildable: str = ""
    """Why it can't be told what it applies."""
    baked: tuple[str, ...] = ()
    """Fields of its spec that are done already in ``objects``."""
    source: Source | None = None
    """What it reads."""
    is_ours: bool = True
    """It reads this repository."""

    @property
    def manifest(self) -> Manifest | None:
        """Return its manifest; None for a root that isn't committed."""
        return self.built.manifest if self.built is not None else None

    @property
    def spec(self) -> Manifest:
        """Return its spec."""
        spec = self.manifest.get("spec") if self.manifest is not None else None
        return spec if isinstance(spec, dict) else {}

    @property
    def name(self) -> str:
        """Return its name."""
        return self.built.name if self.built is not None else ""


def apply(
    original: Original, builder: Builder, one: Built | Document | None, parent: Applied | None, reading: Reading
) -> Applied:
    """Return the Kustomization *one* (None: a root that isn't committed) with what it applies.

    *reading* says which sources are this repository, and where a root that isn't committed begins.
    """
    applied = Applied(built(one) if isinstance(one, Document) else one, parent, reading.entry)
    if applied.manifest is not None:
        applied.source = named_source(applied.manifest)
        applied.path = reading.path(applied.manifest)
        applied.is_ours = applied.path is not None
    path = applied.path
    if path is None:
        return applied
    if path not in original.folders:
        what = f"Kustomization {applied.name}: its path '{applied.spec.get('path')}' isn't in the repository"
        applied.problems.append(_problem("missing-path", what, applied, "mend the path, or remove the object"))
        applied.unbuildable = "its path isn't in the repository: it applies nothing"
        return applied
    try:
        applied.objects = builder.path(path)
        _own_spec(original, applied, path)
    except UnbuildableError as error:
        applied.unbuildable = str(error)
        applied.objects = []
        what = f"what Kustomization {applied.name or path} applies can't be told here: {error}"
        applied.problems.append(_problem("unbuildable", what, applied, "mend what it names"))
        return applied
    applied.moving = _moving(original, applied, path)
    return applied


def _own_spec(original: Original, applied: Applied, path: str) -> None:
    """Do those parts of its spec that can't stay said in our layout: components, prefixes; and namespaces."""
    spec, baked = applied.spec, []
    for component in entries(spec, "components"):
        inner = normalized(path, str(component))
        if inner is None or inner not in original.folders:
            if spec.get("ignoreMissingComponents") is True:
                continue
            raise UnbuildableError(f"its component '{component}' isn't there")
        applied.objects = Builder(original).component(inner, applied.objects)
        baked.append("components")
    if (spec.get("namePrefix") or spec.get("nameSuffix")) and applied.objects:
        transform({"namePrefix": spec.get("namePrefix"), "nameSuffix": spec.get("nameSuffix")}, applied.objects)
        baked += [name for name in ("namePrefix", "nameSuffix") if spec.get(name)]
    if target := spec.get("targetNamespace"):
        for one in applied.objects:
            set_namespace(one, str(target), why="target")
    applied.baked = tuple(dict.fromkeys(baked))


def is_moving(one: Built) -> bool:
    """Return whether *one* is of a kind that the root applies in our layout: Kustomizations, Namespaces, sources."""
    kind = one.kind
    if kind == "Kustomization":
        return one.group == FLUX_KUSTOMIZATION
    if kind == "Namespace":
        return not one.group
    return kind in SOURCES and one.group == SOURCE_GROUP


def _moving(original: Original, applied: Applied, path: str) -> list[Built]:
    spec = applied.spec
    if not any(is_moving(one) for one in applied.objects):
        return []
    labels = spec.get("commonMetadata") if isinstance(spec.get("commonMetadata"), dict) else {}
    if not (entries(spec, "patches") or labels or spec.get("postBuild")):
        return [one for one in applied.objects if is_moving(one)]
    copies = [one.again() for one in applied.objects]
    try:
        apply_patches(original, path, {"patches": entries(spec, "patches")}, copies)
    except UnbuildableError as error:
        applied.problems.append(
            _problem("unbuildable", f"the patches of Kustomization {applied.name}: {error}", applied, "mend the patch")
        )
    moving = [one for one in copies if is_moving(one)]
    for one in moving:
        for part in ("labels", "annotations"):
            if said := strings((labels or {}).get(part)):
                metadata = one.own("commonMetadata")["metadata"]
                metadata[part] = {**(metadata.get(part) or {}), **said}
    _substitute(applied, moving)
    return moving


def _substitute(applied: Applied, moving: list[Built]) -> None:
    """Fill in the variables that the Kustomization's ``postBuild`` itself says, in what leaves it."""
    build = applied.spec.get("postBuild")
    said = strings(build.get("substitute")) if isinstance(build, dict) else {}
    if not said and not (isinstance(build, dict) and build.get("substituteFrom")):
        return
    for one in moving:
        if has_variable(one.manifest):
            one.own("postBuild")
            one.manifest = _filled(one.manifest, said)


def has_variable(value: Any) -> bool:
    """Return whether some text in *value* has a variable that ``postBuild`` would fill in."""
    if isinstance(value, dict):
        return any(has_variable(one) for one in value.values())
    if isinstance(value, list):
        return any(has_variable(one) for one in value)
    return isinstance(value, str) and "${" in value


def _filled(value: Any, said: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, said) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, said) for one in value]
    if isinstance(value, str) and "${" in value:
        return _VARIABLE.sub(lambda match: said.get(match["name"], match[0]), value)
    return value


def told_apart(one: Built, kustomization: Manifest) -> ObjectId:
    """Return the identity of *one*, with the variables filled in that the spec *kustomization* itself says."""
    identity = one.id
    if "${" in identity.name or "${" in identity.namespace:
        build = kustomization.get("postBuild")
        said = strings(build.get("substitute")) if isinstance(build, dict) else {}
        return identity._replace(name=_filled(identity.name, said), namespace=_filled(identity.namespace, said))
    return identity


def _problem(code: str, what: str, applied: Applied, fix: str) -> Problem:
    document = applied.built.document if applied.built is not None else None
    return Problem(
        code=code,
        what=what,
        file=document.file if document is not None else applied.path or ".",
        line=document.line if document is not None else None,
        fix=fix,
        severity=Severity.WARNING,
    )
