"""Where a field stands: from a path of keys and indexes to the node of a YAML tree."""

from collections.abc import Sequence

from fluxapps.model.yaml_nodes import Node, NodeKind
from fluxapps.model.yaml_scalars import SCALAR_TAGS, key_text, resolve_plain, resolve_tagged


def find(root: Node | None, path: Sequence[str | int], *, of_key: bool) -> Node | None:
    """Return the node at *path* below *root*, or the last one on the way to it that exists; None without a root.

    With *of_key* the node of a map's key stands for its value's.
    """
    key, value = root, root
    for step in path:
        found = _step(value, step)
        if found is None:
            break
        key, value = found
    return key if of_key else value


def find_value(root: Node | None, path: Sequence[str | int]) -> Node | None:
    """Return the node of the value at *path* below *root*, aliases followed; None where there is none."""
    value = root
    for step in path:
        found = _step(value, step)
        if found is None:
            return None
        value = found[1]
    return _resolved(value)


def _step(parent: Node | None, step: str | int) -> tuple[Node, Node] | None:
    node = _resolved(parent)
    if node is None or node.kind is NodeKind.SCALAR:
        return None
    if node.kind is NodeKind.SEQUENCE:
        if isinstance(step, int) and 0 <= step < len(node.children):
            return node.children[step], node.children[step]
        return None
    if node.entries is None and not any(key.is_merge for key, _ in node.pairs()):
        # Faults come by the hundred, and each asks for a place.
        node.entries = {name: (key, value) for key, value in node.pairs() if (name := _key(key)) is not None}
    return _entry(node, str(step), []) if node.entries is None else node.entries.get(str(step))


def _entry(mapping: Node, key: str, above: list[Node]) -> tuple[Node, Node] | None:
    """Return the key and value that win for *key*: the last in the file's order, merged maps included."""
    if mapping in above:
        return None
    for key_node, value_node in reversed(list(mapping.pairs())):
        if not key_node.is_merge:
            if _key(key_node) == key:
                return key_node, value_node
            continue
        for source in value_node.children if value_node.kind is NodeKind.SEQUENCE else [value_node]:
            merged = _resolved(source)
            if merged is not None and merged.kind is NodeKind.MAPPING:
                found = _entry(merged, key, [*above, mapping])
                if found is not None:
                    return found
    return None


def _key(node: Node) -> str | None:
    scalar = _resolved(node)
    if scalar is None or scalar.kind is not NodeKind.SCALAR:
        return None
    if scalar.plain:
        return key_text(resolve_plain(scalar.text))
    if scalar.tag in SCALAR_TAGS:
        try:
            return key_text(resolve_tagged(scalar.tag, scalar.text))
        except ValueError:
            return None
    return scalar.text


def _resolved(node: Node | None) -> Node | None:
    return node.target if node is not None and node.kind is NodeKind.ALIAS else node
