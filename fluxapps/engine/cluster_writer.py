"""Writes single objects of a cluster, for what no program declares: handing objects over."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from fluxapps.engine.cluster import (
    CONNECT_SECONDS,
    READ_SECONDS,
    WHEN_ASKED_TO,
    Cluster,
    ClusterError,
    collection_path,
    path_of,
)
from fluxapps.model.declare.names import PULUMI_MANAGER
from fluxapps.model.objects import ObjectId, object_id

CONFLICT: Final = 409
_MANAGERS: Final = {"PATCH": "fluxapps"}
_TYPES: Final = {"PATCH": "application/merge-patch+json"}
_NOT_FOUND: Final = 404
_ERRORS: Final = 400
_POLL: Final = 0.2


class ClusterWriter(Cluster):
    """A cluster that is written to as Pulumi's provider would: under its name, so that it meets no conflict later."""

    def create(self, made: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Make an object, and return it as it is then.

        Raises:
            ClusterError: It is refused; it is there already (status 409).
        """
        identity = object_id(dict(made))
        return self._sent("POST", collection_path(made["apiVersion"], identity.kind, identity.namespace), made, dry_run)

    def replace(self, made: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Write an object as a whole over the version that *made* names, and return it as it is then.

        Raises:
            ClusterError: It is refused; somebody has changed the object meanwhile (status 409).
        """
        return self._sent("PUT", path_of(object_id(dict(made)), made["apiVersion"]), made, dry_run)

    def replace_status(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """Write an object's status over the version that *made* names, and return the object as it is then.

        Raises:
            ClusterError: It is refused; somebody has changed the object meanwhile (status 409).
        """
        return self._sent("PUT", f"{path_of(object_id(dict(made)), made['apiVersion'])}/status", made, dry_run=False)

    def delete(self, found: Mapping[str, Any]) -> None:
        """Delete the very object *found*; one that is gone already is no error.

        Raises:
            ClusterError: It is refused; another object has its name now (status 409).
        """
        self.delete_at(path_of(object_id(dict(found)), found["apiVersion"]), found["metadata"]["uid"])

    def delete_at(self, path: str, uid: str) -> None:
        """Delete the object at *path* if it has *uid*; one that is gone already is no error.

        Raises:
            ClusterError: It is refused; another object has its name now (status 409).
        """
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}
        try:
            self._sent("DELETE", path, body, dry_run=False)
        except ClusterError as exc:
            if exc.status != _NOT_FOUND:
                raise

    def annotate(self, identity: ObjectId, api_version: str, annotations: Mapping[str, str]) -> None:
        """Set *annotations* of an object as an operator does: under a name of its own, for none of them is declared.

        Raises:
            ClusterError: It is refused, or there is no such object.
        """
        path = path_of(identity, api_version)
        self._sent("PATCH", path, {"metadata": {"annotations": annotations}}, dry_run=False)

    def is_gone(self, found: Mapping[str, Any], within: float) -> bool:
        """Wait until the very object *found* is gone, *within* seconds at most, and say whether it is."""
        identity, uid = object_id(dict(found)), found["metadata"]["uid"]
        deadline = time.monotonic() + within
        while (present := self.metadata(identity, found["apiVersion"])) is not None and present["uid"] == uid:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return True

    def _sent(self, method: str, path: str, body: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
        query = {"fieldManager": _MANAGERS.get(method, PULUMI_MANAGER)} if method != "DELETE" else {}
        if dry_run:
            query["dryRun"] = "All"
        try:
            answer = self._pool.request(
                method,
                f"{self.server}{path}" + (f"?{urlencode(query)}" if query else ""),
                body=json.dumps(body).encode(),
                headers={
                    "Content-Type": _TYPES.get(method, "application/json"),
                    "User-Agent": "fluxapps",
                    **self._credentials(),
                },
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                # Once more after 429 is safe: nothing was done.
                retries=WHEN_ASKED_TO.new(allowed_methods=None),
            )
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise ClusterError(f"{self} can't be reached: {exc}", "start it, then run this again") from exc
        if answer.status >= _ERRORS:
            raise self._refusal(answer.status, answer.data, path)
        done: dict[str, Any] = json.loads(answer.data)
        return done
