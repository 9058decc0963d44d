"""Canonical YAML text: its bytes, which are hashed into names of objects, and who reads it back.

tests/fixtures/yaml/canonical.yaml is the text of canonical.json. After a change that is meant, make it anew with
``UPDATE_GOLDEN=1 pytest tests/unit/test_yaml_text.py`` and then run the Go program in tests/fixtures/yaml/generator.
"""

import json
import os
from collections import OrderedDict, defaultdict
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import pytest
import yaml

from fluxapps.model.yaml_file import parse_yaml
from fluxapps.model.yaml_text import DEPTH_LIMIT, dump_documents, dump_manifest, dump_yaml

FIXTURES = Path(__file__).parents[1] / "fixtures" / "yaml"
GOLDEN = FIXTURES / "canonical.yaml"
DATA: dict[str, Any] = json.loads((FIXTURES / "canonical.json").read_text())


def test_the_bytes_stay_as_they_are() -> None:
    text = dump_yaml(DATA)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_bytes(text.encode())
    assert text.encode() == GOLDEN.read_bytes()


@pytest.mark.parametrize("reader", ["helm", "kustomize"])
def test_go_reads_what_was_written(reader: str) -> None:
    readings = json.loads((FIXTURES / "read-canonical.json").read_text())
    reading = readings[["helm", "kustomize"].index(reader)]
    assert reading["text"] == GOLDEN.read_text(), "run the Go program in tests/fixtures/yaml/generator"
    # Floats without a fraction come back as integers of the same value.
    assert reading["value"] == DATA


def test_python_reads_what_was_written() -> None:
    text = GOLDEN.read_text()
    assert parse_yaml(text, "canonical.yaml").value == DATA
    assert yaml.safe_load(text) == DATA
    assert yaml.load(text, Loader=yaml.CSafeLoader) == DATA


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null\n"),
        (True, "true\n"),
        ({}, "{}\n"),
        ([], "[]\n"),
        ("", '""\n'),
        ("a", "a\n"),
        ("a\nb\n", "|\n  a\n  b\n"),
        ("a\nb", "|-\n  a\n  b\n"),
        (1.0, "1.0\n"),
        (-0.0, "-0.0\n"),
        (1e21, "1.0e+21\n"),
        (5e-324, "5.0e-324\n"),
        (2**64, "1.8446744073709552e+19\n"),
        ({"b": 1, "a": [1, {"c": 2, "d": [3]}]}, "a:\n- 1\n- c: 2\n  d:\n  - 3\nb: 1\n"),
        ([[1, 2], [], [[3]]], "- - 1\n  - 2\n- []\n- - - 3\n"),
        (
            {"version": "6.10", "tag": "1.2.3", "chart": "6.x", "at": "30m"},
            'at: 30m\nchart: 6.x\ntag: 1.2.3\nversion: "6.10"\n',
        ),
        ({"y": "no", "command": ["-c", "echo 'a: b'"]}, 'command:\n- -c\n- "echo \'a: b\'"\n"y": "no"\n'),
    ],
)
def test_writes(value: Any, text: str) -> None:
    assert dump_yaml(value) == text


def test_long_keys_are_marked_as_keys() -> None:
    value = {"k" * 2000: {"a": [1]}, "\n" * 600: ["b"], "x": {"é" * 3000: "a\nb\n"}}
    text = dump_yaml(value)
    assert text.count("? ") == 3
    assert parse_yaml(text, "a.yaml").value == value
    assert yaml.safe_load(text) == value


def test_documents_stand_apart() -> None:
    assert dump_documents([{"a": 1}, "b", []]) == "a: 1\n---\nb\n---\n[]\n"
    assert dump_documents([]) == ""
    text = dump_documents([{"a": "b\n\n"}, {"c": 1}])
    assert [document.value for document in parse_yaml(text, "a.yaml").documents] == [{"a": "b\n\n"}, {"c": 1}]


def test_a_manifest_starts_with_what_it_is() -> None:
    manifest = {
        "spec": {"name": 1, "kind": 2, "apiVersion": 3},
        "data": {"z": "1", "a": "2"},
        "metadata": {"labels": {"name": "x", "a": "y"}, "namespace": "b", "name": "a", "annotations": {"c": "d"}},
        "type": "Opaque",
        "kind": "Secret",
        "apiVersion": "v1",
        "immutable": True,
    }
    text = dump_manifest(manifest)
    assert text == (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  namespace: b\n  annotations:\n    c: d\n"
        '  labels:\n    a: "y"\n    name: x\ntype: Opaque\nimmutable: true\ndata:\n  a: "2"\n  z: "1"\n'
        "spec:\n  apiVersion: 3\n  kind: 2\n  name: 1\n"
    )
    assert parse_yaml(text, "a.yaml").value == manifest


class Word(StrEnum):
    YES = "yes"


class Number(IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


class Real(float):
    pass


def test_subclasses_are_written_as_what_they_are() -> None:
    value = {
        "enum": Word.YES,
        "enums": [Word.YES, Number.ONE],
        "text": Text("a\nb\n"),
        "number": Number.ONE,
        "real": Real(1),
        "ordered": OrderedDict(b=1, a=OrderedDict()),
        "default": defaultdict(list, a=[1]),
        "tuple": (1, ("a",), ()),
    }
    exact = {
        "enum": "yes",
        "enums": ["yes", 1],
        "text": "a\nb\n",
        "number": 1,
        "real": 1.0,
        "ordered": {"b": 1, "a": {}},
        "default": {"a": [1]},
        "tuple": [1, ["a"], []],
    }
    assert dump_yaml(value) == dump_yaml(exact)
    assert dump_yaml(OrderedDict(a=1)) == "a: 1\n"
    assert dump_yaml(Word.YES) == '"yes"\n'
    assert dump_manifest(OrderedDict(kind="A", apiVersion="v1")) == "apiVersion: v1\nkind: A\n"


@pytest.mark.parametrize(
    "value", [object(), {"a": object()}, [b"bytes"], {1: 2}, {None: 1}, {"a": {1, 2}}, {"a": 1, 2: 3}]
)
def test_refuses_what_is_no_plain_data(value: Any) -> None:
    with pytest.raises(TypeError):
        dump_yaml(value)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), [-float("inf")], "\ud800", {"a\udfff": 1}, ["a\n\ud800"]]
)
def test_refuses_what_no_reader_takes(value: Any) -> None:
    with pytest.raises(ValueError, match=r"can't be written|no number"):
        dump_yaml(value)


def test_depth_has_an_end() -> None:
    deep: Any = 1
    for _ in range(DEPTH_LIMIT):
        deep = [{"a": deep}]
    with pytest.raises(ValueError, match="levels"):
        dump_yaml(deep)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="levels"):
        dump_yaml(endless)


def test_the_deepest_that_is_read_can_be_written() -> None:
    for text in ("[" * 100 + "]" * 100, "{a: " * 100 + "}" * 100):
        value = parse_yaml(text, "a.yaml").value
        assert parse_yaml(dump_yaml(value), "a.yaml").value == value
