"""Every keyword the generator lets through is checked as the API server checks it, on a kind made for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from fluxapps.model import flux_rules, flux_schema
from fluxapps.schemas.generate import KNOWN_FORMATS, KNOWN_KEYWORDS

TEXT = {"type": "string"}
RULE = "self.least <= self.most"

SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["sized", "defaulted"],
    "properties": {
        "sized": {"type": "integer", "minimum": 2, "maximum": 4},
        "defaulted": {"type": "string", "default": "a", "pattern": "^[a-c]$"},
        "text": {"type": "string", "minLength": 2, "maxLength": 3},
        "choice": {"type": "string", "enum": ["One", "Two"]},
        "maybe": {"type": "string", "nullable": True},
        "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "free": {"x-kubernetes-preserve-unknown-fields": True},
        "half": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"known": TEXT}},
        "closed": {"type": "object", "x-kubernetes-map-type": "atomic"},
        "open": {"type": "object", "additionalProperties": True},
        "list": {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 2},
        "map": {"type": "object", "additionalProperties": TEXT, "minProperties": 1, "maxProperties": 2},
        "when": {"type": "string", "format": "date-time"},
        "narrowed": {
            "type": "object",
            "properties": {"a": TEXT, "b": TEXT},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
            "not": {"properties": {"a": {"enum": ["never"]}}, "required": ["a"]},
            "allOf": [{"properties": {"b": {"minLength": 1}}}],
        },
        "ranges": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"least": {"type": "integer", "default": 5}, "most": {"type": "integer"}},
                "x-kubernetes-validations": [{"rule": RULE}, {"rule": "not in the table"}],
            },
        },
        "named": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {"least": {"type": "integer"}, "most": {"type": "integer"}},
                "x-kubernetes-validations": [{"rule": RULE}],
            },
        },
    },
}
FINE: dict[str, Any] = {"sized": 3}


@pytest.fixture(autouse=True)
def _widget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the kind Widget known, with its rule."""
    (tmp_path / "Widget.json").write_text(json.dumps({"spec": SPEC}), "utf-8")
    monkeypatch.setattr(flux_schema, "_DATA", tmp_path)
    monkeypatch.setattr(flux_schema, "API_VERSIONS", {"Widget": "example.org/v1"})
    rule = flux_rules.Rule(lambda self: self["least"] <= self["most"], ("most",), "least is over most", "swap them")
    monkeypatch.setattr(flux_schema, "RULES", {RULE: rule})


def faults(**fields: Any) -> list[tuple[str, str, str]]:
    spec = FINE | fields
    widget = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec}
    return [(one.code, one.field, one.what) for one in flux_schema.field_faults(widget)]


def keywords(schema: dict[str, Any]) -> set[str]:
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return set(schema).union(*(keywords(one) for one in inner if isinstance(one, dict)))


def test_the_kind_has_every_keyword_and_format() -> None:
    assert keywords(SPEC) == KNOWN_KEYWORDS
    assert {"date-time"} == KNOWN_FORMATS


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"sized": 2.0},
        {"defaulted": None},
        {"defaulted": "c"},
        {"text": "éé"},
        {"maybe": None},
        {"port": 80},
        {"port": "http"},
        {"free": ["any", {"thing": None}]},
        {"free": 1},
        {"half": {"known": "a", "unknown": {"deep": 1}}},
        {"closed": {}},
        {"open": {"any": ["thing"]}},
        {"list": ["a"]},
        {"map": {"a": "b"}},
        {"when": "2026-01-31T12:00:00Z"},
        {"narrowed": {"a": "x"}},
        {"free": None},
        {"ranges": [{"most": 5}, {"least": 1, "most": 2}]},
        {"named": {"any": {"least": 1, "most": 1}}},
    ],
    ids=str,
)
def test_what_keeps_the_keywords_is_fine(fields: dict[str, Any]) -> None:
    assert faults(**fields) == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"sized": None}, ("wrong-type", "spec.sized", "spec.sized: must be a whole number, not null")),
        ({"ranges": "a"}, ("wrong-type", "spec.ranges", "spec.ranges: must be a list, not a string ('a')")),
        ({"sized": 1}, ("wrong-value", "spec.sized", "spec.sized: 1 is too small")),
        ({"sized": 5}, ("wrong-value", "spec.sized", "spec.sized: 5 is too big")),
        ({"sized": 2.5}, ("wrong-type", "spec.sized", "spec.sized: must be a whole number, not a number (2.5)")),
        ({"defaulted": "abc"}, ("wrong-value", "spec.defaulted", "spec.defaulted: 'abc' doesn't match ^[a-c]$")),
        ({"text": "a"}, ("wrong-value", "spec.text", "spec.text: 'a' has 1 characters")),
        ({"text": "éééé"}, ("wrong-value", "spec.text", "spec.text: 'éééé' has 4 characters")),
        ({"choice": "two"}, ("wrong-value", "spec.choice", "spec.choice: 'two' is not one of One, Two")),
        ({"maybe": 1}, ("wrong-type", "spec.maybe", "spec.maybe: must be a string, not a number (1)")),
        (
            {"port": 1.5},
            ("wrong-type", "spec.port", "spec.port: must be a whole number or a string, not a number (1.5)"),
        ),
        (
            {"half": {"known": 1}},
            ("wrong-type", "spec.half.known", "spec.half.known: must be a string, not a number (1)"),
        ),
        ({"closed": {"a": 1}}, ("unknown-field", "spec.closed.a", "spec.closed.a: Widget has no such field")),
        ({"list": []}, ("wrong-value", "spec.list", "spec.list: has 0 items")),
        ({"list": ["a", "b", "c"]}, ("wrong-value", "spec.list", "spec.list: has 3 items")),
        ({"map": {}}, ("wrong-value", "spec.map", "spec.map: has 0 items")),
        ({"map": {"a": "1", "b": "2", "c": "3"}}, ("wrong-value", "spec.map", "spec.map: has 3 items")),
        ({"when": "today"}, ("wrong-value", "spec.when", "spec.when: 'today' is not a date-time")),
        ({"narrowed": {}}, ("wrong-value", "spec.narrowed", "spec.narrowed: a map is refused by the schema's oneOf")),
        (
            {"narrowed": {"a": "never"}},
            ("wrong-value", "spec.narrowed", "spec.narrowed: a map is refused by the schema's not"),
        ),
        (
            {"ranges": [{"most": 9}, {"most": 4}]},
            ("refused-combination", "spec.ranges[1].most", "spec.ranges[1].most: least is over most"),
        ),
        (
            {"named": {"any": {"least": 2, "most": 1}}},
            ("refused-combination", "spec.named.any.most", "spec.named.any.most: least is over most"),
        ),
    ],
    ids=str,
)
def test_what_breaks_a_keyword_is_said(fields: dict[str, Any], fault: tuple[str, str, str]) -> None:
    assert faults(**fields) == [fault]
