"""Which sources are the repository itself, and what a Kustomization's path means in it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from fluxapps.importing.original import Original
from fluxapps.model.objects import Manifest
from fluxapps.model.sources import normalized

Source = tuple[str, str, str]
"""Kind, namespace and name."""

_ARTIFACT = "ExternalArtifact"


@dataclass(frozen=True, slots=True)
class Artifact:
    """An ExternalArtifact that is made of parts of the repository."""

    file: str
    """Where that is said."""
    namespace: str
    name: str
    copies: tuple[tuple[str, str], ...]
    """Folders in it, and those they are from."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How Flux reads the repository."""

    own: Source | None
    """The source that is the repository."""
    artifacts: tuple[Artifact, ...] = ()
    """ExternalArtifacts that are made of the repository."""
    entry: str | None = None
    """Where a root begins that isn't committed."""

    def entering(self, entry: str) -> "Reading":
        """Return it with the root at *entry*."""
        own = [one for one in self.artifacts if one.file.startswith(f"{entry}/")]
        named = {(one.namespace, one.name) for one in own}
        others = [one for one in self.artifacts if (one.namespace, one.name) not in named]
        return replace(self, entry=entry, artifacts=(*own, *others))

    def path(self, kustomization: Manifest) -> str | None:
        """Return the folder that *kustomization* applies, from the repository's root; None where that isn't in it."""
        spec = kustomization.get("spec")
        path = spec.get("path") if isinstance(spec, dict) else None
        folder = normalized("", str(path or "").removeprefix("/"))
        source = named_source(kustomization)
        if source is None or source == self.own or self.own is None:
            return folder
        if source[0] != _ARTIFACT or folder is None:
            return None
        for artifact in self.artifacts:
            if (artifact.namespace, artifact.name) == source[1:]:
                for to, origin in artifact.copies:
                    if folder == to or not to or folder.startswith(f"{to}/"):
                        return "/".join(part for part in (origin, folder[len(to) :].strip("/")) if part)
        return None


def named_source(kustomization: Manifest) -> Source | None:
    """Return the source that *kustomization* names."""
    spec = kustomization.get("spec")
    reference = spec.get("sourceRef") if isinstance(spec, dict) else None
    if not isinstance(reference, dict):
        return None
    namespace = str(reference.get("namespace") or kustomization["metadata"].get("namespace") or "")
    return str(reference.get("kind")), namespace, str(reference.get("name"))


def reading_of(original: Original, kustomizations: Iterable[Manifest], root: Manifest | None = None) -> Reading:
    """Return how *kustomizations* read *original*: their most common source is it, or that of *root*."""
    artifacts = tuple(_artifacts(original))
    if root is not None:
        return Reading(named_source(root), artifacts)
    counted: Counter[Source] = Counter()
    for one in kustomizations:
        source = named_source(one)
        path = Reading(None).path(one)
        if source is not None and source[0] != _ARTIFACT and path is not None and path in original.folders:
            # The root folder is in every repository; another one is a sign.
            counted[source] += 2 if path else 1
    own = next((source for source, _ in counted.most_common()), None)
    if own is None:
        own = ("GitRepository", "flux-system", "flux-system") if artifacts else None
    return Reading(own, artifacts)


def _artifacts(original: Original) -> Iterable[Artifact]:
    for file, read in original.files.items():
        if "kind: ArtifactGenerator" not in read.text:
            continue
        for document in original.objects(file):
            spec = document.manifest.get("spec")
            if document.manifest["kind"] != "ArtifactGenerator" or not isinstance(spec, dict):
                continue
            namespace = str(document.manifest["metadata"].get("namespace") or "")
            for artifact in spec.get("artifacts") or ():
                copies = tuple(_copies(artifact.get("copy") or ()))
                yield Artifact(file, namespace, str(artifact.get("name")), copies)


def _copies(said: Iterable[Any]) -> Iterable[tuple[str, str]]:
    for copy in said:
        origin, to = str(copy.get("from", "")), str(copy.get("to", ""))
        if to.startswith("@artifact/") and origin.startswith("@"):
            yield to.removeprefix("@artifact/").strip("/"), origin.partition("/")[2].removesuffix("**").strip("/")
