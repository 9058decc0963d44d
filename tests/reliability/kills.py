"""Kill -9 in the middle of `up` and of `destroy`, and what the next run makes of it."""

from dataclasses import dataclass
from itertools import product

from tests.engine.fleet import WAYS, Way
from tests.reliability.interruption import VICTIMS, Interruption, Standstill
from tests.reliability.proxy import Proxy
from tests.reliability.stack import NAMESPACES, OBJECTS, Stack

POINTS = 10


@dataclass(frozen=True)
class Verb:
    """What is killed in the middle."""

    name: str
    writes: int
    """How many objects it makes, or deletes."""


UP = Verb("up", OBJECTS)
DESTROY = Verb("destroy", OBJECTS - NAMESPACES)
VERBS = (UP, DESTROY)


@dataclass(frozen=True)
class Kill:
    """One kill: what is killed when, and who runs the next."""

    at: Interruption
    checkpoints: bool
    mended_by: Way


def kills(verb: Verb, way: Way) -> list[Kill]:
    """Return ten kills, from before the first object to after the last.

    Who dies, who mends, and whether pulumi wrote its state as it went, goes by turns.

    Args:
        verb: What is killed.
        way: Who runs it.
    """
    # A destroy runs no program.
    victims = VICTIMS if verb is UP else tuple(each for each in VICTIMS if each != "program")
    combined = list(product(victims, (False, True), WAYS))
    found = []
    for number in range(POINTS):
        # In steps that have no divisor in common with how many there are: all of them come.
        victim, checkpoints, mended_by = combined[(5 * number + 3 * WAYS.index(way)) % len(combined)]
        writes = round(number * (verb.writes - 1) / (POINTS - 1))
        found.append(Kill(Interruption(writes, victim), checkpoints, mended_by))
    return found


def survives_up(stack: Stack, proxy: Proxy, kill: Kill) -> None:
    """Kill an `up` from nothing; the next one must make the rest, and nothing anew.

    Raises:
        AssertionError: Something is lost, doubled or changed, or wants a hand.
    """
    fleet = stack.fleet
    proxy.fault = Standstill(kill.at.writes, "POST")
    with fleet.running("up", "--skip-preview", env=_checkpoints(kill)) as running:
        kill.at.strikes(running, proxy, fleet.root, "POST")
    made = stack.objects
    assert len(made) > kill.at.writes, sorted(made)
    next_run(stack, kill)
    fleet.up(**_checkpoints(kill))
    stack.is_whole(made)
    fleet.unchanged()


def survives_destroy(stack: Stack, proxy: Proxy, kill: Kill) -> None:
    """Kill a `destroy` of a stack that is up; the next one must leave nothing.

    Raises:
        AssertionError: Something is left, or wants a hand.
    """
    fleet = stack.fleet
    proxy.fault = Standstill(kill.at.writes, "DELETE")
    with fleet.running("destroy", "--skip-preview", env=_checkpoints(kill)) as running:
        kill.at.strikes(running, proxy, fleet.root, "DELETE")
    next_run(stack, kill)
    fleet.destroy()
    stack.is_gone()


def next_run(stack: Stack, kill: Kill) -> None:
    """Let the other way run next, or the same; plain `pulumi` must be told that a killed engine is gone."""
    stack.fleet.way = kill.mended_by
    if kill.at.victim != "program" and kill.mended_by == "pulumi":
        stack.fleet.pulumi("cancel", "--yes", stack.fleet.name)


def _checkpoints(kill: Kill) -> dict[str, str]:
    return {"PULUMI_SKIP_CHECKPOINTS": str(not kill.checkpoints).lower()}
