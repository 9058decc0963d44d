"""An API server that is busy says when to come again, and loses connections; whoever reads it comes again."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from fluxapps.engine.cluster import Cluster, ClusterError
from fluxapps.engine.kubeconfig import ClusterChoice
from tests.unit.fake_api import write_kubeconfig

BUSY = b'{"kind": "Status", "message": "storage is (re)initializing"}'


class Busy(BaseHTTPRequestHandler):
    """Refuses as often as the path says, then answers."""

    protocol_version = "HTTP/1.1"
    asked: int

    def do_GET(self) -> None:
        type(self).asked += 1
        is_busy = self.asked <= int(self.path.strip("/lost"))
        if is_busy and self.path.startswith("/lost"):
            self.close_connection = True
            return
        body = BUSY if is_busy else b'{"kind": "Namespace"}'
        self.send_response(429 if is_busy else 200)
        self.send_header("Content-Length", str(len(body)))
        if is_busy:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    Busy.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    file = write_kubeconfig(tmp_path / "config", f"http://127.0.0.1:{server.server_port}", "busy")
    try:
        with Cluster(ClusterChoice(context="busy", files=(file,), kubeconfig=None)) as made:
            yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_asks_again(cluster: Cluster) -> None:
    assert cluster.get("/3") == {"kind": "Namespace"}
    assert Busy.asked == 4


def test_gives_up_with_the_reason(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match=r"fails with 429: storage is \(re\)initializing"):
        cluster.get("/1000")
    assert Busy.asked < 20


def test_asks_again_where_a_connection_is_lost(cluster: Cluster) -> None:
    assert cluster.get("/lost4") == {"kind": "Namespace"}
    assert Busy.asked == 5


def test_does_not_ask_for_ever(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="can't be reached"):
        cluster.get("/lost1000")
    assert Busy.asked == 5
