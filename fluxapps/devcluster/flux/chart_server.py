"""A Helm repository over plain HTTP: packs charts from their folders whenever it is asked.

``/<repository>/index.yaml`` lists the charts of the folder ``<repository>``, one chart a folder below it; repository
``stand-ins`` has those of this package.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from fluxapps.devcluster.flux.repositories import STAND_INS
from fluxapps.devcluster.flux.source.artifacts import packed
from fluxapps.devcluster.ports import LOOPBACK

CHARTS = Path(__file__).resolve().parents[1] / "charts"
"""Stand-ins of our own for the charts of a shipped fleet; the same names, nothing of their content."""
_HEALTH = "/readyz"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, packed."""

    metadata: dict[str, Any]
    """What its Chart.yaml says."""
    data: bytes

    @property
    def file(self) -> str:
        """The name of the packed file."""
        return f"{self.metadata['name']}-{self.metadata['version']}.tgz"


def charts(repository: Path) -> Iterator[Chart]:
    """Return the charts in the folders of a folder, packed: the same bytes for the same files."""
    for file in sorted(repository.glob("*/Chart.yaml")):
        metadata: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
        folder = file.parent
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        inside = ((f"{metadata['name']}/{path.relative_to(folder).as_posix()}", path.read_bytes()) for path in paths)
        yield Chart(metadata, packed(inside))


def index(found: Iterator[Chart]) -> bytes:
    """Return the index of some charts: the same bytes for the same charts."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for chart in found:
        digest = hashlib.sha256(chart.data).hexdigest()
        entry = {**chart.metadata, "urls": [chart.file], "digest": digest, "created": "2000-01-01T00:00:00Z"}
        entries.setdefault(chart.metadata["name"], []).append(entry)
    return yaml.safe_dump({"apiVersion": "v1", "entries": entries, "generated": "2000-01-01T00:00:00Z"}).encode()


class _Repositories(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        repository, _, file = self.path.lstrip("/").partition("/")
        content = b"" if self.path == _HEALTH else self._content(repository, file)
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass

    def _content(self, repository: str, file: str) -> bytes | None:
        folder = CHARTS if repository == STAND_INS else self.folder / repository
        if not repository.strip(".") or not folder.is_dir():
            return None
        if file == "index.yaml":
            return index(charts(folder))
        return next((chart.data for chart in charts(folder) if chart.file == file), None)


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
