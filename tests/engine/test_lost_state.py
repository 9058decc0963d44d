"""A stack whose state is lost, more than once: its objects are taken over again, and can be changed."""

import shutil

import pytest

from tests.engine.fleet import Fleet
from tests.engine.live import Live

pytestmark = pytest.mark.engine


def test_objects_can_be_changed_whose_state_was_lost_twice(fleet: Fleet, live: Live) -> None:
    web = fleet.app("web", {"replicas": 1})
    release = f"HelmRelease {web}/{web}"
    fleet.up()
    uid = live.uid(release)
    for replicas in (2, 3):
        shutil.rmtree(fleet.state / ".pulumi" / "stacks")
        fleet.pulumi("stack", "init", fleet.name, "--no-select")
        # Another version each time, so that the name under which the last state wrote owns what this one changes.
        fleet.app("web", {"replicas": replicas}, version=f"{replicas}.x")
        fleet.up()
        assert live.get(release)["spec"]["chart"]["spec"]["version"] == f"{replicas}.x"
        fleet.unchanged()
    assert live.uid(release) == uid
