"""The loop: whatever changes or is due gets its turn, and its status says how that went."""

import sys
import threading
import traceback
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from fluxapps.devcluster.flux.kubernetes import Key, Kubernetes, Object, RequestError
from fluxapps.devcluster.flux.source import git, helm, oci
from fluxapps.devcluster.flux.source.artifacts import Artifacts
from fluxapps.devcluster.flux.source.durations import seconds
from fluxapps.devcluster.flux.source.queue import Queue
from fluxapps.devcluster.flux.source.status import (
    FailedError,
    Fetched,
    change,
    failed,
    is_new,
    progressing,
    ready,
    requested,
)

KINDS = ("GitRepository", "HelmRepository", "HelmChart", "OCIRepository", "Bucket")
FINALIZER = "finalizers.fluxcd.io"
_WORKERS = 8
_FIRST_RETRY = 0.75
_LAST_RETRY = 900.0
"""Seconds between the tries of what fails; each pause is twice the one before."""
_DEFAULT_INTERVAL = "1m"


class Controller:
    """The stand-in for source-controller."""

    def __init__(self, api: Kubernetes, artifacts: Artifacts, clones: Path) -> None:
        self._api = api
        self._artifacts = artifacts
        self._clones = clones
        self._queue = Queue()
        self._failures: dict[Key, int] = {}
        self._seen: dict[Key, tuple[object, ...]] = {}
        self._charts: dict[Key, Key] = {}
        """Which source each HelmChart has."""
        self._sources: dict[Key, str] = {}
        """The revision that each source was last seen with."""

    def run(self) -> None:
        """Work until the process ends."""
        for kind in KINDS:
            threading.Thread(target=self._api.follow, args=(kind, self._notice), daemon=True).start()
        for _ in range(_WORKERS - 1):
            threading.Thread(target=self._work, daemon=True).start()
        self._work()

    def _notice(self, key: Key, found: Object | None) -> None:
        """Give a turn to what was changed by somebody else, and to the charts of a source with a new revision."""
        if found is None:
            for known in (self._seen, self._charts, self._sources, self._failures):
                known.pop(key, None)
            return
        metadata = found["metadata"]
        told = (metadata["uid"], metadata["generation"], requested(found), metadata.get("deletionTimestamp"))
        if self._seen.get(key) != told:
            self._seen[key] = told
            self._failures.pop(key, None)
            self._queue.add(key)
        if key.kind == "HelmChart":
            source = found["spec"]["sourceRef"]
            self._charts[key] = Key(source["kind"], key.namespace, source["name"])
        revision = found.get("status", {}).get("artifact", {}).get("revision", "")
        if revision and self._sources.get(key) != revision:
            self._sources[key] = revision
            for chart in [chart for chart, source in self._charts.copy().items() if source == key]:
                self._queue.add(chart)

    def _work(self) -> None:
        while True:
            key = self._queue.take()
            try:
                after = self._reconcile(key)
            except RequestError as reason:
                # Changed or gone meanwhile: the watch brings it once more.
                if reason.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                    sys.stderr.write(f"{key.kind} {key.namespace}/{key.name}: {reason}\n")
                after = self._later(key)
            except Exception:  # noqa: BLE001  one object's trouble must not end the work on the others
                traceback.print_exc()
                after = self._later(key)
            finally:
                self._queue.done(key)
            if after is not None:
                self._queue.add(key, after)

    def _reconcile(self, key: Key) -> float | None:
        """Give an object its turn; returns in how many seconds it has its next one, if at all."""
        found = self._api.get(key)
        if found is None or _has_no_status(key, found):
            return None
        metadata = found["metadata"]
        finalizers: list[str] = metadata.get("finalizers") or []
        if metadata.get("deletionTimestamp"):
            self._artifacts.forget(key)
            if FINALIZER in finalizers:
                self._set_finalizers(key, found, [name for name in finalizers if name != FINALIZER])
            return None
        if FINALIZER not in finalizers:
            found = self._set_finalizers(key, found, [*finalizers, FINALIZER])
        if found["spec"].get("suspend"):
            return None
        artifact = self._artifacts.current(found)
        if is_new(found) or artifact is None:
            found = self._write(key, found, progressing(found, artifact))
        try:
            fetched = self._fetch(key, found)
        except FailedError as failure:
            sys.stderr.write(f"{key.kind} {key.namespace}/{key.name}: {failure.reason}: {failure}\n")
            self._write(key, found, failed(found, artifact, failure))
            return None if failure.stalls else self._later(key)
        self._write(key, found, ready(found, fetched))
        self._artifacts.forget_others(key, fetched.artifact)
        self._failures.pop(key, None)
        return seconds(found["spec"].get("interval", _DEFAULT_INTERVAL))

    def _fetch(self, key: Key, found: Object) -> Fetched:
        _refuse_unknown(key, found)
        if key.kind == "GitRepository":
            return git.fetch(key, found, self._artifacts, self._clones)
        if key.kind == "HelmRepository":
            return helm.fetch_index(key, found, self._artifacts)
        if key.kind == "OCIRepository":
            return oci.fetch(key, found, self._artifacts)
        source = found["spec"]["sourceRef"]
        named = self._api.get(Key(source["kind"], key.namespace, source["name"]))
        return helm.fetch_chart(key, found, named, self._artifacts)

    def _set_finalizers(self, key: Key, found: Object, finalizers: list[str]) -> Object:
        # The version makes the server refuse where somebody else has changed them meanwhile.
        metadata = {"finalizers": finalizers or None, "resourceVersion": found["metadata"]["resourceVersion"]}
        return self._api.patch(key, {"metadata": metadata})

    def _write(self, key: Key, found: Object, status: Object) -> Object:
        patch = change(found, status)
        return self._api.patch(key, patch, subresource="/status") if patch else found

    def _later(self, key: Key) -> float:
        tries = self._failures.get(key, 0)
        self._failures[key] = tries + 1
        return min(_FIRST_RETRY * 2.0**tries, _LAST_RETRY)


_REFUSALS: dict[str, Callable[[Object], list[str]]] = {
    "GitRepository": lambda spec: [name for name in git.UNKNOWN if spec.get(name)],
    "HelmRepository": lambda spec: [name for name in helm.UNKNOWN_OF_REPOSITORY if spec.get(name)],
    "OCIRepository": oci.unknown,
    "HelmChart": lambda spec: [
        *(name for name in helm.UNKNOWN_OF_CHART if spec.get(name)),
        *(["sourceRef.kind"] if spec["sourceRef"]["kind"] != "HelmRepository" else []),
    ],
}


def _refuse_unknown(key: Key, found: Object) -> None:
    """Refuse what the stand-in doesn't do, rather than do something else.

    Raises:
        FailedError: There is such a thing.
    """
    unknown = _REFUSALS[key.kind](found["spec"]) if key.kind in _REFUSALS else ["kind"]
    if unknown:
        text = f"the stand-in for source-controller has nothing for {', '.join(unknown)} of a {key.kind}"
        raise FailedError("UnknownToStandIn", text, stalls=True)


def _has_no_status(key: Key, found: Object) -> bool:
    """Whether it is an OCI HelmRepository: those are only read, by whoever uses them."""
    return key.kind == "HelmRepository" and found["spec"].get("type") == "oci"
