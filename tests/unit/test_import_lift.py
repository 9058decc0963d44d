"""Lifting old Flux objects: each rule on a small object, and nothing beyond the rules."""

import copy
from typing import Any

import pytest
import yaml

from fluxapps.importing.lift import TODAY, lift


def _object(api_version: str, kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "y"}, "spec": spec}


@pytest.mark.parametrize(
    ("old", "kind"),
    [
        ("helm.toolkit.fluxcd.io/v2beta1", "HelmRelease"),
        ("helm.toolkit.fluxcd.io/v2beta2", "HelmRelease"),
        ("kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization"),
        ("kustomize.toolkit.fluxcd.io/v1beta2", "Kustomization"),
        ("source.toolkit.fluxcd.io/v1beta1", "HelmRepository"),
        ("source.toolkit.fluxcd.io/v1beta2", "OCIRepository"),
    ],
)
def test_only_the_version_changes_where_the_fields_are_still_there(old: str, kind: str) -> None:
    spec = {"interval": "5m", "suspend": True}
    lifted = lift(_object(old, kind, **spec))
    group = old.partition("/")[0]
    assert lifted.manifest == _object(f"{group}/{TODAY[group]}", kind, **spec)
    assert lifted.fields == ("apiVersion",)


@pytest.mark.parametrize(
    "manifest",
    [
        _object("helm.toolkit.fluxcd.io/v2", "HelmRelease", validation="client"),
        _object("cert-manager.io/v1alpha2", "Issuer", validation="client"),
        _object("v1", "Service", accessFrom={}),
    ],
)
def test_what_is_of_today_or_not_flux_stays_the_same(manifest: dict[str, Any]) -> None:
    assert lift(manifest).manifest is manifest
    assert lift(manifest).fields == ()


def test_a_version_without_a_rule_is_refused() -> None:
    with pytest.raises(ValueError, match=r"helm\.toolkit\.fluxcd\.io/v1alpha1 HelmRelease"):
        lift(_object("helm.toolkit.fluxcd.io/v1alpha1", "HelmRelease"))


def test_the_given_object_is_left_alone() -> None:
    manifest = _object("kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization", validation="server", prune=True)
    before = copy.deepcopy(manifest)
    lift(manifest)
    assert manifest == before


def test_kustomizations_lose_validation() -> None:
    lifted = lift(_object("kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization", validation="server", prune=True))
    assert lifted.manifest["spec"] == {"prune": True}
    assert lifted.fields == ("apiVersion", "spec.validation")


def test_old_kinds_of_patches_stand_around_the_new_as_kustomize_applied_them() -> None:
    strategic, operation = {"kind": "Service", "metadata": {"name": "a"}}, [{"op": "remove", "path": "/spec/x"}]
    lifted = lift(
        _object(
            "kustomize.toolkit.fluxcd.io/v1beta2",
            "Kustomization",
            patches=[{"patch": "new"}],
            patchesJson6902=[{"patch": operation, "target": {"kind": "Deployment"}}],
            patchesStrategicMerge=[strategic],
        )
    )
    patches = lifted.manifest["spec"].pop("patches")
    assert lifted.manifest["spec"] == {}
    assert [yaml.safe_load(patch["patch"]) for patch in patches] == [strategic, "new", operation]
    assert patches[2]["target"] == {"kind": "Deployment"}
    assert lifted.fields == ("apiVersion", "spec.patchesStrategicMerge", "spec.patchesJson6902")


def test_releases_say_their_single_values_file_first() -> None:
    chart = {"spec": {"chart": "./x", "valuesFile": "own.yaml", "valuesFiles": ["values.yaml"]}}
    lifted = lift(_object("helm.toolkit.fluxcd.io/v2beta1", "HelmRelease", chart=chart))
    assert lifted.manifest["spec"]["chart"]["spec"] == {"chart": "./x", "valuesFiles": ["own.yaml", "values.yaml"]}
    assert lifted.fields == ("apiVersion", "spec.chart.spec.valuesFile")


def test_post_renderers_say_patches() -> None:
    renderer = {"kustomize": {"patchesStrategicMerge": [{"kind": "Deployment"}]}}
    lifted = lift(_object("helm.toolkit.fluxcd.io/v2beta2", "HelmRelease", postRenderers=[renderer]))
    assert lifted.manifest["spec"]["postRenderers"] == [{"kustomize": {"patches": [{"patch": "kind: Deployment\n"}]}}]
    assert lifted.fields == ("apiVersion", "spec.postRenderers[0].kustomize.patchesStrategicMerge")


def test_git_repositories_lose_what_only_libgit2_and_old_access_rules_used() -> None:
    spec = {"gitImplementation": "libgit2", "accessFrom": {"namespaceSelectors": []}, "url": "https://example.org/x"}
    lifted = lift(_object("source.toolkit.fluxcd.io/v1beta2", "GitRepository", **spec))
    assert lifted.manifest["spec"] == {"url": "https://example.org/x"}
    assert lifted.fields == ("apiVersion", "spec.gitImplementation", "spec.accessFrom")


def test_charts_say_their_single_values_file_in_the_list() -> None:
    lifted = lift(_object("source.toolkit.fluxcd.io/v1beta2", "HelmChart", valuesFile="own.yaml"))
    assert lifted.manifest["spec"] == {"valuesFiles": ["own.yaml"]}


def test_status_is_not_carried_over() -> None:
    manifest = _object("source.toolkit.fluxcd.io/v1beta2", "HelmRepository", url="https://example.org") | {"status": {}}
    lifted = lift(manifest)
    assert "status" not in lifted.manifest
    assert lifted.fields == ("apiVersion", "status")
