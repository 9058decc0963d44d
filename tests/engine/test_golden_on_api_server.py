"""The real API server takes every object of the golden trees, with each field it would refuse refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, ResourceNotFoundError

pytestmark = pytest.mark.engine

EXPECTED = Path(__file__).parents[1] / "golden" / "expected"
TREES = sorted(path.name for path in EXPECTED.iterdir())

OF_OTHERS = {"SealedSecret", "ServiceMonitor"}
"""Kinds that the fleet's own apps bring; this cluster hasn't their CRDs. Only other YAML is of them."""

STRICTLY = [("fieldValidation", "Strict"), ("dryRun", "All")]

Object = dict[str, Any]


def objects(tree: str) -> Iterator[tuple[str, Object]]:
    """Yield every object of a golden tree, with the file it is in."""
    for file in sorted((EXPECTED / tree).rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text("utf-8")):
            yield str(file.relative_to(EXPECTED)), document


@pytest.fixture
def namespaces(kubernetes_client: DynamicClient) -> None:
    """Make the namespaces of all trees, without which a dry run of what is in them is refused."""
    kind = kubernetes_client.resources.get(api_version="v1", kind="Namespace")
    there = {item.metadata.name for item in kind.get().items}
    wanted = {found["metadata"].get("namespace") for tree in TREES for _, found in objects(tree)}
    for name in wanted - {None} - there:
        kind.create({"metadata": {"name": name}})


def refusal(client: DynamicClient, manifest: Object) -> str:
    """Return why the API server would not take an object; empty when it would."""
    kind = client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
    metadata = manifest["metadata"]
    try:
        client.server_side_apply(
            kind,
            body=manifest,
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            field_manager="fluxapps-test",
            force_conflicts=True,
            query_params=[*STRICTLY],
        )
    except DynamicApiError as error:
        return str(error.summary())
    return ""


def with_unknown_fields(manifest: Object) -> Iterator[tuple[str, Object]]:
    """Yield an object with a field that its kind hasn't, at its root and in each part that has a schema."""
    yield ".unheardOf", {**manifest, "unheardOf": "a"}
    yield ".metadata.unheardOf", {**manifest, "metadata": {**manifest["metadata"], "unheardOf": "a"}}
    if "spec" in manifest:
        yield ".spec.unheardOf", {**manifest, "spec": {**manifest["spec"], "unheardOf": "a"}}


def test_there_are_golden_trees_of_both_deliveries() -> None:
    assert {tree.rpartition("-")[2] for tree in TREES} == {"apply", "git"}


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("tree", TREES)
def test_the_api_server_takes_every_object(tree: str, kubernetes_client: DynamicClient) -> None:
    refused: dict[str, str] = {}
    unknown: set[str] = set()
    taken = 0
    for file, manifest in objects(tree):
        try:
            reason = refusal(kubernetes_client, manifest)
        except ResourceNotFoundError:
            unknown.add(manifest["kind"])
            continue
        taken += 1
        if reason:
            refused[file] = reason
    assert refused == {}
    assert unknown == (OF_OTHERS if tree.endswith("-git") else set())
    assert taken


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("tree", TREES)
def test_it_would_refuse_a_field_that_it_does_not_know(tree: str, kubernetes_client: DynamicClient) -> None:
    one_of_each = {manifest["kind"]: manifest for _, manifest in objects(tree) if manifest["kind"] not in OF_OTHERS}
    assert {"Namespace", "ConfigMap", "HelmRelease", "HelmRepository", "Kustomization"} <= one_of_each.keys()
    for manifest in one_of_each.values():
        for field, broken in with_unknown_fields(manifest):
            assert f"{field}: field not declared in schema" in refusal(kubernetes_client, broken), broken
