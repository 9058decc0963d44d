"""HelmRepository and HelmChart: an index of charts, and one chart out of it."""

import hashlib
import posixpath
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException

import yaml

from fluxapps.devcluster.flux.kubernetes import Key, Object
from fluxapps.devcluster.flux.source import oci
from fluxapps.devcluster.flux.source.artifacts import Artifacts, Content
from fluxapps.devcluster.flux.source.durations import seconds
from fluxapps.devcluster.flux.source.status import FailedError, Fetched
from fluxapps.devcluster.flux.source.versions import newest

UNKNOWN_OF_REPOSITORY = ("secretRef", "certSecretRef", "accessFrom")
UNKNOWN_OF_CHART = ("valuesFiles", "verify")
"""Fields of a spec that this stand-in has nothing for."""
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def fetch_index(key: Key, found: Object, artifacts: Artifacts) -> Fetched:
    """Fetch the index of a HelmRepository.

    Raises:
        FailedError: It can't be had, or is none.
    """
    spec = found["spec"]
    if spec["url"].startswith("oci://"):
        text = "invalid Helm repository URL: 'oci' URL scheme cannot be used with 'default' HelmRepository type"
        raise FailedError("URLInvalid", text, stalls=True)
    url = _index_url(spec["url"])
    try:
        data = _get(url, seconds(spec.get("timeout", "60s")))
    except OSError as reason:
        text = f"failed to fetch Helm repository index: failed to cache index to temporary file: {reason}"
        raise FailedError("Failed", text) from reason
    _entries(data)
    digest = hashlib.sha256(data).hexdigest()
    artifact = artifacts.current(found)
    if not artifact or artifact["revision"] != f"sha256:{digest}":
        artifact = artifacts.keep(key, Content(f"index-{digest}.yaml", f"sha256:{digest}", data))
    message = f"stored artifact: revision '{artifact['revision']}'"
    return Fetched(artifact, "Succeeded", message, {"url": artifact["url"]})


def fetch_chart(key: Key, found: Object, source: Object | None, artifacts: Artifacts) -> Fetched:
    """Fetch the chart that a HelmChart names.

    Args:
        key: Which HelmChart.
        found: Itself.
        source: What its ``sourceRef`` names; None where there is no such object.
        artifacts: Has the source's index already.

    Raises:
        FailedError: It can't be had.
    """
    spec = found["spec"]
    kind, name = spec["sourceRef"]["kind"], spec["sourceRef"]["name"]
    if source is None:
        plural = {"HelmRepository": "helmrepositories", "GitRepository": "gitrepositories"}.get(kind, kind)
        text = f'failed to get source: {plural}.source.toolkit.fluxcd.io "{name}" not found'
        raise FailedError("SourceUnavailable", text)
    if source["spec"].get("type") == "oci":
        registry, version = oci.offered(source, spec["chart"], spec.get("version", "*"))
        return _kept(key, found, artifacts, _Offer(spec["chart"], version, partial(oci.pulled, registry, version)))
    index = artifacts.current(source)
    if index is None:
        raise FailedError("NoSourceArtifact", f"no artifact available for {kind} source '{name}'")
    entry = _entry(_entries(artifacts.read(index)), spec["chart"], spec.get("version", "*"))
    download = partial(_chart, entry, source["spec"])
    fetched = _kept(key, found, artifacts, _Offer(entry["name"], entry["version"], download))
    return replace(fetched, observed={**fetched.observed, "observedSourceArtifactRevision": index["revision"]})


@dataclass(frozen=True, slots=True)
class _Offer:
    """A chart that a source has."""

    name: str
    version: str
    download: Callable[[], bytes]
    """Raises OSError."""


def _kept(key: Key, found: Object, artifacts: Artifacts, offer: _Offer) -> Fetched:
    """Download a chart, unless it is here already."""
    status = found.get("status", {})
    artifact = artifacts.current(found)
    is_same = (
        artifact is not None
        and artifact["revision"] == offer.version
        and status.get("observedChartName") == offer.name
        and status.get("observedGeneration") == found["metadata"]["generation"]
    )
    if artifact is None or not is_same:
        try:
            data = offer.download()
        except OSError as reason:
            text = f"chart pull error: failed to download chart for remote reference: {reason}"
            raise FailedError("ChartPullError", text) from reason
        if artifact is None or artifact["revision"] != offer.version or data != artifacts.read(artifact):
            artifact = artifacts.keep(key, Content(f"{offer.name}-{offer.version}.tgz", offer.version, data))
    text = f"pulled '{offer.name}' chart with version '{offer.version}'"
    observed = {"observedChartName": offer.name, "url": artifact["url"]}
    return Fetched(artifact, "ChartPullSucceeded", text, observed)


def _entries(data: bytes) -> dict[str, list[Object]]:
    """Return the charts of an index.

    Raises:
        FailedError: It is none.
    """
    try:
        index = yaml.load(data, _Loader)  # noqa: S506  a safe loader
    except yaml.YAMLError as reason:
        text = f"failed to load Helm repository from index YAML: error converting YAML to JSON: {reason}"
        raise FailedError("IndexationFailed", text) from reason
    if not isinstance(index, dict) or not index.get("apiVersion"):
        raise FailedError(
            "IndexationFailed", "failed to load Helm repository from index YAML: no API version specified"
        )
    entries: dict[str, list[Object]] = index.get("entries") or {}
    return entries


def _entry(entries: dict[str, list[Object]], chart: str, wanted: str) -> Object:
    try:
        return _chosen(entries.get(chart), chart, wanted)
    except ValueError as reason:
        text = f"invalid chart reference: failed to get chart version for remote reference: {reason}"
        # What a newer index mends, by a turn that it brings.
        raise FailedError("InvalidChartReference", text, stalls=True) from reason


def _chosen(entries: list[Object] | None, chart: str, wanted: str) -> Object:
    """Return the entry of the chart's newest wanted version; one of exactly that name before any other."""
    if entries is None:
        raise ValueError("no chart name found")
    versions: dict[str, Object] = {entry["version"]: entry for entry in reversed(entries)}
    found = wanted if wanted in versions else newest(versions, wanted)
    if found is None:
        raise ValueError(f"no '{chart}' chart with version matching '{wanted}' found")
    return versions[found]


def _chart(entry: Object, repository: Object) -> bytes:
    if not entry.get("urls"):
        raise OSError(f"chart '{entry['name']}' has no downloadable URLs")
    url: str = entry["urls"][0]
    if "://" not in url:
        url = f"{repository['url'].rstrip('/')}/{url}"
    data = _get(url, seconds(repository.get("timeout", "60s")))
    if (digest := entry.get("digest")) and hashlib.sha256(data).hexdigest() != digest.removeprefix("sha256:"):
        raise OSError(f"{url} isn't what the index says: its digest is another")
    return data


def _index_url(url: str) -> str:
    return posixpath.join(url.rstrip("/"), "index.yaml")


def _get(url: str, patience: float) -> bytes:
    """Return what is at an address.

    Raises:
        OSError: It isn't to be had.
    """
    try:
        with urllib.request.urlopen(url, timeout=patience) as answer:  # noqa: S310  http or https, the API server saw to it
            data: bytes = answer.read()
    except urllib.error.HTTPError as reason:
        with reason:
            raise OSError(f"failed to fetch {url} : {reason.code} {reason.reason}") from reason
    except urllib.error.URLError as reason:
        raise OSError(f'Get "{url}": {reason.reason}') from reason
    except (HTTPException, ValueError) as reason:
        raise OSError(f'Get "{url}": {reason}') from reason
    return data
