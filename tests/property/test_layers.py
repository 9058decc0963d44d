"""Laws of merging: what lies on top counts, maps merge, lists replace, and every field is found where it was said."""

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fluxapps.model.layers import Layer, merge_fields, merge_values, merged_fields, origin
from fluxapps.model.yaml_file import parse_yaml

Data = dict[str, Any]
Path = tuple[str, ...]

# Few keys, so that layers meet; keys that look like nothing special, as paths of fields do.
keys = st.sampled_from(["a", "b", "c", "d"])
leaves = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text("xyz", max_size=2))
values = st.recursive(
    leaves, lambda below: st.lists(below, max_size=2) | st.dictionaries(keys, below, max_size=3), max_leaves=8
)
maps = st.dictionaries(keys, values, max_size=4)
stacks = st.lists(maps, max_size=4)


def fields_of(value: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """Return what *value* says that is no map, by path."""
    if isinstance(value, dict) and value:
        return [found for key, below in value.items() for found in fields_of(below, (*path, key))]
    return [(path, value)] if path else []


def at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def said(value: Data, path: Path) -> bool:
    """Return whether *value* says something at *path*, or something above it that is no map."""
    found: Any = value
    for key in path:
        if not isinstance(found, dict):
            return True
        if key not in found:
            return False
        found = found[key]
    return True


@given(maps, maps)
def test_merging_changes_neither(base: Data, over: Data) -> None:
    before = copy.deepcopy((base, over))
    merge_fields(base, over)
    merge_values(base, over)
    assert (base, over) == before


@given(maps, maps)
def test_what_is_laid_on_twice_is_laid_on_once(base: Data, over: Data) -> None:
    for merge in (merge_fields, merge_values):
        once = merge(base, over)
        assert merge(once, over) == once


@given(maps)
def test_nothing_changes_nothing(base: Data) -> None:
    assert merge_fields(base, {}) == merge_values(base, {}) == merge_values({}, base) == base


@given(maps, maps)
def test_a_value_on_top_counts_and_one_that_it_does_not_touch_stays(base: Data, over: Data) -> None:
    merged = merge_values(base, over)
    for path, value in fields_of(over):
        if value != {}:
            assert at(merged, path) == value
    for path, value in fields_of(base):
        if not said(over, path):
            assert at(merged, path) == value


@given(maps, maps)
def test_a_value_comes_from_one_of_them(base: Data, over: Data) -> None:
    sides = fields_of(base) + fields_of(over)
    # An empty map may be what is left when a map takes the place of something else.
    assert all(found in sides for found in fields_of(merge_values(base, over)) if found[1] != {})


@given(maps, maps)
def test_nulls_stay_in_values_and_go_from_fields(base: Data, over: Data) -> None:
    values, fields = merge_values(base, over), merge_fields({}, merge_values(base, over))
    assert all(at(values, path) is None for path, value in fields_of(over) if value is None)
    assert all(value is not None for _, value in fields_of(fields))


@given(maps, maps)
def test_fields_are_values_without_what_nulls_delete(base: Data, over: Data) -> None:
    below = merge_fields({}, base)
    expected = [(path, value) for path, value in fields_of(merge_values(below, over)) if value not in (None, {})]
    assert sorted(map(repr, expected)) == sorted(
        repr(found) for found in fields_of(merge_fields(below, over)) if found[1] != {}
    )


@given(stacks, st.integers(0, 3))
def test_what_lies_between_and_says_nothing_changes_nothing(stack: list[Data], index: int) -> None:
    layers = [Layer(data, None) for data in stack]
    assert merged_fields([*layers[:index], Layer({}, None), *layers[index:]]) == merged_fields(layers)


@given(stacks)
def test_every_field_is_found_where_it_was_said(stack: list[Data]) -> None:
    texts = [json.dumps({"x": {"y": data}}, indent=1) for data in stack]
    files = [parse_yaml(text, f"{number}.yaml") for number, text in enumerate(texts)]
    layers = [Layer(file.value["x"]["y"], file, ("x", "y")) for file in files]
    for path, value in fields_of(merged_fields(layers)):
        found = origin(layers, path)
        assert found is not None
        index = int(found.file.removesuffix(".yaml"))
        assert found.path == ("x", "y", *path)
        if value != {}:
            assert at(stack[index], path) == value
        line = texts[index].splitlines()[found.line - 1]
        assert line[found.column - 1 :].startswith(json.dumps(path[-1]))
