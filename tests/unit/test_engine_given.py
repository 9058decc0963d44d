"""What Pulumi was given, against what the stack's file says: only what really differs counts."""

from typing import Any

import pytest

from fluxapps.engine.given import differing, reconciled


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
        ({"a": "2001-01-01"}, {"a": "2001-01-01 00:00:00 +0000 UTC"}),
        ({"a": "2001-01-01T10:00:00Z"}, {"a": "2001-01-01 10:00:00 +0000 UTC"}),
        ({"a": {"true": 1, "false": 2}}, {"a": {"y": 1, "n": 2}}),
        ({"a": [{"true": 1}]}, {"a": [{"y": 1}]}),
    ],
)
def test_two_readings_of_one_text_are_no_difference(said: dict[str, Any], given: dict[str, Any]) -> None:
    """Pulumi reads YAML 1.2's scalars, the model reads as Flux does; the model's reading is the one that counts."""
    found = reconciled(said, given)
    assert differing(said, found) == []
    assert found == said


@pytest.mark.parametrize(
    ("said", "given", "fields"),
    [
        ({"a": 1}, {"a": 2}, ["a"]),
        ({"a": True}, {"a": 1}, ["a"]),
        ({"a": 0}, {"a": False}, ["a"]),
        ({"a": 1, "b": 2}, {"b": 2}, ["a"]),
        ({"a": None, "b": 2}, {"b": 2}, ["a"]),
        ({}, {"a": {"b": 1}}, ["a"]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, ["a.c"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a"]),
        ({"a": {"b": 1}}, {"a": "text"}, ["a"]),
        ({"a": "2001-01-01"}, {"a": "2001-01-02 00:00:00 +0000 UTC"}, ["a"]),
        ({"a": "2001-99-99"}, {"a": "2001-99-98"}, ["a"]),
    ],
)
def test_a_difference_is_named_and_counts(said: dict[str, Any], given: dict[str, Any], fields: list[str]) -> None:
    found = reconciled(said, given)
    assert differing(said, found) == fields
    assert found == given
