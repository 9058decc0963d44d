"""What goes when objects of a stack are removed, and what stays although they are: judged from what the cluster has.

Rules that are Flux's: a suspended HelmRelease is removed without uninstalling, a suspended Kustomization without
pruning (reconcileDelete and finalize of the two controllers); and of a HelmRelease whose status has no history,
nothing is uninstalled either, although Helm may have installed it: helm-controller writes the history a moment after
that (ErrNoLatest of its reconcileUninstall). Helm's: it leaves what is annotated ``helm.sh/resource-policy``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fluxapps.model.declare.claims import KIND as CLAIM
from fluxapps.model.declare.claims import leaves_objects
from fluxapps.model.declare.names import KUSTOMIZE, PRUNE_DISABLED, SSA_IGNORE
from fluxapps.model.live.condition import Live
from fluxapps.model.live.health import is_suspended
from fluxapps.model.live.helm_release import helm_id, latest_release
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.objects import ObjectId

Metadata = Mapping[str, Any]

_KEEP: Final = "helm.sh/resource-policy"
_RELEASE: Final = ("meta.helm.sh/release-namespace", "meta.helm.sh/release-name")
_LEFT: Final = {**PRUNE_DISABLED, **SSA_IGNORE, f"{KUSTOMIZE}/reconcile": "disabled"}
"""Marks of an object that a Kustomization doesn't prune (deleteObjects of kustomize-controller)."""


class HelmName(NamedTuple):
    """What Helm calls a release: the namespace it keeps its history in, and its name there."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A PersistentVolumeClaim, and what becomes of it."""

    id: ObjectId
    goes: str
    """Why it goes, in words that follow its name; "" where it stays."""

    @property
    def place(self) -> str:
        """Return ``namespace/name``."""
        return f"{self.id.namespace}/{self.id.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """What a removal takes, and leaves."""

    uninstalled: tuple[ObjectId, ...]
    """HelmReleases that Flux has Helm uninstall."""
    left_running: tuple[ObjectId, ...]
    """Suspended HelmReleases: their objects go, what they installed stays."""
    left_unrecorded: tuple[ObjectId, ...]
    """HelmReleases that helm-controller has no record of, while Helm has: what they installed stays too."""
    left_applied: tuple[ObjectId, ...]
    """Kustomizations whose objects stay, because they are suspended or told so, and that have any."""
    namespaces: tuple[str, ...]
    """Namespaces of ours that stay."""
    namespaces_going: tuple[str, ...]
    claims: tuple[Claim, ...]
    """Of the namespaces concerned, and those that Kustomizations applied."""

    @property
    def claims_staying(self) -> tuple[Claim, ...]:
        """Return the claims that stay."""
        return tuple(one for one in self.claims if not one.goes)

    @property
    def claims_going(self) -> tuple[Claim, ...]:
        """Return the claims that go, and their data with them."""
        return tuple(one for one in self.claims if one.goes)


def departure(
    going: Mapping[ObjectId, Live],
    claims: Mapping[ObjectId, Metadata],
    namespaces: Iterable[str],
    namespaces_going: Collection[str] = (),
    installed: Collection[HelmName] = (),
) -> Departure:
    """Return what the removal of *going* means.

    Args:
        going: HelmReleases and Kustomizations that are removed, and others, which don't matter here.
        claims: All claims there are, or at least those of *namespaces* and those that *going* applied.
        namespaces: Those of the stack that objects of *going* are in; they stay unless they are in the next.
        namespaces_going: Namespaces that are removed with all that is in them.
        installed: The releases that Helm has, as far as they are known.
    """
    releases = {one: live for one, live in going.items() if one.kind == "HelmRelease"}
    folders = {one: live for one, live in going.items() if one.kind == "Kustomization" and one.group == KUSTOMIZE}
    active = sorted(one for one, live in releases.items() if not is_suspended(live))
    unrecorded = {one for one in active if not latest_release(going[one]) and helm_name(going[one]) in installed}
    uninstalled = tuple(one for one in active if one not in unrecorded)
    mine = sorted({*namespaces})
    return Departure(
        uninstalled=uninstalled,
        left_running=tuple(sorted(one for one, live in releases.items() if is_suspended(live))),
        left_unrecorded=tuple(sorted(unrecorded)),
        left_applied=tuple(
            sorted(
                one for one, live in folders.items() if leaves_objects(live.get("spec", {})) and any(inventory_of(live))
            )
        ),
        namespaces=tuple(one for one in mine if one not in namespaces_going),
        namespaces_going=tuple(one for one in mine if one in namespaces_going),
        claims=tuple(
            _claims(claims, mine, namespaces_going, {helm_name(releases[one]) for one in uninstalled}, folders)
        ),
    )


def sentences(departing: Departure, *, shown: int = 8) -> list[str]:
    """Return what *departing* means, a clause a kind of thing: first what goes, then what stays.

    Args:
        departing: What is removed.
        shown: So many names a clause; the others are counted.
    """
    lost = [f"{one.place} ({one.goes})" for one in departing.claims_going]
    clauses = (
        ("uninstalls", "", [_place(one) for one in departing.uninstalled]),
        ("deletes with their data the volume claims", "deletes with its data the volume claim", lost),
        ("deletes the namespaces", "deletes the namespace", departing.namespaces_going),
        ("leaves running, because suspended,", "", [_place(one) for one in departing.left_running]),
        (
            "leaves running, because helm-controller has not written down yet that it installed them,",
            "leaves running, because helm-controller has not written down yet that it installed it,",
            [_place(one) for one in departing.left_unrecorded],
        ),
        ("leaves what was applied by", "", [str(one) for one in departing.left_applied]),
        ("keeps the namespaces", "keeps the namespace", departing.namespaces),
        (
            "keeps the volume claims",
            "keeps the volume claim",
            [one.place for one in departing.claims_staying],
        ),
    )
    return [
        f"{one if one and len(names) == 1 else many} {listed(names, shown)}" for many, one, names in clauses if names
    ]


def listed(names: Collection[str], shown: int = 8) -> str:
    """Return *names* in a row, those beyond *shown* counted."""
    some = list(names)
    more = f" and {len(some) - shown} more" if len(some) > shown else ""
    return ", ".join(some[:shown]) + more


def _place(identity: ObjectId) -> str:
    return f"{identity.namespace}/{identity.name}"


def _claims(
    claims: Mapping[ObjectId, Metadata],
    namespaces: Collection[str],
    namespaces_going: Collection[str],
    uninstalled: Collection[HelmName],
    folders: Mapping[ObjectId, Live],
) -> Iterator[Claim]:
    applied = {
        one: leaves_objects(live.get("spec", {}))
        for live in folders.values()
        for one in inventory_of(live)
        if one.kind == CLAIM
    }
    for identity in sorted(claims):
        metadata = claims[identity]
        if identity.namespace not in namespaces and identity not in applied:
            continue
        goes = ""
        if identity.namespace in namespaces_going:
            goes = "with its namespace"
        elif applied.get(identity) is False and not outlasts_pruning(metadata):
            goes = "Flux prunes it"
        elif release_of(metadata) in uninstalled and not is_left_by_helm(metadata):
            goes = "its chart has it, so Helm uninstalls it"
        yield Claim(id=identity, goes=goes)


def helm_name(release: Live) -> HelmName:
    """Return what Helm calls the release of the HelmRelease *release*: by its status, before one by its spec."""
    status = release.get("status", {})
    meant = helm_id(release)
    name = latest_release(release).get("name")
    return HelmName(status.get("storageNamespace") or meant.storage, name or meant.name)


def is_left_by_helm(metadata: Metadata) -> bool:
    """Return whether Helm leaves an object of this *metadata* when it uninstalls."""
    return bool(metadata.get("annotations", {}).get(_KEEP) == "keep")


def release_of(metadata: Metadata) -> HelmName:
    """Return the Helm release that has installed an object of this *metadata*; of no name where none has.

    Its namespace is the one that it was installed to, which may not be where Helm keeps its history.
    """
    annotations = metadata.get("annotations", {})
    namespace, name = (annotations.get(key, "") for key in _RELEASE)
    return HelmName(namespace, name)


def outlasts_pruning(metadata: Metadata) -> bool:
    """Return whether an object of this *metadata* carries a mark by which no Kustomization prunes it."""
    said = [metadata.get(part, {}) for part in ("annotations", "labels")]
    return any(one.get(key, "").lower() == value.lower() for one in said for key, value in _LEFT.items())
