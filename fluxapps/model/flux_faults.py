"""Says in sentences what a JSON Schema validator found wrong in a manifest of one of Flux's kinds."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fluxapps.model.flux_rules import Rule
from fluxapps.model.problems import did_you_mean

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

FieldPath = tuple[str | int, ...]
"""Where a field stands in a manifest: ``("spec", "dependsOn", 0, "name")``."""

Schema = dict[str, Any]

_WANTED: Final = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a map",
    "string": "a string",
}
_DURATION: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
_DURATION_WITHOUT_HOURS: Final = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"
_URL: Final = re.compile(r"\^\(?([a-z|]+)\)?://\.\*\$")
_SCP: Final = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//)[\w./~-]+")
_LONGEST_SHOWN: Final = 60
_MOST_LISTED: Final = 12

_PATTERNS: Final = {
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

_GONE: Final = {
    ("Kustomization", "spec.validation"): "leave it out: Flux always lets the API server validate",
    ("Kustomization", "spec.patchesStrategicMerge"): "write spec.patches: [{patch: …}]",
    ("Kustomization", "spec.patchesJson6902"): "write spec.patches: [{patch: …, target: …}]",
    ("HelmRelease", "spec.postRenderers[].kustomize.patchesStrategicMerge"): "write patches: [{patch: …}]",
    ("HelmRelease", "spec.postRenderers[].kustomize.patchesJson6902"): "write patches: [{patch: …, target: …}]",
    ("HelmRelease", "spec.chart.spec.valuesFile"): "write spec.chart.spec.valuesFiles: […]",
    ("GitRepository", "spec.gitImplementation"): "leave it out: there is only one",
    ("GitRepository", "spec.accessFrom"): "leave it out: Flux never acted on it",
}
"""Fields that versions Flux no longer serves had, by kind and dotted path, and what stands in their place."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One thing in a manifest that Flux's schema refuses."""

    path: FieldPath
    """The field; where it is missing, where it would stand."""
    what: str
    """What is wrong: the dotted path, a colon, and a sentence without a full stop."""
    fix: str
    """What would be right."""
    code: str
    """``unknown-field``, ``wrong-type``, ``wrong-value``, ``missing-field`` or ``refused-combination``."""

    @property
    def field(self) -> str:
        """Return :attr:`path` as people write it, ``spec.dependsOn[0].name``; :attr:`what` starts with it."""
        return dotted(self.path)


def dotted(path: FieldPath) -> str:
    """Return *path* as people write it: ``spec.dependsOn[0].name``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w-]+", step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def place(schema: Schema, path: FieldPath) -> Schema:
    """Return the part of a structural *schema* that is about *path*; an empty one where it says nothing."""
    for step in path:
        inner = schema.get("items") if isinstance(step, int) else schema.get("properties", {}).get(step)
        if inner is None:
            inner = schema.get("additionalProperties")
        if not isinstance(inner, dict):
            return {}
        schema = inner
    return schema


def rule_fault(path: FieldPath, self: Mapping[str, Any], rule: Rule) -> FieldFault:
    """Return the fault of an object *self* at *path* that breaks *rule*."""
    at = next(((*path, name) for name in rule.fields if self.get(name) is not None), path)
    return FieldFault(at, f"{dotted(at)}: {rule.what}", rule.fix, "refused-combination")


def without_echoes(faults: Iterable[FieldFault]) -> list[FieldFault]:
    """Return *faults* in the order of their paths, one for each mistake.

    A value of the wrong type breaks enum and pattern too, and a misspelled required field is both unknown and missing:
    only the first of each is kept.
    """
    rank = ("unknown-field", "wrong-type", "wrong-value", "missing-field", "refused-combination")
    ordered = sorted(faults, key=lambda one: ([str(step) for step in one.path], rank.index(one.code)))
    meant = {(*one.path[:-1], one.fix) for one in ordered if one.code == "unknown-field"}
    kept: dict[tuple[FieldPath, bool], FieldFault] = {}
    for one in ordered:
        misspelled = one.code == "missing-field" and (*one.path[:-1], f"did you mean '{one.path[-1]}'?") in meant
        if not misspelled:
            kept.setdefault((one.path, one.code == "refused-combination"), one)
    return list(kept.values())


def fault(kind: str, schema: Schema, error: "ValidationError") -> list[FieldFault]:
    """Return *error* of a validator made from *schema* as faults: several where several fields are unknown."""
    path = tuple(error.instance_path)
    node, found, name, details = place(schema, path), error.instance, error.kind.name, error.kind.as_dict()
    if name == "additionalProperties":
        return [_unknown(kind, schema, (*path, str(field))) for field in details["unexpected"]]
    if name == "required":
        missing = (*path, str(details["property"]))
        return [
            FieldFault(missing, f"{dotted(missing)}: is missing", _example(place(schema, missing)), "missing-field")
        ]
    code = "wrong-type" if name == "type" else "wrong-value"
    if name == "type":
        what, fix = _wrong_type(node, details["types"], found)
    elif name == "enum":
        what, fix = _not_among(found, details["options"])
    elif name == "pattern":
        what, fix = _no_match(str(found), details["pattern"], path)
    else:
        what, fix = _out_of_bounds(name, details, found)
    return [FieldFault(path, f"{dotted(path)}: {what}", fix, code)]


def _unknown(kind: str, schema: Schema, path: FieldPath) -> FieldFault:
    *parent, last = path
    known = sorted(place(schema, tuple(parent)).get("properties", ()))
    generic = "".join("[]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
    fix = _GONE.get((kind, generic)) or did_you_mean(str(last), known)
    if not fix and (elsewhere := _places_of(schema, str(last))):
        fix = f"{kind} has it at {' and '.join(elsewhere[:3])}"
    if not fix and known:
        fix = f"known here: {', '.join(known[:_MOST_LISTED])}{', …' if len(known) > _MOST_LISTED else ''}"
    return FieldFault(path, f"{dotted(path)}: {kind} has no such field", fix or "leave it out", "unknown-field")


def _places_of(schema: Schema, name: str, path: str = "") -> list[str]:
    """Return the dotted paths at which *schema* has a field *name*, nearest to the root first."""
    places = []
    for field, inner in schema.get("properties", {}).items():
        if isinstance(inner, dict):
            below = f"{path}.{field}" if path else field
            places += ([below] if field == name and path else []) + _places_of(inner, name, below)
    if isinstance(items := schema.get("items"), dict):
        places += _places_of(items, name, f"{path}[]")
    return sorted(places, key=lambda place: (place.count("."), place))


def _wrong_type(node: Schema, types: list[str], found: object) -> tuple[str, str]:
    wanted = " or ".join(_WANTED[type_] for type_ in types)
    what = f"must be {wanted}, not {_described(found)}"
    if "enum" in node:
        return what, f"one of {', '.join(map(str, node['enum']))}{', in quotes' if isinstance(found, bool) else ''}"
    scalar = isinstance(found, str | int | float)
    if types == ["string"] and scalar:
        if node.get("pattern") in (_DURATION, _DURATION_WITHOUT_HOURS):
            return what, _duration_fix(str(found), node["pattern"])
        loses = "; without quotes YAML drops a last zero" if isinstance(found, float) else ""
        return what, f'write it in quotes: "{_plain(found)}"{loses}'
    if isinstance(found, str):
        return what, _fix_for_text(node, types, found)
    if types == ["array"] and found is not None:
        return (
            what,
            f"write it as a list: [{_plain(found)}]" if scalar else "write it as a list: every item after a '- '",
        )
    return what, _example(node)


def _fix_for_text(node: Schema, types: list[str], found: str) -> str:
    if types == ["boolean"] and found.lower() in ("true", "yes", "on", "false", "no", "off"):
        return f"write {str(found.lower() in ('true', 'yes', 'on')).lower()} without quotes"
    if types in (["integer"], ["number"]) and re.fullmatch(r"-?[0-9]+", found):
        return f"write {found} without quotes"
    item = node.get("items", {}) if types == ["array"] else node
    text = f"{{name: {found}}}" if "name" in item.get("properties", {}) else found
    if types == ["array"]:
        return f"write it as a list: [{text}]"
    return f"write it as a map: {text}" if text != found else _example(node)


def _example(node: Schema) -> str:
    """Return what may stand where *node* says, in few words."""
    pattern = node.get("pattern", "")
    if "enum" in node:
        return f"one of {', '.join(map(str, node['enum']))}"
    if pattern in (_DURATION, _DURATION_WITHOUT_HOURS):
        return "a duration such as 5m"
    if url := _URL.fullmatch(pattern):
        return f"a URL that starts with {_schemes(url)}"
    if names := node.get("required") or sorted(node.get("properties", ()))[:_MOST_LISTED]:
        return f"a map with {', '.join(names)}"
    return _WANTED.get(node.get("type", ""), "any value")


def _not_among(found: object, options: list[Any]) -> tuple[str, str]:
    listed = ", ".join(str(option) for option in options)
    what = f"{_quoted(found)} is not one of {listed}" if len(options) > 1 else f"{_quoted(found)} is not {listed}"
    same = next((option for option in options if str(option).lower() == str(found).lower()), None)
    fix = f"did you mean '{same}'?" if same else did_you_mean(str(found), map(str, options))
    return what, fix or f"write {'one of ' if len(options) > 1 else ''}{listed}"


def _no_match(found: str, pattern: str, path: FieldPath) -> tuple[str, str]:
    quoted = _quoted(found)
    if pattern in (_DURATION, _DURATION_WITHOUT_HOURS):
        hours = pattern == _DURATION_WITHOUT_HOURS and re.fullmatch(_DURATION, found)
        return f"{quoted} is not a duration{' without hours' if hours else ''}", _duration_fix(found, pattern)
    if url := _URL.fullmatch(pattern):
        return f"{quoted} is not a URL that starts with {_schemes(url)}", _url_fix(found, url[1].split("|"))
    if pattern in _PATTERNS:
        what, fix = _PATTERNS[pattern]
        return f"{quoted} {what}", fix
    if path[:1] == ("metadata",):
        return _bad_name(quoted, path)
    return f"{quoted} doesn't match {pattern}", f"a text that matches {pattern}"


def _bad_name(quoted: str, path: FieldPath) -> tuple[str, str]:
    if path[1:2] == ("labels",):
        return (
            f"{quoted} can't be the value of a label",
            "letters, digits, '-', '_' and '.', 63 at most; quotes help nothing",
        )
    dots = " and '.'" if path[-1] == "name" else ""
    return (
        f"{quoted} can't be a Kubernetes name",
        f"lower-case letters, digits, '-'{dots}; a letter or digit first and last",
    )


def _duration_fix(found: str, pattern: str) -> str:
    units = "30s, 5m" if pattern == _DURATION_WITHOUT_HOURS else "30s, 5m, 1h30m"
    written = f"durations are written like {units}"
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", found):
        return f"{written}: {found}s, {found}m{'' if pattern == _DURATION_WITHOUT_HOURS else f' or {found}h'}?"
    if pattern == _DURATION_WITHOUT_HOURS and re.fullmatch(_DURATION, found):
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
    if not separator:
        return f"write {'https' if 'https' in schemes else schemes[0]}://{found}"
    if scheme.lower() in schemes:
        return f"write {scheme.lower()}://{rest}"
    if scheme in ("http", "https") and schemes == ["oci"]:
        return "charts at an http(s) address are a HelmRepository's"
    return f"write {' or '.join(f'{scheme}://…' for scheme in schemes)}"


def _out_of_bounds(name: str, details: Mapping[str, Any], found: object) -> tuple[str, str]:
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
    if name.endswith("Length"):
        return (
            (f"{_quoted(found)} has {size} characters", bound)
            if size
            else ("must not be empty", "write a text, or leave the field out")
        )
    return f"has {size} items", bound


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
    text = _plain(found)
    return f"'{text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + '…'}'"


def _plain(found: object) -> str:
    return str(found).lower() if isinstance(found, bool) else str(found)
