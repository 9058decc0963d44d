"""What the local cluster lays over a stack's files: its own servers, whatever kind of source the files name."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fluxapps.cli.live_stack import as_given
from fluxapps.cli.overlay import Servers, overlay, without_flux
from fluxapps.engine.given import OVERLAY
from fluxapps.model import declare
from tests.unit.written import cluster, resolved

SERVERS = Servers(
    charts="http://127.0.0.1:1/stand-ins",
    registry="oci://127.0.0.1:1/stand-ins",
    git="http://127.0.0.1:2/fleet.git",
    branch="topic",
)
KEPT = {"secretRef": {"name": "key"}, "interval": "5m"}
REPOSITORIES: dict[str, Any] = {
    "plain": {"url": "https://charts.example.org", **KEPT},
    "by-url": "oci://registry.example.org/charts",
    "oci": {"url": "oci://registry.example.org/charts", "type": "oci", "provider": "aws"},
    "template": {"kind": "OCIRepository", "url": "oci://registry.example.org/charts", "verify": {"provider": "cosign"}},
    "literal": {"kind": "OCIRepository", "url": "oci://registry.example.org/charts/web", "ref": {"tag": "1.0.0"}},
    "folder": {"kind": "GitRepository", "url": "https://git.example.org/charts.git"},
}
FILES = {"fleet.yaml": yaml.safe_dump({"repositories": {"podinfo": "https://podinfo.example.org", **REPOSITORIES}})}


def test_every_repository_of_charts_is_ours_and_open(tmp_path: Path) -> None:
    git = 'git: {url: "https://git.example.org/fleet.git", ref: {tag: v1}, secretRef: {name: key}}'
    files = cluster("context: dev", git)
    said = overlay(resolved(tmp_path, {**FILES, "Pulumi.dev.yaml": files}), SERVERS)
    assert said["git"] == {"url": SERVERS.git, "branch": "topic", "ref": None, "secretRef": None}
    overlay_file = tmp_path / "overlay.yaml"
    overlay_file.write_text(json.dumps(said), "utf-8")
    found = as_given(resolved(tmp_path, {**FILES, "Pulumi.dev.yaml": files}), {OVERLAY: overlay_file.name})
    assert found.git is not None
    assert (found.git.url, found.git.branch, found.git.spec) == (SERVERS.git, "topic", {})
    made = declare(found)
    specs = {each.id.name: each.manifest["spec"] for each in made.objects() if each.role.name == "SOURCE"}
    assert specs["plain"] == {"url": SERVERS.charts, "interval": "5m"}
    for name in ("by-url", "oci"):
        assert specs[name] == {"url": SERVERS.registry, "type": "oci", "insecure": True}
    assert said["repositories"]["template"] == {"verify": None, "url": SERVERS.registry, "insecure": True}
    assert (specs["literal"]["url"], specs["literal"]["insecure"]) == (f"{SERVERS.registry}/web", True)
    assert specs["folder"]["url"] == "https://git.example.org/charts.git"


@pytest.mark.parametrize(
    ("said", "wait"),
    [({}, "ready"), ({"wait": "none"}, None), ({"defaults": {"wait": "none"}}, None)],
    ids=["nothing", "stack", "defaults"],
)
def test_what_is_waited_for_is_as_the_files_say(tmp_path: Path, said: dict[str, Any], wait: str | None) -> None:
    lines = (f"{key}: {json.dumps(value)}" for key, value in said.items())
    fleet = resolved(tmp_path, {"Pulumi.dev.yaml": cluster("context: dev", *lines)})
    assert overlay(fleet, SERVERS).get("wait") == wait


APP = "chart: podinfo\nrepository: podinfo\nversion: 6.x\n"


@pytest.mark.parametrize(
    ("stack", "app"),
    [
        ("wait: ready", ""),
        ("defaults: {wait: ready}", ""),
        ("apps: {web: {wait: {tries: 2}}}", ""),
        ("", "wait: ready"),
    ],
    ids=["stack", "defaults", "app of the stack", "app"],
)
def test_nothing_is_waited_for_without_flux(tmp_path: Path, stack: str, app: str) -> None:
    files = {"Pulumi.dev.yaml": cluster("context: dev", *filter(None, [stack])), "apps/web/app.yaml": APP + app + "\n"}
    fleet = resolved(tmp_path, files)
    assert declare(fleet).granted
    (tmp_path / "overlay.yaml").write_text(json.dumps(without_flux(fleet)), "utf-8")
    assert declare(as_given(fleet, {OVERLAY: "overlay.yaml"})).granted == {}


def test_pulumi_waits_for_no_kustomization_without_flux(tmp_path: Path) -> None:
    files = {
        "Pulumi.dev.yaml": cluster("context: dev", 'git: {url: "https://git.example.org/fleet.git"}'),
        "apps/issuers/app.yaml": "kustomization: {metadata: {annotations: {team: web}}}\n",
        "apps/web/app.yaml": APP + "dependsOn: [issuers]\n",
    }
    fleet = resolved(tmp_path, files)
    (waited,) = (one for one in declare(fleet).objects() if one.wait_ready)
    assert waited.app == "issuers"
    (tmp_path / "overlay.yaml").write_text(json.dumps(without_flux(fleet)), "utf-8")
    made = {one.id: one for one in declare(as_given(fleet, {OVERLAY: "overlay.yaml"})).objects()}
    assert not any(one.wait_ready for one in made.values())
    annotations = made[waited.id].manifest["metadata"]["annotations"]
    assert annotations == {"team": "web", "pulumi.com/skipAwait": "true"}
    (release,) = (one for one in made.values() if (one.id.kind, one.app) == ("HelmRelease", "web"))
    assert waited.id in release.after


def test_a_stack_that_waits_for_nothing_needs_no_overlay_without_flux(tmp_path: Path) -> None:
    assert without_flux(resolved(tmp_path, {"Pulumi.dev.yaml": cluster("context: dev")})) == {}


def test_a_stack_without_git_gets_none(tmp_path: Path) -> None:
    assert "git" not in overlay(resolved(tmp_path, {"Pulumi.dev.yaml": cluster("context: dev")}), SERVERS)
