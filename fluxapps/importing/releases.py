"""HelmReleases in our words: chart, repository, version, values, and whatever else they say as Flux spells it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.metadata import own_metadata, without_nothing
from fluxapps.importing.original import Original
from fluxapps.importing.said import CannotSayError, Values
from fluxapps.importing.sources import SourceSaid
from fluxapps.importing.values import config_map_text, inline_values, values_of_text
from fluxapps.model.checks.names import DNS_LABEL
from fluxapps.model.checks.values import lost_inline
from fluxapps.model.declare.names import HELM, VALUES_SUFFIX, hash8
from fluxapps.model.declare.releases import VALUES_KEY
from fluxapps.model.objects import Manifest, ObjectId
from fluxapps.model.yaml_text import dump_yaml

Sources = Mapping[tuple[str, str, str], SourceSaid]
"""What fleet.yaml says, by kind, namespace and name."""

_IN_GIT: Final = ("GitRepository", "Bucket")
_PATH: Final = re.compile(r"\.(?:/[^/]+)*")


@dataclass(slots=True, eq=False)
class ReleaseSaid:
    """One release."""

    name: str
    namespace: str
    fields: dict[str, Any]
    """Without ``namespace``, ``dependsOn`` and values."""
    values: Values | None
    taken: Built | None
    """The ConfigMap that its values were in, which nobody else names."""
    depends_on: list[Manifest] = field(default_factory=list)
    """As Flux spells it."""
    built: Built | None = None
    moved: bool = False
    """Its values stood inline, and go through a ConfigMap."""

    @property
    def id(self) -> ObjectId:
        """Return its identity."""
        return ObjectId(HELM, "HelmRelease", self.namespace, self.name)


def release_said(
    original: Original,
    one: Built,
    sources: Sources,
    config_maps: Mapping[tuple[str, str], Built],
    *,
    by_pulumi: bool = False,
) -> ReleaseSaid:
    """Return *one*, a HelmRelease, in our words.

    Args:
        original: The repository.
        one: The HelmRelease, in its namespace.
        sources: What fleet.yaml says.
        config_maps: ConfigMaps that the same Kustomization applies and that only one release names, by namespace and
            name.
        by_pulumi: Pulumi will write it, through which some inline values get lost: those move into a ConfigMap.

    Raises:
        CannotSayError: With what can't be said.
    """
    metadata, spec = one.manifest["metadata"], one.manifest.get("spec")
    if not isinstance(spec, dict):
        raise CannotSayError("it has no spec")
    if not one.namespace:
        raise CannotSayError("it says no namespace, and its Kustomization sets none")
    if DNS_LABEL.fullmatch(one.name) is None or DNS_LABEL.fullmatch(one.namespace) is None:
        raise CannotSayError("its name or namespace is none that a release can have")
    said = {key: value for key, value in spec.items() if value is not None}
    depends_on = said.pop("dependsOn", None) or []
    fields: dict[str, Any] = {}
    _chart(one, said, fields, sources)
    values, taken = _values(original, one, said, fields, config_maps)
    moved = by_pulumi and values is not None and fields.get("valuesIn") == "inline" and _moves(values, fields)
    if own := own_metadata(metadata):
        said["metadata"] = own
    if said := without_nothing(said):
        fields["release"] = said
    return ReleaseSaid(one.name, one.namespace, fields, values, taken, depends_on, one, moved)


def _moves(values: Values, fields: dict[str, Any]) -> bool:
    """Move inline *values* into a ConfigMap, in *fields* of ours, where Pulumi would lose part of them."""
    lost = next(lost_inline(values.value), None)
    if lost is None:
        return False
    if "valuesFrom" in fields:
        raise CannotSayError(f"{lost[1]}; in a ConfigMap its values would no longer win over its valuesFrom")
    del fields["valuesIn"]
    return True


def _chart(one: Built, said: dict[str, Any], fields: dict[str, Any], sources: Sources) -> None:
    """Move the chart out of *said*, a spec, into *fields* of ours as far as those have words for it."""
    reference = said.get("chartRef")
    if isinstance(reference, dict):
        source = _source(one, reference, sources)
        if source is not None and source.kind == "OCIRepository" and source.has_reference:
            del said["chartRef"]
            fields |= {"chart": source.last_part, "repository": source.key}
        return
    template = said.get("chart")
    spec = template.get("spec") if isinstance(template, dict) else None
    if not isinstance(template, dict) or not isinstance(spec, dict) or not isinstance(spec.get("chart"), str):
        raise CannotSayError("it says no chart")
    rest = dict(spec)
    reference = rest.get("sourceRef")
    source = _source(one, reference, sources) if isinstance(reference, dict) else None
    chart, version = rest["chart"], rest.get("version")
    fits = source is not None and source.kind != "OCIRepository"
    if source is not None and source.kind in _IN_GIT:
        fits = _PATH.fullmatch(chart) is not None and ".." not in chart.split("/") and version is None
    elif source is not None and source.kind == "HelmRepository" and "/" in chart and not source.is_oci:
        fits = False
    if isinstance(version, str | None) and fits and source is not None:
        fields |= {"chart": chart, "repository": source.key}
        for field_name in ("chart", "sourceRef", "version"):
            rest.pop(field_name, None)
        if version is not None:
            fields["version"] = version
    said["chart"] = {**template, "spec": rest}


def _source(one: Built, reference: Manifest, sources: Sources) -> SourceSaid | None:
    if reference.keys() - {"kind", "name", "namespace"}:
        return None
    namespace = str(reference.get("namespace") or one.namespace)
    return sources.get((str(reference.get("kind")), namespace, str(reference.get("name"))))


def _values(
    original: Original,
    one: Built,
    said: dict[str, Any],
    fields: dict[str, Any],
    config_maps: Mapping[tuple[str, str], Built],
) -> tuple[Values | None, Built | None]:
    """Move the values out of *said*, a spec, into *fields* of ours; return them, and the ConfigMap they were in."""
    references = said.pop("valuesFrom", None) or []
    if said.get("values"):
        values = inline_values(original, one)
        del said["values"]
        fields["valuesIn"] = "inline"
        if references:
            fields["valuesFrom"] = references
        return values, None
    said.pop("values", None)
    if not references:
        return None, None
    first = references[0]
    found = _plain_config_map(one, first, config_maps)
    if found is not None:
        text = config_map_text(found.manifest, VALUES_KEY)
        try:
            values = values_of_text(text or "")
        except CannotSayError:
            pass
        else:
            if not _is_generated_name(one, found, values):
                fields["valuesName"] = found.name
            if references[1:]:
                fields["valuesFrom"] = references[1:]
            return values, found
    fields["valuesFrom"] = references
    return None, None


def _plain_config_map(one: Built, reference: Any, config_maps: Mapping[tuple[str, str], Built]) -> Built | None:
    """Return the ConfigMap of *reference* if it says values and nothing else."""
    if not _is_plain_reference(reference):
        return None
    found = config_maps.get((one.namespace, str(reference.get("name"))))
    if found is None or DNS_LABEL.fullmatch(found.name) is None:
        return None
    beyond = {key for key, value in found.manifest.items() if value is not None} - {
        *("apiVersion", "kind", "metadata", "data", "immutable"),
    }
    metadata = {key for key, value in found.manifest["metadata"].items() if value not in (None, {})}
    if beyond or metadata - {"name", "namespace"}:
        return None
    text = config_map_text(found.manifest, VALUES_KEY)
    of_another_make = found.manifest.get("immutable") and not found.name.endswith(
        f"-{VALUES_SUFFIX}-{hash8(text or '')}"
    )
    return None if text is None or of_another_make else found


def _is_plain_reference(reference: Any) -> bool:
    if not isinstance(reference, dict) or reference.get("kind") != "ConfigMap":
        return False
    return not reference.keys() - {"kind", "name", "valuesKey"} and reference.get("valuesKey", VALUES_KEY) == VALUES_KEY


def _is_generated_name(one: Built, found: Built, values: Values) -> bool:
    """Return whether we would call the ConfigMap as it is called: it is one of ours."""
    if found.manifest.get("immutable") is not True:
        return False
    return found.name == f"{one.name}-{VALUES_SUFFIX}-{hash8(dump_yaml(values.value))}"
