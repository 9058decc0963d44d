"""Every fault, how often it is tried, and by whom: what `make reliability` runs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from tests.engine.fleet import WAYS, Way
from tests.reliability.answers import BROKEN, BUSY, OVERLOADED, Each, every, is_any, is_read, is_write, only
from tests.reliability.faults import (
    controller_killed,
    disk_full,
    mended_by_next,
    outlasted,
    refused_by_webhook,
    restarted_among_writes,
    restarted_while_waited_for,
    two_at_once,
)
from tests.reliability.kills import DESTROY, UP, Kill, kills, survives_destroy, survives_up
from tests.reliability.proxy import Step
from tests.reliability.stack import OBJECTS, Lab, Stack


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
        yield from _lives(lab, way)
    for way in WAYS:
        yield from _bad_answers(lab, way)
    for way in WAYS:
        yield from _breakdowns(lab, way)


def _lives(lab: Lab, way: Way) -> Iterator[Case]:
    """Yield ten stacks' lives, each killed in the middle of its `up` and of its `destroy`."""
    expected = "the next run makes the rest: same UIDs, generation 1, Helm revision 1; one more changes nothing"
    up = Row("`kill -9` in the middle of `up`", f"`{way}`", expected)
    expected = "the next run removes the rest: no object is left, no Helm release, an empty state"
    destroy = Row("`kill -9` in the middle of `destroy`", f"`{way}`", expected)
    for first, last in zip(kills(UP, way), kills(DESTROY, way), strict=True):
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
    state = "with" if kill.checkpoints else "without"
    return f"after {kill.at.writes} objects, {state} checkpoints, {kill.at.victim}; next: {kill.mended_by}"


def _bad_answers(lab: Lab, way: Way) -> Iterator[Case]:
    """Yield what an API server may answer, or not, in the middle of `up` and of `destroy`."""
    for what, answer in (("429 that says when to come again", BUSY), ("503 that says when to come again", OVERLOADED)):
        through = _case(lab, way, f"{what}, in `up` and in `destroy`", "the same run gets through")
        yield through("every third request", partial(outlasted, lab=lab, fault=partial(Each, is_any, every(3), answer)))
    through = _case(lab, way, "a lost connection, in `up` and in `destroy`", "the same run gets through")
    yield through("every third read", partial(outlasted, lab=lab, fault=partial(Each, is_read, every(3), Step.DROP)))
    for what, step in (
        ("500 to a write", BROKEN),
        ("a write is lost", Step.DROP),
        ("a write's answer is lost", Step.LOSE_ANSWER),
    ):
        mended = _case(
            lab, way, f"{what}, in `up` and in `destroy`", "the run fails and says so; the next one mends it"
        )
        for number in (0, 1, OBJECTS // 2):
            fault = partial(Each, is_write, only(number), step)
            yield mended(f"write {number + 1}", partial(mended_by_next, lab=lab, fault=fault, says="(?i)error"))


def _breakdowns(lab: Lab, way: Way) -> Iterator[Case]:
    """Yield what may break around a run."""
    restarts = "the API server is killed and started again, in `up`"
    case = _case(lab, way, restarts, "the run fails and says so; the next one makes the rest")
    for writes in (0, OBJECTS // 2):
        yield case(f"after {writes} objects", partial(restarted_among_writes, lab=lab, writes=writes))
    case = _case(lab, way, f"{restarts} that waits for Ready", "the same run gets through", wait="ready")
    yield case("all is made", partial(restarted_while_waited_for, lab=lab))
    what = "helm-controller is killed and started again, in `up` that waits for Ready"
    case = _case(lab, way, what, "the same run gets through", wait="ready")
    yield case("installs are under way", partial(controller_killed, lab=lab))
    for answers in (True, False):
        what = f"a webhook that {'refuses' if answers else 'does not answer'}, in `up` and in `destroy`"
        case = _case(lab, way, what, "the run fails with its words; the next one, without it, mends it")
        point = "one HelmRelease" if answers else "every HelmRelease"
        yield case(point, partial(refused_by_webhook, lab=lab, answers=answers))
    for verb in ("up", "destroy"):
        what = f"`{verb}` while an `up` runs"
        case = _case(lab, way, what, "the second is refused and changes nothing; the first gets through")
        yield case("in the middle", partial(two_at_once, lab=lab, verb=verb))
    mends = "mends it" if way == "fluxapps" else "mends it, once the copy of the state beside it is put back by hand"
    case = _case(
        lab, way, "a full disk for the state, in `up`", f"the run fails and says so; the next one, with room, {mends}"
    )
    yield case("without checkpoints", disk_full)


def _case(
    lab: Lab, way: Way, what: str, expected: str, **fields: Any
) -> Callable[[str, Callable[[Stack], None]], Case]:
    """Return what makes the cases of a row, each with a stack of its own."""
    row = Row(what, f"`{way}`", expected)
    return lambda point, run: Case(row, point, lambda: run(lab.stack(way, **fields)))
