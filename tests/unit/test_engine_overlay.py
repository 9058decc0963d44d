"""What Pulumi was given, against what the stack's file says: only what really differs counts."""

from typing import Any

import pytest

from fluxapps.engine.overlay import fields_of, overlay
from fluxapps.model.layers import merge_fields


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ({"a": "6.9.2"}, {"a": "6.9.2"}),
        ({"a": {"b": [1, {"c": True}]}}, {"a": {"b": [1.0, {"c": True}]}}),
        ({"a": False}, {"a": "no"}),
        ({"a": True}, {"a": "on"}),
        ({"a": 6.1}, {"a": "6.10"}),
        ({"a": 1000000}, {"a": 1e6}),
        ({"a": None}, {"a": None}),
    ],
)
def test_two_readings_of_one_text_are_no_difference(said: dict[str, Any], given: dict[str, Any]) -> None:
    """Pulumi reads YAML 1.2's scalars, the model reads as Flux does."""
    assert overlay(said, given) == {}


@pytest.mark.parametrize(
    ("said", "given", "changed"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": True}, {"a": 1}, {"a": 1}),
        ({"a": 0}, {"a": False}, {"a": False}),
        ({"a": 1, "b": 2}, {"b": 2}, {"a": None}),
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({"a": {"b": 1}}, {"a": "text"}, {"a": "text"}),
    ],
)
def test_a_difference_laid_over_gives_what_was_given(
    said: dict[str, Any], given: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert overlay(said, given) == changed
    assert merge_fields(said, changed) == given


def test_differences_are_named_as_fields() -> None:
    assert fields_of({"context": "x", "apps": {"podinfo": {"enabled": False}}, "git": {}}) == [
        "context",
        "apps.podinfo.enabled",
        "git",
    ]
