"""A stand-in provider sends a request again where client-go would, and nowhere else (rest/with_retry.go)."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from fluxapps.devcluster.standins.kubernetes_provider.cancellation import Cancellation
from fluxapps.devcluster.standins.kubernetes_provider.cluster import (
    Address,
    ApiError,
    Cluster,
    Request,
    Resource,
    UnreachableError,
)
from fluxapps.devcluster.standins.kubernetes_provider.connection import connect
from fluxapps.devcluster.standins.kubernetes_provider.settings import settings
from tests.unit.fake_api import write_kubeconfig


class Failing(BaseHTTPRequestHandler):
    """Answers as the path says, so often, then well: ``/503/0/2`` is twice 503 with ``Retry-After: 0``."""

    protocol_version = "HTTP/1.1"
    asked: int

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        type(self).asked += 1
        path, _, query = self.path.strip("/").partition("?")
        status, after, times = ("429", "0", "3") if query else path.split("/")
        body = b'{"type": "ADDED", "object": {}}\n' if query else b"{}"
        is_bad = self.asked <= int(times)
        if is_bad and status == "lost":
            self.close_connection = True
            return
        self.send_response(int(status) if is_bad else 200)
        self.send_header("Content-Length", str(len(body)))
        if is_bad and after.isdigit():
            self.send_header("Retry-After", after)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    Failing.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    file = write_kubeconfig(tmp_path / "config", f"http://127.0.0.1:{server.server_port}", "busy")
    wanted = settings({"kubeconfig": str(file)}, {})
    made = Cluster(connect(wanted, {})[0], wanted.limits)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_who_says_when_to_come_again_is_asked_again(cluster: Cluster, method: str, status: int) -> None:
    assert cluster.request(Request(method, f"/{status}/0/3")) == {}
    assert Failing.asked == 4


def test_a_watch_too(cluster: Cluster) -> None:
    kinds = Resource("v1", "ConfigMap", "configmaps", namespaced=True)
    events = cluster.watch(Address(kinds, "busy"), "", since="", seconds=1, cancellation=Cancellation())
    assert list(events) == [("ADDED", {})]
    assert Failing.asked == 4


def test_not_for_ever(cluster: Cluster) -> None:
    with pytest.raises(ApiError):
        cluster.request(Request("GET", "/429/0/1000"))
    assert Failing.asked == 11


@pytest.mark.parametrize("status", [429, 500, 503])
def test_who_does_not_say_is_not(cluster: Cluster, status: int) -> None:
    with pytest.raises(ApiError) as raised:
        cluster.request(Request("GET", f"/{status}/never/1"))
    assert raised.value.code == status
    assert Failing.asked == 1


def test_a_lost_connection_is_tried_again_by_who_reads(cluster: Cluster) -> None:
    assert cluster.request(Request("GET", "/lost/-/1")) == {}
    assert Failing.asked == 2


def test_a_lost_connection_is_not_tried_again_by_who_writes(cluster: Cluster) -> None:
    with pytest.raises(UnreachableError):
        cluster.request(Request("POST", "/lost/-/1", body={}))
    assert Failing.asked == 1
