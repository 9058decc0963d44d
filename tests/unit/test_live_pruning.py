"""In which order Kustomizations go, and how the one above them is kept from bringing them back."""

from typing import Any

import pytest

from fluxapps.model.live.hand_over import owner_of
from fluxapps.model.live.pruning import (
    HOLD,
    folders_of,
    free,
    has_taken_notice,
    holding,
    is_held,
    needs_cleaning,
    prunes,
    released,
    roots_of,
)
from fluxapps.model.objects import ObjectId

KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
LABELS = {"fluxapps/stack": "fleet.prod"}


def named(name: str, namespace: str = "flux-system") -> ObjectId:
    return ObjectId(KUSTOMIZE, "Kustomization", namespace, name)


def folder(*needs: str | dict[str, str], **metadata: Any) -> dict[str, Any]:
    depends = [{"name": each} if isinstance(each, str) else each for each in needs]
    source = {"kind": "GitRepository", "name": "fleet"}
    spec: dict[str, Any] = {"prune": True, "sourceRef": source} | ({"dependsOn": depends} if depends else {})
    return {"kind": "Kustomization", "metadata": {"generation": 3, **metadata}, "spec": spec}


ROOT = {
    **folder(name="fleet", namespace="flux-system"),
    "apiVersion": f"{KUSTOMIZE}/v1",
}
OF_ROOT = {f"{KUSTOMIZE}/name": "fleet", f"{KUSTOMIZE}/namespace": "flux-system"}
"""What Flux labels all with that it applies for it."""


def order(folders: dict[ObjectId, dict[str, Any]]) -> list[list[str]]:
    """Return the names that go together, one step after another."""
    left, steps = list(folders), list[list[str]]()
    while left:
        now = free(folders, left)
        steps.append(sorted(one.name for one in now))
        left = [one for one in left if one not in now]
    return steps


def test_dependents_go_first_and_those_of_one_level_together() -> None:
    folders = {
        named("crds"): folder(),
        named("operator"): folder("crds"),
        named("queues"): folder("operator", "crds"),
        named("topics"): folder("operator", "of-another-stack"),
        named("web"): folder(),
    }
    assert order(folders) == [["queues", "topics", "web"], ["operator"], ["crds"]]


def test_a_dependency_of_another_namespace_is_told_from_its_namesake() -> None:
    folders = {
        named("db", "data"): folder(),
        named("db"): folder(),
        named("web"): folder({"name": "db", "namespace": "data"}),
    }
    assert free(folders, list(folders)) == [named("db"), named("web")]


def test_a_circle_goes_at_once() -> None:
    folders = {named("a"): folder("b"), named("b"): folder("a"), named("c"): folder("c")}
    assert order(folders) == [["c"], ["a", "b"]]


@pytest.mark.parametrize("depends", [(), ("crds",)])
def test_what_is_held_is_let_go_as_it_was(depends: tuple[str, ...]) -> None:
    before = folder(*depends)
    held = holding(before)
    assert is_held(held)
    assert not is_held(before)
    assert [one["name"] for one in held["spec"]["dependsOn"]] == [*depends, HOLD]
    # Once more, after a run that was killed.
    assert holding(held) == held
    assert released(held) == before == folder(*depends)


@pytest.mark.parametrize(
    ("generation", "status", "noticed"),
    [(3, "False", True), (2, "False", False), (3, "Unknown", False), (3, "True", False)],
)
def test_who_has_not_seen_it_may_still_apply(generation: int, status: str, noticed: bool) -> None:
    said = {"type": "Ready", "status": status, "observedGeneration": generation}
    assert has_taken_notice({**folder(), "status": {"conditions": [said]}}) is noticed
    assert not has_taken_notice(folder())


def test_only_what_git_delivers_has_one_above_it() -> None:
    source = {"metadata": {"labels": LABELS}}
    root = {named("fleet"): folder(labels=LABELS)}
    mine: dict[ObjectId, Any] = {ObjectId("source.toolkit.fluxcd.io", "GitRepository", "flux-system", "fleet"): source}
    assert roots_of({**mine, **root, named("web"): folder()}) == root
    # Pulumi delivers apps: each goes in its own order.
    assert roots_of({**mine, **root, named("web"): folder(labels={**LABELS, "fluxapps/app": "web"})}) == {}
    for spec in ({"suspend": True}, {"prune": False}, {"deletionPolicy": "Orphan"}):
        left = folder(labels=LABELS)
        left["spec"] |= spec
        assert roots_of({**mine, named("fleet"): left}) == {}
    assert roots_of({**mine, named("fleet"): folder(labels=LABELS, deletionTimestamp="2026-01-01T00:00:00Z")}) == {}


def test_what_is_marked_to_stay_is_not_removed() -> None:
    entries = [f"flux-system_{name}_{KUSTOMIZE}_Kustomization" for name in ("web", "kept", "gone")]
    inventory = {"entries": [{"id": one, "v": "v1"} for one in [*entries, "web___Namespace"]]}
    root = {**ROOT, "status": {"inventory": inventory}}
    kept = folder(annotations={f"{KUSTOMIZE}/prune": "disabled"}, labels=OF_ROOT)
    objects = {named("web"): folder(labels=OF_ROOT), named("kept"): kept, named("somebodys"): folder(labels=OF_ROOT)}
    assert list(folders_of(root, objects)) == [named("web")]


@pytest.mark.parametrize("labels", [{}, {**OF_ROOT, f"{KUSTOMIZE}/name": "other"}])
def test_what_another_has_applied_since_is_not_pruned(labels: dict[str, str]) -> None:
    assert prunes(ROOT, {"labels": OF_ROOT})
    assert not prunes(ROOT, {"labels": labels})


def test_what_an_operator_clears_is_told_from_what_kubernetes_does() -> None:
    queue = ObjectId("messaging.example.org", "Queue", "web", "jobs")
    assert needs_cleaning(queue, {"finalizers": ["queues.messaging.example.org/cleared"]})
    assert not needs_cleaning(queue, {})
    claim = ObjectId("", "PersistentVolumeClaim", "web", "data")
    assert not needs_cleaning(claim, {"finalizers": ["kubernetes.io/pvc-protection"]})
    assert not needs_cleaning(named("nested"), {"finalizers": ["finalizers.fluxcd.io"]})


def test_flux_marks_say_who_applied_an_object() -> None:
    labels = {f"{KUSTOMIZE}/name": "web", f"{KUSTOMIZE}/namespace": "flux-system"}
    assert owner_of({"metadata": {"labels": labels}}) == named("web")
    assert owner_of({"metadata": {}}) is None
