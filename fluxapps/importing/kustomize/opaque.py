"""What can't be built here, as one thing: a remote resource, or a folder with all that its kustomization.yaml names."""

from collections.abc import Iterator
from hashlib import sha256

from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.original import KUSTOMIZE_FILE, Original, common_folder, folder_of
from fluxapps.model.checks.kustomize import references
from fluxapps.model.objects import Manifest
from fluxapps.model.sources import normalized

OPAQUE = f"{KUSTOMIZE_FILE}/opaque"
"""API version of the stand-in for what can't be built."""


def remote(url: str) -> Built:
    """Return the stand-in for the resource at *url*, which is in another repository."""
    manifest: Manifest = {"apiVersion": OPAQUE, "kind": "Remote", "metadata": {"name": url}}
    return Built(manifest, None, first_name=url)


def folder(original: Original, unit: str, why: str) -> Built:
    """Return the stand-in for the folder *unit*; *why* says what isn't done here."""
    files = closure(original, unit)
    top = common_folder([*map(folder_of, files), unit])
    digests = {
        (file[len(top) + 1 :] if top else file): sha256(original.content(file)).hexdigest() for file in sorted(files)
    }
    digest = sha256(repr(sorted(digests.values())).encode()).hexdigest()[:16]
    manifest: Manifest = {"apiVersion": OPAQUE, "kind": "Folder", "metadata": {"name": digest}}
    one = Built(manifest, None, first_name=digest, generated_from=tuple(sorted(files)))
    one.unbuilt, one.why = unit, why
    return one


def closure(original: Original, unit: str) -> set[str]:
    """Return every file that the kustomization.yaml of *unit* needs, its own and those of what it names."""
    files: set[str] = set()
    seen: set[str] = set()
    rest = [unit]
    while rest:
        here = rest.pop()
        if here in seen:
            continue
        seen.add(here)
        file = original.kustomization_file(here)
        read = original.files.get(file or "")
        if file is None or read is None or not isinstance(read.value, dict):
            continue
        files.add(file)
        for reference in references(read.value):
            path = normalized(here, reference.path)
            if path is None:
                continue
            if path in original.folders:
                rest.append(path)
            elif (original.root / path).is_file():
                files.add(path)
    return files


def patch_files(original: Original) -> Iterator[str]:
    """Yield the files that a kustomization.yaml of *original* names otherwise than for the objects in them."""
    for here in original.folders:
        file = original.kustomization_file(here)
        read = original.files.get(file or "")
        if read is not None and isinstance(read.value, dict):
            for reference in references(read.value):
                path = normalized(here, reference.path)
                if path is not None and not reference.holds_objects:
                    yield path
