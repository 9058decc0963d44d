"""What to do with which object so that a stack owns what runs already, and nothing is uninstalled or restarted.

A plan from plain data: made anew after each step, it says what is left to do, so that a run that was killed between any
two writes is finished by the next.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final, NamedTuple

from fluxapps.model.declare.names import APP_LABEL, STACK_LABEL
from fluxapps.model.live.drift import Live, differences
from fluxapps.model.live.hand_over import SUSPENDED_BY, owner_of, spent_by, values_of
from fluxapps.model.live.health import is_suspended
from fluxapps.model.live.helm_release import Reinstall, helm_id, reinstalls
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.objects import DeclaredObject, ObjectId, Role

BOOTSTRAPPED: Final = "flux-system"
"""What `flux bootstrap` calls its own GitRepository and Kustomization, which are never touched."""

_MADE_HERE: Final = (Role.NAMESPACE, Role.SOURCE, Role.VALUES)
"""What must be there before a release refers to it."""


@unique
class End(StrEnum):
    """What becomes of a Kustomization that applied what is taken."""

    RESUME = "resume"
    """It goes on with the rest; what was taken carries the annotation by which it leaves that alone."""
    REMOVE = "remove"
    """Nothing of its is left: it is deleted, its objects stay."""
    ORPHAN = "orphan"
    """The stack's own, and not declared any more: the next ``up`` deletes it, its objects stay."""
    KEEP = "keep suspended"
    """Its Git would bring back a HelmRelease that made way, or fight over what Flux applies for the stack."""


class OfOtherStack(NamedTuple):
    """An object that another stack has."""

    id: ObjectId
    stack: str
    """The value of its label."""
    app: str
    """"" for what apps share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a cluster holds."""

    label: str
    """Value of the stack's label."""
    live: Mapping[ObjectId, Live]
    """Declared objects that are there, and all that carry the stack's label."""
    releases: Mapping[ObjectId, Live]
    """Every HelmRelease."""
    kustomizations: Mapping[ObjectId, Live]
    """Every Kustomization."""
    applied: Mapping[ObjectId, str] = field(default_factory=dict)
    """The app in whose folder an object of other YAML is."""

    def is_ours(self, live: Live) -> bool:
        """Return whether *live* carries the stack's label."""
        return stack_of(live) == self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """What is to be done, in this order."""

    suspend: tuple[ObjectId, ...] = ()
    """Kustomizations that apply what is taken."""
    spent: tuple[ObjectId, ...] = ()
    """Values of what is taken, which nobody reads afterwards: a Kustomization that has only these left has nothing."""
    create: tuple[DeclaredObject, ...] = ()
    """Namespaces, sources and values that are not there yet."""
    take: tuple[DeclaredObject, ...] = ()
    """Objects that are there, and are made what is declared."""
    replace: tuple[tuple[ObjectId, ObjectId], ...] = ()
    """HelmReleases to be suspended and deleted, each with the declared one that has its Helm release from now on."""
    forget: tuple[ObjectId, ...] = ()
    """Kustomizations that are taken and read another folder from then on: what they applied before is not pruned."""
    stay: tuple[ObjectId, ...] = ()
    """What those applied and the stack doesn't declare: it stays, be it in the new folder or not."""
    end: tuple[tuple[ObjectId, End], ...] = ()
    """What then becomes of suspended Kustomizations."""
    others: tuple[ObjectId, ...] = ()
    """Somebody else's that are declared and not to be taken: they would stand in the way of ``up``."""
    other_stacks: tuple[OfOtherStack, ...] = ()
    """Those that another stack has not let go of."""
    going: tuple[ObjectId, ...] = ()
    """Those that are being deleted."""
    bootstrapped: tuple[ObjectId, ...] = ()
    """`flux bootstrap`'s own objects, which the stack declares under the same name."""
    contested: tuple[ObjectId, ...] = ()
    """What Flux is to apply for the stack, and `flux bootstrap`'s own Kustomization goes on applying."""
    released: tuple[ObjectId, ...] = ()
    """`flux bootstrap`'s own Kustomizations that an operator suspended: they forget what they applied."""
    reinstalls: tuple[tuple[DeclaredObject, Reinstall], ...] = ()
    """What Flux would uninstall and install anew."""

    @property
    def is_done(self) -> bool:
        """Return whether nothing is left to write before ``up``."""
        return not (self.create or self.take or self.replace or self.released)


def takeover(objects: Collection[DeclaredObject], found: Found, apps: Collection[str] | None) -> Takeover:
    """Return what is left to do so that *objects* belong to the stack.

    Args:
        objects: All that is declared, in topological order; what Pulumi delivers of it with our marks. The rest is
            Flux's to apply, and is only made free for that.
        found: What the cluster holds.
        apps: Those to be taken, with what they share; None: all of the stack.
    """
    declared = {one.id: one for one in objects}
    by_flux = {one.id for one in objects if STACK_LABEL not in one.manifest["metadata"].get("labels", {})}
    wanted = _wanted(declared, apps)
    here = [one for one in wanted if one.id in found.live]
    foreign = {
        one: live for one, live in found.live.items() if one in declared.keys() - by_flux and not found.is_ours(live)
    }
    taken = [one for one in here if _is_to_be_taken(one, found.live[one.id], one.id in foreign, one.id in by_flux)]
    folders = {one.id: found.live[one.id] for one in taken if one.role is Role.KUSTOMIZATION}
    replaced = tuple(_replaced(wanted, declared, found))
    # What Flux is to apply from another folder than now.
    moving = {one.id for one in here if one.id in by_flux and _is_old(owner_of(found.live[one.id]), declared, folders)}
    handed = {*(one.id for one in taken), *(old for old, _ in replaced), *moving}
    owners = _owners(handed, found)
    ours = {*handed, *found.live.keys() - foreign.keys()}
    spent = {each for one in handed for each in values_of(_at(one, found))} - declared.keys()
    forget = [one for one, live in folders.items() if any(inventory_of(live)) and _reads_another(declared[one], live)]
    names = {one.app for one in wanted if one.app is not None}
    lent = {one: stack_of(_at(one, found)) for one in {*foreign, *moving, *(old for old, _ in replaced)}}
    kept_by = {
        one: stack for one, stack in lent.items() if stack is not None and (stack != found.label or one in moving)
    }
    at_all = found.kustomizations
    passing = {
        one: some
        for one, live in at_all.items()
        if _is_bootstrapped(one) and (some := _passing(live, declared, moving, apps, found))
    }
    return Takeover(
        suspend=tuple(sorted(one for one in {*owners, *folders} if not is_suspended(found.kustomizations[one]))),
        create=tuple(
            one for one in wanted if one.id not in found.live and one.id not in by_flux and one.role in _MADE_HERE
        ),
        take=tuple(taken),
        replace=replaced,
        spent=tuple(sorted(spent)),
        forget=tuple(forget),
        stay=tuple(sorted({each for one in forget for each in inventory_of(folders[one])} - ours)),
        end=tuple(_Ending(declared.keys(), by_flux, ours | spent, replaced, owners, names, found).ends()),
        others=tuple(sorted(one for one in foreign if one not in handed and one not in kept_by)),
        other_stacks=tuple(
            sorted(OfOtherStack(one, stack, _app_of(_at(one, found)) or "") for one, stack in kept_by.items())
        ),
        going=tuple(sorted(one for one in handed if "deletionTimestamp" in _at(one, found)["metadata"])),
        bootstrapped=tuple(sorted(one for one in handed if _is_bootstrapped(one))),
        contested=tuple(sorted(one for at, some in passing.items() if not is_suspended(at_all[at]) for one in some)),
        released=tuple(sorted(one for one in passing if is_suspended(at_all[one]))),
        reinstalls=tuple(
            (one, field)
            for one in here
            if one.role is Role.RELEASE and one.id in handed
            for field in reinstalls(one.manifest, found.live[one.id])
        ),
    )


def _is_to_be_taken(declared: DeclaredObject, live: Live, foreign: bool, by_flux: bool) -> bool:
    if by_flux:
        # Flux itself takes all but a Kustomization that would prune what its new folder lacks.
        return declared.role is Role.KUSTOMIZATION and _reads_another(declared, live)
    return foreign or (_is_read_first(declared) and bool(differences(declared.manifest, live)))


def _is_old(owner: ObjectId | None, declared: Collection[ObjectId], folders: Collection[ObjectId]) -> bool:
    """Return whether *owner* applies something from a folder that isn't the stack's."""
    return owner is not None and (owner not in declared or owner in folders)


def _wanted(declared: Mapping[ObjectId, DeclaredObject], apps: Collection[str] | None) -> list[DeclaredObject]:
    """Return what is to be taken, in the order declared: objects of *apps*, and the shared ones that come before."""
    if apps is None:
        return list(declared.values())
    names = set(apps)
    wanted = {one.id for one in declared.values() if one.app in names}
    reached = list(wanted)
    while reached:
        for earlier in declared[reached.pop()].after:
            if earlier not in wanted and declared[earlier].app is None:
                wanted.add(earlier)
                reached.append(earlier)
    return [one for one in declared.values() if one.id in wanted]


def _replaced(
    wanted: Iterable[DeclaredObject], declared: Collection[ObjectId], found: Found
) -> Iterator[tuple[ObjectId, ObjectId]]:
    """Yield HelmReleases that aren't declared, each with the one of *wanted* that makes the same Helm release."""
    takers = {helm_id(one.manifest): one.id for one in wanted if one.role is Role.RELEASE}
    for identity, live in sorted(found.releases.items()):
        if identity not in declared and (taker := takers.get(helm_id(live))) is not None:
            yield identity, taker


def _passing(
    root: Live,
    declared: Collection[ObjectId],
    moving: Collection[ObjectId],
    apps: Collection[str] | None,
    found: Found,
) -> set[ObjectId]:
    """Return what `flux bootstrap`'s own Kustomization *root* applied, and would fight over, or prune one day.

    What Pulumi delivers carries the annotation by which Flux leaves it alone.
    """
    others = {one for one, app in found.applied.items() if one not in declared and (apps is None or app in apps)}
    return {one for one in inventory_of(root) if one in moving or one in others}


def _owners(handed: Iterable[ObjectId], found: Found) -> set[ObjectId]:
    """Return the Kustomizations that apply one of *handed*, and are there."""
    owners = {owner for one in handed if (owner := owner_of(_at(one, found))) is not None}
    return {one for one in owners if one in found.kustomizations and not _is_bootstrapped(one)}


class _Ending(NamedTuple):
    """What there is to know of Kustomizations that attach suspends, or has suspended in a run before."""

    declared: Collection[ObjectId]
    by_flux: Collection[ObjectId]
    """What Flux is to apply for the stack."""
    ours: Collection[ObjectId]
    """What belongs to the stack, or to nobody, once all is taken."""
    replaced: Collection[tuple[ObjectId, ObjectId]]
    owners: Collection[ObjectId]
    apps: Collection[str]
    """Whose objects are taken."""
    found: Found

    def ends(self) -> Iterator[tuple[ObjectId, End]]:
        """Yield what becomes of each."""
        renamed = _renamed(self.replaced, self.apps, self.found)
        for identity, live in sorted(self.found.kustomizations.items()):
            mine = self.found.is_ours(live)
            concerned = identity in self.owners or _by(live) == self.found.label
            if mine and identity not in self.declared and (concerned or identity in renamed):
                yield identity, End.ORPHAN
            elif concerned and mine:
                yield identity, End.RESUME
            elif concerned and identity not in self.declared:
                yield identity, self._end(live)
            # One that is declared is taken itself, and goes on as what it is then.

    def _end(self, live: Live) -> End:
        """Return what becomes of *live*, which somebody else has made."""
        gone = {old for old, _ in self.replaced}
        spent = spent_by(live)
        applied = list(inventory_of(live))
        coming_back = [one for one in applied if one in gone or _is_missing_release(one, self.found)]
        others = self.found.applied
        left = [
            one
            for one in applied
            if one not in self.ours and one not in spent and one not in coming_back and one not in others
        ]
        if not left and owner_of(live) is None:
            return End.REMOVE
        return End.KEEP if coming_back or any(one in self.by_flux or one in others for one in applied) else End.RESUME


def _renamed(replaced: Iterable[tuple[ObjectId, ObjectId]], apps: Collection[str], found: Found) -> set[ObjectId]:
    """Return the stack's own Kustomizations whose releases, or whose YAML, go to *apps* of other names."""
    old = {_app_of(found.releases[one]) for one, _ in replaced if found.is_ours(found.releases[one])}
    mine = {one: live for one, live in found.kustomizations.items() if found.is_ours(live)}
    return {
        one
        for one, live in mine.items()
        if _app_of(live) in old or any(found.applied.get(each) in apps for each in inventory_of(live))
    }


def _is_missing_release(identity: ObjectId, found: Found) -> bool:
    return identity.kind == "HelmRelease" and identity not in found.releases


def _reads_another(declared: DeclaredObject, live: Live) -> bool:
    """Return whether the Kustomization *live* reads another folder than it is to."""
    wanted, present = declared.manifest["spec"], live["spec"]
    source = [(one.get("sourceRef", {}).get("kind"), one.get("sourceRef", {}).get("name")) for one in (wanted, present)]
    return wanted.get("path") != present.get("path") or source[0] != source[1]


def _is_read_first(declared: DeclaredObject) -> bool:
    """Return whether Flux must read it as declared before a Kustomization that is taken goes on."""
    return declared.id.kind == "GitRepository" and declared.app is None


def _is_bootstrapped(identity: ObjectId | None) -> bool:
    return (
        identity is not None and identity.kind in {"Kustomization", "GitRepository"} and identity.name == BOOTSTRAPPED
    )


def _by(live: Live) -> str | None:
    found: str | None = live["metadata"].get("annotations", {}).get(SUSPENDED_BY)
    return found


def stack_of(live: Live) -> str | None:
    """Return the label's value of the stack that *live* belongs to, if any."""
    found: str | None = live["metadata"].get("labels", {}).get(STACK_LABEL)
    return found


def _app_of(live: Live) -> str | None:
    app: str | None = live["metadata"].get("labels", {}).get(APP_LABEL)
    return app


def _at(identity: ObjectId, found: Found) -> Live:
    return found.live[identity] if identity in found.live else found.releases[identity]
