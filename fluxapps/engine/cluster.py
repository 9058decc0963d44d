"""Reads a cluster before anything is declared: objects as JSON, their metadata alone where that is enough.

It only reads. Whatever goes wrong is said in a sentence, soon: nobody waits minutes for a cluster that isn't there.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode

import urllib3

from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.model.objects import ObjectId

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 10
PARALLEL: Final = 8
"""Requests at once."""
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4)
"""Seconds to wait after each connection that was lost, until a request is given up: what cuts several requests at once
off is over a moment later, and asked again all at once they would meet it again."""

METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
_NOT_FOUND: Final = 404
WHEN_ASKED_TO: Final = urllib3.Retry(
    # A busy API server answers 429, and one that learns a new kind; both say when to come again.
    total=10,
    connect=False,
    read=False,
    redirect=False,
    other=False,
    raise_on_status=False,
)
_REFUSALS: Final = {401: "refuses the credentials", 403: "does not allow this"}

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class ClusterError(Exception):
    """The cluster can't be read: *what* is a sentence without a full stop, *fix* says what to do."""

    def __init__(self, what: str, fix: str, status: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.status = status
        """HTTP status of the answer, if there was one."""


class Cluster:
    """One cluster, by the context it was chosen by."""

    def __init__(self, choice: ClusterChoice) -> None:
        """Load the context's credentials, running what the kubeconfig says gets them; nothing is sent yet.

        Raises:
            ClusterError: The kubeconfig's entries for the context can't be used.
        """
        # Late: takes as long to import as Pulumi, and who only declares components needs none of it.
        from kubernetes.client import Configuration  # noqa: PLC0415
        from kubernetes.client.rest import RESTClientObject  # noqa: PLC0415
        from kubernetes.config import ConfigException, load_kube_config  # noqa: PLC0415

        self.choice = choice
        configuration = Configuration()
        configuration.connection_pool_maxsize = PARALLEL
        try:
            load_kube_config(
                config_file=os.pathsep.join(str(file) for file in choice.files),
                context=choice.context,
                client_configuration=configuration,
                persist_config=False,
            )
            self._pool = RESTClientObject(configuration).pool_manager
        except (ConfigException, OSError, ValueError, KeyError, TypeError) as exc:
            raise ClusterError(
                f"context '{choice.context}' can't be used: {_oneline(exc)}", "mend its cluster and user entries"
            ) from exc
        self._configuration = configuration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self._pool.clear()

    @property
    def server(self) -> str:
        """Return the API server's address."""
        return str(self._configuration.host).rstrip("/")

    def __str__(self) -> str:
        return f"cluster '{self.choice.context}' ({self.server})"

    def get(self, path: str, *, accept: str = "application/json", **query: str) -> dict[str, Any] | None:
        """Return what stands at *path*, or None where there is nothing.

        Raises:
            ClusterError: It can't be reached, refuses, or fails.
        """
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self._asked(url, accept)
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise ClusterError(f"{self} can't be reached: {_reason(exc)}", "start it, or name another context") from exc
        if answer.status == _NOT_FOUND:
            return None
        if answer.status >= 400:  # noqa: PLR2004 - where HTTP's errors begin
            raise self._refusal(answer.status, answer.data, path)
        try:
            content: dict[str, Any] = json.loads(answer.data)
        except ValueError as exc:
            what = f"{self} answers {path} with something that is no Kubernetes API's"
            raise ClusterError(what, "check the address of the context's cluster") from exc
        return content

    def metadata(self, identity: ObjectId, api_version: str) -> dict[str, Any] | None:
        """Return the metadata of one object, or None where it isn't there."""
        found = self.get(path_of(identity, api_version), accept=METADATA)
        return None if found is None else found["metadata"]

    def find(self, identity: ObjectId, api_version: str) -> dict[str, Any] | None:
        """Return one object, whole, with apiVersion and kind, or None where it isn't there."""
        found = self.get(path_of(identity, api_version))
        return None if found is None else {"apiVersion": api_version, "kind": identity.kind, **found}

    def objects_of(self, api_version: str, kind: str, label: str | None = None) -> dict[ObjectId, dict[str, Any]]:
        """Return all objects of *kind*, or those that carry *label* (``key=value``), each with apiVersion and kind."""
        found = self._list(api_version, kind, label, "application/json")
        return {identity: {"apiVersion": api_version, "kind": kind, **item} for identity, item in found.items()}

    def metadata_of_all(self, api_version: str, kind: str, label: str | None = None) -> dict[ObjectId, dict[str, Any]]:
        """Return the metadata of all objects of *kind*, or of those that carry *label* (``key=value``)."""
        found = self._list(api_version, kind, label, METADATA_LIST)
        return {identity: item["metadata"] for identity, item in found.items()}

    def uid(self) -> str:
        """Return what tells this cluster from every other: the UID of its kube-system namespace.

        Raises:
            ClusterError: It can't be read.
        """
        metadata = self.metadata(ObjectId("", "Namespace", "", "kube-system"), "v1")
        if metadata is None:
            raise ClusterError(f"{self} has no namespace kube-system", "name the context of a Kubernetes cluster")
        return str(metadata["uid"])

    def _asked(self, url: str, accept: str) -> urllib3.BaseHTTPResponse:
        """Get *url*, again where a connection was lost on the way: whoever only reads may ask again."""
        for pause in (*_PAUSES, None):
            try:
                answer: urllib3.BaseHTTPResponse = self._pool.request(
                    "GET",
                    url,
                    headers={"Accept": accept, "User-Agent": "fluxapps", **self._credentials()},
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                    retries=WHEN_ASKED_TO,
                )
            except urllib3.exceptions.ProtocolError:
                if pause is None:
                    raise
                time.sleep(pause)
            else:
                return answer
        raise AssertionError("the last try returns or raises")

    def _list(self, api_version: str, kind: str, label: str | None, accept: str) -> dict[ObjectId, dict[str, Any]]:
        query = {"labelSelector": label} if label else {}
        found = self.get(collection_path(api_version, kind), accept=accept, **query) or {"items": []}
        group = api_version.rpartition("/")[0]
        return {
            ObjectId(group, kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]): item
            for item in found["items"] or ()  # Go writes an empty list of these as null
        }

    def _credentials(self) -> dict[str, str]:
        # Asked each time: the token of a command in the kubeconfig is renewed by it.
        settings = self._configuration.auth_settings().values()
        return {one["key"]: one["value"] for one in settings if one["in"] == "header" and one["value"]}

    def _refusal(self, status: int, body: bytes, path: str) -> ClusterError:
        try:
            said = str(json.loads(body)["message"])
        except (ValueError, KeyError, TypeError):
            said = body[:200].decode("utf-8", "replace").strip()
        verb = _REFUSALS.get(status, f"fails with {status}")
        what = f"{self} {verb}{' of context ' + repr(self.choice.context) if status == 401 else ''}: {said or path}"  # noqa: PLR2004 - HTTP
        fix = {401: "log in again, or mend the context's user", 403: "give that user the right to get and list it"}
        return ClusterError(what, fix.get(status, "look at the cluster, then try again"), status)


def collection_path(api_version: str, kind: str, namespace: str = "") -> str:
    """Return the API's path for all objects of *kind*, in *namespace* or in all."""
    base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{base}/namespaces/{quote(namespace)}/{plural(kind)}" if namespace else f"{base}/{plural(kind)}"


def path_of(identity: ObjectId, api_version: str) -> str:
    """Return the API's path of one object."""
    return f"{collection_path(api_version, identity.kind, identity.namespace)}/{quote(identity.name)}"


def plural(kind: str) -> str:
    """Return what the API calls the collection of *kind*: right for every kind that is ever declared here."""
    lower = kind.lower()
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"


def in_parallel(read: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """Return ``read(item)`` for each of *items*, in their order, several at once; the first error is raised."""
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        return list(pool.map(read, items))


def _reason(exc: BaseException) -> str:
    """Return the innermost reason that says something: urllib3 wraps the operating system's."""
    while True:
        inner = getattr(exc, "reason", None)
        if not isinstance(inner, BaseException):
            inner = exc.__cause__
        if not isinstance(inner, BaseException):
            return _oneline(exc)
        exc = inner


def _oneline(exc: BaseException) -> str:
    said = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    return " ".join(said.split()) or type(exc).__name__
