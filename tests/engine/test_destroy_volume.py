"""A volume claim that a chart makes outlives its release where the app says so, and is taken up by the next one."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.engine.fleet import REPOSITORY, Fleet, Way
from tests.engine.live import Live
from tests.engine.objects import Objects, is_ready
from tests.engine.test_destroy import deployment, named

pytestmark = pytest.mark.engine


def recipe() -> dict[str, Any]:
    """Return what the guide has an app say."""
    text = (REPOSITORY / "docs/guides/operations.md").read_text("utf-8")
    (block,) = [
        each for each in text.split("```") if "helm.sh/resource-policy: keep" in each and "postRenderers" in each
    ]
    release: dict[str, Any] = yaml.safe_load(block.removeprefix("yaml"))["release"]
    return release


def test_a_claim_of_a_chart_is_kept_and_used_again(
    flux_fleet: Callable[[Way], Fleet], flux_live: Live, flux_objects: Objects
) -> None:
    fleet = flux_fleet("fluxapps")
    app = fleet.app("files", {"volume": True}, chart="told-to-fail", version="*", release=recipe())
    fleet.up()
    release = f"HelmRelease {app}/{app}"
    flux_live.until(release, is_ready)
    claim = named("v1", "PersistentVolumeClaim", app, app)
    before = flux_objects.until(claim, bool)["metadata"]["uid"]
    said = fleet.destroy()
    assert f"destroy keeps the volume claim {app}/{app}" in said
    assert f"stays: volume claim {app}/{app}" in said
    assert flux_objects.find(deployment(app)) is None
    assert flux_objects.until(claim, bool)["metadata"]["uid"] == before
    fleet.up()
    flux_live.until(release, is_ready)
    assert flux_objects.until(claim, bool)["metadata"]["uid"] == before
    fleet.destroy()
