"""Turning an app on and off in a stack's file as a person would: one entry, every other byte kept."""

from typing import Any, Final

import yaml

from fluxapps.cli.failure import CommandError
from fluxapps.model import ConfigError
from fluxapps.model.yaml_file import parse_yaml

_ENABLED: Final = "enabled"
_APPS: Final = "apps"
_INDENT: Final = 2

_Text = tuple[int, int, str]
"""From and to which character, and what stands there instead."""


def with_enabled(text: str, file: str, project: str, app: str, *, enabled: bool) -> str:
    """Return *text*, a stack's file, with *app* switched on or off.

    Args:
        text: The file's.
        file: Its path, for messages.
        project: Whose ``<project>:cluster`` it is.
        app: The app's name.
        enabled: False adds what switches it off; True takes that away, or says otherwise than what it says.

    Raises:
        CommandError: It isn't written in a way that can be edited so; says what to write.
    """
    path = ("config", f"{project}:cluster", _APPS, app, _ENABLED)
    wanted = _set(parse_yaml(text, file).value or {}, path, enabled)
    edits = [_edited(text, path, enabled)]
    if enabled:
        edits = [_without_entry(text, path), *edits]
        shorter = _set(parse_yaml(text, file).value or {}, path, None)
        if edits[0] is not None and _says(edits[0], file, shorter):
            return edits[0]
    made = edits[-1]
    # Whatever way the file is written: what was said before is still said, and nothing but the entry is new.
    if made is None or not _says(made, file, wanted):
        raise CommandError(
            f"{file} is written in a way fluxapps can't edit",
            f"say there yourself, under {path[1]}: apps: {{{app}: {{enabled: {str(enabled).lower()}}}}}",
        )
    return made


def _set(value: dict[str, Any], path: tuple[str, ...], last: bool | None) -> dict[str, Any]:
    """Return *value* with *last* at *path*; None: without what is there, and without the maps that it leaves empty."""
    key, *rest = path
    if not rest:
        return {name: one for name, one in value.items() if name != key} | ({} if last is None else {key: last})
    below = _set(value.get(key) or {}, tuple(rest), last)
    if last is None and not below and len(path) <= len((_APPS, "app", _ENABLED)):
        return {name: one for name, one in value.items() if name != key}
    return {**value, key: below}


def _says(text: str, file: str, wanted: dict[str, Any]) -> bool:
    try:
        return bool(parse_yaml(text, file).value == wanted)
    except ConfigError:
        return False


def _edited(text: str, path: tuple[str, ...], enabled: bool) -> str | None:
    said = str(enabled).lower()
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    found: tuple[Any, Any] | None = None
    for depth, key in enumerate(path):
        pair = _pair(node, key)
        if pair is None:
            return _inserted(text, node, found, path[depth:], said)
        found, node = pair, pair[1]
    return text[: node.start_mark.index] + said + text[node.end_mark.index :]


def _inserted(text: str, node: Any, found: tuple[Any, Any] | None, keys: tuple[str, ...], said: str) -> str | None:
    """Return *text* with *keys* below *node*, the value of *found*."""
    if found is None:
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    flow = said
    for key in reversed(keys):
        flow = f"{{{key}: {flow}}}"
    if isinstance(node, yaml.MappingNode) and node.flow_style:
        if not node.value:
            return text[: node.start_mark.index] + flow + text[node.end_mark.index :]
        at = node.value[-1][1].end_mark.index
        return f"{text[:at]}, {flow[1:-1]}{text[at:]}"
    if isinstance(node, yaml.MappingNode):
        line, indent = _end_line(node), node.value[0][0].start_mark.column
    elif isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
        if node.value:
            return text[: node.start_mark.index] + flow + text[node.end_mark.index :]
        line, indent = found[0].end_mark.line + 1, found[0].start_mark.column + _INDENT
    else:
        return None
    lines = text.splitlines()
    added = flow[1:-1] if len(keys) < len((_APPS, "", _ENABLED)) else f"{_APPS}:"
    lines.insert(line, f"{' ' * indent}{added}")
    if added == f"{_APPS}:":
        lines.insert(line + 1, f"{' ' * (indent + _INDENT)}{keys[1]}: {{{_ENABLED}: {said}}}")
    return newline.join([*lines, ""])


def _without_entry(text: str, path: tuple[str, ...]) -> str | None:
    """Return *text* without the line or lines of the entry, and of the maps that are empty then."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    alone: tuple[Any, Any] | None = None
    for depth, key in enumerate(path):
        pair = _pair(node, key)
        if pair is None:
            return None
        # The cluster stays, were it empty.
        is_all_there_is = depth > path.index(_APPS) and len(node.value) == 1
        alone = alone if is_all_there_is else pair
        node = pair[1]
    if alone is None:
        return None
    first = alone[0].start_mark
    lines = text.splitlines(keepends=True)
    end = _end_line(alone[1])
    if lines[first.line][: first.column].strip() or "#" in "".join(lines[first.line : end]):
        # It shares its line with others, or somebody wrote a comment.
        return None
    return "".join(lines[: first.line] + lines[end:])


def _end_line(node: Any) -> int:
    """Return the number of lines up to the end of *node*, a block mapping."""
    leaf: Any = node
    while isinstance(leaf, yaml.CollectionNode) and not leaf.flow_style and leaf.value:
        last = leaf.value[-1]
        leaf = last[1] if isinstance(leaf, yaml.MappingNode) else last
    mark = leaf.end_mark
    return int(mark.line if mark.column == 0 else mark.line + 1)


def _pair(node: Any, key: str) -> tuple[Any, Any] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((pair for pair in node.value if pair[0].value == key), None)
