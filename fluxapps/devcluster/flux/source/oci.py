"""OCIRepository: one layer of an artifact in a registry; and what a HelmRepository of type oci offers."""

import hashlib
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from fluxapps.devcluster.flux.kubernetes import Key, Object
from fluxapps.devcluster.flux.source.artifacts import Artifacts, Content
from fluxapps.devcluster.flux.source.durations import seconds
from fluxapps.devcluster.flux.source.status import FailedError, Fetched
from fluxapps.devcluster.flux.source.versions import newest

UNKNOWN = ("secretRef", "serviceAccountName", "certSecretRef", "proxySecretRef", "verify", "ignore")
"""Fields of a spec that this stand-in has nothing for."""
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_SCHEME = "oci://"
_MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


def unknown(spec: Object) -> list[str]:
    """Return the fields of an OCIRepository's spec that this stand-in has nothing for."""
    fields = [name for name in UNKNOWN if spec.get(name)]
    if spec.get("provider", "generic") != "generic":
        fields.append("provider")
    if spec.get("ref", {}).get("semverFilter"):
        fields.append("ref.semverFilter")
    if spec.get("layerSelector", {}).get("operation") != "copy":
        fields.append("layerSelector.operation other than copy")
    return fields


@dataclass(frozen=True, slots=True)
class Registry:
    """One repository of a registry."""

    url: str
    insecure: bool
    """Whether it speaks plain HTTP."""
    patience: float
    """Seconds for one answer."""

    @classmethod
    def of(cls, spec: Object, *below: str) -> "Registry":
        """Return the one that a source's spec names, or one below it."""
        url = "/".join((spec["url"].rstrip("/"), *below))
        return cls(url, bool(spec.get("insecure")), seconds(spec.get("timeout", "60s")))

    def tags(self) -> list[str]:
        """Return its tags.

        Raises:
            OSError: They can't be had.
        """
        tags: list[str] = json.loads(self._get("tags/list"))["tags"]
        return tags

    def manifest(self, reference: str) -> tuple[str, dict[str, Any]]:
        """Return digest and content of what has a tag, or a digest.

        Raises:
            OSError: It can't be had.
        """
        data = self._get(f"manifests/{reference}")
        manifest: dict[str, Any] = json.loads(data)
        return f"sha256:{hashlib.sha256(data).hexdigest()}", manifest

    def layer(self, manifest: dict[str, Any], media_type: str | None) -> bytes:
        """Return the layer of a media type, the first one where none is named.

        Raises:
            LookupError: It has none.
            OSError: It can't be had.
        """
        layers = [one for one in manifest["layers"] if media_type in {None, one["mediaType"]}]
        if not layers:
            raise LookupError(
                f"failed to find layer with media type '{media_type}' in artifact"
                if media_type
                else "no layers found in artifact"
            )
        return self._get(f"blobs/{layers[0]['digest']}")

    def _get(self, path: str) -> bytes:
        host, _, name = self.url.removeprefix(_SCHEME).partition("/")
        address = f"{'http' if self.insecure else 'https'}://{host}/v2/{name}/{path}"
        request = urllib.request.Request(address, headers={"Accept": _MANIFESTS})  # noqa: S310  http or https
        try:
            with urllib.request.urlopen(request, timeout=self.patience) as answer:  # noqa: S310  the same
                data: bytes = answer.read()
        except urllib.error.HTTPError as reason:
            with reason:
                raise OSError(f"GET {address}: {_told(reason)}") from reason
        except (urllib.error.URLError, HTTPException, ValueError) as reason:
            raise OSError(f"GET {address}: {getattr(reason, 'reason', reason)}") from reason
        return data


def fetch(key: Key, found: Object, artifacts: Artifacts) -> Fetched:
    """Fetch what an OCIRepository points to.

    Raises:
        FailedError: It can't be had.
    """
    spec, status = found["spec"], found.get("status", {})
    selector = spec["layerSelector"]
    registry = Registry.of(spec)
    tag = _tag(registry, spec.get("ref", {}))
    try:
        digest, manifest = registry.manifest(spec.get("ref", {}).get("digest") or tag)
    except OSError as reason:
        text = f"failed to determine artifact digest: {reason}"
        raise FailedError("OCIArtifactPullFailed", text) from reason
    revision = f"{tag}@{digest}" if tag else digest
    artifact = artifacts.current(found)
    if not artifact or artifact["revision"] != revision or status.get("observedLayerSelector") != selector:
        try:
            data = registry.layer(manifest, selector.get("mediaType"))
        except LookupError as reason:
            raise FailedError("OCIArtifactLayerOperationFailed", str(reason.args[0])) from reason
        except OSError as reason:
            text = f"failed to pull artifact from '{spec['url']}': {reason}"
            raise FailedError("OCIArtifactPullFailed", text) from reason
        artifact = artifacts.keep(key, Content(f"{digest}.tar.gz", revision, data))
        artifact |= {"metadata": manifest["annotations"]} if manifest.get("annotations") else {}
    observed = {"observedLayerSelector": selector, "url": artifact["url"]}
    return Fetched(artifact, "Succeeded", f"stored artifact for digest '{revision}'", observed)


def offered(source: Object, chart: str, wanted: str) -> tuple[Registry, str]:
    """Return where a HelmRepository of type oci has a chart, and the version that is wanted of it.

    Raises:
        FailedError: There is none.
    """
    registry = Registry.of(source["spec"], chart)
    try:
        version = newest((tag.replace("_", "+") for tag in registry.tags()), wanted)
    except (OSError, ValueError) as reason:
        raise _invalid(f'could not get tags for "{chart}": {reason}') from reason
    if version is None:
        raise _invalid(f"could not locate a version matching provided version string {wanted}")
    return registry, version


def pulled(registry: Registry, version: str) -> bytes:
    """Return a chart.

    Raises:
        OSError: It can't be had, or is none.
    """
    try:
        return registry.layer(registry.manifest(version.replace("+", "_"))[1], CHART_LAYER)
    except LookupError as reason:
        raise OSError(str(reason.args[0])) from reason


def _tag(registry: Registry, ref: Object) -> str:
    """Return the tag that a ``spec.ref`` means; empty for a digest."""
    if ref.get("digest"):
        return ""
    if not (semver := ref.get("semver")):
        return str(ref.get("tag") or "latest")
    try:
        tag = newest((tag.replace("_", "+") for tag in registry.tags()), semver)
    except (OSError, ValueError) as reason:
        text = f"failed to determine the artifact tag for '{registry.url}': {reason}"
        raise FailedError("ReadOperationFailed", text) from reason
    if tag is None:
        text = f"failed to determine the artifact tag for '{registry.url}': no match found for semver: {semver}"
        raise FailedError("ReadOperationFailed", text)
    return tag.replace("+", "_")


def _invalid(text: str) -> FailedError:
    words = f"invalid chart reference: failed to get chart version for remote reference: {text}"
    return FailedError("InvalidChartReference", words)


def _told(reason: urllib.error.HTTPError) -> str:
    try:
        error = json.loads(reason.read())["errors"][0]
    except (ValueError, LookupError):
        return f"unexpected status code {reason.code} {reason.reason}"
    return f"{error['code']}: {error['message']}"
