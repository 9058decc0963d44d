"""What ``fleet.yaml`` may say: what the apps of a repository share."""

from typing import Literal

from pydantic import ConfigDict

from fluxapps.model.app import Defaults
from fluxapps.model.strict import DnsLabel, Fields, Strict


class RepositoryFields(Strict):
    """A source of charts; every other field of its spec as Flux spells it."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["HelmRepository", "OCIRepository", "GitRepository", "Bucket"] | None = None
    """Kind of the source. Default: HelmRepository."""
    url: str | None = None
    """Where it is."""
    namespace: DnsLabel | None = None
    """Namespace of the source. Default: Flux's."""
    metadata: Fields | None = None
    """The object's own ``labels`` and ``annotations``, and its ``name`` where that isn't the repository's."""


class NamespaceFields(Strict):
    """A Namespace."""

    labels: dict[str, str | None] | None = None
    """Its labels."""
    annotations: dict[str, str | None] | None = None
    """Its annotations."""
    external: bool | None = None
    """``true``: somebody else's, never declared."""
    delete: bool | None = None
    """``true``: removed with the last app in it, data and all. Default: it stays."""


class FleetFields(Strict):
    """The file ``fleet.yaml``, once per repository."""

    repositories: dict[DnsLabel, str | RepositoryFields | None] | None = None
    """Sources of charts by name: a URL (``https:`` a HelmRepository, ``oci:`` one of type oci), or a map."""
    namespaces: dict[DnsLabel, NamespaceFields | None] | None = None
    """What namespaces have beside their name."""
    defaults: Defaults | None = None
    """What apps have in common."""
