"""YAML files, read as Helm and Flux read them: one loader for every YAML file of a repository.

libyaml's parser with the scalar table of sigs.k8s.io/yaml. Places are not kept while loading: they are worked out from
the text when somebody asks, which is when something is wrong.
"""

import codecs
import math
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml._yaml import CParser

from fluxapps.model.problems import ConfigError, Problem
from fluxapps.model.yaml_nodes import DEPTH_LIMIT, Node, NodeKind, Tree, compose
from fluxapps.model.yaml_places import find, find_value
from fluxapps.model.yaml_scalars import resolve_plain
from fluxapps.model.yaml_values import construct

FieldPath = tuple[str | int, ...]
"""Where a field stands in a value: keys of maps and indexes of lists, from the root."""


_CHUNK = 1 << 20


class Position(NamedTuple):
    """A place in a file, 1-based."""

    line: int
    column: int


@dataclass(slots=True)
class YamlDocument:
    """One document of a file."""

    value: Any
    """None, bool, int, float, str, list or dict with str keys; what JSON can say, and nothing shared."""
    line: int
    """Where it begins, 1-based: its ``---`` if it has one, else its first line that is no comment."""


@dataclass(slots=True)
class YamlFile:
    """A YAML file that has been read."""

    file: str
    """Path from the repository's root, with forward slashes."""
    text: str
    documents: tuple[YamlDocument, ...]
    """Without those of comments alone; an empty file has none."""
    _trees: list[Tree] | None = field(default=None, repr=False, compare=False)

    @property
    def value(self) -> Any:
        """Return the value of the first document, which is the only one of most files; None when the file is empty."""
        return self.documents[0].value if self.documents else None

    def position(self, path: FieldPath, *, document: int = 0, of_key: bool = True) -> Position:
        """Return where *path* stands in the text.

        Args:
            path: From the root of the document; what aliases and merge keys bring in is found where it is written.
            document: Which of ``documents``.
            of_key: The key's place, for a path that ends in one; else its value's.

        Returns:
            The place, or that of the nearest ancestor that exists; the start of the file when it is empty.
        """
        node = find(self._root(document), path, of_key=of_key)
        return Position(node.line, node.column) if node else Position(1, 1)

    def written(self, path: FieldPath, *, document: int = 0) -> str | None:
        """Return the scalar at *path* as written, without quotes: ``6.10``, not 6.1; None for any other path."""
        node = find_value(self._root(document), path)
        return node.text if node and node.kind is NodeKind.SCALAR else None

    def _root(self, document: int) -> Node | None:
        if self._trees is None:
            self._trees, _ = compose(self.text, self.file)
        return self._trees[document].root if document < len(self._trees) else None


def read_yaml(root: Path, file: str) -> YamlFile:
    """Read *file*, a path from the repository's *root* with forward slashes.

    Raises:
        ConfigError: It can't be read, leads out of the root, is no UTF-8, or is no YAML that Helm and Flux would read.
    """
    return parse_yaml(_decode(_read(root, file), file), file)


def parse_yaml(text: str, file: str) -> YamlFile:
    """Read *text* as the YAML of *file*.

    Raises:
        ConfigError: With all that is wrong with it; never anything else, whatever the text.
    """
    text = text.removeprefix("\ufeff")
    try:
        return YamlFile(file, text, _load_common(text))
    except (_UncommonError, yaml.YAMLError, TypeError, ValueError):
        # The careful way reads all that the quick one left to it, and says what is wrong.
        return _load_any(text, file)


def _load_any(text: str, file: str) -> YamlFile:
    trees, problems = compose(text, file)
    documents = []
    for tree in trees:
        value, wrong = construct(tree, file)
        problems += wrong
        documents.append(YamlDocument(value, tree.line))
    if problems:
        raise ConfigError(problems)
    return YamlFile(file, text, tuple(documents))


class _UncommonError(Exception):
    """The text has something that the quick way doesn't do."""


class _PlainScalars(dict[str, Any]):
    """What unquoted scalars mean, remembered: the same few words and numbers fill all files of a repository."""

    MOST = 1 << 15
    LONGEST = 64

    def __missing__(self, text: str) -> Any:
        if text == "<<" or "?" in text:
            raise _UncommonError
        value = resolve_plain(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise _UncommonError
        if len(text) <= self.LONGEST:
            if len(self) >= self.MOST:
                self.clear()
            self[text] = value
        return value


_plain_scalars = _PlainScalars()


def _load_common(text: str) -> tuple[YamlDocument, ...]:  # noqa: C901, PLR0912 - the hot loop
    """Read documents without anchors, tags, merge keys and keys that are no strings; raise something for any other."""
    if "\ufeff" in text or "\\/" in text:
        raise _UncommonError
    documents: list[YamlDocument] = []
    line = 0
    plain = _plain_scalars
    outer: list[list[Any]] = []
    # Items of the innermost open list; keys and values by turns of the innermost open map.
    items: list[Any] = []
    event: Any
    for event in iter(CParser(text).get_event, None):
        kind = event.__class__
        if kind is yaml.ScalarEvent:
            if event.tag is not None or event.anchor is not None:
                raise _UncommonError
            items.append(event.value if event.style else plain[event.value])
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if event.tag is not None or event.anchor is not None or len(outer) >= DEPTH_LIMIT:
                raise _UncommonError
            outer.append(items)
            items = []
        elif kind is yaml.MappingEndEvent:
            mapping = dict(zip(items[::2], items[1::2], strict=True))
            if 2 * len(mapping) != len(items):
                raise _UncommonError
            # Raises TypeError for a key that is no string.
            "".join(mapping)
            items = outer.pop()
            items.append(mapping)
        elif kind is yaml.SequenceEndEvent:
            sequence = items
            items = outer.pop()
            items.append(sequence)
        elif kind is yaml.DocumentStartEvent:
            line = event.start_mark.line + 1
        elif kind is yaml.DocumentEndEvent:
            value = items.pop()
            if value is None:
                # Either null or nothing at all.
                raise _UncommonError
            documents.append(YamlDocument(value, line))
        elif kind is yaml.AliasEvent:
            raise _UncommonError
    return tuple(documents)


def _read(root: Path, file: str) -> bytes:
    path = f"{root}/{file}"
    try:
        # Not to wait for a writer, should it be a pipe.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(descriptor)
            if not _is_inside(_real_path(descriptor, path), path, root):
                raise ConfigError(
                    [_unreadable("symlink-outside", file, "it leads out of the repository", "copy the file")]
                )
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError([_unreadable("not-readable", file, "it is no regular file", "put a file there")])
            data = os.read(descriptor, status.st_size + 1)
            while len(data) != status.st_size and (more := os.read(descriptor, _CHUNK)):
                data += more
            return data
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        what = f"it can't be read: {(reason or str(error)).lower()}"
        raise ConfigError([_unreadable("not-readable", file, what, "check that it exists and may be read")]) from None


def _real_path(descriptor: int, path: str) -> str:
    try:
        # One call, where resolving each folder of the path takes one apiece.
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - four times as quick, for each file
    except OSError:
        return os.path.realpath(path)


def _is_inside(real_path: str, path: str, root: Path) -> bool:
    return real_path == path or os.path.commonpath((real_path, real_root := os.path.realpath(root))) == real_root


def _unreadable(code: str, file: str, what: str, fix: str) -> Problem:
    return Problem(code=code, what=what, file=file, fix=fix)


def _decode(data: bytes, file: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError([_unreadable("not-utf8", file, "it is written in UTF-16", "save it as UTF-8")])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(errors="replace")
        problem = Problem(
            code="not-utf8",
            what=f"the byte 0x{data[error.start]:02x} is no UTF-8",
            file=file,
            line=before.count("\n") + 1,
            column=len(before) - before.rfind("\n"),
            fix="save it as UTF-8",
        )
        raise ConfigError([problem]) from None
