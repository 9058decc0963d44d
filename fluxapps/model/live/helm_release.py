"""Which Helm release a HelmRelease stands for, and what of it Helm can't change in place."""

from typing import Any, NamedTuple

from fluxapps.model.checks.names import helm_name_of
from fluxapps.model.live.drift import Live
from fluxapps.model.objects import ObjectId, object_id
from fluxapps.model.yaml_text import dump_yaml

_UNINSTALLED = "uninstalled"
"""Status of a release that Helm keeps the history of."""


class HelmId(NamedTuple):
    """What Helm knows a release by. Two HelmReleases of one identity fight over one release."""

    name: str
    namespace: str
    """Where it is installed."""
    storage: str
    """The namespace where Helm keeps its history."""
    cluster: str
    """"" for the cluster that the HelmRelease is in; else the ``kubeConfig`` of another."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def helm_id(release: Live) -> HelmId:
    """Return which Helm release *release* makes, a HelmRelease as it is declared or as the cluster has it.

    Flux's defaults count (helm-controller, HelmRelease.GetReleaseName, GetReleaseNamespace, GetStorageNamespace).
    """
    metadata, spec = release["metadata"], release.get("spec") or {}
    own = str(metadata["namespace"])
    cluster = spec.get("kubeConfig")
    return HelmId(
        helm_name_of(spec, metadata["name"]),
        str(spec.get("targetNamespace") or own),
        str(spec.get("storageNamespace") or own),
        dump_yaml(cluster) if cluster else "",
    )


class Reinstall(NamedTuple):
    """A field whose new value makes Flux uninstall the release, and install it anew."""

    field: str
    """``releaseName``."""
    old: str
    new: str


def reinstalls(declared: Live, live: Live) -> tuple[Reinstall, ...]:
    """Return why Flux would uninstall what *live* has installed, were it made what *declared* says; () if it wouldn't.

    Source: helm-controller, action.ReleaseTargetChanged, which compares with the latest release of the history.
    """
    installed = _installed(live)
    if installed is None:
        return ()
    wanted, present = helm_id(declared), helm_id(live)
    fields = (
        ("releaseName", str(installed.get("name") or present.name), wanted.name),
        ("targetNamespace", str(installed.get("namespace") or present.namespace), wanted.namespace),
        ("storageNamespace", str(live["status"].get("storageNamespace") or present.storage), wanted.storage),
    )
    found = [Reinstall(*field) for field in fields if field[1] != field[2]]
    chart, had = _chart_name(declared), str(installed.get("chartName") or "")
    in_place = (declared["spec"].get("upgrade") or {}).get("chartNameChangeStrategy") == "InPlaceUpdate"
    if chart and had and chart != had and not in_place:
        found.append(Reinstall("chart", had, chart))
    return tuple(found)


def latest_release(live: Live) -> dict[str, Any]:
    """Return what helm-controller has written down of the latest version it installed of *live*; {} where nothing."""
    history = live.get("status", {}).get("history") or [{}]
    latest: dict[str, Any] = history[0]
    return latest


def is_installed(live: Live) -> bool:
    """Return whether Helm has a release of *live*, be it a failed one."""
    return _installed(live) is not None


def chart_of(release: Live) -> tuple[str, ...]:
    """Return what tells the chart of *release* from others, its version aside."""
    spec = release["spec"]
    if (reference := spec.get("chartRef")) is not None:
        # Its name holds a digest of url and version.
        return (str(reference["kind"]), str(reference["name"]).rpartition("-")[0])
    return (str(spec["chart"]["spec"]["chart"]),)


def _installed(live: Live) -> dict[str, Any] | None:
    latest = latest_release(live)
    return latest if latest and latest.get("status") != _UNINSTALLED else None


def _chart_name(declared: Live) -> str:
    """Return the name that the chart of *declared* must have in its Chart.yaml; "" where only the chart itself says."""
    chart = (declared["spec"].get("chart") or {}).get("spec") or {}
    return str(chart["chart"]) if (chart.get("sourceRef") or {}).get("kind") == "HelmRepository" else ""


def helm_chart_of(release: Live) -> ObjectId | None:
    """Return the HelmChart that helm-controller made for *release*, which outlives a suspended one."""
    namespace, _, name = str(release.get("status", {}).get("helmChart") or "").partition("/")
    return ObjectId("source.toolkit.fluxcd.io", "HelmChart", namespace, name) if name else None


def by_helm_id(releases: list[Live]) -> dict[HelmId, ObjectId]:
    """Return which HelmRelease makes which Helm release."""
    return {helm_id(one): object_id(dict(one)) for one in releases}
