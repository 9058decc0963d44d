"""Finds what Helm releases left behind that count as uninstalled.

Flux takes a release for uninstalled when Helm has no record of it (reconcileUninstall of helm-controller), and Helm
purges its record also where it has waited in vain (Run of its uninstall action): then a HelmRelease goes, and what it
installed may stay.
"""

from collections.abc import Iterable
from typing import Final

from fluxapps.engine.cluster import METADATA_LIST, Cluster, in_parallel
from fluxapps.engine.departure import collections_of, versions_of
from fluxapps.engine.owner import is_being_deleted
from fluxapps.model.live.condition import Live
from fluxapps.model.live.departure import HelmName, helm_name, is_left_by_helm, release_of
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.objects import ObjectId

_MANAGED: Final = "app.kubernetes.io/managed-by=Helm"
"""What Helm labels all that it installs with."""


def remnants(cluster: Cluster, releases: Iterable[Live]) -> dict[HelmName, list[ObjectId]]:
    """Return what is there yet, and not on its way out, of *releases*, by what Helm calls them.

    Args:
        cluster: The live one.
        releases: HelmReleases as they were before they went.

    Raises:
        ClusterError: The cluster can't be read.
    """
    installed: dict[tuple[str, str], dict[ObjectId, HelmName]] = {}
    for release in releases:
        name = helm_name(release)
        for one, api in zip(inventory_of(release), versions_of(release), strict=True):
            installed.setdefault((api, one.kind), {})[one] = name
    places = in_parallel(lambda version: collections_of(cluster, version), sorted({api for api, _ in installed}))
    known = [(kind, place) for found in places for kind, place in found.items() if kind in installed]
    lists = in_parallel(
        lambda one: cluster.get(one[1].replace(" ", "/"), accept=METADATA_LIST, labelSelector=_MANAGED), known
    )
    left: dict[HelmName, list[ObjectId]] = {}
    for (kind, _), some in zip(known, lists, strict=True):
        for item in (some or {}).get("items") or ():
            metadata = item["metadata"]
            group = kind[0].rpartition("/")[0]
            one = ObjectId(group, kind[1], metadata.get("namespace", ""), metadata["name"])
            of = installed[kind].get(one)
            stays = is_being_deleted(metadata) or is_left_by_helm(metadata)
            if of is not None and release_of(metadata).name == of.name and not stays:
                left.setdefault(of, []).append(one)
    return left
