"""HelmReleases, their values ConfigMaps, and the OCIRepositories made from templates."""

import re
from typing import Any, NamedTuple

from fluxapps.model.declare.manifests import manifest, pruned, with_metadata
from fluxapps.model.declare.names import HELM, HELM_RELEASE_API, SOURCE, SOURCE_API, VALUES_SUFFIX, WATCH_LABEL, hash8
from fluxapps.model.durations import seconds
from fluxapps.model.layers import merge_fields
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.resolved import App, Fleet, Release, Repository
from fluxapps.model.yaml_text import dump_yaml

VALUES_KEY = "values.yaml"
HELM_TIMEOUT = 300.0
"""Seconds Flux gives a Helm action unless told."""
GRACE = 120
"""Seconds that a deletion may take beyond Flux's own timeout, until its object is gone."""

_EXACT_VERSION = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?")
_RANGE = re.compile(r"\s*(v?[0-9]|[xX*](?![A-Za-z])|[\^~<>=!])")
"""How ranges of versions begin (Masterminds/semver); anything else is a tag: ``latest``."""
_CHART_LAYER = {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy"}


class ReleaseObjects(NamedTuple):
    """The objects of one release."""

    source: DeclaredObject | None
    """An OCIRepository of its own."""
    values: DeclaredObject | None
    """Its values ConfigMap."""
    release: DeclaredObject
    """The HelmRelease."""


def release_id(release: Release) -> ObjectId:
    """Return the identity of *release*'s HelmRelease."""
    return ObjectId(HELM, "HelmRelease", release.namespace, release.name)


def release_objects(fleet: Fleet, app: App, release: Release, before: tuple[ObjectId, ...]) -> ReleaseObjects:
    """Return the objects of *release*; *before* are objects its HelmRelease waits for beside its own."""
    repository = fleet.repositories.get(release.repository or "")
    source = _oci_repository(release, repository) if repository is not None and repository.is_template else None
    values = _values_config_map(release)
    after = list(before)
    if source is not None:
        after.append(source.id)
    elif repository is not None:
        after.append(ObjectId(SOURCE, repository.kind, repository.namespace, repository.object_name))
    if values is not None:
        after.append(values.id)
    made = manifest(
        HELM_RELEASE_API,
        "HelmRelease",
        release.name,
        release.namespace,
        spec=_spec(fleet, app, release, source, values),
    )
    return ReleaseObjects(
        source,
        values,
        DeclaredObject(
            manifest=with_metadata(made, release.spec.get("metadata") or {}),
            role=Role.RELEASE,
            logical_name=f"{release.namespace}/{release.name}",
            app=app.name,
            after=tuple(after),
            # An action that goes on, and that of the uninstallation.
            gone_within=2 * int(release_timeout(release)) + GRACE,
        ),
    )


def _spec(
    fleet: Fleet, app: App, release: Release, source: DeclaredObject | None, values: DeclaredObject | None
) -> dict[str, Any]:
    """Return the HelmRelease's spec: what we generate, with the files' ``release`` laid over it."""
    spec: dict[str, Any] = _chart(fleet, release, source)
    if "releaseName" in release.generated:
        spec["releaseName"] = release.name
    if depends_on := _depends_on(fleet, app, release):
        spec["dependsOn"] = depends_on
    ours = [] if values is None else [_values_reference(values)]
    if references := [*ours, *release.values_from]:
        spec["valuesFrom"] = references
    said = {key: value for key, value in release.spec.items() if key != "metadata"}
    merged = merge_fields(spec, said)
    merged = pruned(merged) or {}
    if release.values_in == "inline" and release.values:
        merged["values"] = release.values
    return merged


def _chart(fleet: Fleet, release: Release, source: DeclaredObject | None) -> dict[str, Any]:
    """Return ``chartRef`` for a chart in an OCIRepository, ``chart`` for any other."""
    if source is not None:
        return {"chartRef": {"kind": "OCIRepository", "name": source.id.name, "namespace": source.id.namespace}}
    repository = fleet.repositories.get(release.repository or "")
    if repository is not None and repository.kind == "OCIRepository":
        reference = {"kind": "OCIRepository", "name": repository.object_name, "namespace": repository.namespace}
        return {"chartRef": reference}
    # Without a chart of ours, the files say all of it under `release`.
    chart: dict[str, Any] = {"chart": release.chart} if release.chart is not None else {}
    if release.version is not None:
        chart["version"] = release.version
    if repository is not None:
        reference = {"kind": repository.kind, "name": repository.object_name, "namespace": repository.namespace}
        chart["sourceRef"] = reference
        if repository.kind in ("GitRepository", "Bucket") and fleet.preset:
            # Otherwise a commit that leaves Chart.yaml's version alone is not deployed.
            chart["reconcileStrategy"] = "Revision"
    return {"chart": {"spec": chart}} if chart else {}


def _depends_on(fleet: Fleet, app: App, release: Release) -> list[dict[str, str]]:
    """Return the HelmReleases that it depends on: in git delivery only those of its own app, else the KS carry it."""
    names = [*app.depends_on, *(release.depends_on if release.key is not None else ())]
    found: dict[ObjectId, None] = {}
    for name in names:
        for other in releases_called(fleet, name):
            if other is not release and (fleet.delivery == "apply" or other.app == app.name):
                found[release_id(other)] = None
    return [{"name": one.name, "namespace": one.namespace} for one in found]


def releases_called(fleet: Fleet, dependency: str) -> tuple[Release, ...]:
    """Return the releases that an entry of ``dependsOn`` means: an app's, or one as ``<app>/<release>``."""
    app_name, _, release_name = dependency.partition("/")
    app = fleet.app_named(app_name)
    if app is None:
        return ()
    return tuple(release for release in app.releases if not release_name or release.name == release_name)


def _values_reference(values: DeclaredObject) -> dict[str, Any]:
    return {"kind": "ConfigMap", "name": values.id.name, "valuesKey": VALUES_KEY}


def release_timeout(release: Release) -> float:
    """Return the longest timeout of one of Helm's actions, in seconds."""
    actions = [release.spec.get(action) for action in ("install", "upgrade", "rollback", "uninstall", "test")]
    said = [release.spec.get("timeout"), *(action.get("timeout") for action in actions if isinstance(action, dict))]
    known = [length for one in said if (length := seconds(one)) is not None]
    if "timeout" not in release.spec:
        known.append(HELM_TIMEOUT)
    return max(known, default=HELM_TIMEOUT)


def values_text(release: Release) -> str | None:
    """Return the text of *release*'s values as it travels in a ConfigMap; None without values."""
    return dump_yaml(release.values) if release.values else None


def _values_config_map(release: Release) -> DeclaredObject | None:
    text = values_text(release) if release.values_in == "configMap" else None
    if text is None:
        return None
    data = {VALUES_KEY: text}
    stable = f"{release.name}-{VALUES_SUFFIX}"
    if release.values_name is not None:
        stable = release.values_name
        watched = WATCH_LABEL if release.watch_values else None
        made = manifest("v1", "ConfigMap", stable, release.namespace, labels=watched, data=data)
    else:
        # A new name for a new content: chart version and values switch in one write of the HelmRelease.
        name = f"{stable}-{hash8(text)}"
        made = manifest("v1", "ConfigMap", name, release.namespace, immutable=True, data=data)
    return DeclaredObject(
        manifest=made, role=Role.VALUES, logical_name=f"{release.namespace}/{stable}", app=release.app, after=()
    )


def _oci_repository(release: Release, template: Repository) -> DeclaredObject:
    """Return the OCIRepository of one chart and version: source-controller wants one object for each."""
    url = f"{template.url.rstrip('/')}/{release.chart}"
    reference = _oci_reference(release.version)
    name = f"{release.name}-{hash8(dump_yaml({'url': url, 'ref': reference}))}"
    spec = merge_fields({"layerSelector": _CHART_LAYER, "ref": reference}, template.spec) | {"url": url}
    made = manifest(SOURCE_API, "OCIRepository", name, release.namespace, spec=pruned(spec))
    return DeclaredObject(
        manifest=with_metadata(made, template.metadata),
        role=Role.SOURCE,
        logical_name=f"{release.namespace}/{release.name}",
        app=release.app,
    )


def _oci_reference(version: str | None) -> dict[str, str]:
    """Return an OCIRepository's ``ref`` for a chart's *version*; tags can't hold a plus, Helm writes _ for it."""
    if version is None:
        return {"semver": "*"}
    if version.startswith("sha256:"):
        return {"digest": version}
    if _RANGE.match(version) and not _EXACT_VERSION.fullmatch(version):
        return {"semver": version}
    return {"tag": version.replace("+", "_")}
