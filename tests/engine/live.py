"""Objects as they are in a cluster, and what Flux's controllers would write to them."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError, ResourceNotFoundError

Object = dict[str, Any]

HELM = "helm.toolkit.fluxcd.io/v2"
KUSTOMIZE = "kustomize.toolkit.fluxcd.io/v1"
SOURCE = "source.toolkit.fluxcd.io/v1"
KINDS = {
    "Namespace": "v1",
    "ConfigMap": "v1",
    "HelmRelease": HELM,
    "Kustomization": KUSTOMIZE,
    "GitRepository": SOURCE,
    "HelmRepository": SOURCE,
    "OCIRepository": SOURCE,
}
"""What Pulumi ever makes."""

FINALIZER = "finalizers.fluxcd.io"
_MERGE = "application/merge-patch+json"


class Live:
    """A cluster's objects, each named like ``HelmRelease web/web`` or ``Namespace web``."""

    def __init__(self, client: DynamicClient) -> None:
        self.client = client

    def kind(self, name: str) -> Any:
        """Return the client of a kind."""
        return self.client.resources.get(api_version=KINDS[name], kind=name)

    def find(self, what: str) -> Object | None:
        """Return an object, or None where there is none."""
        kind, namespace, name = _parsed(what)
        try:
            found: Object = self.kind(kind).get(name=name, namespace=namespace).to_dict()
        except NotFoundError:
            return None
        return found

    def get(self, what: str) -> Object:
        """Return an object that is there."""
        found = self.find(what)
        assert found is not None, f"{what} is not there"
        return found

    def uid(self, what: str) -> str:
        """Return what tells an object from a later one of the same name."""
        return str(self.get(what)["metadata"]["uid"])

    def ours(self, label: str) -> dict[str, Object]:
        """Return every object that carries a stack's label."""
        found: list[Object] = []
        for kind in KINDS:
            # A kind that the cluster hasn't has no objects.
            with suppress(NotFoundError, ResourceNotFoundError):
                found += self.kind(kind).get(label_selector=f"fluxapps/stack={label}").to_dict()["items"]
        return {named(each): each for each in found}

    def create(self, manifest: Object, manager: str = "somebody") -> None:
        """Make an object as somebody else does."""
        namespace = manifest["metadata"].get("namespace")
        self.kind(manifest["kind"]).create(body=manifest, namespace=namespace, field_manager=manager)

    def dry_run(self, manifest: Object) -> Object:
        """Return what the API server would make of an object: with defaults, nothing dropped unsaid."""
        made: Object = (
            self.kind(manifest["kind"])
            .create(
                body=manifest,
                namespace=manifest["metadata"].get("namespace"),
                query_params=[("dryRun", "All"), ("fieldValidation", "Strict")],
            )
            .to_dict()
        )
        return made

    def delete(self, what: str) -> None:
        """Delete an object, without waiting for it."""
        kind, namespace, name = _parsed(what)
        self.kind(kind).delete(name=name, namespace=namespace)

    def change(self, what: str, patch: Object, manager: str = "somebody") -> None:
        """Change an object as somebody else does."""
        kind, namespace, name = _parsed(what)
        self.kind(kind).patch(body=patch, name=name, namespace=namespace, content_type=_MERGE, field_manager=manager)

    def set_finalizer(self, what: str, *, present: bool = True) -> None:
        """Add the finalizer that Flux's controllers put on their objects, or take it away."""
        self.change(what, {"metadata": {"finalizers": [FINALIZER] if present else None}}, "helm-controller")

    def set_ready(self, what: str, status: str = "True") -> Object:
        """Write the status that Flux writes of what it has reconciled, and return the object."""
        kind, namespace, name = _parsed(what)
        generation = self.get(what)["metadata"]["generation"]
        condition = {
            "type": "Ready",
            "status": status,
            "reason": "ReconciliationSucceeded" if status == "True" else "Progressing",
            "message": "said by the test",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": generation,
        }
        patched: Object = (
            self.kind(kind)
            .status.patch(
                body={"status": {"conditions": [condition], "observedGeneration": generation}},
                name=name,
                namespace=namespace,
                content_type=_MERGE,
            )
            .to_dict()
        )
        return patched

    def until(self, what: str, is_so: Callable[[Object], bool] = bool, within: int = 90) -> Object:
        """Watch for an object that is as wanted, and return it."""
        kind, namespace, name = _parsed(what)
        selected = {"field_selector": f"metadata.name={name}", "timeout": within}
        for event in self.kind(kind).watch(namespace=namespace, **selected):
            live: Object = event["raw_object"]
            if event["type"] != "DELETED" and is_so(live):
                return live
        raise AssertionError(f"{what} did not become as wanted within {within} s")

    def versions_since(self, before: Object, within: int = 30) -> list[Object]:
        """Return every version of an object that was stored after the one given, up to the present one."""
        what = named(before)
        kind, namespace, name = _parsed(what)
        last = self.get(what)["metadata"]["resourceVersion"]
        since = before["metadata"]["resourceVersion"]
        found: list[Object] = []
        selected = {"field_selector": f"metadata.name={name}", "timeout": within, "resource_version": since}
        if last != since:
            for event in self.kind(kind).watch(namespace=namespace, **selected):
                found.append(event["raw_object"])
                if found[-1]["metadata"]["resourceVersion"] == last:
                    return found
            raise AssertionError(f"the versions of {what} were not seen within {within} s")
        return found


def named(manifest: Object) -> str:
    """Return an object's kind and name as the tests write them."""
    metadata = manifest["metadata"]
    place = f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else metadata["name"]
    return f"{manifest['kind']} {place}"


def version_of(found: Object) -> str:
    """Return what every write changes."""
    return str(found["metadata"]["resourceVersion"])


def is_being_deleted(found: Object) -> bool:
    """Say whether an object waits for its finalizers."""
    return "deletionTimestamp" in found["metadata"]


def _parsed(what: str) -> tuple[str, str | None, str]:
    kind, _, place = what.partition(" ")
    namespace, _, name = place.rpartition("/")
    return kind, namespace or None, name
