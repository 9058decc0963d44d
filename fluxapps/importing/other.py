"""Other YAML: objects that stay what they are, as files; byte for byte wherever nothing changed them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.kustomize.generators import secret_text
from fluxapps.importing.original import Document, Original
from fluxapps.model.sources import KUSTOMIZATION_NAMES
from fluxapps.model.yaml_text import dump_documents, dump_manifest, dump_yaml

_TARGET = {"target"}
"""What the Kustomization's own spec does, which stays said there."""


@dataclass(slots=True, eq=False)
class OtherYaml:
    """Files, and what became of the objects in them."""

    files: dict[str, bytes] = field(default_factory=dict)
    rewritten: list[Built] = field(default_factory=list)
    """Objects that are written as they were built, since a kustomization.yaml changed or made them."""
    secrets: list[Built] = field(default_factory=list)
    """Secrets in plain text, which are not in the files."""


def other_yaml(original: Original, objects: Sequence[Built], folder: str, *, in_app: bool = True) -> OtherYaml:
    """Return *objects*, which one Kustomization applies from *folder*, as files.

    Args:
        original: The repository.
        objects: What stays other YAML.
        folder: Where they stood; paths of files are kept below it.
        in_app: The files go into an app's folder, where some names are taken.
    """
    found = OtherYaml()
    rest: list[Built] = []
    for one in objects:
        (found.secrets if is_plain_secret(one) else rest).append(one)
    namespace = _common_namespace(rest)
    kept: dict[str, set[Document]] = defaultdict(set)
    for one in rest:
        changed = one.changed - _TARGET
        if one.document is not None and (not changed or (namespace and changed == {"namespace"})):
            kept[one.document.file].add(one.document)
        else:
            found.rewritten.append(one)
    for file, documents in kept.items():
        _put(found.files, _name(file, folder, in_app=in_app), _content(original, file, documents))
    for one in found.rewritten:
        name = f"{one.kind.lower()}-{one.name}.yaml"
        _put(found.files, _name(name, "", in_app=in_app), dump_manifest(one.manifest).encode())
    if namespace and any(one.changed - _TARGET == {"namespace"} for one in rest):
        said = {"namespace": namespace, "resources": sorted(found.files)}
        found.files["kustomization.yaml"] = dump_yaml(said).encode()
    return found


def is_plain_secret(one: Built) -> bool:
    """Return whether *one* is a Secret whose content stands in plain text."""
    if one.kind != "Secret" or one.group or "sops" in one.manifest:
        return False
    return secret_text(one.manifest) is not None


def _common_namespace(objects: Iterable[Built]) -> str:
    """Return the namespace that a kustomization.yaml put objects in, if one line of it says so for all of them."""
    moved = {one.namespace for one in objects if one.changed - _TARGET == {"namespace"} and one.kind != "Namespace"}
    if len(moved) != 1:
        return ""
    namespace = moved.pop()
    for one in objects:
        if one.kind == "Namespace" or (one.is_namespaced and one.namespace != namespace):
            return ""
    return namespace


def _content(original: Original, file: str, documents: set[Document]) -> bytes:
    read = original.files[file]
    there = original.objects(file)
    objects = {document.index for document in there}
    written = {index for index, one in enumerate(read.documents) if one.value is not None}
    if len(documents) == len(there) and objects == written:
        return original.content(file)
    parts: list[str] = []
    lines = read.text.splitlines(keepends=True)
    for index in sorted({document.index for document in documents}):
        wanted = [document for document in documents if document.index == index]
        if len(wanted) < sum(document.index == index for document in there):
            wanted.sort(key=lambda document: [str(part).rjust(8) for part in document.path])
            parts.append(dump_documents(document.manifest for document in wanted))
            continue
        start = read.documents[index].line - 1 if index else 0
        end = read.documents[index + 1].line - 1 if index + 1 < len(read.documents) else len(lines)
        parts.append("".join(lines[start:end]))
    return _joined(parts).encode()


def _joined(parts: list[str]) -> str:
    text = ""
    for part in parts:
        if text and not text.endswith("\n"):
            text += "\n"
        if text and not part.lstrip("\n").startswith("---"):
            text += "---\n"
        text += part
    return text


def _name(file: str, folder: str, *, in_app: bool) -> str:
    """Return what *file* is called in our folder: its path below *folder*, if that is no name that is taken."""
    inside = not folder or file.startswith(f"{folder}/")
    path = file[len(folder) + 1 :] if folder and inside else file if inside else file.rpartition("/")[2]
    if not in_app:
        path = path.removeprefix("bootstrap/")
    parts = path.split("/")
    last = parts[-1]
    taken = last in ("app.yaml", "app.yml", "values.yml", *KUSTOMIZATION_NAMES)
    if taken or (last.startswith(("values.", "values-")) and last.endswith(".yaml")):
        parts[-1] = f"other-{last}"
    return "/".join("other-stacks" if part == "stacks" else part for part in parts)


def _put(files: dict[str, bytes], name: str, content: bytes) -> None:
    stem, dot, ending = name.rpartition(".")
    number = 2
    while name in files:
        name = f"{stem}-{number}{dot}{ending}"
        number += 1
    files[name] = content
