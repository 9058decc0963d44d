"""The values that YAML nodes mean, as sigs.k8s.io/yaml makes them, with all that is wrong with them.

Two things differ from that module on purpose: a key that stands twice in one map is an error, and so is a tag that it
would pass over in silence.
"""

import math
from typing import Any

from fluxapps.model.problems import Problem
from fluxapps.model.yaml_nodes import DEPTH_LIMIT, Node, NodeKind, Tree
from fluxapps.model.yaml_scalars import CORE_TAG, MERGE, SCALAR_TAGS, key_text, resolve_plain, resolve_tagged

# go-yaml's bounds on what aliases may make of a document (decode.go, allowedAliasRatio).
_ALIAS_FREE = 100
_DECODE_FREE = 1_000
_RATIO_LOW, _RATIO_HIGH = 400_000, 4_000_000
# Ours: a ConfigMap holds 1 MiB, so what is larger is a bomb too.
_ALIAS_TEXT_LIMIT = 8 * 2**20

_COLLECTION_TAGS = {NodeKind.MAPPING: CORE_TAG + "map", NodeKind.SEQUENCE: CORE_TAG + "seq"}


class _TooMuchError(Exception):
    """The document's aliases make more of it than anyone wants to hold."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node


def construct(tree: Tree, file: str) -> tuple[Any, list[Problem]]:
    """Return the value of the document *tree*, and what is wrong with it; with problems the value is not to be used.

    Each alias makes a value of its own, so that nothing in the result is shared.
    """
    constructor = _Constructor(file)
    try:
        value = constructor.value(tree.root, 0)
    except _TooMuchError as bomb:
        value = None
        constructor.report(
            "alias-bomb",
            bomb.node,
            "aliases blow this document up beyond all bounds",
            "write the values out, or use fewer aliases of aliases",
        )
    return value, list(constructor.problems)


class _Constructor:
    """Walks one document's nodes as go-yaml's decoder does, counting as it counts."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: dict[Problem, None] = {}
        self.decoded = 0
        self.decoded_by_alias = 0
        self.alias_text = 0
        self.aliases: list[Node] = []

    def report(self, code: str, node: Node, what: str, fix: str) -> None:
        """Note one thing that is wrong at *node*."""
        problem = Problem(code=code, what=what, file=self.file, line=node.line, column=node.column, fix=fix)
        # A faulty place is met again by each alias of it, and is said once.
        self.problems[problem] = None

    def value(self, node: Node, depth: int) -> Any:
        """Return the value of *node*; None after reporting what is wrong with it."""
        self._count(node)
        if depth >= DEPTH_LIMIT and node.kind in _COLLECTION_TAGS:
            self.report(
                "too-deep",
                node,
                f"aliases nest maps and lists more than {DEPTH_LIMIT} levels deep",
                "write the values out",
            )
            return None
        match node.kind:
            case NodeKind.SCALAR:
                return self._finite(node, self._scalar(node))
            case NodeKind.SEQUENCE:
                self._check_collection_tag(node)
                return [self.value(child, depth + 1) for child in node.children]
            case NodeKind.MAPPING:
                values: dict[str, Any] = {}
                self._fill(values, node, depth)
                return values
            case NodeKind.ALIAS:
                target = self._enter(node)
                if target is None:
                    return None
                value = self.value(target, depth)
                self.aliases.pop()
                return value

    def _count(self, node: Node) -> None:
        self.decoded += 1
        if not self.aliases:
            return
        self.decoded_by_alias += 1
        self.alias_text += len(node.text)
        portion = min(max((self.decoded - _RATIO_LOW) / (_RATIO_HIGH - _RATIO_LOW), 0), 1)
        much = self.decoded_by_alias > _ALIAS_FREE and self.decoded > _DECODE_FREE
        if (
            much and self.decoded_by_alias / self.decoded > 0.99 - 0.89 * portion
        ) or self.alias_text > _ALIAS_TEXT_LIMIT:
            raise _TooMuchError(self.aliases[0])

    def _enter(self, alias: Node) -> Node | None:
        if alias in self.aliases:
            self.report(
                "recursive-alias", alias, f"*{alias.text} stands inside the value that it names", "write that part out"
            )
            return None
        if alias.target is not None:
            self.aliases.append(alias)
        return alias.target

    def _fill(self, values: dict[str, Any], node: Node, depth: int) -> None:
        """Put a mapping's keys into *values* in the order of the file, in which a later merge key overrides too."""
        self._check_collection_tag(node)
        seen: dict[str, Node] = {}
        for key_node, value_node in node.pairs():
            merge = key_node.is_merge
            key = "<<" if merge else self._key(key_node)
            if key is None:
                self.value(value_node, depth + 1)
                continue
            # A quoted "<<" is a key like any other.
            unique = "\0<<" if merge else key
            if unique in seen:
                self._report_duplicate(key, key_node, seen[unique])
            seen.setdefault(unique, key_node)
            if merge:
                self._merge(values, value_node, depth)
            else:
                values[key] = self.value(value_node, depth + 1)

    def _report_duplicate(self, key: str, node: Node, first: Node) -> None:
        fix = (
            "merge several maps with one '<<: [*a, *b]'"
            if node.is_merge
            else f"keep line {first.line} or line {node.line}"
        )
        spelled = "" if node.text == key else f" (written {node.text!r})"
        what = f"key {key!r}{spelled} stands twice in this map, on line {first.line} and on line {node.line}"
        self.report("duplicate-key", node, what, fix)

    def _merge(self, values: dict[str, Any], node: Node, depth: int) -> None:
        # The first of a list wins, so it is laid on last.
        sources = node.children[::-1] if node.kind is NodeKind.SEQUENCE else [node]
        for source in sources:
            mapping = source.target if source.kind is NodeKind.ALIAS else source
            if mapping is None:
                continue
            if mapping.kind is not NodeKind.MAPPING:
                self.report(
                    "yaml-merge",
                    source,
                    "'<<' lays maps under this one, and this is no map",
                    "name a map, or quote '<<'",
                )
                continue
            self._count(source)
            if source.kind is NodeKind.ALIAS:
                if self._enter(source) is None:
                    continue
                self._count(mapping)
                self._fill(values, mapping, depth)
                self.aliases.pop()
            else:
                self._fill(values, mapping, depth)

    def _key(self, node: Node) -> str | None:
        self._count(node)
        target: Node | None = node
        if node.kind is NodeKind.ALIAS:
            target = self._enter(node)
            if target is None:
                return None
            self.aliases.pop()
        if target is None or target.kind is not NodeKind.SCALAR:
            self.report(
                "yaml-key", node, "a map or a list can't be a key", "quote the key if braces or brackets are part of it"
            )
            return None
        count = len(self.problems)
        value = self._scalar(target)
        key = key_text(value)
        if key is None and len(self.problems) == count:
            what = "null can't be a key" if value is None else f"the number {target.text} is too large for a key"
            self.report("yaml-key", node, what, "put the key in quotes")
        return key

    def _scalar(self, node: Node) -> Any:
        if node.plain:
            return resolve_plain(node.text)
        # A bare "!" makes a string of any scalar.
        if node.tag in {None, "!"}:
            return node.text
        if node.tag not in SCALAR_TAGS:
            self._report_tag(node)
            return None
        try:
            return resolve_tagged(node.tag, node.text)
        except ValueError as error:
            self.report(
                "yaml-tag", node, f"{_short(node.tag)} can't be said of {node.text!r}: it {error}", "remove the tag"
            )
            return None

    def _finite(self, node: Node, value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            self.report(
                "not-a-json-number",
                node,
                f"{node.text} is no number that JSON has, so Helm can't read it",
                "quote it if it is text",
            )
            return None
        return value

    def _check_collection_tag(self, node: Node) -> None:
        if node.tag not in {None, "!", _COLLECTION_TAGS[node.kind]}:
            self._report_tag(node)

    def _report_tag(self, node: Node) -> None:
        known = node.tag in SCALAR_TAGS or node.tag in _COLLECTION_TAGS.values() or node.tag == MERGE
        what = f"the tag {_short(node.tag)} " + (
            f"can't be said of a {node.kind}" if known else "is unknown: Helm and Flux pass over it"
        )
        self.report("unknown-tag", node, what, "remove the tag; quote the value if '!' is part of it")


def _short(tag: str | None) -> str:
    return str(tag).replace(CORE_TAG, "!!")
