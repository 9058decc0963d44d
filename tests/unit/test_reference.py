"""What is generated from the models is what is committed."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from fluxapps.model import load
from fluxapps.model.editor_schemas import editor_schemas
from fluxapps.model.reference import reference_markdown

ROOT = Path(__file__).parents[2]


def test_reference_is_current() -> None:
    assert (ROOT / "docs/reference.md").read_text() == reference_markdown(), "run make docs"


@pytest.mark.parametrize("name", sorted(editor_schemas()))
def test_editor_schema_is_current(name: str) -> None:
    assert json.loads((ROOT / "schemas" / name).read_text()) == editor_schemas()[name], "run make docs"


def test_shipped_files_are_as_the_editor_wants_them() -> None:
    schemas = {name: jsonschema_rs.validator_for(schema) for name, schema in editor_schemas().items()}
    sources = load(ROOT)
    assert sources.fleet is not None
    schemas["fleet.schema.json"].validate(sources.fleet.value)
    for app in sources.apps:
        schemas["app.schema.json"].validate(app.fields)
    for stack in sources.stack_files.values():
        schemas["cluster.schema.json"].validate(stack.cluster)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app.schema.json", {"chrat": "podinfo"}),
        ("app.schema.json", {"release": {"intervall": "5m"}}),
        ("app.schema.json", {"release": {"interval": "1d"}}),
        ("app.schema.json", {"releases": {"a": {"version": 6.1}}}),
        ("fleet.schema.json", {"repositories": {"a": {"url": "https://example.org", "provder": "aws"}}}),
        ("fleet.schema.json", {"defaults": {"preset": "all"}}),
        ("cluster.schema.json", {"git": {"url": "https://example.org", "intervall": "1m"}}),
    ],
)
def test_the_editor_sees_a_typo(name: str, text: dict[str, object]) -> None:
    assert not jsonschema_rs.validator_for(editor_schemas()[name]).is_valid(text)
