"""Charts come from an OCI registry too, and Helm sees of them what source-controller tells."""

import hashlib
import re

import pytest

from fluxapps.devcluster import Cluster
from tests.engine.objects import Object, Objects, is_failing, is_ready, ready, source

pytestmark = pytest.mark.engine

LAYER = {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy"}


def oci_repository(name: str, url: str, ref: Object) -> Object:
    return source("OCIRepository", name, url=url, insecure=True, ref=ref, layerSelector=LAYER)


def test_a_release_of_a_chart_in_an_oci_repository(flux_cluster: Cluster, flux_objects: Objects) -> None:
    chart = oci_repository("strict", f"{flux_cluster.registry_url}/strict-values", {"tag": "1.0.0"})
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "strict", "namespace": "flux-system"},
        "spec": {"interval": "1h", "timeout": "1m", "chartRef": {"kind": "OCIRepository", "name": "strict"}},
    }
    flux_objects.apply(chart)
    flux_objects.apply(release)
    found = flux_objects.until(chart, is_ready)
    artifact = found["status"]["artifact"]
    tag, _, digest = artifact["revision"].partition("@")
    assert tag == "1.0.0"
    assert re.fullmatch("sha256:[0-9a-f]{64}", digest)
    assert artifact["metadata"]["org.opencontainers.image.version"] == "1.0.0"
    assert ready(found)["message"] == f"stored artifact for digest '{artifact['revision']}'"
    installed = flux_objects.until(release, is_ready)["status"]["history"][0]
    assert installed["ociDigest"] == digest
    assert installed["chartVersion"] == f"1.0.0+{digest.removeprefix('sha256:')[:12]}"

    for ref, told in (
        ({"semver": "1.x"}, artifact["revision"]),
        ({"digest": digest}, digest),
    ):
        chart["spec"]["ref"] = ref
        flux_objects.apply(chart)
        found = flux_objects.until(chart, is_ready)
        assert found["status"]["artifact"]["revision"] == told
        assert found["status"]["artifact"]["digest"] == artifact["digest"]
    for ref, reason, told in (
        ({"tag": "9.9.9"}, "OCIArtifactPullFailed", "MANIFEST_UNKNOWN"),
        ({"semver": "9.x"}, "ReadOperationFailed", "no match found for semver: 9.x"),
        ({"digest": f"sha256:{hashlib.sha256(b'').hexdigest()}"}, "OCIArtifactPullFailed", "MANIFEST_UNKNOWN"),
    ):
        chart["spec"]["ref"] = ref
        flux_objects.apply(chart)
        found = flux_objects.until(chart, is_failing)
        assert (ready(found)["reason"], found["status"]["artifact"]["digest"]) == (reason, artifact["digest"])
        assert told in ready(found)["message"]
    flux_objects.delete(release)
    flux_objects.delete(chart)


def test_a_chart_of_a_helm_repository_of_type_oci(flux_cluster: Cluster, flux_objects: Objects) -> None:
    charts = source("HelmRepository", "registry", url=flux_cluster.registry_url, type="oci", insecure=True)
    origin = {"kind": "HelmRepository", "name": "registry"}
    chart = source("HelmChart", "from-registry", chart="strict-values", version="1.x", sourceRef=origin)
    flux_objects.apply(charts)
    flux_objects.apply(chart)
    found = flux_objects.until(chart, is_ready)
    assert found["status"]["artifact"]["revision"] == "1.0.0"
    assert ready(found)["message"] == "pulled 'strict-values' chart with version '1.0.0'"
    for change, told in (
        ({"version": "9.x"}, "could not locate a version matching provided version string 9.x"),
        ({"chart": "nothing"}, 'could not get tags for "nothing"'),
    ):
        chart["spec"] |= change
        flux_objects.apply(chart)
        found = flux_objects.until(chart, is_failing)
        assert told in ready(found)["message"]
        assert ready(found)["reason"] == "InvalidChartReference"
    flux_objects.delete(chart)
    flux_objects.delete(charts)
