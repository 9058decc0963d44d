"""Finds what somebody changed or deleted by hand of what Pulumi delivered: Pulumi restores it once it looks.

Pulumi compares files with its state, not with the cluster: without a refresh it takes what it once wrote for being
there. A refresh reads every object, so that it is asked for only where a few lists of the cluster show reason to.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from fluxapps.cli.failure import CommandError
from fluxapps.cli.kept import Kept, kept
from fluxapps.cli.live_stack import as_given
from fluxapps.cli.pulumi_process import Pulumi
from fluxapps.cli.screen import harmless
from fluxapps.cli.state import State
from fluxapps.engine.cluster import Cluster, ClusterError
from fluxapps.engine.kubeconfig import choose_cluster
from fluxapps.engine.lookup import Live, labelled, look_up_each
from fluxapps.engine.one_writer import RESTORES
from fluxapps.model import ConfigError, DeclaredObject, Fleet, ObjectId, declare
from fluxapps.model.live.drift import Difference
from fluxapps.model.live.edits import edits
from fluxapps.model.live.wording import in_few_words

_REFRESH = "--refresh"
_OWN_SAY = (_REFRESH, "-r", "--run-program", "--target", "-t", "--plan", "--help", "-h")
"""Arguments of pulumi with which somebody has chosen what it looks at."""
_IN_PREVIEW = {"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"}
"""What an update takes over from kubectl is a conflict in a preview, which takes nothing over. Nobody else's fields
differ: the program refuses that."""
_TOLD = 5
"""Objects that are told of by name."""

Recorded = Mapping[ObjectId, Mapping[str, Any]]
"""What Pulumi's state says that it wrote."""


def looking(fleet: Fleet, pulumi: Pulumi, arguments: list[str], say: Callable[[str], None]) -> tuple[Pulumi, list[str]]:
    """Return *pulumi* and its *arguments* so that it restores what was changed by hand, having said what that is.

    Args:
        fleet: The stack.
        pulumi: The one on hand.
        arguments: What it is given; what they say of what it looks at, counts.
        say: Told what will be restored.
    """
    if any(each.partition("=")[0] in _OWN_SAY for each in arguments):
        chosen = any(each in {_REFRESH, "-r", f"{_REFRESH}=true"} for each in arguments)
        return (_restoring(pulumi) if chosen else pulumi), arguments
    if not (said := to_restore(fleet, pulumi)):
        return pulumi, arguments
    say("changed by hand, and restored by up:")
    for one in said[:_TOLD]:
        say(f"  {harmless(one)}")
    if len(said) > _TOLD:
        say(f"  and {len(said) - _TOLD} more")
    return _restoring(pulumi), [_REFRESH, *arguments]


def _restoring(pulumi: Pulumi) -> Pulumi:
    return replace(pulumi, env={**pulumi.env, RESTORES: "1"}, in_preview=_IN_PREVIEW)


def to_restore(fleet: Fleet, pulumi: Pulumi) -> list[str]:
    """Return what of *fleet*'s stack isn't there as Pulumi wrote it, a sentence an object.

    Nothing where the cluster or the state can't be read: the program says that better.
    """
    declaration = declare(as_given(fleet, pulumi.env)).for_pulumi()
    objects = declaration.objects()
    try:
        with Cluster(choose_cluster(fleet, pulumi.env)) as cluster:
            live = labelled(cluster, declaration.label)
            lacking = [one for one in objects if one.id not in live]
            unsure = {one.id: found for one in objects if (found := _unsure(one, live.get(one.id)))}
            state = _kept(pulumi) if lacking or unsure else kept({})
            if state.cluster and state.cluster != cluster.uid():
                # The stack's objects are elsewhere: a refresh would forget them all before the program refuses.
                return []
            recorded = {identity: one.manifest for identity, one in state.objects.items()}
            known = [one for one in lacking if one.id in recorded]
            live |= look_up_each(cluster, known)
    except (ConfigError, ClusterError):
        return []
    gone = [f"{one.id} is gone" for one in known if one.id not in live]
    return gone + [said for one in objects if one.id in live for said in _changed(one, live[one.id], recorded)]


def _unsure(one: DeclaredObject, live: Live | None) -> tuple[Difference, ...]:
    return () if live is None else edits(one.manifest, live).unsure


def _changed(one: DeclaredObject, live: Live, recorded: Recorded) -> Iterator[str]:
    found = edits(one.manifest, live)
    taken_away = (each for each in found.unsure if _has(recorded.get(one.id, {}), each))
    if some := (*found.by_hand, *taken_away):
        yield f"{one.id}: {in_few_words(live, some)}"


def _has(inputs: Mapping[str, Any], difference: Difference) -> bool:
    """Return whether *inputs* say the field of *difference* as declared: then it isn't said for the first time."""
    value: Any = inputs
    for part in difference.path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return bool(value == difference.declared)


def _kept(pulumi: Pulumi) -> Kept:
    """Return what Pulumi's state holds; nothing where it can't be read."""
    try:
        return kept(State(pulumi).read())
    except (CommandError, ValueError):
        return kept({})
