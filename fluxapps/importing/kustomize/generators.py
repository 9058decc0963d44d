"""ConfigMaps and Secrets that a kustomization.yaml generates, and the hashes in their names."""

import base64
import json
from hashlib import sha256
from typing import Any, Final

from fluxapps.importing.kustomize.built import Built, UnbuildableError, entries, strings
from fluxapps.importing.original import Original
from fluxapps.model.objects import Manifest
from fluxapps.model.sources import normalized

_GENERATORS: Final = {"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"}
_READABLE: Final = str.maketrans("013ae", "ghkmt")
"""How kustomize spells hexadecimal digits that could make words."""


def generated(original: Original, folder: str, said: Manifest, objects: list[Built]) -> list[Built]:
    """Return *objects* and what *said*, the kustomization.yaml of *folder*, generates.

    Raises:
        UnbuildableError: A file that a generator names isn't there, or it generates something that isn't done here.
    """
    options = said.get("generatorOptions") if isinstance(said.get("generatorOptions"), dict) else {}
    made = list(objects)
    for field, kind in _GENERATORS.items():
        for entry in entries(said, field):
            if not isinstance(entry, dict) or not entry.get("name"):
                raise UnbuildableError(f"{folder or '.'}: a {field} without a name")
            one = _made(original, folder, kind, entry, options or {})
            if (behaviour := entry.get("behavior", "create")) == "create":
                made.append(one)
            else:
                _over(made, one, str(behaviour))
    return made


def _over(made: list[Built], one: Built, behaviour: str) -> None:
    below = next(
        (other for other in made if other.kind == one.kind and other.first_name == one.first_name),
        None,
    )
    if below is None:
        raise UnbuildableError(f"a generator changes {one.kind} {one.first_name}, which isn't there")
    manifest = below.own("generator")
    for part in ("data", "binaryData"):
        if behaviour == "replace":
            manifest.pop(part, None)
        if part in one.manifest:
            manifest[part] = {**manifest.get(part, {}), **one.manifest[part]}
    if below.hashed:
        _name(below)


def _made(original: Original, folder: str, kind: str, entry: Manifest, options: Manifest) -> Built:
    content = _Content(original, folder, kind)
    for said in entries(entry, "files"):
        content.add_file(str(said))
    for said in [*entries(entry, "envs"), *([entry["env"]] if entry.get("env") else [])]:
        content.add_environment(str(said))
    for said in entries(entry, "literals"):
        content.add_literal(str(said))
    own = entry.get("options") if isinstance(entry.get("options"), dict) else {}
    chosen = {**options, **(own or {})}
    metadata: Manifest = {"name": str(entry["name"])}
    if entry.get("namespace"):
        metadata["namespace"] = str(entry["namespace"])
    for part in ("labels", "annotations"):
        if merged := {**strings(options.get(part)), **strings((own or {}).get(part))}:
            metadata[part] = merged
    manifest: Manifest = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    manifest |= {part: data for part, data in (("data", content.data), ("binaryData", content.binary)) if data}
    if kind == "Secret":
        manifest["type"] = str(entry.get("type") or "Opaque")
    if chosen.get("immutable"):
        manifest["immutable"] = True
    made = Built(
        manifest,
        None,
        {"generator"},
        first_name=metadata["name"],
        first_namespace=metadata.get("namespace", ""),
        generated_from=tuple(content.read),
        owned=True,
    )
    if chosen.get("disableNameSuffixHash") is not True:
        made.hashed = True
        _name(made)
    return made


class _Content:
    """What a generated object holds."""

    def __init__(self, original: Original, folder: str, kind: str) -> None:
        self.original = original
        self.folder = folder
        self.kind = kind
        self.data: dict[str, str] = {}
        self.binary: dict[str, str] = {}
        self.read: list[str] = []

    def add_file(self, said: str) -> None:
        """Add the file *said*, ``[key=]path``."""
        key, equals, path = said.partition("=")
        content = self._file(path if equals else key, said)
        self._put(key if equals else key.rpartition("/")[2], content)

    def add_environment(self, said: str) -> None:
        """Add each line ``name=value`` of the file *said*."""
        for line in self._file(said, said).decode(errors="replace").splitlines():
            name, equals, value = line.strip().partition("=")
            if name and not name.startswith("#"):
                if not equals:
                    raise UnbuildableError(f"{said}: '{name}' comes from the environment")
                self._put(name, value.encode())

    def add_literal(self, said: str) -> None:
        """Add *said*, ``name=value``."""
        name, _, value = said.partition("=")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        self._put(name, value.encode())

    def _file(self, path: str, said: str) -> bytes:
        file = normalized(self.folder, path)
        if file is None or not (self.original.root / file).is_file():
            raise UnbuildableError(f"{self.folder or '.'}: the generator's file '{said}' isn't there")
        self.read.append(file)
        return self.original.content(file)

    def _put(self, name: str, content: bytes) -> None:
        if self.kind == "Secret":
            self.data[name] = base64.b64encode(content).decode()
            return
        try:
            self.data[name] = content.decode()
        except UnicodeDecodeError:
            self.binary[name] = base64.b64encode(content).decode()


def _name(made: Built) -> None:
    made.manifest["metadata"]["name"] = f"{made.first_name}-{name_hash(made.manifest)}"


def name_hash(manifest: Manifest) -> str:
    """Return what kustomize puts behind the name of *manifest*, a generated object, for its content."""
    hashed: Manifest = {"data": manifest.get("data", "" if manifest["kind"] == "ConfigMap" else {})}
    # It means to put the name in as well, and looks for it where it isn't (5.8).
    hashed |= {"kind": manifest["kind"], "name": ""}
    if manifest["kind"] == "Secret":
        hashed["type"] = manifest.get("type", "")
        if "stringData" in manifest:
            hashed["stringData"] = manifest["stringData"]
    elif "binaryData" in manifest:
        hashed["binaryData"] = manifest["binaryData"]
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for mark in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return sha256(text.encode()).hexdigest()[:10].translate(_READABLE)


def secret_text(manifest: Manifest) -> Any:
    """Return the content that *manifest*, a Secret, has in plain text; None where it has none."""
    for part in ("data", "stringData"):
        content = manifest.get(part)
        if isinstance(content, dict) and any(value and not str(value).startswith("${") for value in content.values()):
            return part
    return None


def is_plain(manifest: Manifest) -> bool:
    """Return whether *manifest* is a Secret whose content stands in plain text."""
    if manifest.get("kind") != "Secret" or manifest.get("apiVersion") != "v1" or "sops" in manifest:
        return False
    return secret_text(manifest) is not None
