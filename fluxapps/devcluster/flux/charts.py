"""Charts of our own: packed from their folders, and listed as a Helm repository's index lists them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fluxapps.devcluster.flux.source.artifacts import packed

CHARTS = Path(__file__).resolve().parents[1] / "charts"
"""Stand-ins of our own for the charts of a shipped fleet; the same names, nothing of their content."""
ALSO = "fluxapps-devcluster/also"
"""Annotation of a chart: further versions of the same content, with spaces between."""


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
    """Return the charts in the folders of a folder, packed: the same bytes for the same files.

    A chart whose Chart.yaml has the annotation `ALSO` is there in those versions too.
    """
    for file in sorted(repository.glob("*/Chart.yaml")):
        metadata: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
        folder = file.parent
        files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        contents = {path: source.read_bytes() for path, source in files.items()}
        for version in (metadata["version"], *metadata.get("annotations", {}).get(ALSO, "").split()):
            told = {**metadata, "version": version}
            contents[file.name] = yaml.safe_dump(told).encode()
            yield Chart(told, packed((f"{metadata['name']}/{path}", data) for path, data in contents.items()))


def index(found: Iterator[Chart]) -> bytes:
    """Return the index of some charts: the same bytes for the same charts."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for chart in found:
        digest = hashlib.sha256(chart.data).hexdigest()
        entry = {**chart.metadata, "urls": [chart.file], "digest": digest, "created": "2000-01-01T00:00:00Z"}
        entries.setdefault(chart.metadata["name"], []).append(entry)
    return yaml.safe_dump({"apiVersion": "v1", "entries": entries, "generated": "2000-01-01T00:00:00Z"}).encode()
