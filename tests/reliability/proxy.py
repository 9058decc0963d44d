"""A reverse proxy before a cluster's API server, which lets a test decide what becomes of each request.

Faults made here are conditions, not moments: "the fifth object is made and its answer is lost" happens the same way on
a busy machine and on a quiet one.
"""

import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from select import select
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from fluxapps.devcluster import Cluster

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"})
_CHUNK = 1 << 16


class Step(Enum):
    """What becomes of a request."""

    PASS = auto()
    LOSE_ANSWER = auto()
    """The server does it; whoever asked never learns."""
    DROP = auto()
    """The connection is closed before the server sees anything."""


@dataclass(frozen=True)
class Answer:
    """Said instead of the server, which sees nothing."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Request:
    """What is asked."""

    method: str
    target: str
    agent: str

    @property
    def path(self) -> str:
        """Without what follows the question mark."""
        return urlsplit(self.target).path

    @property
    def is_write(self) -> bool:
        """Whether it changes something, unless the server refuses."""
        return self.method != "GET" and "dryRun=" not in self.target


class Fault:
    """Decides about each request; this one disturbs nobody. Called by many threads at once."""

    def meets(self, request: Request) -> Step | Answer:  # noqa: ARG002 - for those that care
        """Decide; may wait."""
        return Step.PASS

    def answered(self, request: Request, step: Step) -> None:
        """Learn that the server has answered a request, and, where it isn't to be lost, that the answer is sent."""


NONE = Fault()


class Proxy:
    """Listens on loopback while its block goes on, with the cluster's own certificate."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        """Read the cluster's kubeconfig; *folder* gets one like it, which leads here."""
        self.fault = NONE
        self.kubeconfig = folder / "kubeconfig-by-proxy"
        self.seen = 0
        """Requests so far."""
        self._config: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text("utf-8"))
        self._certificate = cluster.folder / "credentials" / "server.crt"
        self._authority = cluster.folder / "credentials" / "ca.crt"

    def __enter__(self) -> Self:
        upstream = urlsplit(self._config["clusters"][0]["cluster"]["server"])
        trust = ssl.create_default_context(cafile=str(self._authority))
        trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._server = _Server(
            self, lambda: HTTPSConnection(upstream.hostname or "", upstream.port, context=trust, timeout=600)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._certificate.with_suffix(".key"))
        # Who greets slowly holds up nobody else.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self._server.server_port}"
        self.kubeconfig.write_text(yaml.safe_dump(self._config), "utf-8")
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="proxy")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every connection."""
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256

    def __init__(self, proxy: Proxy, connect: Callable[[], HTTPSConnection]) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.proxy = proxy
        self.connect = connect
        self._open: set[Any] = set()
        self._lock = threading.Lock()

    def opened(self, connection: Any) -> None:
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: Any) -> None:
        with self._lock:
            self._open.discard(connection)

    def close_connections(self) -> None:
        with self._lock:
            still = list(self._open)
        for each in still:
            with suppress(OSError):
                each.shutdown(2)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asked may be killed at any moment."""


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.upstream: HTTPSConnection | None = None
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        self._close_upstream()
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, self.headers.get("User-Agent", ""))
        self.server.proxy.seen += 1
        fault = self.server.proxy.fault
        step = fault.meets(request)
        if isinstance(step, Answer):
            self._say(step)
            return
        if step is Step.DROP:
            self.close_connection = True
            return
        try:
            response = self._asked(body)
            if step is Step.LOSE_ANSWER:
                response.read()
                self.close_connection = True
            else:
                self._pass_on(response)
        except (OSError, HTTPException):
            self.close_connection = True
            self._close_upstream()
            return
        fault.answered(request, step)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = relay  # noqa: N815 - http.server's names

    def _asked(self, body: bytes) -> HTTPResponse:
        if self.upstream is not None and select([self.upstream.sock], [], [], 0)[0]:
            # The server has hung up meanwhile; a client of its own would have seen it too.
            self._close_upstream()
        if self.upstream is None:
            self.upstream = self.server.connect()
            self.upstream.connect()
            self.server.opened(self.upstream.sock)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        self.upstream.request(self.command, self.path, body or None, headers)
        return self.upstream.getresponse()

    def _pass_on(self, response: HTTPResponse) -> None:
        self.send_response(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if response.length is not None:
            content = response.read()
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while chunk := response.read1(_CHUNK):
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _say(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _close_upstream(self) -> None:
        if self.upstream is not None:
            self.server.closed(self.upstream.sock)
            self.upstream.close()
            self.upstream = None
