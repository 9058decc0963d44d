"""The comparison itself, on small objects: it must see every difference, or what it calls equal means nothing."""

from typing import Any

import pytest

from fluxapps.model.objects import Manifest, ObjectId, object_id
from tests.real.comparison import ABSENT, WHOLE, Difference, compare, known, same, unexplained
from tests.real.objects import Found, applied_by, meaning, read_objects


def _config_map(name: str = "a", **data: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}, "data": data}


def _by_id(*manifests: Manifest) -> dict[ObjectId, Manifest]:
    return {object_id(manifest): manifest for manifest in manifests}


def _compare(original: Any, ours: Any) -> list[tuple[str, Any, Any]]:
    found = compare(_by_id(_config_map(x=original)), _by_id(_config_map(x=ours)))
    return [(one.field, one.original, one.ours) for one in found]


def test_equal_objects_have_no_difference_whatever_the_order_of_keys() -> None:
    assert compare(_by_id(_config_map(a="1", b={"c": [1, None]})), _by_id(_config_map(b={"c": [1, None]}, a="1"))) == []


@pytest.mark.parametrize(
    ("original", "ours", "expected"),
    [
        ("a", "b", [("data.x", "a", "b")]),
        (1, 1.0, [("data.x", 1, 1.0)]),
        (1, True, [("data.x", 1, True)]),
        (0, False, [("data.x", 0, False)]),
        ("1", 1, [("data.x", "1", 1)]),
        (None, "", [("data.x", None, "")]),
        ({"k": None}, {}, [("data.x.k", None, ABSENT)]),
        ({}, {"k": 1}, [("data.x.k", ABSENT, 1)]),
        ({}, [], [("data.x", {}, [])]),
        ([1, 2], [1], [("data.x[1]", 2, ABSENT)]),
        ([{"a": 1}], [{"a": 2}], [("data.x[0].a", 1, 2)]),
        ([1, 2], [2, 1], [("data.x[0]", 1, 2), ("data.x[1]", 2, 1)]),
    ],
)
def test_every_kind_of_difference_is_seen(original: Any, ours: Any, expected: list[tuple[str, Any, Any]]) -> None:
    found = _compare(original, ours)
    assert [field for field, *_ in found] == [field for field, *_ in expected]
    assert all(
        type(a) is type(b) and a == b
        for one, other in zip(found, expected, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def test_not_a_number_is_the_same_as_itself() -> None:
    assert same({"a": float("nan")}, {"a": float("nan")})
    assert not same(float("nan"), 1.0)


def test_objects_in_one_set_alone_are_differences() -> None:
    found = compare(_by_id(_config_map("a"), _config_map("b")), _by_id(_config_map("b"), _config_map("c")))
    assert found == [
        Difference("ConfigMap n/a", WHOLE, "present", ABSENT),
        Difference("ConfigMap n/c", WHOLE, ABSENT, "present"),
    ]


def test_an_api_version_is_a_field_like_any_other() -> None:
    old = _config_map() | {"apiVersion": "g/v1beta1"}
    new = _config_map() | {"apiVersion": "g/v1"}
    assert compare(_by_id(old), _by_id(new)) == [Difference("ConfigMap n/a", "apiVersion", "g/v1beta1", "g/v1")]


_ROW: dict[str, Any] = {"objects": "ConfigMap n/*", "count": 2, "field": "data.x", "original": None, "reason": "why"}
_FOUND = [Difference("ConfigMap n/a", "data.x", None, ABSENT), Difference("ConfigMap n/b", "data.x", None, ABSENT)]


def test_a_table_that_says_what_is_so_explains_it() -> None:
    assert unexplained(_FOUND, known([_ROW])) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"field": "data.y"}, ["not in the table", "not in the table", "2 times, but it is 0"]),
        ({"objects": "ConfigMap n/a"}, ["not in the table", "2 times, but it is 1"]),
        ({"original": ""}, ["not in the table", "not in the table", "2 times, but it is 0"]),
        ({"ours": 1}, ["not in the table", "not in the table", "2 times, but it is 0"]),
        ({"count": 3}, ["3 times, but it is 2"]),
    ],
)
def test_a_table_that_says_anything_else_is_wrong(row: dict[str, Any], said: list[str]) -> None:
    wrong = unexplained(_FOUND, known([_ROW | row]))
    assert len(wrong) == len(said)
    assert all(part in line for part, line in zip(said, wrong, strict=True))


@pytest.mark.parametrize(
    ("original", "ours", "covered"),
    [
        ("./sonarr", "./deploy/home/sonarr", True),
        ("./a/b", "./deploy/home/a/b", True),
        ("./sonarr", "./deploy/home/radarr", False),
        ("sonarr", "./deploy/home/sonarr", False),
        (None, "./deploy/home/None", False),
        ("./sonarr", None, False),
    ],
)
def test_a_row_may_say_one_text_for_both(original: Any, ours: Any, covered: bool) -> None:
    row = {"objects": "*", "field": "path", "original": "./{text}", "ours": "./deploy/home/{text}", "reason": ""}
    assert known([row])[0].covers(Difference("X", "path", original, ours)) is covered


def test_a_row_for_what_no_longer_differs_is_wrong() -> None:
    assert unexplained([], known([_ROW])) == ["the table says 2 times, but it is 0: ConfigMap n/*: data.x"]


def _kustomization(name: str, path: str) -> str:
    metadata = f"{{name: {name}, namespace: f}}"
    head = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
    return f"{head}metadata: {metadata}\nspec: {{path: {path}}}\n"


def test_objects_are_applied_by_the_nearest_kustomization() -> None:
    objects = read_objects(
        {
            "bootstrap/all.yaml": (_kustomization("root", "./") + "---\n" + _kustomization("web", "web")).encode(),
            "web/deep/a.yml": b"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: n}}",
            "website/b.yaml": b"{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: n}}",
            "web/kustomization.yaml": b"{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization}",
            "README.md": b"# no object",
        }
    )
    pulumi = Found(_config_map("p"), "")
    appliers = {str(k): v for k, v in applied_by(objects | {pulumi.id: pulumi}).items()}
    assert appliers == {
        "Kustomization f/root": "Kustomization f/root",
        "Kustomization f/web": "Kustomization f/root",
        "ConfigMap n/a": "Kustomization f/web",
        "ConfigMap n/b": "Kustomization f/root",
        "ConfigMap n/p": "Pulumi",
    }


def test_two_objects_of_one_identity_are_refused() -> None:
    text = b"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: n}}"
    with pytest.raises(ValueError, match=r"ConfigMap n/a is in one\.yaml and in two\.yaml"):
        read_objects({"one.yaml": text, "two.yaml": text})


def test_yaml_in_text_counts_by_its_meaning() -> None:
    first = meaning(_config_map(**{"values.yaml": "# hello\na: {b: 1}\n", "other": "x: 1"}))
    assert first["data"] == {"values.yaml": {"a": {"b": 1}}, "other": "x: 1"}
    patched = {"kind": "Kustomization", "spec": {"prune": True, "patches": [{"patch": "kind: X", "target": {}}]}}
    assert meaning(patched)["spec"] == {"prune": True, "patches": [{"patch": {"kind": "X"}, "target": {}}]}
