"""The requests a controller makes: watch kinds, read, and patch objects; over plain HTTP, so that it starts at once."""

import base64
import json
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

Object = dict[str, Any]
_SOURCE = "source.toolkit.fluxcd.io/v1"
_VERSIONS = {"PersistentVolume": "v1", "PersistentVolumeClaim": "v1", "Deployment": "apps/v1"}
"""Of kinds that aren't Flux's."""
_PATIENCE = 30
_WATCH_SECONDS = 300
_AGAIN_AFTER = 1


class RequestError(Exception):
    """The API server doesn't answer, or refuses.

    Attributes:
        status: What it answered; 0 without an answer.
    """

    def __init__(self, what: str, status: int = 0) -> None:
        self.status = status
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Key:
    """Which object."""

    kind: str
    namespace: str
    """Empty for what is in none."""
    name: str

    @property
    def path(self) -> str:
        """Where the API has it."""
        return f"{collection(self.kind, self.namespace)}/{self.name}"


def key_of(found: Object) -> Key:
    """Return which object this is."""
    metadata = found["metadata"]
    return Key(found["kind"], metadata.get("namespace", ""), metadata["name"])


def version_of(kind: str) -> str:
    """Return the API version of a kind."""
    return _VERSIONS.get(kind, _SOURCE)


def collection(kind: str, namespace: str = "") -> str:
    """Return where the API has the objects of a kind."""
    version = version_of(kind)
    plural = kind.lower().removesuffix("y") + ("ies" if kind.endswith("y") else "s")
    place = f"namespaces/{namespace}/" if namespace else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}/{place}{plural}"


class Kubernetes:
    """A cluster, reached as a kubeconfig's current context says."""

    def __init__(self, kubeconfig: Path, manager: str) -> None:
        """Read the kubeconfig.

        Args:
            kubeconfig: Whose current context is meant.
            manager: As whom fields are written.

        Raises:
            OSError: It can't be read.
        """
        content = yaml.safe_load(kubeconfig.read_text("utf-8"))
        named = {kind: {entry["name"]: entry for entry in content[kind]} for kind in ("contexts", "clusters", "users")}
        context = named["contexts"][content["current-context"]]["context"]
        cluster = named["clusters"][context["cluster"]]["cluster"]
        self._manager = manager
        self._address = urlsplit(cluster["server"])
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._trust = ssl.create_default_context(cadata=authority)
        self._headers = {
            "Authorization": f"Bearer {named['users'][context['user']]['user']['token']}",
            "Accept": "application/json",
        }

    def get(self, key: Key) -> Object | None:
        """Return an object, or None where there is none.

        Raises:
            RequestError: The server doesn't answer, or refuses.
        """
        try:
            return self.request("GET", key.path)
        except RequestError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def patch(self, key: Key, change: Object, *, subresource: str = "") -> Object:
        """Merge a change into an object, and return what it is then.

        Raises:
            RequestError: The server doesn't answer, or refuses; with status 404 where the object is gone.
        """
        path = f"{key.path}{subresource}?fieldManager={self._manager}"
        return self.request("PATCH", path, json.dumps(change).encode(), "application/merge-patch+json")

    def follow(self, kind: str, seen: Callable[[Key, Object | None], None]) -> None:
        """Tell every object of a kind, then each one that changes, for ever; None for one that is gone.

        Args:
            kind: Which.
            seen: Called in this thread.
        """
        known: set[Key] = set()
        while True:
            try:
                listed = self.request("GET", collection(kind))
                found = {key_of(item): item for item in _with_kind(kind, listed["items"])}
                for key in known - set(found):
                    seen(key, None)
                known = set(found)
                for key, item in found.items():
                    seen(key, item)
                self._watch(kind, listed["metadata"]["resourceVersion"], known, seen)
            except (RequestError, OSError, HTTPException, json.JSONDecodeError) as reason:
                sys.stderr.write(f"watching {kind}: {reason}; once more\n")
                time.sleep(_AGAIN_AFTER)

    def _watch(self, kind: str, version: str, known: set[Key], seen: Callable[[Key, Object | None], None]) -> None:
        """Tell changes until the server ends the watch; one that it ends in good order is taken up where it was."""
        while True:
            connection = self._connect(_WATCH_SECONDS + _PATIENCE)
            try:
                query = f"watch=1&allowWatchBookmarks=true&timeoutSeconds={_WATCH_SECONDS}&resourceVersion={version}"
                connection.request("GET", f"{collection(kind)}?{query}", headers=self._headers)
                answer = connection.getresponse()
                if answer.status != HTTPStatus.OK:
                    raise RequestError(answer.read().decode(errors="replace"), answer.status)
                while line := answer.readline():
                    event = json.loads(line)
                    item = event["object"]
                    if event["type"] == "ERROR":
                        raise RequestError(item.get("message", "the watch has ended"), item.get("code", 0))
                    version = item["metadata"]["resourceVersion"]
                    if event["type"] == "BOOKMARK":
                        continue
                    key = key_of(item)
                    if event["type"] == "DELETED":
                        known.discard(key)
                        seen(key, None)
                    else:
                        known.add(key)
                        seen(key, item)
            finally:
                connection.close()

    def request(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Object:
        """Return the answer to one request.

        Raises:
            RequestError: The server doesn't answer, or refuses.
        """
        connection = self._connect(_PATIENCE)
        headers = {**self._headers, **({"Content-Type": content_type} if content_type else {})}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as reason:
            raise RequestError(f"{method} {path}: {reason}") from reason
        finally:
            connection.close()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise RequestError(f"{method} {path}: {answer.status} {content.decode(errors='replace')}", answer.status)
        told: Object = json.loads(content)
        return told

    def _connect(self, patience: float) -> HTTPSConnection:
        host = self._address.hostname or ""
        return HTTPSConnection(host, self._address.port, timeout=patience, context=self._trust)


def _with_kind(kind: str, items: list[Object]) -> list[Object]:
    """Say the kind, which items of a list may lack."""
    return [{**item, "kind": kind, "apiVersion": version_of(kind)} for item in items]
