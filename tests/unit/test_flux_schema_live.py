"""Manifests against the CRDs of a cluster whose Flux is older."""

from typing import Any

import pytest

from fluxapps.model.flux_schema import fields_lacking, flux_version_of

TEXT = {"type": "string"}


def crd(spec: dict[str, Any], version: str = "v2", **metadata: Any) -> dict[str, Any]:
    root = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}
    return {
        "metadata": {"name": "helmreleases.helm.toolkit.fluxcd.io", **metadata},
        "spec": {
            "group": "helm.toolkit.fluxcd.io",
            "names": {"kind": "HelmRelease"},
            "versions": [
                {"name": "v1", "served": False, "schema": {"openAPIV3Schema": root}},
                {"name": version, "served": True, "schema": {"openAPIV3Schema": root}},
            ],
        },
    }


def release(version: str = "v2", /, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"helm.toolkit.fluxcd.io/{version}", "kind": "HelmRelease", "metadata": {}, "spec": spec}


DEPENDS_ON = {"type": "array", "items": {"type": "object", "properties": {"name": TEXT}}}
DRIFT = {"type": "object", "properties": {"mode": {"type": "string", "enum": ["enabled", "disabled"]}}}
FREE = {"x-kubernetes-preserve-unknown-fields": True}
LABELS = {"type": "object", "additionalProperties": TEXT}


@pytest.mark.parametrize(
    ("spec", "lacking"),
    [
        ({"interval": "1m"}, []),
        ({"interval": "1m", "waitStrategy": {"name": "poller"}}, ["spec.waitStrategy"]),
        ({"dependsOn": [{"name": "a"}, {"name": "b", "readyExpr": "true"}]}, ["spec.dependsOn[].readyExpr"]),
        ({"driftDetection": {"mode": "enabled"}}, []),
        ({"driftDetection": {"mode": "warn"}}, ["spec.driftDetection.mode=warn"]),
        ({"values": {"any": {"thing": [{"at": "all"}]}}, "labels": {"a": "b"}}, []),
        ({"driftDetection": None}, []),
    ],
    ids=str,
)
def test_what_the_live_crd_lacks_is_named(spec: dict[str, Any], lacking: list[str]) -> None:
    live = crd({"interval": TEXT, "dependsOn": DEPENDS_ON, "driftDetection": DRIFT, "values": FREE, "labels": LABELS})
    assert fields_lacking(live, [release(**spec)]) == lacking


def test_each_lack_is_named_once_for_all_manifests() -> None:
    assert fields_lacking(crd({}), [release(interval="1m"), release(interval="2m", test={})]) == [
        "spec.interval",
        "spec.test",
    ]


@pytest.mark.parametrize("served", ["v2beta1", "v2beta2"])
def test_a_version_that_is_not_served_is_named(served: str) -> None:
    live = crd({"interval": TEXT}, served)
    assert fields_lacking(live, [release("v1"), release(interval="1m")]) == [
        "apiVersion=helm.toolkit.fluxcd.io/v1",
        "apiVersion=helm.toolkit.fluxcd.io/v2",
    ]


def test_manifests_of_other_kinds_are_passed_over() -> None:
    others = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {}},
        {"apiVersion": "other.example.org/v2", "kind": "HelmRelease", "metadata": {}, "spec": {"x": 1}},
    ]
    assert fields_lacking(crd({}), others) == []


def test_the_version_found_is_read_from_the_label_of_fluxs_own_manifests() -> None:
    assert flux_version_of(crd({}, labels={"app.kubernetes.io/version": "v2.6.4"})) == "v2.6.4"
    assert flux_version_of(crd({}, labels={"other": "x"})) is None
    assert flux_version_of(crd({})) is None
