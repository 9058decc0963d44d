"""Why something that is being deleted is still there: said from what the cluster has of it."""

from typing import Any

import pytest

from fluxapps.model.live.departure import HelmName
from fluxapps.model.live.held import FINALIZER, Surroundings, held
from fluxapps.model.objects import ObjectId

GROUPS = {
    "HelmRelease": "helm.toolkit.fluxcd.io/v2",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
    "GitRepository": "source.toolkit.fluxcd.io/v1",
    "Namespace": "v1",
}
QUEUE = ObjectId("messaging.example.org", "Queue", "web", "orders")


def going(kind: str, *finalizers: str, **body: Any) -> dict[str, Any]:
    metadata = {"name": "web", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [*finalizers]}
    if kind != "Namespace":
        metadata["namespace"] = "web"
    return {"apiVersion": GROUPS[kind], "kind": kind, "metadata": metadata, "spec": {}, **body}


def failed(reason: str, message: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": "False", "reason": reason, "message": message}]}


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("HelmRelease", "helm-controller has not begun to uninstall it"),
        ("Kustomization", "kustomize-controller has not begun to clean up after it"),
        ("GitRepository", "source-controller has not begun to clean up after it"),
    ],
)
def test_nobody_at_work_is_not_worth_waiting_for(kind: str, why: str) -> None:
    found = held(going(kind, FINALIZER), Surroundings(kubectl="kubectl --context=dev"), {})
    assert (found.why, found.moves) == (why, False)
    group = GROUPS[kind].partition("/")[0]
    patch = f"kubectl --context=dev patch {kind.lower()}.{group} web -n web --type=merge"
    assert any(patch in way for way in found.ways_out)


def test_a_release_let_go_without_its_controller_is_uninstalled_by_hand() -> None:
    live = going("HelmRelease", FINALIZER) | {"spec": {"releaseName": "site", "storageNamespace": "store"}}
    assert held(live, Surroundings(), {}).ways_out[-1] == "then helm uninstall site -n store"


def test_a_controller_that_is_known_not_to_run_is_named() -> None:
    found = held(going("HelmRelease", FINALIZER), Surroundings(controllers={"helm-controller": False}), {})
    assert (found.why, found.moves) == ("helm-controller does not run", False)
    assert "start helm-controller" in found.ways_out[0]


def test_one_that_is_known_to_run_may_be_at_a_hook() -> None:
    found = held(going("HelmRelease", FINALIZER), Surroundings(controllers={"helm-controller": True}), {})
    assert (found.why, found.moves) == ("waits for helm-controller, which may be busy, or at a hook", True)
    assert found.ways_out[0] == "see what helm-controller logs"


@pytest.mark.parametrize("status", ["uninstalling", "pending-install", "pending-upgrade"])
def test_helm_at_work_is_worth_waiting_for(status: str) -> None:
    found = held(going("HelmRelease", FINALIZER), Surroundings(helm={HelmName("web", "web"): status}), {})
    assert found.moves


def test_helm_at_rest_is_not() -> None:
    assert not held(going("HelmRelease", FINALIZER), Surroundings(helm={HelmName("web", "web"): "deployed"}), {}).moves


def test_a_failed_uninstallation_is_told_in_helms_words() -> None:
    live = going("HelmRelease", FINALIZER, status=failed("UninstallFailed", "job web-hook failed"))
    found = held(live, Surroundings(helm={HelmName("web", "web"): "uninstalling"}), {})
    assert found.why == "can't be uninstalled, and Flux tries again: job web-hook failed"
    assert not found.moves
    assert '"disableHooks":true' in found.ways_out[0]


def test_a_failed_installation_says_nothing_of_the_uninstallation() -> None:
    live = going("HelmRelease", FINALIZER, status=failed("InstallFailed", "no"))
    assert "no" not in held(live, Surroundings(), {}).why.split(":")[-1].split()


def test_a_kustomization_waits_for_what_its_objects_wait_for() -> None:
    applied = {QUEUE: {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.org/drain"]}}
    found = held(going("Kustomization", FINALIZER), Surroundings(), applied)
    assert found.moves
    assert found.why == "waits until Queue web/orders (example.org/drain) is gone, until its own timeout at most"
    assert "queue.messaging.example.org orders -n web" in found.ways_out[0]


def test_a_kustomization_whose_objects_nobody_deletes_is_not_worth_waiting_for() -> None:
    assert not held(going("Kustomization", FINALIZER), Surroundings(), {QUEUE: {}}).moves


def test_finalizers_of_others_are_named() -> None:
    found = held(going("HelmRelease", "foregroundDeletion"), Surroundings(), {})
    assert (found.why, found.moves) == ("waits for the finalizer foregroundDeletion", False)


def test_a_namespace_says_itself_what_is_left_in_it() -> None:
    conditions = [
        {"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 1 resource instances"},
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "all fine"},
    ]
    found = held(going("Namespace", status={"conditions": conditions}), Surroundings(), {})
    assert (found.why, found.moves) == ("is being emptied: pods. has 1 resource instances", True)
