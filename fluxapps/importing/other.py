"""Other YAML: objects that stay what they are, as files; byte for byte wherever nothing changed them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.kustomize.generators import is_plain
from fluxapps.importing.kustomize.opaque import contents
from fluxapps.importing.lift_text import lift_text
from fluxapps.importing.original import Document, Original, common_folder, folder_of
from fluxapps.model.sources import KUSTOMIZATION_NAMES
from fluxapps.model.yaml_file import parse_yaml
from fluxapps.model.yaml_text import dump_documents, dump_manifest, dump_yaml

_MOVED = {"namespace"}
"""What a kustomization.yaml does that says a namespace."""
_UNIT = "kustomize-"
"""How folders begin whose kustomization.yaml is Flux's to build."""
_NAMESPACE = "namespace-"
"""How folders begin whose kustomization.yaml says the namespace of what is in them."""
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
    opaque = [one for one in objects if one.is_opaque]
    for one in objects:
        if not one.is_opaque:
            (found.secrets if is_plain_secret(one) else rest).append(one)
    namespace = _common_namespace(rest)
    kept: dict[tuple[str, str], set[Document]] = defaultdict(set)
    for one in rest:
        changed = one.changed - _TARGET
        if one.document is not None and (not changed or (namespace and changed == _MOVED)):
            kept["", one.document.file].add(one.document)
        elif one.document is not None and changed == _MOVED and one.kind != "Namespace" and one.namespace:
            kept[one.namespace, one.document.file].add(one.document)
        else:
            found.rewritten.append(one)
    _put_documents(original, found.files, kept, folder, in_app=in_app)
    for one in found.rewritten:
        name = _name(f"{one.kind.lower()}-{one.name}.yaml", "", in_app=in_app)
        _put(found.files, re.sub(r"[^A-Za-z0-9._-]", "-", name), dump_manifest(one.manifest).encode())
    units = [_unbuilt(original, found.files, one, number) for number, one in enumerate(opaque, 1)]
    if namespace and any(one.changed - _TARGET == _MOVED for one in rest):
        own = [file for file in found.files if not file.startswith(_UNIT)]
        said = {"namespace": namespace, "resources": sorted([*own, *units])}
        found.files["kustomization.yaml"] = dump_yaml(said).encode()
    return found


def _put_documents(
    original: Original,
    files: dict[str, bytes],
    kept: Mapping[tuple[str, str], set[Document]],
    folder: str,
    *,
    in_app: bool,
) -> None:
    """Add *kept*, documents by namespace that they are moved to (none: "") and by file, to *files*."""
    moved: dict[str, list[str]] = defaultdict(list)
    for (space, file), documents in kept.items():
        name = _name(file, folder, in_app=in_app)
        if space:
            name = f"{_NAMESPACE}{space}/{name.rpartition('/')[2]}"
        name = _put(files, name, _content(original, file, documents))
        if space:
            moved[space].append(name.rpartition("/")[2])
    for space, names in moved.items():
        said: dict[str, object] = {"namespace": space, "resources": sorted(names)}
        files[f"{_NAMESPACE}{space}/kustomization.yaml"] = dump_yaml(said).encode()


def _unbuilt(original: Original, files: dict[str, bytes], one: Built, number: int) -> str:
    """Add a folder for *one*, which couldn't be built, to *files*, with a kustomization.yaml; return its name."""
    unit = f"{_UNIT}{number}"
    said: dict[str, object] = {}
    if one.namespace:
        said["namespace"] = one.namespace
    if one.kind == "Remote":
        said["resources"] = [one.name]
    else:
        top = common_folder([*map(folder_of, one.generated_from), one.unbuilt])
        for file, content in contents(original, one.generated_from).items():
            files[f"{unit}/unit/{file[len(top) + 1 :] if top else file}"] = content
        inner = one.unbuilt[len(top) :].strip("/")
        said["resources"] = [f"unit/{inner}" if inner else "unit"]
    files[f"{unit}/kustomization.yaml"] = dump_yaml(said).encode()
    return unit


def is_plain_secret(one: Built) -> bool:
    """Return whether *one* is a Secret whose content stands in plain text."""
    return is_plain(one.manifest)


def _common_namespace(objects: Iterable[Built]) -> str:
    """Return the namespace that a kustomization.yaml put objects in, if one line of it says so for all of them."""
    moved = {one.namespace for one in objects if one.changed - _TARGET == _MOVED and one.kind != "Namespace"}
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
    lifted = any(document.lifted for document in documents)
    if len(documents) == len(there) and objects == written:
        # Flux no longer serves what past versions spelled otherwise.
        return lift_text(read).text.encode() if lifted else original.content(file)
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
    text = _joined(parts)
    return (lift_text(parse_yaml(text, file)).text if lifted else text).encode()


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


def _put(files: dict[str, bytes], name: str, content: bytes) -> str:
    """Add a file, under another name where *name* is taken; return the name it got."""
    stem, dot, ending = name.rpartition(".")
    number = 2
    while name in files:
        name = f"{stem}-{number}{dot}{ending}"
        number += 1
    files[name] = content
    return name
