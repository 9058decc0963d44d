"""An admission webhook that refuses what a stack makes and deletes."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fluxapps.devcluster import Cluster
from tests.engine.live import Live, Object

SAYS = "no changes on Fridays"

_NAME = "refuses.reliability.example.org"


@contextmanager
def refusing(cluster: Cluster, live: Live, label: str, name: str, *, answers: bool = True) -> Iterator[None]:
    """Have the API server ask a webhook about one HelmRelease of a stack, inside the block.

    Args:
        cluster: Whose API server asks.
        live: A client of it.
        label: The stack's.
        name: The release that is refused.
        answers: Whether the webhook is there at all.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(name))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    credentials = cluster.folder / "credentials"
    context.load_cert_chain(credentials / "server.crt", credentials / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="webhook")
    if answers:
        thread.start()
    else:
        server.socket.close()
    authority = base64.b64encode((credentials / "ca.crt").read_bytes()).decode()
    configurations = live.client.resources.get(
        api_version="admissionregistration.k8s.io/v1", kind="ValidatingWebhookConfiguration"
    )
    configurations.create(body=_configuration(server.server_port, authority, label))
    try:
        yield
    finally:
        configurations.delete(name=_NAME)
        if answers:
            server.shutdown()
            thread.join()
        server.server_close()


def _configuration(port: int, authority: str, label: str) -> Object:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": _NAME},
        "webhooks": [
            {
                "name": _NAME,
                "clientConfig": {"url": f"https://127.0.0.1:{port}/", "caBundle": authority},
                "objectSelector": {"matchLabels": {"fluxapps/stack": label}},
                "rules": [
                    {
                        "apiGroups": ["helm.toolkit.fluxcd.io"],
                        "apiVersions": ["*"],
                        "resources": ["helmreleases"],
                        "operations": ["CREATE", "DELETE"],
                    }
                ],
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "timeoutSeconds": 2,
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def _handler(name: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = review["request"]
            verdict: dict[str, Any] = {"uid": asked["uid"], "allowed": asked["name"] != name}
            if not verdict["allowed"]:
                verdict["status"] = {"code": 403, "message": SAYS}
            answer = {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": verdict}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
