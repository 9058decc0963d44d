"""What is declared of a stack, as far as it says what an object needs to get Ready, and what is in the cluster."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fluxapps.model.declare.declaration import Declaration
from fluxapps.model.live.condition import Live
from fluxapps.model.live.health import Health
from fluxapps.model.objects import DeclaredObject, ObjectId, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """What is declared of a stack."""

    granted: Mapping[ObjectId, int]
    """What is waited for, and how many failed tries each is granted."""
    declared: Mapping[ObjectId, DeclaredObject]
    applied_by: Mapping[ObjectId, ObjectId]
    """What Flux makes (``git`` delivery), and the Kustomization that applies it."""
    commits: Mapping[ObjectId, str]
    """GitRepositories that are pinned, and to which commit."""
    outdated: Mapping[ObjectId, str] = field(default_factory=dict)
    """GitRepositories whose branch has moved on since they fetched, and the revision that is not enough."""
    waited_by_pulumi: frozenset[ObjectId] = frozenset()
    """What Pulumi itself waits for before it goes on."""
    releases: Mapping[str, tuple[ObjectId, ...]] = field(default_factory=dict)
    """The HelmReleases of each app."""
    kustomizations: Mapping[str, ObjectId] = field(default_factory=dict)
    """The Kustomization of each app."""

    @classmethod
    def of(cls, declaration: Declaration) -> "Cast":
        """Return what *declaration*, the whole one, says."""
        objects = declaration.objects()
        system = next((one.id for one in declaration.system if one.role is Role.KUSTOMIZATION), None)
        applied_by: dict[ObjectId, ObjectId] = {}
        if declaration.delivery == "git" and system is not None:
            applied_by = _applied_by(declaration, system)
        return cls(
            granted=declaration.granted,
            declared={one.id: one for one in objects},
            applied_by=applied_by,
            commits={
                one.id: one.manifest["spec"]["ref"]["commit"]
                for one in declaration.system
                if one.role is Role.SOURCE and "commit" in one.manifest["spec"].get("ref", {})
            },
            waited_by_pulumi=frozenset(one.id for one in objects if one.wait_ready),
            releases=_by_app(objects, Role.RELEASE),
            kustomizations={app: ids[0] for app, ids in _by_app(objects, Role.KUSTOMIZATION).items()},
        )

    def app_of(self, identity: ObjectId) -> str | None:
        """Return the app that declares *identity*; None for what apps share, and what isn't ours."""
        declared = self.declared.get(identity)
        return declared.app if declared is not None else None

    def label(self, identity: ObjectId) -> str:
        """Return what *identity* is shown as: its app, or its own name where apps share it."""
        return self.app_of(identity) or identity.name


class Inquiry(Protocol):
    """Who judges a stack's objects, as those see it who judge one kind."""

    @property
    def cast(self) -> Cast:
        """Return what is declared."""

    @property
    def scene(self) -> "Scene":
        """Return what is in the cluster."""

    def of(self, identity: ObjectId) -> Health:
        """Return how *identity* stands, with the root of its trouble."""


class Scene:
    """A stack's cluster at one moment, as far as it was looked at."""

    def __init__(self, live: Mapping[ObjectId, Live | None]) -> None:
        self._live = live
        self.unseen: set[ObjectId] = set()
        """What was asked for and hasn't been looked at."""

    def find(self, identity: ObjectId) -> Live | None:
        """Return the object; None where there is none, or nobody has looked yet."""
        if identity not in self._live:
            self.unseen.add(identity)
        return self._live.get(identity)


def _applied_by(declaration: Declaration, system: ObjectId) -> dict[ObjectId, ObjectId]:
    found = {one.id: system for one in declaration.bootstrap}
    for app in declaration.apps:
        own = next((one.id for one in app.objects if one.role is Role.KUSTOMIZATION), None)
        found |= {one.id: system if one.id == own or own is None else own for one in app.objects}
    return found


def _by_app(objects: Iterable[DeclaredObject], role: Role) -> dict[str, tuple[ObjectId, ...]]:
    found: dict[str, tuple[ObjectId, ...]] = {}
    for one in objects:
        if one.role is role and one.app is not None:
            found[one.app] = (*found.get(one.app, ()), one.id)
    return found
