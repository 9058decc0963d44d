"""Adding a repository to fleet.yaml as a person would: one line in its place, every other byte kept."""

import sys
from typing import Any

import yaml

from fluxapps.cli.failure import CommandError
from fluxapps.model import ConfigError
from fluxapps.model.yaml_file import parse_yaml

FLEET_FILE = "fleet.yaml"
_KEY = "repositories"
_INDENT = 2


def scalar(value: str) -> str:
    """Return *value* as YAML writes it in a line of its own: plain where that reads back the same, else in quotes."""
    # Some readers take no tab in plain text, though YAML allows it.
    if "\t" not in value and _says(f"key: {value}\n", {"key": value}):
        return value
    return yaml.safe_dump(value, default_style='"', allow_unicode=True, width=sys.maxsize).rstrip()


def with_repository(text: str, name: str, url: str) -> str:
    """Return *text*, a fleet.yaml, with the repository *name* at *url* as the last one.

    Raises:
        CommandError: It isn't written in a way that a line could be added to; says the line to add.
    """
    entry = f"{name}: {scalar(url)}"
    before = parse_yaml(text, FLEET_FILE).value or {}
    wanted = {**before, _KEY: {**(before.get(_KEY) or {}), name: url}}
    made = _inserted(text, entry)
    # Whatever way the file is written: what was said before is still said, and nothing but the entry is new.
    if made is None or not _says(made, wanted):
        raise CommandError(
            f"{FLEET_FILE} is written in a way fluxapps can't add to", f"add to {_KEY} yourself: {entry}"
        )
    return made


def _says(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return bool(parse_yaml(text, FLEET_FILE).value == wanted)
    except ConfigError:
        return False


def _inserted(text: str, entry: str) -> str | None:
    newline = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    lines = text.splitlines()
    if root is None:
        at, added = len(lines), [f"{_KEY}:", f"{' ' * _INDENT}{entry}"]
    elif not isinstance(root, yaml.MappingNode) or root.flow_style:
        return None
    else:
        found = next((pair for pair in root.value if pair[0].value == _KEY), None)
        if found is None:
            at, added = len(lines), ["", f"{_KEY}:", f"{' ' * _INDENT}{entry}"]
        else:
            at, indent = _end(found)
            added = [f"{' ' * indent}{entry}"]
    lines[at:at] = added
    return newline.join([*lines, ""])


def _end(found: tuple[Any, Any]) -> tuple[int, int]:
    """Return the number of lines up to the end of the repositories, and the column of their names."""
    key, value = found
    if not isinstance(value, yaml.MappingNode) or value.flow_style or not value.value:
        return key.end_mark.line + 1, key.start_mark.column + _INDENT
    leaf: Any = value
    while isinstance(leaf, yaml.CollectionNode) and not leaf.flow_style and leaf.value:
        last = leaf.value[-1]
        leaf = last[1] if isinstance(leaf, yaml.MappingNode) else last
    return leaf.end_mark.line + 1, value.value[0][0].start_mark.column
