"""A run that is killed in the middle: what it made is taken over by the next one, with and without checkpoints."""

import pytest

from tests.engine.fleet import GIT_URL, Fleet
from tests.engine.live import Live, version_of

pytestmark = pytest.mark.engine

CLAIM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: storage, namespace: {namespace}}}\n"


def two_steps(fleet: Fleet) -> tuple[str, str]:
    """Write an app of other YAML and one that comes after it, and return the objects that stand for both.

    What is made after the first waits until Flux says that its YAML is there: which no Flux does here, but the test.
    """
    storage = f"{fleet.name}-storage"
    fleet.write(f"apps/{storage}/app.yaml", {"namespace": storage})
    fleet.write(f"apps/{storage}/claim.yaml", CLAIM.format(namespace=storage))
    web = fleet.app("web", {"replicas": 2}, dependsOn=[storage])
    fleet.app("beside", {"replicas": 1})
    fleet.stack_says(git={"url": GIT_URL, "follow": "branch", "name": fleet.name})
    return f"Kustomization flux-system/{storage}", f"HelmRelease {web}/{web}"


def test_a_release_waits_for_what_flux_makes_of_other_yaml(fleet: Fleet, live: Live) -> None:
    first, then = two_steps(fleet)
    with fleet.running("up", "--skip-preview") as up:
        live.until(first)
        live.set_ready(first, "False")
        assert live.find(then) is None
        assert up.is_running()
        ready = live.set_ready(first)
        up.succeeds()
    # Nobody has written to the release since it was made.
    assert int(version_of(live.get(then))) > int(version_of(ready))
    fleet.unchanged()


@pytest.mark.parametrize("skipped", ["true", "false"], ids=["without checkpoints", "with checkpoints"])
def test_what_a_killed_run_made_is_taken_over(fleet: Fleet, live: Live, skipped: str) -> None:
    first, then = two_steps(fleet)
    with fleet.running("up", "--skip-preview", env={"PULUMI_SKIP_CHECKPOINTS": skipped}) as up:
        live.until(first)
        up.kill()
    made = live.ours(fleet.label)
    assert first in made
    assert then not in made
    # Without checkpoints the state knows nothing of them; with them, not of the one that was waited for.
    assert fleet.is_empty() == (skipped == "true")
    assert "locked by 1 lock" in fleet.refused("up")
    fleet.pulumi("cancel", "--yes", fleet.name)

    live.set_ready(first)
    fleet.up(PULUMI_SKIP_CHECKPOINTS=skipped)

    after = live.ours(fleet.label)
    assert then in after
    for what, found in made.items():
        assert after[what]["metadata"]["uid"] == found["metadata"]["uid"]
        assert after[what]["metadata"].get("generation") == found["metadata"].get("generation")
    fleet.unchanged()
