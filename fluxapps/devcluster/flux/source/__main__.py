"""``python -m fluxapps.devcluster.flux.source``: takes those of source-controller's options that the cluster gives."""

import argparse
import os
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fluxapps.devcluster.flux.kubernetes import Kubernetes
from fluxapps.devcluster.flux.source.artifacts import Artifacts
from fluxapps.devcluster.flux.source.controller import Controller


class _Files(SimpleHTTPRequestHandler):
    """Serves the artifacts, and no lists of them."""

    protocol_version = "HTTP/1.1"

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        self.send_error(404, f"no artifact at {Path(path).name}")

    def log_message(self, *_: object) -> None:
        pass


class _Health(BaseHTTPRequestHandler):
    """Answers that all is well as long as the process runs."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    """Work until the process is ended."""
    parser = argparse.ArgumentParser(prog="source-controller stand-in")
    parser.add_argument("--storage-path", type=Path, required=True)
    parser.add_argument("--storage-addr", required=True)
    parser.add_argument("--storage-adv-addr", required=True)
    parser.add_argument("--health-addr", required=True)
    options, others = parser.parse_known_args()
    sys.stderr.write(
        "STAND-IN: this is not Flux's source-controller, but does as much of it as a local cluster needs\n"
    )
    if others:
        sys.stderr.write(f"without effect: {' '.join(others)}\n")
    artifacts = Artifacts(options.storage_path, options.storage_adv_addr)
    _serve(options.storage_addr, partial(_Files, directory=str(options.storage_path)))
    controller = Controller(
        Kubernetes(Path(os.environ["KUBECONFIG"]), "source-controller"),
        artifacts,
        options.storage_path.with_name("clones"),
    )
    _serve(options.health_addr, _Health)
    controller.run()


def _serve(address: str, handler: type[BaseHTTPRequestHandler] | partial[_Files]) -> None:
    host, _, port = address.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


if __name__ == "__main__":
    main()
