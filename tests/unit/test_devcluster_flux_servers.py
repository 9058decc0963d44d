"""What Flux fetches from on the local cluster: charts in place of the fleet's, and commits over smart HTTP."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml

from fluxapps.devcluster.flux import processes
from fluxapps.devcluster.flux.charts import CHARTS, charts, index
from fluxapps.devcluster.flux.repositories import git_folder, link
from fluxapps.devcluster.flux.source.versions import Range, Version
from fluxapps.devcluster.ports import LOOPBACK, choose

ROOT = Path(__file__).parents[2]


def test_every_chart_of_the_fleet_has_a_stand_in() -> None:
    """In every version that an app or a stack asks for."""
    offered: dict[str, list[Version]] = {}
    for chart in charts(CHARTS):
        offered.setdefault(chart.metadata["name"], []).append(Version.parse(chart.metadata["version"]))
    apps = {file: yaml.safe_load(file.read_text("utf-8")) for file in sorted(ROOT.glob("apps/**/app.yaml"))}
    named = {app.get("name", file.parent.name): app["chart"] for file, app in apps.items() if "chart" in app}
    wanted = [(app["chart"], app["version"]) for app in apps.values() if "chart" in app]
    for file in ROOT.glob("Pulumi.*.yaml"):
        said = yaml.safe_load(file.read_text("utf-8"))["config"]["fluxapps:cluster"].get("apps", {})
        wanted += [(named[name], fields["version"]) for name, fields in said.items() if "version" in fields]
    assert len(wanted) >= 8
    assert [
        (chart, version)
        for chart, version in wanted
        if not any(Range(version).has(one) for one in offered.get(chart, []))
    ] == []


def test_a_packed_chart_and_its_index_are_always_the_same_bytes() -> None:
    assert index(charts(CHARTS)) == index(charts(CHARTS))


def git(folder: Path, *arguments: str) -> str:
    named = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    command = ("git", "-C", str(folder), *named, *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603  our own


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    chosen = choose(tmp_path / "ports.json", ("git",), running=(), say=print)["git"]
    module = "fluxapps.devcluster.flux.git_server"
    command = (sys.executable, "-m", module, f"--port={chosen}", f"--folder={tmp_path / 'served'}")
    with subprocess.Popen(command) as server:  # noqa: S603  our own
        try:
            deadline = time.monotonic() + 30
            while not processes.is_healthy(chosen):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield chosen
        finally:
            server.kill()


def test_commits_are_fetched_by_smart_http(tmp_path: Path, port: int) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    git(tree, "init", "--quiet", "--initial-branch=main")
    commits = []
    for number in range(2):
        (tree / "file").write_text(f"{number}\n", "utf-8")
        git(tree, "add", "file")
        git(tree, "commit", "--quiet", "--message=change")
        commits.append(git(tree, "rev-parse", "HEAD"))
    link(tmp_path / "served", "fleet", git_folder(tree))
    url = f"http://{LOOPBACK}:{port}/fleet.git"

    assert git(tmp_path, "ls-remote", url, "refs/heads/main").split()[0] == commits[1]
    # A commit that no ref names, and only that one.
    clone = tmp_path / "clone"
    git(tmp_path, "init", "--quiet", str(clone))
    git(clone, "fetch", "--quiet", "--depth=1", url, commits[0])
    assert git(clone, "show", "FETCH_HEAD:file") == "0"
    with suppress(subprocess.CalledProcessError):
        git(clone, "push", "--quiet", url, "FETCH_HEAD:refs/heads/other")
    assert git(tree, "branch", "--list", "other") == ""


def test_a_request_in_pieces_is_understood(tmp_path: Path, port: int) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    git(tree, "init", "--quiet", "--initial-branch=main")
    git(tree, "commit", "--quiet", "--allow-empty", "--message=first")
    link(tmp_path / "served", "fleet", git_folder(tree))
    commit = git(tree, "rev-parse", "HEAD")
    wanted = f"want {commit}\n".encode()
    pieces = [f"{len(wanted) + 4:04x}".encode(), wanted, b"0000", b"0009done\n"]
    connection = HTTPConnection(LOOPBACK, port, timeout=30)
    kind = {"Content-Type": "application/x-git-upload-pack-request"}
    connection.request("POST", "/fleet.git/git-upload-pack", iter(pieces), kind, encode_chunked=True)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert (answer.status, content[:8]) == (200, b"0008NAK\n")
    assert b"PACK" in content
