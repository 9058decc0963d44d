"""Waiting until Flux has made of a stack what was declared, on the local cluster, with what keeps it from being so."""

import time

from rich.console import Console

from fluxapps.cli.live_table import Live, live_objects
from fluxapps.cli.screen import counted, harmless
from fluxapps.engine.cluster import Cluster
from fluxapps.model import Fleet
from fluxapps.model.live.condition import is_ready, ready_condition

_POLL = 0.5
_KINDS = ("HelmRelease", "Kustomization")


def wait_until_ready(console: Console, cluster: Cluster, fleet: Fleet, *, seconds: int) -> bool:
    """Return whether every HelmRelease and Kustomization of *fleet*'s stack got Ready within *seconds*.

    Says how many are, and in the end what each of the others says of itself.

    Raises:
        ClusterError: The cluster can't be read.
    """
    deadline, told = time.monotonic() + seconds, -1
    while True:
        objects = [one for one in live_objects(cluster, fleet) if one["kind"] in _KINDS]
        waiting = [one for one in objects if not is_ready(one)]
        ready = len(objects) - len(waiting)
        if ready != told:
            console.print(f"ready: {ready} of {len(objects)}")
            told = ready
        if not waiting:
            return True
        if time.monotonic() > deadline:
            console.print(f"{counted(len(waiting), 'object')} not ready after {seconds} s:")
            for one in waiting:
                console.print(f"  {_name(one)}: {_message(one)}")
            return False
        time.sleep(_POLL)


def _name(one: Live) -> str:
    return f"{one['kind']} {one['metadata']['namespace']}/{one['metadata']['name']}"


def _message(one: Live) -> str:
    found = ready_condition(one)
    return harmless(f"{found['reason']}: {found['message']}") if found is not None else "no controller has looked at it"
