"""Does the work of operators whose pods only say that they run: KWOK starts no container.

An operator is any Deployment with the label `OPERATOR`, whose value is the name of its CustomResourceDefinition. While
pods of it are ready, each object of that kind (version v1) gets a finalizer and is said to be Ready, and one that is
being deleted loses the finalizer, at once or after the seconds that its annotation `CLEARED_AFTER` says. Without such a
Deployment nothing happens: what is being deleted stays.

Volumes are provided here too, which is an operator's work in most clusters.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path

from fluxapps.devcluster.flux import storage
from fluxapps.devcluster.flux.kubernetes import Key, Kubernetes, Object, RequestError
from fluxapps.devcluster.flux.source.artifacts import now

OPERATOR = "fluxapps-devcluster/operator"
"""The label."""
CLEARED_AFTER = "fluxapps-devcluster/cleared-after"
_MANAGER = "fluxapps-devcluster-operator"
_VERSION = "v1"
_EVERY = 0.3
"""Seconds between two looks at the objects of a kind."""


class Operators:
    """The operators of a cluster."""

    def __init__(self, api: Kubernetes) -> None:
        self._api = api
        self._changed = threading.Condition()
        self._ready: dict[Key, str] = {}
        """The Deployments that have a ready pod, and the CRD each is for."""

    def notice(self, key: Key, found: Object | None) -> None:
        """See whether a Deployment is an operator, and ready."""
        definition = found["metadata"].get("labels", {}).get(OPERATOR, "") if found else ""
        with self._changed:
            if found and definition and found.get("status", {}).get("availableReplicas"):
                self._ready[key] = definition
                self._changed.notify_all()
            else:
                self._ready.pop(key, None)

    def run(self) -> None:
        """Work until the process ends."""
        while True:
            with self._changed:
                while not self._ready:
                    self._changed.wait()
                definitions = set(self._ready.values())
            for definition in definitions:
                try:
                    self._reconcile_all(definition)
                except RequestError as reason:
                    # The kind may be gone, or not there yet; an object changed or gone meanwhile.
                    if reason.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                        sys.stderr.write(f"{definition}: {reason}\n")
            time.sleep(_EVERY)

    def _reconcile_all(self, definition: str) -> None:
        plural, _, group = definition.partition(".")
        root = f"/apis/{group}/{_VERSION}"
        for found in self._api.request("GET", f"{root}/{plural}")["items"]:
            metadata = found["metadata"]
            path = f"{root}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
            for change, subresource in _changes(found, f"{definition}/cleared"):
                body = json.dumps(change).encode()
                query = f"?fieldManager={_MANAGER}"
                self._api.request("PATCH", path + subresource + query, body, "application/merge-patch+json")


def _changes(found: Object, finalizer: str) -> list[tuple[Object, str]]:
    """Return the patches that an object needs, each with the subresource that it is for."""
    metadata = found["metadata"]
    finalizers: list[str] = metadata.get("finalizers") or []

    def now_are(names: list[str]) -> tuple[Object, str]:
        return {"metadata": {"finalizers": names or None, "resourceVersion": metadata["resourceVersion"]}}, ""

    if metadata.get("deletionTimestamp"):
        since = datetime.fromisoformat(metadata["deletionTimestamp"])
        takes = timedelta(seconds=float((metadata.get("annotations") or {}).get(CLEARED_AFTER, 0)))
        if datetime.now(UTC) < since + takes:
            return []
        return [now_are([name for name in finalizers if name != finalizer])] if finalizer in finalizers else []
    needed = [] if finalizer in finalizers else [now_are([*finalizers, finalizer])]
    if found.get("status", {}).get("observedGeneration") != metadata["generation"]:
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Operated",
            "message": "an operator has seen to it",
            "lastTransitionTime": now(),
            "observedGeneration": metadata["generation"],
        }
        status = {"conditions": [ready], "observedGeneration": metadata["generation"]}
        needed.append(({"status": status}, "/status"))
    return needed


def _each(act: Callable[[Kubernetes, Object], None], api: Kubernetes, _key: Key, found: Object | None) -> None:
    if found is not None:
        act(api, found)


def main() -> None:
    """Work until the process is ended."""
    argparse.ArgumentParser(prog="operators").parse_args()
    sys.stderr.write("STAND-IN: the operators' pods do nothing; what they would do is done here\n")
    api = Kubernetes(Path(os.environ["KUBECONFIG"]), _MANAGER)
    operators = Operators(api)
    for kind, seen in (
        ("Deployment", operators.notice),
        ("PersistentVolumeClaim", partial(_each, storage.provision, api)),
        ("PersistentVolume", partial(_each, storage.release, api)),
    ):
        threading.Thread(target=api.follow, args=(kind, seen), daemon=True).start()
    operators.run()


if __name__ == "__main__":
    main()
