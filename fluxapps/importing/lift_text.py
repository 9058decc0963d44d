"""Lift the text of a file in place: only what past API versions spelled otherwise changes, comments and order stay.

What was written is read again and held against the lifted object; a file whose text can't be edited so stays as it is.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from fluxapps.importing.comparison import same
from fluxapps.importing.lift import is_old, lift, today
from fluxapps.model.objects import Manifest
from fluxapps.model.problems import ConfigError, Problem, Severity
from fluxapps.model.yaml_file import FieldPath, YamlFile, parse_yaml
from fluxapps.model.yaml_text import dump_yaml

_DROPPED: Final = {"Kustomization": ("validation",), "GitRepository": ("gitImplementation", "accessFrom")}
_OLD_PATCHES: Final = ("patchesStrategicMerge", "patches", "patchesJson6902")
"""In the order in which kustomize applied them."""


@dataclass(slots=True, eq=False)
class LiftedText:
    """A file in today's spelling."""

    file: str
    text: str
    objects: list[tuple[str, int, tuple[str, ...]]] = field(default_factory=list)
    """Each lifted object, its line, and the fields that changed."""
    problems: list[Problem] = field(default_factory=list)
    """What has to be lifted by hand."""


def lift_text(read: YamlFile) -> LiftedText:
    """Return the file *read* with its objects of Flux's lifted."""
    found = LiftedText(read.file, read.text)
    lines = read.text.splitlines(keepends=True)
    wanted: list[Any] = [document.value for document in read.documents]
    for index in reversed(range(len(read.documents))):
        document = read.documents[index]
        if not _is_lifted(document.value):
            continue
        manifest: Manifest = document.value
        name = f"{manifest['kind']} {(manifest.get('metadata') or {}).get('name', '')}"
        try:
            lifted = lift(manifest)
        except ValueError as why:
            found.problems.append(_by_hand(read.file, document.line, f"{name}: {why}"))
            continue
        edited = _Editor(read, index, list(lines)).lifted(manifest)
        if edited is not None and _means(edited, read.file, index, lifted.manifest):
            lines = edited
            wanted[index] = lifted.manifest
            found.objects.insert(0, (name, document.line, lifted.fields))
        else:
            what = f"{name}: its text can't be edited in place ({', '.join(lifted.fields)})"
            found.problems.append(_by_hand(read.file, document.line, what))
    found.text = "".join(lines)
    return found


def _is_lifted(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return isinstance(value.get("apiVersion"), str) and isinstance(value.get("kind"), str) and is_old(value)


def _means(lines: list[str], file: str, index: int, manifest: Manifest) -> bool:
    """Return whether document *index* of *lines* is *manifest*, patches by what they mean."""
    try:
        documents = parse_yaml("".join(lines), file).documents
    except ConfigError:
        return False
    return len(documents) > index and same(_meaning(documents[index].value), _meaning(manifest))


def _meaning(value: Any) -> Any:
    """Return *value* with the YAML in texts of patches parsed."""
    if isinstance(value, dict):
        return {
            key: _parsed(below) if key == "patch" and isinstance(below, str) else _meaning(below)
            for key, below in value.items()
        }
    return [_meaning(one) for one in value] if isinstance(value, list) else value


def _parsed(text: str) -> Any:
    try:
        return parse_yaml(text, "patch").value
    except ConfigError:
        return text


def _by_hand(file: str, line: int, what: str) -> Problem:
    fix = "write it in today's spelling by hand"
    return Problem(code="unknown-version", what=what, file=file, line=line, fix=fix, severity=Severity.WARNING)


class _Editor:
    """Edits the lines of one document, from its end up, so that places above stay what they were."""

    def __init__(self, read: YamlFile, index: int, lines: list[str]) -> None:
        self.read = read
        self.index = index
        self.lines = lines
        following = index + 1
        self.end = read.documents[following].line - 1 if following < len(read.documents) else len(lines)
        self.edits: list[tuple[int, int, list[str]]] = []
        """First line, line behind the last (0-based), and what stands there instead."""
        self.newline = "\r\n" if "\r\n" in read.text else "\n"

    def lifted(self, manifest: Manifest) -> list[str] | None:
        """Return all lines of the file with this document lifted; None where it isn't written in blocks."""
        if not self._version(manifest):
            return None
        ok = True
        spec = manifest.get("spec")
        if "status" in manifest:
            ok &= self._remove(("status",))
        if isinstance(spec, dict):
            for name in _DROPPED.get(manifest["kind"], ()):
                if name in spec:
                    ok &= self._remove(("spec", name))
            ok &= self._spec(manifest["kind"], spec)
        if not ok:
            return None
        for first, behind, new in sorted(self.edits, key=lambda edit: edit[0], reverse=True):
            self.lines[first:behind] = new
        return self.lines

    def _spec(self, kind: str, spec: Manifest) -> bool:
        ok = True
        if kind == "Kustomization":
            ok &= self._patches(("spec",), spec)
        elif kind == "HelmRelease":
            chart = spec.get("chart")
            inner = chart.get("spec") if isinstance(chart, dict) else None
            if isinstance(inner, dict):
                ok &= self._values_file(("spec", "chart", "spec"), inner)
            for number, renderer in enumerate(spec.get("postRenderers") or ()):
                if isinstance(renderer, dict) and isinstance(renderer.get("kustomize"), dict):
                    ok &= self._patches(("spec", "postRenderers", number, "kustomize"), renderer["kustomize"])
        elif kind == "HelmChart":
            ok &= self._values_file(("spec",), spec)
        return ok

    def _version(self, manifest: Manifest) -> bool:
        group, _, version = manifest["apiVersion"].rpartition("/")
        place = self.read.position(("apiVersion",), document=self.index, of_key=False)
        line = self.lines[place.line - 1]
        head, tail = line[: place.column - 1], line[place.column - 1 :]
        old, new = f"{group}/{version}", f"{group}/{today(group, manifest['kind'])}"
        if old not in tail:
            return False
        self.edits.append((place.line - 1, place.line, [head + tail.replace(old, new, 1)]))
        return True

    def _block(self, path: FieldPath) -> tuple[int, int, int] | None:
        """Return first line, line behind the last, and indentation of the field *path*; None in a flow map."""
        place = self.read.position(path, document=self.index)
        first, indent = place.line - 1, place.column - 1
        line = self.lines[first]
        if not re.match(rf"[\"']?{re.escape(str(path[-1]))}[\"']?[ \t]*:", line[indent:]):
            return None
        if line[:indent].strip(" -") or "{" in line[:indent]:
            return None
        behind = first + 1
        last = behind
        while behind < self.end:
            text = self.lines[behind].strip()
            depth = len(self.lines[behind]) - len(self.lines[behind].lstrip(" "))
            is_item = text.startswith("- ") or text == "-"
            inside = depth > indent or (depth == indent and is_item)
            if text and not text.startswith("#") and not inside:
                break
            behind += 1
            if text and inside:
                last = behind
        return first, last, indent

    def _remove(self, path: FieldPath) -> bool:
        block = self._block(path)
        if block is None or self.lines[block[0]][: block[2]].strip():
            return False
        self.edits.append((block[0], block[1], []))
        return True

    def _values_file(self, path: FieldPath, said: Manifest) -> bool:
        if said.get("valuesFile") is None:
            return True
        block = self._block((*path, "valuesFile"))
        if block is None or block[1] != block[0] + 1:
            return False
        first, behind, indent = block
        line = self.lines[first]
        match = re.match(
            r"(?P<head>\s*(?:- )?)valuesFile:[ \t]*(?P<value>\S.*?)[ \t]*(?P<rest>[ \t]#.*)?(?P<end>\r?\n?)$", line
        )
        if match is None:
            return False
        if not said.get("valuesFiles"):
            new = f"{match['head']}valuesFiles: [{match['value']}]{match['rest'] or ''}{match['end']}"
            self.edits.append((first, behind, [new]))
            return True
        other = self._block((*path, "valuesFiles"))
        if other is None or line[:indent].strip():
            return False
        head = self.lines[other[0]]
        if "[" in head:
            self.edits.append((other[0], other[0] + 1, [head.replace("[", f"[{match['value']}, ", 1)]))
        else:
            item = self.lines[other[0] + 1]
            pad = item[: len(item) - len(item.lstrip(" "))]
            new = f"{pad}- {match['value']}{match['rest'] or ''}{self.newline}"
            self.edits.append((other[0] + 1, other[0] + 1, [new]))
        self.edits.append((first, behind, []))
        return True

    def _patches(self, path: FieldPath, said: Manifest) -> bool:
        old = [name for name in ("patchesStrategicMerge", "patchesJson6902") if name in said]
        if not old:
            return True
        there = [name for name in _OLD_PATCHES if name in said]
        blocks = {name: self._block((*path, name)) for name in there}
        if any(block is None or self.lines[block[0]][: block[2]].strip() for block in blocks.values()):
            return False
        first, _, indent = min(block for block in blocks.values() if block is not None)
        pad = " " * indent
        new = [f"{pad}patches:{self.newline}"]
        for name in there:
            for number, one in enumerate(said[name] or ()):
                new += self._patch((*path, name, number), name, one, pad)
        new = [*self._comments(blocks.values(), new, pad), *new]
        for block in blocks.values():
            if block is not None:
                self.edits.append((block[0], block[1], new if block[0] == first else []))
        return True

    def _comments(self, blocks: Iterable[tuple[int, int, int] | None], new: list[str], pad: str) -> list[str]:
        """Return the comments in *blocks* that are not in *new*, what stands in their place."""
        written = {line.strip() for line in new}
        inside = [line.strip() for block in blocks if block is not None for line in self.lines[block[0] : block[1]]]
        return [f"{pad}{text}{self.newline}" for text in inside if text.startswith("#") and text not in written]

    def _patch(self, path: FieldPath, name: str, one: Any, pad: str) -> list[str]:
        """Return the lines of one item of ``patches``, with the comments that stood in it."""
        if name == "patches" or (name == "patchesJson6902" and isinstance(one.get("patch"), str)):
            return [f"{pad}{line}{self.newline}" for line in dump_yaml([one]).splitlines()]
        inner = f"{pad}    "
        if name == "patchesStrategicMerge":
            text = one if isinstance(one, str) else self._written(path) or dump_yaml(one)
            return [f"{pad}- patch: |{self.newline}", *_indented(text, inner, self.newline)]
        text = self._written((*path, "patch", 0), whole_list=True) or dump_yaml(one["patch"])
        target = [f"{pad}  {line}{self.newline}" for line in dump_yaml({"target": one["target"]}).splitlines()]
        return [f"{pad}- patch: |{self.newline}", *_indented(text, inner, self.newline), *target]

    def _written(self, path: FieldPath, *, whole_list: bool = False) -> str | None:
        """Return the item of a list at *path* as it is written, moved to the left."""
        place = self.read.position(path, document=self.index, of_key=False)
        first, indent = place.line - 1, place.column - 1
        line = self.lines[first]
        dash = len(line) - len(line.lstrip(" "))
        if not line[:indent].strip().startswith("-") or not line[dash:].startswith("-"):
            return None
        start = dash if whole_list else indent
        kept = [line[start:].rstrip("\r\n")]
        for following in self.lines[first + 1 : self.end]:
            depth = len(following) - len(following.lstrip(" "))
            stops = depth < start or (depth == dash and not whole_list)
            if following.strip() and stops:
                break
            kept.append(following[start:].rstrip("\r\n"))
        return "\n".join(kept).rstrip() + "\n"


def _indented(text: str, pad: str, newline: str) -> list[str]:
    return [f"{pad}{line}{newline}" if line.strip() else newline for line in text.splitlines()]
