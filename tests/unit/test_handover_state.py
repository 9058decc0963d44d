"""Taking objects out of a state as pulumi exports it."""

from typing import Any

from fluxapps.engine.handover_state import object_of, without
from fluxapps.model import ObjectId

Object = dict[str, Any]

STACK = "urn:pulumi:dev::fleet::pulumi:pulumi:Stack::fleet-dev"
PROVIDER = "urn:pulumi:dev::fleet::pulumi:providers:kubernetes::kubernetes"


def component(name: str) -> Object:
    kind = "fluxapps:index:FluxHelmApp"
    return {"urn": f"urn:pulumi:dev::fleet::{kind}::{name}", "type": kind, "custom": False, "parent": STACK}


def leaf(app: str, name: str, *after: str) -> Object:
    kind = "kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease"
    parent = component(app)["urn"]
    metadata = {"name": name, "namespace": name, "labels": {"fluxapps/app": app}}
    return {
        "urn": f"{parent}${kind}::{name}/{name}",
        "type": kind,
        "custom": True,
        "parent": parent,
        "provider": f"{PROVIDER}::id",
        "inputs": {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata},
        "dependencies": list(after),
        "propertyDependencies": {"spec": list(after)},
    }


def exported(*resources: Object, **more: Any) -> Object:
    shared: list[Object] = [
        {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False},
        {"urn": PROVIDER, "type": "pulumi:providers:kubernetes", "custom": True, "parent": STACK},
    ]
    return {"version": 3, "deployment": {"manifest": {}, "resources": [*shared, *resources], **more}}


def of_app(name: str) -> Any:
    return lambda resource: resource["inputs"]["metadata"]["labels"]["fluxapps/app"] == name


def urns(state: Object) -> list[str]:
    return [one["urn"] for one in state["deployment"]["resources"]]


def test_an_app_goes_with_its_component_and_nobody_refers_to_it() -> None:
    gone, kept = leaf("wiki", "wiki"), leaf("site", "site", leaf("wiki", "wiki")["urn"], PROVIDER)
    kept["deletedWith"] = gone["urn"]
    state, count = without(exported(component("wiki"), gone, component("site"), kept), of_app("wiki"))
    assert count == 1
    assert urns(state) == [STACK, PROVIDER, component("site")["urn"], kept["urn"]]
    left = state["deployment"]["resources"][-1]
    assert left["dependencies"] == [PROVIDER]
    assert left["propertyDependencies"] == {"spec": [PROVIDER]}
    assert "deletedWith" not in left


def test_a_component_stays_with_what_it_still_has() -> None:
    state, count = without(
        exported(component("wiki"), leaf("wiki", "one"), {**leaf("site", "two"), "parent": component("wiki")["urn"]}),
        of_app("wiki"),
    )
    assert count == 1
    assert component("wiki")["urn"] in urns(state)


def test_unfinished_operations_on_it_are_forgotten_and_others_are_not() -> None:
    pending = [{"resource": leaf(app, app), "type": "creating"} for app in ("wiki", "site")]
    resources = [component("wiki"), leaf("wiki", "wiki"), component("site"), leaf("site", "site")]
    state, _ = without(exported(*resources, pending_operations=pending), of_app("wiki"))
    assert state["deployment"]["pending_operations"] == pending[1:]


def test_a_creation_that_never_ended_is_forgotten_too() -> None:
    pending = [{"resource": leaf("wiki", "wiki"), "type": "creating"}]
    state, count = without(exported(pending_operations=pending), of_app("wiki"))
    assert "pending_operations" not in state["deployment"]
    assert count == 1


def test_nothing_else_is_touched() -> None:
    before = exported(component("wiki"), leaf("wiki", "wiki", PROVIDER))
    assert without(before, of_app("other")) == (before, 0)


def test_what_is_an_object_of_a_cluster() -> None:
    assert object_of(leaf("wiki", "wiki")) == ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", "wiki", "wiki")
    assert object_of(component("wiki")) is None
    assert object_of({"type": "kubernetes:core/v1:ConfigMap", "inputs": {}}) is None
