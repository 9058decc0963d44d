"""What the root applies by itself: shared out to apps of their own, and what its Kustomization says."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from fluxapps.importing.applied import Applied
from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.metadata import metadata_or_nothing


def root_fields(root: Applied) -> dict[str, Any]:
    """Return what the root's Kustomization says otherwise than ours."""
    ours = {"interval": "10m", "prune": True, "deletionPolicy": "WaitForTermination"}
    skipped = ("path", "sourceRef", "patches", *root.baked)
    said = {key: value for key, value in root.spec.items() if value is not None and key not in skipped}
    fields: dict[str, Any] = {key: value for key, value in said.items() if ours.get(key) != value}
    fields |= {key: None for key in ours if key not in said}
    if root.manifest is not None and (metadata := metadata_or_nothing(root.manifest["metadata"])):
        fields["metadata"] = metadata
    return fields


def like_root(root: Applied) -> dict[str, Any]:
    """Return what the Kustomization of an app says whose objects *root* applied by itself."""
    skipped = ("path", "sourceRef", "dependsOn", "patches", *root.baked)
    said = {key: value for key, value in root.spec.items() if value is not None and key not in skipped}
    return {"interval": "10m", "prune": True, **said}


_COMPONENTS: Final = "gotk-components.yaml"
"""Where `flux bootstrap` writes Flux's own CRDs and controllers."""


def is_of_flux(one: Built) -> bool:
    """Return whether *one* is Flux itself, as `flux bootstrap` commits it."""
    return one.document is not None and one.document.file.rpartition("/")[2] == _COMPONENTS


def folder_of(one: Built) -> str:
    """Return the folder where *one* stands."""
    return one.document.file.rpartition("/")[0] if one.document is not None else ""


def root_apps(objects: list[Built], releases: list[Built], root: str) -> Iterator[list[Built]]:
    """Yield the releases that the root applies, each with what stands in its folder where that is its own."""
    by_folder: dict[str, list[Built]] = defaultdict(list)
    for one in releases:
        by_folder[folder_of(one)].append(one)
    for folder, found in by_folder.items():
        if folder == root or len(found) > 1:
            for one in found:
                yield [one, *_values_of(one, objects)]
        else:
            rest = [one for one in objects if one not in found and (folder_of(one) + "/").startswith(f"{folder}/")]
            yield [*found, *rest]


def _values_of(release: Built, objects: list[Built]) -> list[Built]:
    named = {
        str(reference.get("name"))
        for reference in (release.manifest.get("spec") or {}).get("valuesFrom") or ()
        if isinstance(reference, dict) and reference.get("kind") == "ConfigMap"
    }
    return [
        one for one in objects if one.kind == "ConfigMap" and one.namespace == release.namespace and one.name in named
    ]
