"""What breaks around a run: the API server, an admission webhook, a controller, a second run, the disk."""

import re
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.engine.fleet import Running
from tests.reliability.answers import Each
from tests.reliability.interruption import Standstill
from tests.reliability.proxy import NONE, Step
from tests.reliability.stack import OBJECTS, Lab, Stack
from tests.reliability.webhook import SAYS, refusing

API_SERVER = "kube-apiserver"
HELM_CONTROLLER = "helm-controller"
KWOK = "kwok"

FILE_LIMIT = 24_000
"""Bytes: less than the state of the stack, more than that of an empty one."""


def outlasted(stack: Stack, lab: Lab, fault: Callable[[], Each]) -> None:
    """Disturb an `up`, and a `destroy`, each of which must get through.

    Args:
        stack: Not deployed yet.
        lab: Where it is.
        fault: Makes the disturbance anew for each.

    Raises:
        AssertionError: One doesn't, or nothing was disturbed.
    """
    for verb in (stack.fleet.up, stack.fleet.destroy):
        lab.proxy.fault = disturbing = fault()
        verb()
        lab.proxy.fault = NONE
        assert disturbing.hits, "nothing was disturbed"
        if verb == stack.fleet.up:
            stack.is_whole(stack.objects)
            stack.fleet.unchanged()
    stack.is_gone()


def mended_by_next(stack: Stack, lab: Lab, fault: Callable[[], Each], says: str) -> None:
    """Disturb an `up`, and a `destroy`, each of which must fail, saying why; undisturbed, the next must mend it.

    Args:
        stack: Not deployed yet.
        lab: Where it is.
        fault: Makes the disturbance anew for each.
        says: What the failing command must say; a pattern.

    Raises:
        AssertionError: One ends otherwise.
    """
    for verb in ("up", "destroy"):
        lab.proxy.fault = disturbing = fault()
        said = stack.fleet.refused(verb)
        lab.proxy.fault = NONE
        assert disturbing.hits, "nothing was disturbed"
        assert re.search(says, said), said
        mended(stack, verb)


def mended(stack: Stack, verb: str) -> None:
    """Run *verb* again, which must make up for the failed one.

    Raises:
        AssertionError: It doesn't.
    """
    if verb == "destroy":
        stack.fleet.destroy()
        stack.is_gone()
        return
    made = stack.objects
    stack.fleet.up()
    stack.is_whole(made)
    stack.fleet.unchanged()


def restarted_among_writes(stack: Stack, lab: Lab, writes: int) -> None:
    """Kill the API server when so many objects are made, and start it again: the next `up` makes the rest."""
    lab.proxy.fault = standstill = Standstill(writes, "POST")
    with stack.fleet.running("up", "--skip-preview") as running:
        try:
            standstill.is_reached(running)
            lab.cluster.stop_process(API_SERVER, kill=True)
        finally:
            standstill.let_go(Step.PASS)
        lab.cluster.start_process(API_SERVER)
        _fails(running)
    lab.proxy.fault = NONE
    mended(stack, "up")
    ended(stack)


def restarted_while_waited_for(stack: Stack, lab: Lab) -> None:
    """Restart the API server while `up` waits for Ready: the same `up` goes on, to the end."""
    with _nothing_gets_ready(lab), _all_made(stack, lab) as running:
        lab.cluster.stop_process(API_SERVER, kill=True)
        lab.cluster.start_process(API_SERVER)
        assert running.is_running(), running.output
        lab.cluster.start_process(KWOK)
        running.succeeds()
    stack.is_whole(stack.objects)
    stack.fleet.unchanged()
    ended(stack)


def controller_killed(stack: Stack, lab: Lab) -> None:
    """Kill helm-controller in the middle of every install, and start it again: the same `up` ends with all Ready."""
    with _nothing_gets_ready(lab), _all_made(stack, lab) as running:
        stack.installs_are_pending()
        lab.cluster.stop_process(HELM_CONTROLLER, kill=True)
        lab.cluster.start_process(HELM_CONTROLLER)
        assert running.is_running(), running.output
        lab.cluster.start_process(KWOK)
        running.succeeds()
    stack.is_ready()
    assert len(stack.objects) == OBJECTS
    stack.fleet.unchanged()
    ended(stack)


def refused_by_webhook(stack: Stack, lab: Lab, *, answers: bool) -> None:
    """Let a webhook refuse one release, or not answer: `up` and `destroy` say so, and go through without it."""
    label, name = stack.fleet.label, stack.releases[0]
    said = SAYS if answers else "failed calling webhook"
    for verb in ("up", "destroy"):
        with refusing(lab.cluster, lab.live, label, name, answers=answers):
            output = stack.fleet.refused(verb)
        assert said in output, output
        mended(stack, verb)


def two_at_once(stack: Stack, lab: Lab, verb: str) -> None:
    """Run *verb* while an `up` goes on: it is refused, changes nothing, and the first is none the worse for it."""
    lab.proxy.fault = standstill = Standstill(OBJECTS // 2, "POST", lose=False)
    with stack.fleet.running("up", "--skip-preview") as running:
        try:
            standstill.is_reached(running)
            output = stack.fleet.refused(verb)
            assert re.search("locked|being worked on", output), output
        finally:
            standstill.let_go(Step.PASS)
        running.succeeds()
    lab.proxy.fault = NONE
    stack.is_whole(stack.objects)
    stack.fleet.unchanged()
    ended(stack)


def disk_full(stack: Stack) -> None:
    """Let `up` write no file larger than a part of the state: the next run, with room, mends it.

    `fluxapps` does so by itself; plain `pulumi` can't read a state that is cut off, and a person puts the copy back.
    """
    env = {"PULUMI_SKIP_CHECKPOINTS": "true"}
    with stack.fleet.running("up", "--skip-preview", env=env) as running:
        resource.prlimit(running.group, resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
        _fails(running)
        assert "file too large" in running.output, running.output
    if stack.fleet.way == "pulumi":
        (state,) = stack.fleet.state.rglob(f"stacks/*/{stack.fleet.name}.json")
        shutil.copyfile(state.with_name(f"{state.name}.bak"), state)
    mended(stack, "up")
    ended(stack)


@contextmanager
def _nothing_gets_ready(lab: Lab) -> Iterator[None]:
    """Keep pods from getting Ready, so that installs wait, until the block starts what lets them."""
    lab.cluster.stop_process(KWOK, kill=True)
    try:
        yield
    finally:
        for name in (API_SERVER, KWOK, HELM_CONTROLLER):
            lab.cluster.start_process(name)


@contextmanager
def _all_made(stack: Stack, lab: Lab) -> Iterator[Running]:
    """Run an `up` until everything is made, and pulumi knows it; it goes on."""
    lab.proxy.fault = made = Standstill(OBJECTS, "POST", lose=False)
    with stack.fleet.running("up", "--skip-preview") as running:
        made.is_reached(running)
        lab.proxy.fault = NONE
        yield running


def _fails(running: Running) -> None:
    code = running.ends()
    assert code not in {0, 70}, running.output
    assert "Traceback" not in running.output, running.output


def ended(stack: Stack) -> None:
    """Destroy the stack, which must leave nothing.

    Raises:
        AssertionError: It does.
    """
    stack.fleet.destroy()
    stack.is_gone()
