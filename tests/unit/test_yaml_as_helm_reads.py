"""The loader against what sigs.k8s.io/yaml, by which Helm and Flux read, made of the same texts.

tests/fixtures/yaml/read-cases.json was written by the Go program in tests/fixtures/yaml/generator.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from fluxapps.model.problems import ConfigError
from fluxapps.model.yaml_file import parse_yaml

FIXTURES = Path(__file__).parents[1] / "fixtures" / "yaml"
READINGS: list[dict[str, Any]] = json.loads((FIXTURES / "read-cases.json").read_text())

STRICTER = {
    # Helm keeps the last of two equal keys.
    "&k key: 1\n? *k\n: 2\n": "duplicate-key",
    # Helm stops reading at the first line that can't belong to the map, and says nothing.
    "  a: 1\nb: 2\n": "yaml-syntax",
}
"""Texts that Helm reads and we refuse, with the problem that says why."""


def means_the_same(ours: Any, theirs: Any) -> bool:
    """Whether both are the same JSON value; Go writes a float without a fraction as an integer."""
    if isinstance(ours, dict):
        return (
            isinstance(theirs, dict)
            and ours.keys() == theirs.keys()
            and all(means_the_same(ours[k], theirs[k]) for k in ours)
        )
    if isinstance(ours, list):
        return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(means_the_same, ours, theirs))
    if isinstance(ours, float):
        return type(theirs) in {int, float} and float(theirs) == ours
    return type(ours) is type(theirs) and bool(ours == theirs)


@pytest.mark.parametrize("reading", [pytest.param(reading, id=ascii(reading["text"])[:40]) for reading in READINGS])
def test_reads_as_helm_reads(reading: dict[str, Any]) -> None:
    text = reading["text"]
    if "error" in reading or text in STRICTER:
        with pytest.raises(ConfigError) as refused:
            parse_yaml(text, "values.yaml")
        assert STRICTER.get(text) in {None, refused.value.problems[0].code}
    else:
        assert means_the_same(parse_yaml(text, "values.yaml").value, reading["value"])


def test_every_case_was_read() -> None:
    cases = json.loads((FIXTURES / "cases.json").read_text())
    named = cases["documents"] + [
        template.replace("%s", scalar, 1) for template in cases["templates"] for scalar in cases["scalars"]
    ]
    assert [reading["text"] for reading in READINGS] == named
    assert len(cases["scalars"]) > 300
    assert STRICTER.keys() <= set(named)
