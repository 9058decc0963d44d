"""What a person sees of `fluxapps up`, and whom it lets work on a stack, on a real engine and API server."""

from pathlib import Path

import pytest

from fluxapps.devcluster import Cluster
from tests.engine.fleet import PROJECT, Fleet, Tools
from tests.engine.live import Live
from tests.engine.test_lifecycle_interrupted import two_steps
from tests.unit.cli_run import terminal

pytestmark = pytest.mark.engine


@pytest.fixture
def fleet(pulumi_tools: Tools, tmp_path: Path, cluster: Cluster) -> Fleet:
    return Fleet(tmp_path, "fluxapps", pulumi_tools, cluster, "shown")


def test_up_is_told_app_by_app_asked_about_and_done_by_one_at_a_time(fleet: Fleet, live: Live) -> None:
    first, _ = two_steps(fleet)
    with fleet.running("up", "--skip-preview") as up:
        live.until(first)
        said = fleet.refused("up")
        assert f"error: stack {fleet.name} is being worked on by " in said
        assert "fix: wait for its end" in said
        live.set_ready(first)
        said = up.succeeds()
    lines = said.splitlines()
    assert f"+ {fleet.name}-web  new: web 1.x" in lines
    assert f"+ {fleet.name}-beside  new: beside 1.x" in lines
    # What waits for another app is told after it.
    assert lines.index(f"+ {fleet.name}-storage  new") < lines.index(f"+ {fleet.name}-web  new: web 1.x")
    assert "up done in " in lines[-2]
    assert lines[-2].endswith("apps: 3 new")

    # As a kill while the state is written leaves it.
    attributes = fleet.state / ".pulumi" / "stacks" / PROJECT / f"{fleet.name}.json.attrs"
    attributes.touch()
    fleet.app("web", {"replicas": 3}, dependsOn=[f"{fleet.name}-storage"], version="2.x")
    fleet.remove(f"{fleet.name}-beside")
    shown = terminal(
        "up", "--stack", fleet.name, folder=fleet.root, env=fleet.env, answers={"uninstalling 1 Helm release?": "y"}
    )
    assert shown.code == 0, shown.out
    plan, _, done = shown.out.partition(f"up stack {fleet.name}, uninstalling 1 Helm release?")
    assert "removed the empty" in plan
    removal = f"- {fleet.name}-beside  uninstall: release {fleet.name}-beside/{fleet.name}-beside"
    upgrade = f"~ {fleet.name}-web  upgrade: version 1.x -> 2.x, values"
    assert plan.index(removal) < plan.index(upgrade)
    assert f"- {fleet.name}-beside  removed" in done
    assert "apps: 1 changed, 1 removed, 1 unchanged" in done

    # Plain pulumi goes on where it ended.
    plain = ("up", "--stack", fleet.name, "--yes", "--skip-preview", "--expect-no-changes")
    assert "unchanged" in fleet.pulumi(*plain)
    assert f"{fleet.name}-web  changed" not in fleet.up("--expect-no-changes")
