"""What an app says of its Kustomization: whatever that says beyond what we make ourselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fluxapps.importing.applied import Applied
from fluxapps.importing.defaults import beyond
from fluxapps.importing.metadata import metadata_or_nothing
from fluxapps.importing.namespaces import releases_said
from fluxapps.importing.original import FLUX_KUSTOMIZATION
from fluxapps.importing.reading import Source
from fluxapps.importing.said import AppSaid
from fluxapps.model.objects import ObjectId


@dataclass(frozen=True, slots=True)
class AppKustomizations:
    """What there is to know of the others, to say one."""

    flux_namespace: str
    own: Source | None
    """What the original reads itself by: the stack's GitRepository takes its place."""
    names: Mapping[ObjectId, str]
    """Names of apps by their Kustomization."""
    is_gone: Callable[[ObjectId], bool]
    """Whether a Kustomization is none of ours any more."""

    def fields(self, applied: Applied, app: AppSaid) -> dict[str, Any]:
        """Return ``dependsOn`` and ``kustomization`` of *app*."""
        assert applied.built is not None  # noqa: S101 - only roots are without; mypy can't know
        spec = {key: value for key, value in applied.spec.items() if value is not None}
        for name in ("path", "dependsOn", *applied.baked):
            if name != "path" or applied.is_ours:
                spec.pop(name, None)
        spec |= self._source_reference(applied, spec.pop("sourceRef", None))
        metadata = metadata_or_nothing(applied.built.manifest["metadata"])
        if applied.built.namespace != self.flux_namespace:
            metadata["namespace"] = applied.built.namespace
        if applied.name != app.name:
            metadata["name"] = applied.name
        if metadata:
            spec["metadata"] = metadata
        found: dict[str, Any] = {}
        self._depends_on(applied, app, spec, found)
        if spec:
            found["kustomization"] = spec
        return found

    def _source_reference(self, applied: Applied, said: Any) -> dict[str, Any]:
        """Return ``sourceRef`` as far as *applied* says it otherwise than ours is."""
        if not isinstance(said, dict) or (applied.is_ours and (applied.source or ("",))[0] == "ExternalArtifact"):
            return {}
        if applied.is_ours and self.own is not None and self.own[0] == "GitRepository" and applied.source == self.own:
            return {}
        ours = {"kind": "GitRepository"}
        if applied.built is not None and applied.built.namespace != self.flux_namespace:
            ours["namespace"] = self.flux_namespace
        reference = {key: value for key, value in said.items() if value is not None}
        own = applied.built.namespace if applied.built is not None else ""
        # A reference without a namespace means the object's own.
        if "namespace" in ours:
            reference.setdefault("namespace", own)
        elif reference.get("namespace") == own:
            del reference["namespace"]
        different = beyond(ours, reference)
        return {"sourceRef": different} if different else {}

    def _depends_on(self, applied: Applied, app: AppSaid, spec: dict[str, Any], said_here: dict[str, Any]) -> None:
        assert applied.built is not None  # noqa: S101 - only roots are without; mypy can't know
        said = applied.spec.get("dependsOn") or []
        names: list[str] = []
        literal = any("dependsOn" in (release.get("release") or {}) for release in releases_said(app.fields))
        kept: list[Any] = []
        for entry in said:
            named = entry if isinstance(entry, dict) else {}
            namespace = str(named.get("namespace") or applied.built.namespace)
            identity = ObjectId(FLUX_KUSTOMIZATION, "Kustomization", namespace, str(named.get("name")))
            if self.is_gone(identity):
                continue
            kept.append(entry)
            if named.keys() - {"name", "namespace"} or identity not in self.names:
                literal = True
            else:
                names.append(self.names[identity])
        if not kept:
            return
        if literal:
            spec["dependsOn"] = kept
            # Ours and Flux's spelling don't go together.
            for key, release in (app.fields.get("releases") or {}).items():
                if release.pop("dependsOn", None):
                    release["release"] = {**release.get("release", {}), "dependsOn": app.depends_on[key]}
        else:
            said_here["dependsOn"] = names
