"""YAML as a tree of nodes that know where they stand, and what values it makes: the careful way to read a file.

The quick way (yaml_file) keeps no places and leaves everything uncommon to this one: anchors, tags, merge keys, keys
that are no strings, and every fault. Both are driven by libyaml's events, so nothing here recurses while it reads.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any

import yaml
from yaml._yaml import CParser

from fluxapps.model.problems import Problem
from fluxapps.model.yaml_faults import character_problems, syntax_problem
from fluxapps.model.yaml_scalars import MERGE

DEPTH_LIMIT = 100
"""Levels of maps and lists. Real files have a dozen; whoever walks values may recurse without fear."""

_DOCUMENT_START = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_ESCAPED_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")
_MOST_BROKEN_DOCUMENTS = 20


@unique
class NodeKind(StrEnum):
    """What a node is."""

    SCALAR = "scalar"
    MAPPING = "mapping"
    SEQUENCE = "sequence"
    ALIAS = "alias"


@dataclass(slots=True, eq=False)
class Node:
    """A piece of a YAML document and its place; line and column are 1-based."""

    kind: NodeKind
    line: int
    column: int
    tag: str | None = None
    text: str = ""
    """A scalar's text, an alias's name."""
    plain: bool = False
    """The scalar is neither quoted nor tagged: its text decides its type."""
    children: list["Node"] = field(default_factory=list)
    """Items; a mapping's keys and values by turns."""
    target: "Node | None" = None
    """What an alias stands for."""
    entries: "dict[str, tuple[Node, Node]] | None" = None
    """A mapping's keys as they are read, each with the nodes of key and value: kept by who looks for one."""

    @property
    def is_merge(self) -> bool:
        """Whether it is the key ``<<`` that lays other maps under this one."""
        return self.kind is NodeKind.SCALAR and self.text == "<<" and (self.plain or self.tag in {MERGE, "!"})

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is written here: the root of a document of comments alone."""
        return self.kind is NodeKind.SCALAR and self.plain and not self.text

    def pairs(self) -> Iterator[tuple["Node", "Node"]]:
        """Return a mapping's keys with their values, in the order of the file."""
        items = iter(self.children)
        return zip(items, items, strict=True)


@dataclass(slots=True)
class Tree:
    """A document: its root node, and the line where it begins (that of its ``---`` if it has one)."""

    root: Node
    line: int


def compose(text: str, file: str) -> tuple[list[Tree], list[Problem]]:
    """Return the documents of *text* that can be read, and what is wrong with the others.

    A broken document ends at the next ``---``; those behind it are read all the same.
    """
    problems = character_problems(text, file)
    trees: list[Tree] = []
    if problems:
        return trees, problems
    start = 0
    while len(problems) < _MOST_BROKEN_DOCUMENTS:
        composer = _Composer(text[start:], file, text.count("\n", 0, start))
        trouble = composer.run()
        trees += composer.trees
        problems += composer.problems
        if trouble is None:
            break
        problems.append(trouble)
        following = _DOCUMENT_START.search(text, max(_start_of_line(text, trouble.line or 1), start + 1))
        if following is None:
            break
        start = following.start()
    return trees, problems


class _Composer:
    """Turns libyaml's events into trees, without recursion."""

    def __init__(self, text: str, file: str, lines_before: int) -> None:
        self.text = text
        self.file = file
        self.lines_before = lines_before
        self.trees: list[Tree] = []
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.open: list[Node] = []
        self.open_brackets = 0
        self.line = 1

    def run(self) -> Problem | None:
        """Read to the end, or to the first fault that libyaml can't go on from; return that one."""
        parser = CParser(self.text)
        event: Any
        try:
            for event in iter(parser.get_event, None):
                kind = event.__class__
                if issubclass(kind, yaml.NodeEvent):
                    node = self._node(event)
                    if len(self.open) > DEPTH_LIMIT:
                        return self._too_deep(node)
                elif issubclass(kind, yaml.CollectionEndEvent):
                    self._end()
                elif kind is yaml.DocumentStartEvent:
                    self.line = event.start_mark.line + 1 + self.lines_before
                    self.anchors = {}
                    self.open = []
                    self.open_brackets = 0
        except yaml.YAMLError as error:
            return syntax_problem(error, self.text, self.file, self.lines_before)
        return None

    def _node(self, event: Any) -> Node:
        kind = event.__class__
        mark = event.start_mark
        node = Node(NodeKind.ALIAS, mark.line + 1 + self.lines_before, mark.column + 1)
        if kind is yaml.AliasEvent:
            node.text = event.anchor
            node.target = self.anchors.get(node.text)
            if node.target is None:
                self.problems.append(self._unknown_anchor(node))
            self._close(node)
            return node
        node.tag = event.tag
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        if kind is yaml.ScalarEvent:
            node.kind = NodeKind.SCALAR
            node.text = event.value
            node.plain = event.tag is None and not event.style
            if not event.style and "?" in node.text and self.open_brackets:
                self.problems.append(self._question_mark(node))
            elif event.style == '"' and _ESCAPED_SLASH.search(self.text, mark.index, event.end_mark.index):
                self.problems.append(self._escaped_slash(node))
            self._close(node)
        else:
            node.kind = NodeKind.MAPPING if kind is yaml.MappingStartEvent else NodeKind.SEQUENCE
            self.open.append(node)
            self.open_brackets += bool(event.flow_style or self.open_brackets)
        return node

    def _end(self) -> None:
        self.open_brackets = max(self.open_brackets - 1, 0)
        self._close(self.open.pop())

    def _close(self, node: Node) -> None:
        if self.open:
            self.open[-1].children.append(node)
        elif not node.is_nothing:
            self.trees.append(Tree(node, self.line))

    def _problem(self, code: str, node: Node, what: str, fix: str) -> Problem:
        return Problem(code=code, what=what, file=self.file, line=node.line, column=node.column, fix=fix)

    def _too_deep(self, node: Node) -> Problem:
        what = f"maps and lists are nested more than {DEPTH_LIMIT} levels deep"
        return self._problem("too-deep", node, what, "look for brackets that are never closed")

    def _unknown_anchor(self, node: Node) -> Problem:
        what = f"*{node.text} names an anchor that stands nowhere above it in this document"
        fix = f"put &{node.text} before the value that is meant, or '*{node.text}' in quotes if it is text"
        return self._problem("unknown-anchor", node, what, fix)

    def _question_mark(self, node: Node) -> Problem:
        # go-yaml v2 ends an unquoted text in brackets at a '?', libyaml does not.
        what = f"inside brackets Helm and Flux take the '?' of {node.text!r} for the start of a key"
        return self._problem("yaml-syntax", node, what, "put the text in quotes")

    def _escaped_slash(self, node: Node) -> Problem:
        return self._problem("yaml-syntax", node, "Helm and Flux don't know the escape '\\/'", "write '/'")


def _start_of_line(text: str, line: int) -> int:
    """Return the offset where 1-based *line* of *text* starts; the text's length beyond its end."""
    position = 0
    for _ in range(line - 1):
        position = text.find("\n", position) + 1
        if position == 0:
            return len(text)
    return position
