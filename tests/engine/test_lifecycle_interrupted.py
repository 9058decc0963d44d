"""A run that waits, and one that is killed in the middle: what it made is taken over by the next one."""

from pathlib import Path

import pytest

from fluxapps.devcluster import Cluster
from tests.engine.fleet import GIT_URL, WAYS, Fleet, Tools, Way
from tests.engine.live import Live, version_of
from tests.reliability.interruption import Interruption
from tests.reliability.kills import Kill, survives_destroy, survives_up
from tests.reliability.proxy import Proxy
from tests.reliability.stack import OBJECTS, Lab

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


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_run_is_no_loss(
    way: Way, tmp_path: Path, flux_cluster: Cluster, flux_live: Live, pulumi_tools: Tools
) -> None:
    """One kill of each verb; `make reliability` tries them all."""
    with Proxy(flux_cluster, tmp_path) as proxy:
        stack = Lab(tmp_path, flux_cluster, flux_live, pulumi_tools, proxy).stack(way)
        # Without checkpoints: the state knows nothing of what was made, so that all of it has to be taken over.
        survives_up(stack, proxy, Kill(Interruption(OBJECTS // 2, "everything"), checkpoints=False, mended_by=way))
        survives_destroy(stack, proxy, Kill(Interruption(5, "everything"), checkpoints=False, mended_by=way))
