"""A Helm repository over plain HTTP, and an OCI registry: packs charts from their folders whenever it is asked.

``/<repository>/index.yaml`` lists the charts of the folder ``<repository>``, one chart in one version a folder below
it; ``/v2/<repository>/<chart>`` is the same chart in a registry. Repository ``stand-ins`` has those of this package.
"""

import argparse
import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fluxapps.devcluster.flux import registry
from fluxapps.devcluster.flux.charts import CHARTS, charts, index
from fluxapps.devcluster.flux.registry import Content
from fluxapps.devcluster.flux.repositories import STAND_INS
from fluxapps.devcluster.ports import LOOPBACK

_HEALTH = "/readyz"
_REGISTRY = "/v2/"
_BYTES = "application/octet-stream"
_UNKNOWN = {"manifests": "MANIFEST_UNKNOWN", "tags": "NAME_UNKNOWN", "blobs": "BLOB_UNKNOWN"}


class _Repositories(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        if self.path in {_HEALTH, _REGISTRY}:
            self._answer(Content(_BYTES, b""))
        elif self.path.startswith(_REGISTRY):
            self._answer_as_registry(*self.path.removeprefix(_REGISTRY).rsplit("/", 2))
        else:
            repository, _, file = self.path.lstrip("/").partition("/")
            data = self._file(repository, file)
            if data is None:
                self.send_error(HTTPStatus.NOT_FOUND)
            else:
                self._answer(Content(_BYTES, data))

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass

    def _answer_as_registry(self, name: str, what: str = "", reference: str = "") -> None:
        repository, _, chart = name.rpartition("/")
        folder = self._folder(repository)
        found = registry.content(chart, what, reference, charts(folder)) if folder else None
        if found is not None:
            self._answer(found)
            return
        error = {"code": _UNKNOWN.get(what, "UNSUPPORTED"), "message": f"{name} has no {what} {reference}"}
        told = Content("application/json", json.dumps({"errors": [error]}).encode())
        self._answer(told, HTTPStatus.NOT_FOUND)

    def _answer(self, content: Content, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content.media_type)
        self.send_header("Content-Length", str(len(content.data)))
        self.send_header("Docker-Content-Digest", content.digest)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content.data)

    def _file(self, repository: str, file: str) -> bytes | None:
        folder = self._folder(repository)
        if folder is None:
            return None
        if file == "index.yaml":
            return index(charts(folder))
        return next((chart.data for chart in charts(folder) if chart.file == file), None)

    def _folder(self, repository: str) -> Path | None:
        folder = CHARTS if repository == STAND_INS else self.folder / repository
        return folder if repository.strip(".") and folder.is_dir() else None


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="chart-server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    sys.stderr.write(f"STAND-IN: {STAND_INS} are charts of our own, with nothing in them but pods that do nothing\n")
    _Repositories.folder = options.folder
    ThreadingHTTPServer((LOOPBACK, options.port), _Repositories).serve_forever()


if __name__ == "__main__":
    main()
