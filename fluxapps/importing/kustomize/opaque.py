"""What can't be built here, as one thing: a remote resource, or a folder with all that its kustomization.yaml names."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from fluxapps.importing.kustomize.built import Built, built, entries
from fluxapps.importing.kustomize.generators import is_plain
from fluxapps.importing.original import KUSTOMIZE_FILE, Document, Original, common_folder, folder_of
from fluxapps.model.checks.kustomize import references
from fluxapps.model.objects import Manifest
from fluxapps.model.sources import KUSTOMIZATION_NAMES, normalized
from fluxapps.model.yaml_text import dump_documents, dump_yaml

OPAQUE = f"{KUSTOMIZE_FILE}/opaque"
"""API version of the stand-in for what can't be built."""
_ENCRYPTED = b"ENC[AES256_GCM"
"""In whatever SOPS has encrypted."""


def remote(url: str) -> Built:
    """Return the stand-in for the resource at *url*, which is in another repository."""
    manifest: Manifest = {"apiVersion": OPAQUE, "kind": "Remote", "metadata": {"name": url}}
    return Built(manifest, None, first_name=url)


def folder(original: Original, unit: str, why: str) -> list[Built]:
    """Return the stand-in for the folder *unit*, and the Secrets in plain text in it, which aren't in its content.

    *why* says what isn't done here.
    """
    named = closure(original, unit)
    files = contents(original, named)
    top = common_folder([*map(folder_of, files), unit])
    digests = {(file[len(top) + 1 :] if top else file): sha256(content).hexdigest() for file, content in files.items()}
    digest = sha256(repr(sorted(digests.values())).encode()).hexdigest()[:16]
    manifest: Manifest = {"apiVersion": OPAQUE, "kind": "Folder", "metadata": {"name": digest}}
    one = Built(manifest, None, first_name=digest, generated_from=tuple(files))
    one.unbuilt, one.why = unit, why
    return [one, *_secrets(original, named)]


def contents(original: Original, files: Iterable[str]) -> dict[str, bytes]:
    """Return what of *files* may be copied, without Secrets in plain text.

    A kustomization.yaml loses the entries that generate such; what only those read is left out. Another file stays,
    for those that name it, and says what stood there.
    """
    wanted = sorted(files)
    read = {one for file in wanted for entry in _generating(original, file) for one in _files(file, entry)}
    return {file: _copied(original, file) for file in wanted if file not in read}


def _copied(original: Original, file: str) -> bytes:
    if plain := _generating(original, file):
        said = original.files[file].value
        kept = [entry for entry in said["secretGenerator"] if entry not in plain]
        names = ", ".join(str(entry.get("name")) for entry in plain)
        text = dump_yaml({**said, "secretGenerator": kept} if kept else _without_generator(said))
        return f"# Not copied, in plain text: Secret {names}\n{text}".encode()
    plain_here = [one for one in _objects(original, file) if is_plain(one.manifest)]
    if not plain_here:
        return original.content(file)
    rest = [one.manifest for one in _objects(original, file) if not is_plain(one.manifest)]
    names = ", ".join(str(one.manifest["metadata"]["name"]) for one in plain_here)
    return f"# Not copied, in plain text: Secret {names}\n{dump_documents(rest) if rest else ''}".encode()


def _objects(original: Original, file: str) -> list[Document]:
    return original.objects(file) if file in original.files else []


def _without_generator(said: Manifest) -> Manifest:
    return {key: value for key, value in said.items() if key != "secretGenerator"}


def _generating(original: Original, file: str) -> list[Manifest]:
    """Return the entries of *file*, if it is a kustomization.yaml, that generate Secrets from plain text."""
    read = original.files.get(file)
    if read is None or file.rpartition("/")[2] not in KUSTOMIZATION_NAMES or not isinstance(read.value, dict):
        return []
    return [
        entry
        for entry in entries(read.value, "secretGenerator")
        if isinstance(entry, dict)
        and (entry.get("literals") or any(_is_readable(original, one) for one in _files(file, entry)))
    ]


def _files(file: str, entry: Manifest) -> Iterator[str]:
    for said in (*entries(entry, "files"), *entries(entry, "envs"), entry.get("env")):
        path = normalized(folder_of(file), str(said).rpartition("=")[2]) if said else None
        if path is not None:
            yield path


def _is_readable(original: Original, file: str) -> bool:
    """Return whether *file* is there and not encrypted by SOPS."""
    return (original.root / file).is_file() and _ENCRYPTED not in original.content(file)


def _secrets(original: Original, files: Iterable[str]) -> Iterator[Built]:
    """Yield the Secrets in plain text in *files*, those that a generator makes without their content."""
    for file in sorted(files):
        yield from (built(one) for one in _objects(original, file) if is_plain(one.manifest))
        for entry in _generating(original, file):
            metadata = {key: entry[key] for key in ("name", "namespace") if entry.get(key)}
            manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"": "not copied"}}
            yield Built(manifest, None, first_name=str(entry.get("name")), generated_from=(file,))


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
