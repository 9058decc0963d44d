"""The same charts as an OCI registry has them: ``oci://<address>/<repository>/<chart>``, to read from.

Paths are those of the OCI distribution specification, media types Helm's.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fluxapps.devcluster.flux.charts import Chart

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_BLOB = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Content:
    """What a registry answers with."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        """By which it can be asked for."""
        return f"sha256:{hashlib.sha256(self.data).hexdigest()}"

    def described(self, media_type: str) -> dict[str, Any]:
        """Return how a manifest refers to it."""
        return {"mediaType": media_type, "digest": self.digest, "size": len(self.data)}


def content(repository: str, what: str, reference: str, charts: Iterable[Chart]) -> Content | None:
    """Return what a registry has, or None.

    Args:
        repository: The chart's name, in its folder of charts.
        what: ``tags``, ``manifests`` or ``blobs``.
        reference: A tag or digest; ``list`` of tags.
        charts: All that are there.
    """
    versions = {_tag(chart): chart for chart in charts if chart.metadata["name"] == repository}
    if not versions:
        return None
    if (what, reference) == ("tags", "list"):
        return Content("application/json", _json({"name": repository, "tags": sorted(versions)}))
    if what == "manifests":
        manifests = {tag: _manifest(chart) for tag, chart in versions.items()}
        return next((found for tag, found in manifests.items() if reference in {tag, found.digest}), None)
    blobs = (blob for chart in versions.values() for blob in (_config(chart), Content(_BLOB, chart.data)))
    return next((blob for blob in blobs if what == "blobs" and blob.digest == reference), None)


def _tag(chart: Chart) -> str:
    # A tag can't have the one, a version can't have the other.
    return str(chart.metadata["version"]).replace("+", "_")


def _manifest(chart: Chart) -> Content:
    told = {"title": chart.metadata["name"], "version": chart.metadata["version"]}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _config(chart).described(CONFIG),
        "layers": [Content(_BLOB, chart.data).described(LAYER)],
        "annotations": {f"org.opencontainers.image.{key}": value for key, value in told.items()},
    }
    return Content(MANIFEST, _json(manifest))


def _config(chart: Chart) -> Content:
    return Content(_BLOB, _json(chart.metadata))


def _json(data: Any) -> bytes:
    return json.dumps(data, sort_keys=True).encode()
