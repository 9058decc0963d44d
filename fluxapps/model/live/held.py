"""Why an object that is being deleted is still there, and what a person can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fluxapps.model.live.condition import Live, ready_condition
from fluxapps.model.live.departure import HelmName, helm_name
from fluxapps.model.objects import ObjectId, object_id

Metadata = Mapping[str, Any]

FINALIZER: Final = "finalizers.fluxcd.io"
"""What Flux's controllers put on their objects, and take away when they have cleaned up."""

SOURCE_CONTROLLER: Final = "source-controller"
CONTROLLERS: Final = {"HelmRelease": "helm-controller", "Kustomization": "kustomize-controller"}
"""Who takes it away; all other kinds of Flux are source-controller's."""

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An object that should be gone."""

    id: ObjectId
    why: str
    """What it waits for, in words that follow its name."""
    moves: bool
    """Whether somebody works on it, so that it is worth waiting for."""
    ways_out: tuple[str, ...] = ()
    """What a person can do: sentences and commands, ``{kubectl}`` and all."""


def controller_of(kind: str) -> str:
    """Return which of Flux's controllers cleans up after objects of *kind*."""
    return CONTROLLERS.get(kind, SOURCE_CONTROLLER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What besides an object itself tells why it is held."""

    helm: Mapping[HelmName, str] | None = None
    """Status of Helm's releases; None where that may not be read."""
    controllers: Mapping[str, bool] = field(default_factory=dict)
    """Whether a controller runs; without those of which it isn't known."""
    kubectl: str = "kubectl"
    """How to call kubectl for this cluster."""


def held(live: Live, around: Surroundings, applied: Mapping[ObjectId, Metadata]) -> Held:
    """Return why *live*, which is being deleted, is still there.

    Args:
        live: The object.
        around: What else there is.
        applied: What a Kustomization applied, as far as it is still there and is to go.
    """
    identity = object_id(dict(live))
    finalizers = live["metadata"].get("finalizers") or []
    if identity.kind == "Namespace":
        return _held_namespace(live, identity)
    controller = controller_of(identity.kind)
    if FINALIZER not in finalizers:
        who = f"the finalizer {', '.join(finalizers)}" if finalizers else "the API server"
        return Held(
            id=identity, why=f"waits for {who}", moves=not finalizers, ways_out=_freed(identity, around.kubectl)
        )
    if around.controllers.get(controller) is False:
        return _unattended(live, around, "does not run")
    if identity.kind == "HelmRelease":
        return _held_release(live, identity, around)
    going = {one: metadata for one, metadata in applied.items() if "deletionTimestamp" in metadata}
    if going:
        return Held(
            id=identity,
            why=f"waits until {_named(going)} is gone, until its own timeout at most",
            moves=True,
            ways_out=tuple(way for one in list(going)[:_SHOWN] for way in _freed(one, around.kubectl)),
        )
    return _unattended(live, around, "has not begun to clean up after it")


def _held_release(live: Live, identity: ObjectId, around: Surroundings) -> Held:
    said = ready_condition(live)
    if said is not None and said.get("reason") == "UninstallFailed":
        reference = _reference(identity)
        hooks = (
            f'{around.kubectl} patch {reference} --type=merge -p \'{{"spec":{{"uninstall":{{"disableHooks":true}}}}}}\''
        )
        return Held(
            id=identity,
            why=f"can't be uninstalled, and Flux tries again: {said.get('message', '')}",
            moves=False,
            ways_out=(f"mend what it says; where a hook fails, have Flux go without: {hooks}",),
        )
    status = (around.helm or {}).get(helm_name(live), "")
    if status == "uninstalling":
        return Held(id=identity, why="is being uninstalled by Helm", moves=True)
    if status.startswith("pending-"):
        return Held(id=identity, why=f"waits for Helm, which is still at it ({status})", moves=True)
    return _unattended(live, around, "has not begun to uninstall it")


def _held_namespace(live: Live, identity: ObjectId) -> Held:
    conditions = live.get("status", {}).get("conditions") or []
    said = [one.get("message", "") for one in conditions if one.get("status") == "True"]
    return Held(id=identity, why=f"is being emptied: {'; '.join(said) or 'no word of what is left in it'}", moves=True)


def _unattended(live: Live, around: Surroundings, why: str) -> Held:
    """Return what to say where nobody is seen to work on an object: it needs its controller, or goes as it is."""
    identity = object_id(dict(live))
    controller = controller_of(identity.kind)
    ways = [f"start {controller}, and it goes on by itself", *_freed(identity, around.kubectl)]
    if identity.kind == "HelmRelease":
        name = helm_name(live)
        ways.append(f"then helm uninstall {name.name} -n {name.namespace}")
    if around.controllers.get(controller):
        # Helm's own record changes after the hooks that come before an uninstallation, which take their time.
        ways[0] = f"see what {controller} logs"
        return Held(
            id=identity,
            why=f"waits for {controller}, which may be busy, or at a hook",
            moves=True,
            ways_out=tuple(ways),
        )
    return Held(id=identity, why=f"{controller} {why}", moves=False, ways_out=tuple(ways))


def _freed(identity: ObjectId, kubectl: str) -> tuple[str, ...]:
    patch = '{"metadata":{"finalizers":null}}'
    return (f"or let it go without cleaning up: {kubectl} patch {_reference(identity)} --type=merge -p '{patch}'",)


def _named(objects: Mapping[ObjectId, Metadata]) -> str:
    names = [f"{one} ({', '.join(objects[one].get('finalizers') or ['no finalizer'])})" for one in list(objects)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _reference(identity: ObjectId) -> str:
    kind = f"{identity.kind.lower()}.{identity.group}".rstrip(".")
    return f"{kind} {identity.name}" + (f" -n {identity.namespace}" if identity.namespace else "")
