"""Says what is left of a stack once pulumi has ended: why, and how to clear it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from fluxapps.cli.deletion_watch import named
from fluxapps.engine.departure import Found
from fluxapps.model.declare.names import STACK_LABEL
from fluxapps.model.live.condition import Live
from fluxapps.model.live.departure import HelmName, helm_name, listed
from fluxapps.model.live.health import is_suspended
from fluxapps.model.live.held import Held
from fluxapps.model.live.helm_release import helm_chart_of
from fluxapps.model.objects import ObjectId

_REASONS = 5
"""So many reasons are told in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What there was of a stack."""

    kept: frozenset[ObjectId] = frozenset()
    """What its state held."""
    releases: dict[HelmName, Live] = field(default_factory=dict)
    """Its releases, by what Helm calls them; as the cluster had their HelmReleases, or else as they were declared."""
    claims: frozenset[ObjectId] = frozenset()
    """Volume claims that belong to it."""
    namespaces: frozenset[str] = frozenset()
    """Its Namespaces, those among them that Flux made."""


def is_labelled(live: Live) -> bool:
    """Return whether *live* carries a stack's label: Pulumi made it."""
    return STACK_LABEL in live["metadata"].get("labels", {})


def tell_held(held: Iterable[Held], say: Callable[[str], None], again: str) -> None:
    """Say what is still being deleted, why, and how to clear it; *again* is the command that goes on then."""
    reasons: dict[str, list[Held]] = {}
    for one in held:
        reasons.setdefault(one.why, []).append(one)
    for why, some in list(reasons.items())[:_REASONS]:
        say(f"remains: {named(some)} {why}")
        for way in some[0].ways_out:
            say(f"    {way}")
        if len(some) > 1 and some[0].ways_out:
            say("    and the same for the others")
    if len(reasons) > _REASONS:
        say(f"remains: {len(reasons) - _REASONS} more, for other reasons")
    if reasons:
        say(f"then run this again, it goes on where it ended: {again}")


def tell_left(found: Found, before: Before, told: Collection[ObjectId], say: Callable[[str], None], up: str) -> bool:
    """Say what else is there: objects that nobody deletes, Helm releases that run on, and what stays as it should.

    Args:
        found: What there is now.
        before: What there was.
        told: Objects that were told of already.
        say: Gets each line.
        up: The command that deploys the stack.

    Returns:
        Whether anything is there that should be gone.
    """
    objects = {one: live for one, live in found.objects.items() if one.kind != "Namespace" and one not in told}
    lost = sorted(one for one, live in objects.items() if one not in before.kept and is_labelled(live))
    if lost:
        say(f"remains: {listed([str(one) for one in lost])}: not in the state (a killed run made it)")
        say(f"    take it in, then destroy again: {up}")
        kinds = ",".join(sorted({f"{one.kind.lower()}.{one.group}".rstrip(".") for one in lost}))
        say(f"    or, where no file declares it any more: {found.kubectl} delete {kinds} -A -l {found.selector}")
    waiting = sorted(objects.keys() - set(lost))
    if waiting:
        say(f"remains: {listed([str(one) for one in waiting])}: not reached")
    _tell_running(found, before, say)
    staying = sorted(one.name for one in found.objects if one.kind == "Namespace")
    if staying:
        say(f"stays: namespace {listed(staying)}; to end it: {found.kubectl} delete namespace -l {found.selector}")
    applied = sorted((before.namespaces & found.namespaces).difference(staying))
    if applied:
        say(f"stays: namespace {listed(applied)}; to end it: {found.kubectl} delete namespace {' '.join(applied)}")
    staying += applied
    claims = [one for one in sorted(found.claims) if one in before.claims or one.namespace in staying]
    if claims:
        say(f"stays: volume claim {listed([f'{one.namespace}/{one.name}' for one in claims])}")
    return bool(lost or waiting)


def tell_remnants(left: Mapping[HelmName, list[ObjectId]], kubectl: str, say: Callable[[str], None]) -> bool:
    """Say what Helm releases left that count as uninstalled, and return whether there is any."""
    for name, some in sorted(left.items()):
        say(f"remains: {listed([str(one) for one in some])}: of Helm release {name}, which counts as uninstalled")
        for one in some[:_REASONS]:
            kind = f"{one.kind.lower()}.{one.group}".rstrip(".")
            place = f" -n {one.namespace}" if one.namespace else ""
            say(f"    delete it: {kubectl} delete {kind} {one.name}{place}")
    return bool(left)


def _tell_running(found: Found, before: Before, say: Callable[[str], None]) -> None:
    there = {helm_name(live) for one, live in found.objects.items() if one.kind == "HelmRelease"}
    for name in sorted((before.releases.keys() & (found.helm or {}).keys()) - there):
        chart = helm_chart_of(before.releases[name]) if is_suspended(before.releases[name]) else None
        also = f", {found.kubectl} delete helmchart {chart.name} -n {chart.namespace}" if chart else ""
        say(f"runs on: Helm release {name}; to end it: helm uninstall {name.name} -n {name.namespace}{also}")
    if found.helm is None:
        say("whether Helm has uninstalled everything can't be told: you may not list Secrets")
