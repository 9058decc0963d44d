"""Every fault, how often it is tried, and by whom: what `make reliability` runs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

from tests.engine.fleet import WAYS, Way
from tests.reliability.kills import DESTROY, UP, Kill, kills, survives_destroy, survives_up
from tests.reliability.stack import Lab, Stack


@dataclass(frozen=True)
class Row:
    """A line of the page: one fault, met by one way of running the program."""

    fault: str
    way: str
    expected: str
    """What an operator sees, in words."""


@dataclass(frozen=True)
class Case:
    """One trial of a fault."""

    row: Row
    point: str
    """Where in the run."""
    run: Callable[[], None]
    """Raises AssertionError where things end otherwise than expected."""


def cases(lab: Lab) -> Iterator[Case]:
    """Yield every case, in the order in which they are to run: a later one may need what an earlier one leaves."""
    for way in WAYS:
        for checkpoints in (False, True):
            yield from _lives(lab, way, checkpoints=checkpoints)


def _lives(lab: Lab, way: Way, *, checkpoints: bool) -> Iterator[Case]:
    """Yield ten stacks' lives, each killed in the middle of its `up` and of its `destroy`."""
    runner = f"`{way}`, {'with' if checkpoints else 'without'} checkpoints"
    expected = "the next run makes the rest: same UIDs, generation 1, Helm revision 1; one more changes nothing"
    up = Row("`kill -9` in the middle of `up`", runner, expected)
    destroy = Row(
        "`kill -9` in the middle of `destroy`", runner, "the next run removes the rest: no object, no Helm release"
    )
    for first, last in zip(
        kills(UP, way, checkpoints=checkpoints), kills(DESTROY, way, checkpoints=checkpoints), strict=True
    ):
        life = _Life(lab, way)
        yield Case(up, _point(first), partial(life.up_is_killed, first))
        yield Case(destroy, _point(last), partial(life.destroy_is_killed, last))


class _Life:
    """A stack from its first `up` to its end."""

    def __init__(self, lab: Lab, way: Way) -> None:
        self._lab = lab
        self._way: Way = way

    @cached_property
    def _stack(self) -> Stack:
        return self._lab.stack(self._way)

    def up_is_killed(self, kill: Kill) -> None:
        survives_up(self._stack, self._lab.proxy, kill)

    def destroy_is_killed(self, kill: Kill) -> None:
        self._stack.fleet.way = self._way
        if not self._stack.objects:
            self._stack.fleet.up()
            self._stack.is_ready()
        survives_destroy(self._stack, self._lab.proxy, kill)


def _point(kill: Kill) -> str:
    return f"after {kill.at.writes} objects, {kill.at.victim}; next: {kill.mended_by}"
