"""Says what is wrong with the value of a field in a Flux manifest, and what would be right.

Knows the patterns Flux's schemas use by what they mean: durations, URLs, keys. A test fails where a schema has a
pattern that is not among them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fluxapps.model.flux_structural import Schema
from fluxapps.model.problems import did_you_mean

WhatAndFix = tuple[str, str]
"""What is wrong, and what would be right; neither has a full stop."""

DURATION: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
DURATION_WITHOUT_HOURS: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"
URL: Final = re.compile(r"\^\(?([a-z|]+)\)?://\.\*\$")
"""The patterns by which Flux demands a scheme; group 1 has the schemes."""

PATTERNS: Final = {
    r"^[\-._a-zA-Z0-9]+$": (
        "is not a key of a ConfigMap or Secret",
        "letters, digits, '-', '_' and '.' make a key, such as values.yaml",
    ),
    r"^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$": (
        "is not a path in Helm values",
        "paths are written like image.tag or hosts[0].name",
    ),
}
"""Patterns of Flux's schemas that are neither durations nor URLs: what a text they refuse is not, and what is meant."""

_WANTED: Final = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a map",
    "string": "a string",
}
_OTHER_FIELD: Final = {
    ("spec.chart.spec.sourceRef.kind", "OCIRepository"): "charts of an OCIRepository are named by spec.chartRef",
    ("spec.chartRef.kind", "HelmRepository"): "charts of a HelmRepository are named by spec.chart",
    ("spec.chartRef.kind", "GitRepository"): "charts of a GitRepository are named by spec.chart",
}
"""Values that another field takes, by dotted path and value, and which one."""

_SCP: Final = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//)[\w./~-]+")
_LONGEST_SHOWN: Final = 60
_MOST_LISTED: Final = 8


def wrong_value(keyword: str, details: Mapping[str, Any], node: Schema, field: str, found: object) -> WhatAndFix:
    """Return what is wrong with *found*, which breaks a keyword of its schema.

    Args:
        keyword: The JSON Schema keyword: ``type``, ``enum``, ``pattern``, ``maxLength``, …
        details: What the validator says about it: ``types``, ``options``, ``pattern``, ``limit``.
        node: The schema of the field, for examples of what may stand there.
        field: The dotted path of the field.
        found: The value.
    """
    match keyword:
        case "type":
            return _wrong_type(node, details["types"], found)
        case "enum":
            return _not_among([option for option in details["options"] if option is not None], field, found)
        case "pattern":
            return _no_match(str(found), details["pattern"], field)
        case "minLength" if not found:
            return "must not be empty", "write a text, or leave the field out"
        case _:
            return _out_of_bounds(keyword, details, found)


def listed(names: Sequence[str]) -> str:
    """Return *names* with commas, a long list cut short."""
    return ", ".join(names[:_MOST_LISTED]) + (", …" if len(names) > _MOST_LISTED else "")


def example(node: Schema) -> str:
    """Return in few words what may stand where *node*, a schema, applies."""
    pattern = node.get("pattern", "")
    if "enum" in node:
        return f"one of {', '.join(map(str, node['enum']))}"
    if pattern in (DURATION, DURATION_WITHOUT_HOURS):
        return "a duration such as 5m"
    if url := URL.fullmatch(pattern):
        return f"a URL that starts with {_schemes(url)}"
    if names := node.get("required") or sorted(node.get("properties", ())):
        return f"a map with {listed(names)}"
    types = node.get("type", "")
    return _WANTED.get(types if isinstance(types, str) else types[0], "any value")


def _wrong_type(node: Schema, types: list[str], found: object) -> WhatAndFix:
    types = [type_ for type_ in types if type_ != "null"]
    what = f"must be {' or '.join(_WANTED[type_] for type_ in types)}, not {_described(found)}"
    if found is None:
        return what, f"leave it out, or write {_WANTED[types[0]]}"
    if "enum" in node:
        return what, f"one of {', '.join(map(str, node['enum']))}{', in quotes' if isinstance(found, bool) else ''}"
    if isinstance(found, str):
        return what, _fix_for_text(node, types, found)
    if isinstance(found, int | float):
        return what, _fix_for_number(node, types, found)
    if types == ["array"]:
        return what, "write it as a list: every item after a '- '"
    return what, example(node)


def _fix_for_number(node: Schema, types: list[str], found: float) -> str:
    if types == ["array"]:
        return f"write it as a list: [{_plain(found)}]"
    if types != ["string"]:
        return example(node)
    if node.get("pattern") in (DURATION, DURATION_WITHOUT_HOURS):
        return _duration_fix(_plain(found), node["pattern"])
    loses = "" if isinstance(found, int) else "; without quotes YAML drops a last zero"
    return f'write it in quotes: "{_plain(found)}"{loses}'


def _fix_for_text(node: Schema, types: list[str], found: str) -> str:
    if types == ["boolean"] and found.lower() in ("true", "yes", "on", "false", "no", "off"):
        return f"write {str(found.lower() in ('true', 'yes', 'on')).lower()} without quotes"
    if types in (["integer"], ["number"]) and re.fullmatch(r"-?[0-9]+", found):
        return f"write {found} without quotes"
    item = node.get("items", {}) if types == ["array"] else node
    text = f"{{name: {found}}}" if "name" in item.get("properties", {}) else found
    if types == ["array"]:
        return f"write it as a list: [{text}]"
    return f"write it as a map: {text}" if text != found else example(node)


def _not_among(options: list[Any], field: str, found: object) -> WhatAndFix:
    allowed = ", ".join(str(option) for option in options)
    what = f"{_quoted(found)} is not one of {allowed}" if len(options) > 1 else f"{_quoted(found)} is not {allowed}"
    same = next((option for option in options if str(option).lower() == str(found).lower()), None)
    fix = f"did you mean '{same}'?" if same else _OTHER_FIELD.get((field, str(found)))
    return what, fix or did_you_mean(
        str(found), map(str, options), otherwise=f"write {'one of ' if len(options) > 1 else ''}{allowed}"
    )


def _no_match(found: str, pattern: str, field: str) -> WhatAndFix:
    quoted = _quoted(found)
    if pattern in (DURATION, DURATION_WITHOUT_HOURS):
        hours = pattern == DURATION_WITHOUT_HOURS and re.fullmatch(DURATION, found)
        return f"{quoted} is not a duration{' without hours' if hours else ''}", _duration_fix(found, pattern)
    if url := URL.fullmatch(pattern):
        return f"{quoted} is not a URL that starts with {_schemes(url)}", _url_fix(found, url[1].split("|"))
    if field.startswith("metadata."):
        return _bad_name(quoted, field)
    what, fix = PATTERNS.get(pattern, (f"doesn't match {pattern}", f"a text that matches {pattern}"))
    return f"{quoted} {what}", fix


def _bad_name(quoted: str, field: str) -> WhatAndFix:
    """Say what https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ says, and .../labels/."""
    if field.startswith("metadata.labels"):
        return f"{quoted} can't be the value of a label", "letters, digits, '-', '_' and '.', 63 at most"
    dots = " and '.'" if field == "metadata.name" else ""
    return f"{quoted} can't be a Kubernetes name", f"lower-case letters, digits, '-'{dots}; no sign first or last"


def _duration_fix(found: str, pattern: str) -> str:
    units = "30s, 5m" if pattern == DURATION_WITHOUT_HOURS else "30s, 5m, 1h30m"
    written = f"durations are written like {units}"
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", found):
        return f"{written}: {found}s, {found}m{'' if pattern == DURATION_WITHOUT_HOURS else f' or {found}h'}?"
    if pattern == DURATION_WITHOUT_HOURS and re.fullmatch(DURATION, found):
        return f"{written}; h is not a unit here (1h is 60m)"
    strange = [unit for unit in dict.fromkeys(re.findall(r"[^\W\d]+", found)) if unit not in ("ms", "s", "m", "h")]
    return f"{written}; {', '.join(strange)} is not a unit" if strange else written


def _schemes(url: re.Match[str]) -> str:
    *others, last = (f"{scheme}://" for scheme in url[1].split("|"))
    return f"{', '.join(others)} or {last}" if others else last


def _url_fix(found: str, schemes: list[str]) -> str:
    if "ssh" in schemes and _SCP.fullmatch(found):
        return f"write ssh://{found.replace(':', '/', 1)}"
    scheme, separator, rest = found.partition("://")
    if not found:
        return f"write {schemes[-1]}://…"
    if not separator:
        return f"write {'https' if 'https' in schemes else schemes[0]}://{found}"
    if scheme.lower() in schemes:
        return f"write {scheme.lower()}://{rest}"
    if scheme in ("http", "https") and schemes == ["oci"]:
        return "charts at an http(s) address are a HelmRepository's"
    return f"write {' or '.join(f'{scheme}://…' for scheme in schemes)}"


def _out_of_bounds(name: str, details: Mapping[str, Any], found: object) -> WhatAndFix:
    if name == "propertyNames":
        key = _quoted(details["error"].instance)
        return f"{key} can't be a key here", "letters, digits, '-', '_' and '.', after a DNS name and '/' if any"
    if name == "format":
        return f"{_quoted(found)} is not a {details['format']}", "written like 2026-01-31T12:00:00Z"
    if "limit" not in details:
        return f"{_described(found)} is refused by the schema's {name}", "see Flux's documentation of this field"
    bound = f"{details['limit']} at {'least' if name.startswith('min') else 'most'}"
    if name.endswith("imum"):
        return f"{_plain(found)} is too {'small' if name == 'minimum' else 'big'}", bound
    size = len(found) if isinstance(found, str | list | dict) else 0
    return (f"{_quoted(found)} has {size} characters" if name.endswith("Length") else f"has {size} items"), bound


def _described(found: object) -> str:
    match found:
        case None:
            return "null"
        case bool():
            return str(found).lower()
        case str():
            return f"a string ({_quoted(found)})"
        case Mapping():
            return "a map"
        case list():
            return "a list"
        case _:
            return f"a number ({_plain(found)})"


def _quoted(found: object) -> str:
    return f"'{_plain(found)}'"


def _plain(found: object) -> str:
    text = str(found).lower() if isinstance(found, bool) else str(found)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
