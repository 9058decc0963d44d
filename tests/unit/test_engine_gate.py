"""The readiness gate, fed with looks at a cluster: when it opens, when it fails, and what it says meanwhile."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pulumi
import pytest

from fluxapps.engine import gate as gate_module
from fluxapps.engine.cluster import ClusterError
from fluxapps.engine.gate import Gate
from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.engine.watch import Look
from fluxapps.model import Declaration, ObjectId, declare, load, resolve
from fluxapps.model.live.health import READY, SUSPENDED, UNTOUCHED, Health, State, failed, progressing
from fluxapps.model.live.scene import Cast
from fluxapps.model.live.verdict import Verdict
from tests.unit.fixture_repositories import base

RELEASE = ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", "podinfo", "podinfo")
INSTALLING = progressing("installing")
BEFORE = Health(state=State.READY, why="in a look from before all was made")
OLD = RELEASE._replace(name="old")
CHOICE = ClusterChoice(context="dev", files=(), kubeconfig=None)

Seen = Callable[[Look | ClusterError], None]


class FakeWatch:
    """Shows what the test says instead of a cluster."""

    shown: Iterable[Health | ClusterError] = ()
    ended = False

    def __init__(self, _choice: ClusterChoice, cast: Cast, seen: Seen) -> None:
        self._cast, self._seen = cast, seen

    def start(self) -> None:
        """Look at nothing: `play` shows it."""

    def end(self) -> None:
        """Say that the gate looks no more."""
        FakeWatch.ended = True

    async def play(self) -> None:
        """Show one after the other, each as long as the gate takes for it."""
        for one in self.shown:
            if isinstance(one, ClusterError):
                self._seen(one)
            else:
                healths = dict.fromkeys(self._cast.granted, one)
                begun = 0.0 if one is BEFORE else time.monotonic()
                self._seen(Look(begun=begun, verdict=Verdict(cast=self._cast, healths=healths)))
            await asyncio.sleep(0.01)


@pytest.fixture
def declared(tmp_path: Path) -> Declaration:
    says = "config:\n  fluxapps:cluster: {context: dev, wait: ready}\n"
    base(tmp_path, {"Pulumi.dev.yaml": says})
    return declare(resolve(load(tmp_path), "dev"))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said while the gate waits; what stays on a screen begins with a star."""
    lines: list[str] = []

    def info(text: str, *, ephemeral: bool = False) -> None:
        lines.append(text if ephemeral else f"* {text}")

    monkeypatch.setattr(pulumi.log, "info", info)
    monkeypatch.setattr(gate_module, "Watch", FakeWatch)
    monkeypatch.setattr(FakeWatch, "ended", False)
    return lines


def wait(declared: Declaration, *shown: Health | ClusterError) -> None:
    """Wait at a gate that sees *shown*, one after the other."""

    async def run() -> None:
        made: list[FakeWatch] = []
        original = FakeWatch.__init__

        def init(self: FakeWatch, choice: ClusterChoice, cast: Cast, seen: Seen) -> None:
            original(self, choice, cast, seen)
            self.shown = shown
            made.append(self)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(FakeWatch, "__init__", init)
            gate = Gate(CHOICE, declared, [OLD])
        waiting = asyncio.ensure_future(gate.wait())
        await asyncio.sleep(0)
        await made[0].play()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(run())


def test_it_opens_when_all_is_ready(declared: Declaration, said: list[str]) -> None:
    wait(declared, UNTOUCHED, INSTALLING, INSTALLING, READY)
    assert said[:2] == [
        "0 of 1 app ready; waiting: podinfo (Flux has not looked at it yet)",
        "0 of 1 app ready; waiting: podinfo (installing)",
    ]
    assert len(said) == 3
    assert said[2].startswith("* 1 of 1 app ready, ")
    assert FakeWatch.ended


def test_what_was_seen_before_all_was_made_counts_for_nothing(declared: Declaration, said: list[str]) -> None:
    with pytest.raises(pulumi.RunError, match="InstallFailed: no"):
        wait(declared, BEFORE, INSTALLING, failed(RELEASE, "InstallFailed: no"))
    assert said == ["0 of 1 app ready; waiting: podinfo (installing)"]


def test_it_waits_for_nothing_that_is_suspended(declared: Declaration, said: list[str]) -> None:
    wait(declared, INSTALLING, SUSPENDED)
    assert said[-1].startswith("* 0 of 0 apps ready")


def test_it_fails_with_the_reason_and_what_stays(declared: Declaration, said: list[str]) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        wait(declared, INSTALLING, failed(RELEASE, "InstallFailed: no"))
    assert str(caught.value).splitlines() == [
        "1 app can't get ready: podinfo",
        "  HelmRelease podinfo/podinfo: InstallFailed: no",
        "  not removed before a good end: HelmRelease podinfo/old",
    ]
    assert FakeWatch.ended
    assert len(said) == 1


def test_a_failure_that_does_not_last_is_none(declared: Declaration, said: list[str]) -> None:
    wait(declared, Health(state=State.FAILED, why="Failed: no route", root=RELEASE, lasting=4), READY)
    assert said == ["0 of 1 app ready; waiting: podinfo (failing)", said[-1]]


def test_it_ends_when_flux_should_have_by_its_own_timeouts(
    declared: Declaration, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "bounds", lambda cast: dict.fromkeys(cast.granted, 0.005))
    with pytest.raises(pulumi.RunError, match="not Ready within 0 s: installing"):
        wait(declared, INSTALLING, INSTALLING, INSTALLING)
    assert said


def test_a_cluster_that_can_not_be_read_ends_it(declared: Declaration, said: list[str]) -> None:
    away = ClusterError("cluster 'dev' can't be reached: no route", "start it")
    with pytest.raises(
        pulumi.RunError, match=r"can't be seen: cluster 'dev' can't be reached: no route\n  fix: start it"
    ):
        wait(declared, INSTALLING, away)
    assert said
