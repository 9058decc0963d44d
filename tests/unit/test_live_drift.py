"""How an object in a cluster differs from what is declared, who wrote that, and what a Kustomization has applied."""

from typing import Any

import pytest

from fluxapps.model.live.drift import ABSENT, Difference, differences
from fluxapps.model.live.edits import edits
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.live.wording import in_few_words, in_words
from fluxapps.model.live.writers import Writer, writers_of
from fluxapps.model.objects import ObjectId

RELEASE: dict[str, Any] = {
    "apiVersion": "helm.toolkit.fluxcd.io/v2",
    "kind": "HelmRelease",
    "metadata": {
        "name": "web",
        "namespace": "web",
        "labels": {"fluxapps/stack": "fluxapps.dev"},
        "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"},
    },
    "spec": {
        "interval": "30m",
        "suspend": False,
        "maxHistory": 5,
        "dependsOn": [{"name": "one"}, {"name": "two"}],
        "values": {"on": True, "nothing": None, "none": []},
    },
}


def live(**spec: Any) -> dict[str, Any]:
    """Return the object as a cluster has it: with defaults, and what others added."""
    metadata = RELEASE["metadata"]
    return {
        **RELEASE,
        "metadata": {
            **metadata,
            "uid": "u",
            "generation": 3,
            "labels": {**metadata["labels"], "theirs": "x"},
            "annotations": {**metadata["annotations"], "reconcile.fluxcd.io/requestedAt": "now"},
        },
        "spec": {**RELEASE["spec"], "timeout": "5m", **spec},
        "status": {"observedGeneration": 3},
    }


def fields(found: dict[str, Any]) -> dict[str, Any]:
    return {one.field: one.live for one in differences(RELEASE, found)}


def test_what_the_server_and_others_add_is_no_drift() -> None:
    assert differences(RELEASE, live(values={"on": True, "more": 1}, maxHistory=5.0)) == ()
    added = [{"name": "one", "namespace": "web"}, {"name": "two", "namespace": "web"}]
    assert differences(RELEASE, live(dependsOn=added)) == ()


@pytest.mark.parametrize("annotation", ["requestedAt", "forceAt", "resetAt"])
def test_what_operators_toggle_is_no_drift_even_where_it_is_declared(annotation: str) -> None:
    declared = {
        **RELEASE,
        "metadata": {**RELEASE["metadata"], "annotations": {f"reconcile.fluxcd.io/{annotation}": "1"}},
    }
    assert differences(declared, live(suspend=True)) == ()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"interval": "5m"}, {"spec.interval": "5m"}),
        ({"maxHistory": "5"}, {"spec.maxHistory": "5"}),
        ({"maxHistory": True}, {"spec.maxHistory": True}),
        ({"dependsOn": [{"name": "one"}]}, {"spec.dependsOn": [{"name": "one"}]}),
        ({"dependsOn": [{"name": "one"}, {"name": "three"}]}, {"spec.dependsOn[1].name": "three"}),
        ({"values": {"on": 1}}, {"spec.values.on": 1}),
        ({"values": None}, {"spec.values": None}),
    ],
    ids=str,
)  # fmt: skip
def test_every_declared_field_counts(spec: dict[str, Any], expected: dict[str, Any]) -> None:
    assert fields(live(**spec)) == expected


def test_a_field_that_is_gone_is_told_by_its_leaves() -> None:
    found = live()
    del found["metadata"]["annotations"], found["spec"]["values"], found["metadata"]["labels"]["fluxapps/stack"]
    assert fields(found) == {
        "metadata.labels.fluxapps/stack": ABSENT,
        "metadata.annotations.kustomize.toolkit.fluxcd.io/ssa": ABSENT,
        "spec.values.on": ABSENT,
    }


def test_the_text_of_a_config_map_counts() -> None:
    declared = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "v"}, "data": {"values.yaml": "a: 1\n"}}
    found = {**declared, "data": {"values.yaml": "a: 2\n", "more": ""}}
    assert differences(declared, found) == (Difference(("data", "values.yaml"), "a: 1\n", "a: 2\n"),)
    assert in_words({"metadata": {}}, differences(declared, found)[0]) == "data.values.yaml is a: 2 instead of a: 1"


def entry(manager: str, time: str, spec: Any, *, operation: str = "Update", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "time": time, "fieldsV1": {"f:spec": spec}, **more}


def written(*entries: dict[str, Any], **spec: Any) -> dict[str, Any]:
    found = live(**spec)
    return {**found, "metadata": {**found["metadata"], "managedFields": list(entries)}}


def test_who_wrote_a_field_the_latest_first() -> None:
    leaf: dict[str, Any] = {}
    found = written(
        entry("pulumi-kubernetes", "1", {".": leaf, "f:interval": leaf, "f:values": leaf}),
        entry("kubectl-edit", "3", {"f:interval": leaf}),
        entry("kustomize-controller", "2", {"f:interval": leaf, "f:dependsOn": leaf}, operation="Apply"),
        entry("helm-controller", "4", {"f:interval": leaf}, subresource="status"),
        {"manager": "before", "operation": "Update", "fieldsV1": None},
    )
    assert writers_of(found, ("spec", "interval")) == (
        Writer("kubectl-edit", applies=False),
        Writer("kustomize-controller", applies=True),
        Writer("pulumi-kubernetes", applies=False),
    )
    # What stands below a value that was written whole, or in a list.
    assert [one.manager for one in writers_of(found, ("spec", "values", "deep", "down"))] == ["pulumi-kubernetes"]
    assert [one.manager for one in writers_of(found, ("spec", "dependsOn", 0, "name"))] == ["kustomize-controller"]
    assert writers_of(found, ("spec", "timeout")) == ()
    assert writers_of({"metadata": {}}, ("spec",)) == ()


@pytest.mark.parametrize(
    ("manager", "whose"),
    [
        ("kubectl-client-side-apply", "by_hand"),
        ("before-first-apply", "by_hand"),
        ("kustomize-controller", "by_flux"),
        ("dashboard", "by_others"),
        ("pulumi-kubernetes-1a2b3c4d", ""),
        ("", "unsure"),
    ],
)
def test_what_becomes_of_a_difference_depends_on_who_wrote_it(manager: str, whose: str) -> None:
    entries = [entry(manager, "1", {"f:interval": {}})] if manager else []
    found = edits(RELEASE, written(*entries, interval="5m"))
    kinds = {name: getattr(found, name) for name in ("by_hand", "by_flux", "by_others", "unsure")}
    assert {name for name, some in kinds.items() if some} == ({whose} if whose else set())


def test_of_two_writers_the_one_that_would_object_counts() -> None:
    both = [entry(name, time, {"f:interval": {}}) for name, time in (("kubectl-edit", "2"), ("dashboard", "1"))]
    assert edits(RELEASE, written(*both, interval="5m")).by_others


def test_a_mark_of_ours_that_is_gone_was_taken_away_by_a_person() -> None:
    found = live()
    del found["metadata"]["annotations"], found["spec"]["interval"]
    said = edits(RELEASE, found)
    assert [one.path[-1] for one in said.by_hand] == ["kustomize.toolkit.fluxcd.io/ssa"]
    assert [one.field for one in said.unsure] == ["spec.interval"]


def test_differences_in_few_words() -> None:
    found = written(
        entry("kubectl-edit", "1", {"f:interval": {}}), interval="5m", maxHistory=1, values={"on": "x" * 99}
    )
    assert in_few_words(found, differences(RELEASE, found)) == (
        "spec.interval is 5m instead of 30m (by kubectl-edit), spec.maxHistory is 1 instead of 5, "
        f"spec.values.on is {'x' * 59}… instead of True"
    )
    assert in_few_words(found, differences(RELEASE, live(interval="1m", maxHistory=1, dependsOn=[]))).count(" is ") == 3
    del found["spec"]["interval"], found["spec"]["maxHistory"], found["spec"]["dependsOn"]
    assert in_few_words(found, differences(RELEASE, found)).endswith(", and 1 more")


def test_an_inventory_names_objects() -> None:
    entries = [
        "web_web_helm.toolkit.fluxcd.io_HelmRelease",
        "_web__Namespace",
        "_system__node_rbac.authorization.k8s.io_ClusterRole",
    ]
    found = {"status": {"inventory": {"entries": [{"id": one, "v": "v1"} for one in entries]}}}
    assert list(inventory_of(found)) == [
        ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", "web", "web"),
        ObjectId("", "Namespace", "", "web"),
        ObjectId("rbac.authorization.k8s.io", "ClusterRole", "", "system:node"),
    ]
    for status in ({}, {"inventory": None}, {"inventory": {"entries": None}}):
        assert list(inventory_of({"status": status})) == []
