"""The API server: requests, what kinds it knows, and its errors."""

import contextlib
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import urllib3

from fluxapps.devcluster.standins.kubernetes_provider.cancellation import Cancellation
from fluxapps.devcluster.standins.kubernetes_provider.connection import Connection
from fluxapps.devcluster.standins.kubernetes_provider.settings import ClientLimits

CONNECT_SECONDS = 30.0
DISCOVERY_SECONDS = 32.0

# How often a request is sent again when the server says that it is busy (client-go does as many).
BUSY_RETRIES = 10
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, *(code for code in HTTPStatus if code >= HTTPStatus.INTERNAL_SERVER_ERROR))

APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"

Object = dict[str, Any]


class UnreachableError(Exception):
    """The server did not answer."""


class NoMatchError(Exception):
    """The server does not know the kind."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


class ApiError(Exception):
    """The server refused a request; *status* is its Status object."""

    def __init__(self, code: int, status: Object) -> None:
        self.code = code
        self.status = status
        self.reason = str(status.get("reason") or "")
        super().__init__(str(status.get("message") or f"the server answered {code}"))

    @property
    def not_found(self) -> bool:
        """Whether what was asked for isn't there."""
        return self.code == HTTPStatus.NOT_FOUND

    @property
    def namespace_not_found(self) -> bool:
        """Whether the namespace isn't there."""
        return self.not_found and (self.status.get("details") or {}).get("kind") == "namespaces"


class ApplyConflictError(ApiError):
    """The server refused an apply: another manager owns fields of it with other values."""


@dataclass(frozen=True)
class Resource:
    """Where the objects of a kind are found."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool


@dataclass(frozen=True)
class Address:
    """One object, or with an empty name all of its kind in a namespace."""

    resource: Resource
    namespace: str
    name: str = ""

    @property
    def path(self) -> str:
        """The path of its requests."""
        group, _, version = self.resource.api_version.rpartition("/")
        steps = ["apis", group, version] if group else ["api", version]
        if self.resource.namespaced:
            steps += ["namespaces", self.namespace or "default"]
        steps.append(self.resource.plural)
        if self.name:
            steps.append(urllib.parse.quote(self.name, safe=""))
        return "/" + "/".join(steps)


@dataclass(frozen=True)
class Request:
    """What is sent to the server."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Object | list[Object] | None = None
    form: str = "application/json"

    @property
    def target(self) -> str:
        """Path and query."""
        return self.path + (f"?{urllib.parse.urlencode(self.query)}" if self.query else "")

    @property
    def content(self) -> bytes | None:
        """The body's text."""
        if self.body is None:
            return None
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


class Limiter:
    """A token bucket: *burst* requests at once, *qps* a second after them."""

    def __init__(self, limits: ClientLimits) -> None:
        self._rate, self._burst = limits.qps, float(limits.burst)
        self._tokens = self._burst
        self._since = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Take a token; wait for it where there is none."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._since) * self._rate) - 1
            self._since = now
            lacking = -self._tokens / self._rate
        if lacking > 0:
            time.sleep(lacking)


class Cluster:
    """One API server, as one user."""

    def __init__(self, connection: Connection, limits: ClientLimits) -> None:
        self._connection = connection
        self._limiter = Limiter(limits)
        self._timeout = limits.timeout
        self._known: dict[tuple[str, str], Resource] = {}

    def close(self) -> None:
        """Let go of kept connections."""
        self._connection.pool.clear()

    def check(self) -> None:
        """Ask for the server's version.

        Raises:
            UnreachableError: It does not answer.
            ApiError: It answers, but not us.
        """
        self.request(Request("GET", "/version"), timeout=DISCOVERY_SECONDS)

    def resource(self, api_version: str, kind: str) -> Resource:
        """Find where objects of a kind live; what the server doesn't know is asked for anew each time.

        Raises:
            NoMatchError: The server does not know the kind.
            ApiError: The server refused to say.
            UnreachableError: The server does not answer.
        """
        key = (api_version, kind)
        if key not in self._known:
            try:
                listed = self.request(Request("GET", f"/{'apis' if '/' in api_version else 'api'}/{api_version}"))
            except ApiError as error:
                if error.not_found:
                    raise NoMatchError(api_version, kind) from error
                raise
            for each in listed.get("resources") or ():
                if "/" not in each["name"]:
                    found = Resource(api_version, each["kind"], each["name"], each["namespaced"])
                    self._known[api_version, each["kind"]] = found
        if key not in self._known:
            raise NoMatchError(api_version, kind)
        return self._known[key]

    def forget(self) -> None:
        """Forget which kinds there are, after a CRD was written."""
        self._known = {}

    def get(self, address: Address) -> Object:
        """Read an object. Raises as `request`."""
        return self.request(Request("GET", address.path))

    def create(self, address: Address, body: Object, query: dict[str, str]) -> Object:
        """Make an object, which must not be there yet. Raises as `request`."""
        return self.request(Request("POST", address.path, query, body))

    def replace(self, address: Address, body: Object, query: dict[str, str]) -> Object:
        """Write an object whole. Raises as `request`."""
        return self.request(Request("PUT", address.path, query, body))

    def apply(self, address: Address, body: Object, query: dict[str, str]) -> Object:
        """Change an object by server-side apply. Raises as `request`, and of a conflict `ApplyConflictError`."""
        try:
            return self.request(Request("PATCH", address.path, query, body, APPLY))
        except ApiError as error:
            if error.reason == "Conflict":
                raise ApplyConflictError(error.code, error.status) from error
            raise

    def patch(self, address: Address, steps: list[Object]) -> Object:
        """Change an object by the steps of a JSON patch. Raises as `request`."""
        return self.request(Request("PATCH", address.path, {}, steps, JSON_PATCH))

    def delete(self, address: Address, propagation: str) -> None:
        """Ask for an object's deletion. Raises as `request`."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        self.request(Request("DELETE", address.path, {}, options))

    def watch(
        self, address: Address, selector: str, *, since: str, seconds: float, cancellation: Cancellation
    ) -> Iterator[tuple[str, Object]]:
        """Yield what happens to objects: the event's type and the object; ends when *seconds* are over.

        Args:
            address: Where they are; its name counts for nothing.
            selector: Which fields they must have.
            since: The version to begin after; when empty, what there is comes first.
            seconds: How long.
            cancellation: Ends it before.

        Raises:
            ApiError: The server refused, or *since* is too old (code 410).
            UnreachableError: The server does not answer.
        """
        query = {
            "watch": "true",
            "fieldSelector": selector,
            "resourceVersion": since,
            "timeoutSeconds": str(max(int(seconds), 1)),
        }
        request = Request("GET", replace(address, name="").path, query)
        # Left open for longer than the server is asked to hold it, so that the server ends it.
        response = self._served(request, timeout=seconds + 10, stream=True)
        with contextlib.closing(response), cancellation.closing(response.shutdown):
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise _refusal(response.status, response.read())
            try:
                for line in _lines(response):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise ApiError(int(event["object"].get("code") or HTTPStatus.GONE), event["object"])
                    yield event["type"], event["object"]
            except urllib3.exceptions.HTTPError:
                return

    def request(self, request: Request, *, timeout: float | None = None) -> Object:
        """Send a request and read the answer.

        Raises:
            ApiError: The server refused it.
            UnreachableError: The server does not answer.
        """
        response = self._served(request, timeout=timeout or self._timeout)
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(response.status, response.data)
        answer = json.loads(response.data)
        return answer if isinstance(answer, dict) else {}

    def _served(self, request: Request, *, timeout: float | None, stream: bool = False) -> urllib3.BaseHTTPResponse:
        """Send a request, again as often as the server says that it is busy and when to come again."""
        response = self._send(request, timeout=timeout, stream=stream)
        for _ in range(BUSY_RETRIES):
            after = response.headers.get("Retry-After", "")
            if response.status not in BUSY or not after.isdigit():
                break
            response.drain_conn()
            time.sleep(int(after))
            response = self._send(request, timeout=timeout, stream=stream)
        return response

    def _send(self, request: Request, *, timeout: float | None, stream: bool = False) -> urllib3.BaseHTTPResponse:
        self._limiter.wait()
        url = self._connection.host + request.target
        headers = {**self._connection.headers(), "Accept": "application/json", "Content-Type": request.form}
        # A kept connection that the server has closed meanwhile costs a reading request one more try.
        again = urllib3.Retry(
            total=2,
            connect=0,
            read=2,
            redirect=0,
            status=0,
            other=0,
            allowed_methods={"GET"},
            # A busy server's answer is looked at by `_served`.
            respect_retry_after_header=False,
        )
        try:
            return self._connection.pool.request(
                request.method,
                url,
                body=request.content,
                headers=headers,
                retries=again,
                preload_content=not stream,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout),
            )
        except urllib3.exceptions.MaxRetryError as error:
            raise UnreachableError(f"{request.method} {url}: {error.reason}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(f"{request.method} {url}: {error}") from error


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(amt=None):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)


def _refusal(code: int, body: bytes) -> ApiError:
    try:
        status = json.loads(body)
    except ValueError:
        status = None
    if not isinstance(status, dict):
        status = {"message": body.decode(errors="replace").strip()}
    return ApiError(code, status)
