"""Turns what a JSON Schema validator found wrong in a Flux manifest into faults: a place, a sentence and a way out."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fluxapps.model.flux_rules import Rule
from fluxapps.model.flux_structural import FieldPath, Schema, place
from fluxapps.model.flux_wording import example, listed, wrong_value
from fluxapps.model.problems import did_you_mean

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

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


_MOST_PLACES: Final = 3


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
    ordered = sorted(faults, key=lambda one: (_sortable(one.path), rank.index(one.code)))
    meant = {(*one.path[:-1], one.fix) for one in ordered if one.code == "unknown-field"}
    kept: dict[tuple[FieldPath, bool], FieldFault] = {}
    for one in ordered:
        misspelled = one.code == "missing-field" and (*one.path[:-1], f"did you mean '{one.path[-1]}'?") in meant
        if not misspelled:
            kept.setdefault((one.path, one.code == "refused-combination"), one)
    return list(kept.values())


def _sortable(path: FieldPath) -> list[str]:
    return [f"{step:09d}" if isinstance(step, int) else step for step in path]


def fault(kind: str, schema: Schema, manifest: Mapping[str, Any], error: "ValidationError") -> list[FieldFault]:
    """Return *error* as faults: several where several fields are unknown.

    Args:
        kind: The manifest's kind.
        schema: The schema of the whole object that the validator was made from.
        manifest: What was validated.
        error: One error of the validator.
    """
    path = _exact(manifest, error.instance_path)
    keyword, details = error.kind.name, error.kind.as_dict()
    if keyword == "additionalProperties":
        return [_unknown(kind, schema, (*path, str(field))) for field in details["unexpected"]]
    if keyword == "required":
        return [_missing(schema, (*path, str(details["property"])))]
    what, fix = wrong_value(keyword, details, place(schema, path), dotted(path), _value_at(manifest, path))
    return [FieldFault(path, f"{dotted(path)}: {what}", fix, "wrong-type" if keyword == "type" else "wrong-value")]


def _exact(manifest: Mapping[str, Any], path: Iterable[str | int]) -> FieldPath:
    """Return *path* as it is: the validator takes a key that looks like a number, ``"01"``, for an index, 1."""
    found: list[str | int] = []
    value: Any = manifest
    for step in path:
        key = step
        if isinstance(step, int) and isinstance(value, Mapping):
            like = [one for one in value if re.fullmatch(r"\+?[0-9]+", one) and int(one) == step]
            key = str(step) if str(step) in like else like[0]
        found.append(key)
        value = value[key]
    return tuple(found)


def _value_at(value: Any, path: FieldPath) -> object:
    for step in path:
        value = value[step]
    return value


def _missing(schema: Schema, path: FieldPath) -> FieldFault:
    return FieldFault(path, f"{dotted(path)}: is missing", example(place(schema, path)), "missing-field")


def _unknown(kind: str, schema: Schema, path: FieldPath) -> FieldFault:
    last = str(path[-1])
    known = sorted(place(schema, path[:-1]).get("properties", ()))
    generic = "".join("[]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
    same = next((field for field in known if field.lower() == last.lower()), None)
    elsewhere = _places_of(schema, last)[:_MOST_PLACES]
    if same is not None:
        fix = f"did you mean '{same}'?"
    elif gone := _GONE.get((kind, generic)):
        fix = gone
    elif elsewhere:
        fix = f"{kind} has it at {' and '.join(elsewhere)}"
    else:
        fix = did_you_mean(last, known, otherwise=f"known here: {listed(known)}" if known else "")
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
