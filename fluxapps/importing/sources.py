"""Sources of charts and Namespaces in fleet.yaml's words."""

from dataclasses import dataclass
from typing import Any

from fluxapps.importing.applied import SOURCES
from fluxapps.importing.kustomize.built import Built
from fluxapps.importing.metadata import own_metadata
from fluxapps.importing.said import CannotSayError
from fluxapps.model.checks.names import DNS_LABEL


@dataclass(frozen=True, slots=True)
class SourceSaid:
    """A source that fleet.yaml names."""

    key: str
    kind: str
    spec: dict[str, Any]
    fields: Any
    """What fleet.yaml says: a URL, or a map."""

    @property
    def has_reference(self) -> bool:
        """Return whether it is one literal chart, not a template of many."""
        return "ref" in self.spec

    @property
    def is_oci(self) -> bool:
        """Return whether it is a HelmRepository of type oci."""
        return self.spec.get("type") == "oci"

    @property
    def last_part(self) -> str:
        """Return the last part of its URL: the chart's name, of an OCIRepository."""
        return str(self.spec.get("url") or "").rstrip("/").rpartition("/")[2]


def source_said(one: Built, key: str, flux_namespace: str) -> SourceSaid:
    """Return *one*, a source, as fleet.yaml says it under *key*.

    Raises:
        CannotSayError: With what can't be said.
    """
    spec = one.manifest.get("spec")
    if one.kind not in SOURCES or not isinstance(spec, dict):
        raise CannotSayError("it has no spec")
    if DNS_LABEL.fullmatch(key) is None or DNS_LABEL.fullmatch(one.name) is None:
        raise CannotSayError("its name is none that fleet.yaml takes")
    if not one.namespace or DNS_LABEL.fullmatch(one.namespace) is None:
        raise CannotSayError("its namespace is missing, or none that fleet.yaml takes")
    if one.kind == "OCIRepository" and not spec.get("ref"):
        raise CannotSayError("an OCIRepository without ref is a template to fleet.yaml")
    if "kind" in spec or "namespace" in spec or "metadata" in spec or not isinstance(spec.get("url", ""), str):
        raise CannotSayError("its spec has a field that fleet.yaml takes for its own")
    said = {name: value for name, value in spec.items() if value is not None}
    fields: dict[str, Any] = {}
    if one.kind != "HelmRepository":
        fields["kind"] = one.kind
    if one.namespace != flux_namespace:
        fields["namespace"] = one.namespace
    metadata = own_metadata(one.manifest["metadata"])
    if key != one.name:
        metadata = {"name": one.name, **metadata}
    fields |= said
    if metadata:
        fields["metadata"] = metadata
    return SourceSaid(key, one.kind, said, fields)


def short(fields: dict[str, Any]) -> Any:
    """Return *fields* of a source as its URL alone where that says the same."""
    url = fields.get("url")
    if not isinstance(url, str):
        return fields
    wanted = {"url": url, "type": "oci"} if url.startswith("oci://") else {"url": url}
    return url if fields == wanted else fields


def namespace_said(one: Built, *, foreign: bool) -> dict[str, Any]:
    """Return *one*, a Namespace, as fleet.yaml says it; *foreign* is one that we never declare.

    Raises:
        CannotSayError: With what can't be said.
    """
    if DNS_LABEL.fullmatch(one.name) is None:
        raise CannotSayError("its name is none that fleet.yaml takes")
    if foreign:
        raise CannotSayError("it is one that is never declared")
    if one.manifest.get("spec"):
        raise CannotSayError("it has a spec")
    found = own_metadata(one.manifest["metadata"])
    for part in found.values():
        if not all(isinstance(value, str) for value in part.values()):
            raise CannotSayError("its labels or annotations are no strings")
    return found
