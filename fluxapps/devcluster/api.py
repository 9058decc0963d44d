"""The few requests that starting a cluster needs; anything more is a Kubernetes client's work."""

import json
import ssl
from collections.abc import Collection, Mapping
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote

from fluxapps.devcluster.credentials import Credentials
from fluxapps.devcluster.errors import ClusterError
from fluxapps.devcluster.ports import LOOPBACK

FIELD_MANAGER = "fluxapps-devcluster"
_PATIENCE = 10
"""Seconds for one answer."""
_OK = range(200, 300)


class Server:
    """One server of a cluster, spoken to over TLS."""

    def __init__(self, port: int, credentials: Credentials) -> None:
        self._port = port
        self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._trust.load_verify_locations(credentials.authority)
        self._headers: dict[str, str] = {}

    def answers(self, path: str) -> bool:
        """Whether the server answers *path* with success; False when it doesn't answer at all."""
        try:
            return self.request("GET", path)[0] in _OK
        except (OSError, HTTPException):
            return False

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return status and content of the answer.

        Raises:
            OSError: The server doesn't answer, or isn't ours.
            HTTPException: It doesn't speak HTTP.
        """
        connection = HTTPSConnection(LOOPBACK, self._port, timeout=_PATIENCE, context=self._trust)
        try:
            connection.request(method, path, body, self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class Etcd(Server):
    """The store, spoken to as the API server does."""

    def __init__(self, port: int, credentials: Credentials) -> None:
        super().__init__(port, credentials)
        self._trust.load_cert_chain(credentials.certificate, credentials.key)

    @property
    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return self.answers("/health")


class Api(Server):
    """The API server, spoken to as its administrator."""

    def __init__(self, port: int, credentials: Credentials) -> None:
        super().__init__(port, credentials)
        self._headers = {
            "Authorization": f"Bearer {credentials.token}",
            "Accept": "application/json",
            "Content-Type": "application/apply-patch+yaml",
        }

    @property
    def is_ready(self) -> bool:
        """Whether the server says that it is ready."""
        return self.answers("/readyz")

    def get(self, path: str) -> Any:
        """Return what is at *path*.

        Raises:
            ClusterError: The server doesn't answer, or refuses.
        """
        return self._answer("GET", path)

    def delete(self, path: str) -> None:
        """Delete one object in the foreground, without waiting for it; nothing happens when it is gone.

        Raises:
            ClusterError: The server doesn't answer, or refuses.
        """
        self._answer("DELETE", f"{path}?propagationPolicy=Foreground", accepted=(*_OK, HTTPStatus.NOT_FOUND))

    def has(self, path: str) -> bool:
        """Whether there is an object at *path*.

        Raises:
            ClusterError: The server doesn't answer, or refuses.
        """
        return "code" not in self._answer("GET", path, accepted=(*_OK, HTTPStatus.NOT_FOUND))

    def apply(self, collection: str, manifest: Mapping[str, Any]) -> None:
        """Apply one object server-side, taking fields over from others.

        Args:
            collection: Path of its kind, e.g. ``/api/v1/namespaces``.
            manifest: The object.

        Raises:
            ClusterError: The server doesn't answer, or refuses.
        """
        # JSON is YAML, and quicker to write.
        path = f"{collection}/{quote(manifest['metadata']['name'])}?fieldManager={FIELD_MANAGER}&force=true"
        self._answer("PATCH", path, json.dumps(manifest).encode())

    def _answer(self, method: str, path: str, body: bytes | None = None, *, accepted: Collection[int] = _OK) -> Any:
        try:
            status, content = self.request(method, path, body)
        except (OSError, HTTPException) as reason:
            raise ClusterError(f"the API server doesn't answer {method} {path}: {reason}") from reason
        if status not in accepted:
            raise ClusterError(f"the API server refuses {method} {path}: {status} {content.decode(errors='replace')}")
        return json.loads(content)


class Probe:
    """An object that is made and deleted, to see whether the cluster's garbage collector works yet."""

    _COLLECTION = "/api/v1/namespaces/kube-system/configmaps"
    _NAME = "fluxapps-devcluster-probe"

    def __init__(self, api: Api) -> None:
        self._api = api
        metadata = {"name": self._NAME, "namespace": "kube-system"}
        api.apply(self._COLLECTION, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        api.delete(f"{self._COLLECTION}/{self._NAME}")

    @property
    def is_gone(self) -> bool:
        """Whether the deletion has ended."""
        return not self._api.has(f"{self._COLLECTION}/{self._NAME}")
