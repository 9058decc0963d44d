"""Laws of reading and writing YAML: nothing is lost, nothing is ambiguous, and no text brings the reader down."""

import json
import math
from typing import Any

import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from fluxapps.model.problems import ConfigError
from fluxapps.model.yaml_file import YamlFile, parse_yaml
from fluxapps.model.yaml_nodes import compose
from fluxapps.model.yaml_text import dump_documents, dump_manifest, dump_yaml
from fluxapps.model.yaml_values import construct
from tests.property.strategies import any_texts, plain_data, strings, values

# A busy machine is no fault of the reader's.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def identical(one: Any, other: Any) -> bool:
    """Whether both are the same data, types and signs of zeros included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(identical(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(identical, one, other))
    return bool(one == other) and (not isinstance(one, float) or math.copysign(1, one) == math.copysign(1, other))


def read(text: str) -> YamlFile | ConfigError:
    """Read *text*; anything but a file or a ConfigError fails the test."""
    try:
        return parse_yaml(text, "a.yaml")
    except ConfigError as error:
        return error


@unhurried
@given(plain_data)
def test_what_is_written_is_read_back(data: Any) -> None:
    text = dump_yaml(data)
    assert text.endswith("\n")
    assert identical(parse_yaml(text, "a.yaml").value, data)


@unhurried
@given(plain_data)
def test_yaml_1_1_readers_read_the_same(data: Any) -> None:
    text = dump_yaml(data)
    assert identical(yaml.load(text, Loader=yaml.SafeLoader), data)
    assert identical(yaml.load(text, Loader=yaml.CSafeLoader), data)


@unhurried
@given(values)
def test_values_survive_a_config_map(data: dict[str, Any]) -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"values.yaml": dump_yaml(data)}}
    carried = parse_yaml(dump_manifest(config_map), "configmap.yaml").value
    assert identical(parse_yaml(carried["data"]["values.yaml"], "values.yaml").value, data)


@unhurried
@given(st.lists(plain_data.filter(lambda data: data is not None), max_size=4))
def test_documents_stay_apart(several: list[Any]) -> None:
    documents = parse_yaml(dump_documents(several), "a.yaml").documents
    assert identical([document.value for document in documents], several)


@unhurried
@given(values, st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(data: dict[str, Any], random: Any) -> None:
    keys = list(data)
    random.shuffle(keys)
    assert dump_yaml({key: data[key] for key in keys}) == dump_yaml(data)


@unhurried
@given(plain_data)
def test_what_was_written_is_written_the_same_again(data: Any) -> None:
    text = dump_yaml(data)
    assert dump_yaml(parse_yaml(text, "a.yaml").value) == text


@unhurried
@given(strings)
def test_a_line_is_never_folded(text: str) -> None:
    spaces = text.replace("\n", " ")
    assert dump_yaml({"key": spaces}).count("\n") == 1


@unhurried
@given(any_texts)
@example("[" * 100_000)
@example("{a: " * 100_000)
@example("- " * 100_000)
@example("? " * 100_000)
@example("a:\n" + "".join(f"{' ' * depth}a:\n" for depth in range(1, 300)))
def test_any_text_is_read_or_refused_with_places(text: str) -> None:
    result = read(text)
    if isinstance(result, ConfigError):
        assert result.problems
        for problem in result.problems:
            assert problem.line is not None
            assert problem.line >= 1
            assert problem.column is not None
            assert problem.column >= 1
            assert problem.what
    else:
        for number, document in enumerate(result.documents):
            json.dumps(document.value, allow_nan=False)
            assert document.line <= result.position((), document=number).line


@unhurried
@given(any_texts)
def test_what_is_read_can_be_written_and_read_again(text: str) -> None:
    result = read(text)
    assume(isinstance(result, YamlFile))
    assert isinstance(result, YamlFile)
    for document in result.documents:
        assert identical(parse_yaml(dump_yaml(document.value), "a.yaml").value, document.value)


@unhurried
@given(any_texts)
def test_the_quick_and_the_careful_way_agree(text: str) -> None:
    trees, problems = compose(text.removeprefix("\ufeff"), "a.yaml")
    constructed = [construct(tree, "a.yaml") for tree in trees]
    problems += [problem for _, wrong in constructed for problem in wrong]
    result = read(text)
    if isinstance(result, ConfigError):
        assert set(result.problems) == set(problems)
    else:
        assert not problems
        assert identical([document.value for document in result.documents], [value for value, _ in constructed])
        assert [document.line for document in result.documents] == [tree.line for tree in trees]


@unhurried
@given(values)
def test_every_key_and_item_is_found_where_it_stands(data: dict[str, Any]) -> None:
    file = parse_yaml(dump_yaml(data), "a.yaml")
    lines = file.text.split("\n")
    for path, value in _leaves(data, ()):
        place = file.position(path)
        line = lines[place.line - 1][place.column - 1 :]
        if isinstance(path[-1], str):
            # A key is where its text begins: bare, or behind a quote.
            assert line.startswith((path[-1][:1] or '"', '"', "'"))
        elif isinstance(value, bool):
            assert line.startswith(("true", "false"))


def _leaves(data: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], Any]]:
    if isinstance(data, dict):
        return [leaf for key, value in data.items() for leaf in _leaves(value, (*path, key))]
    if isinstance(data, list):
        return [leaf for index, value in enumerate(data) for leaf in _leaves(value, (*path, index))]
    return [(path, data)]
