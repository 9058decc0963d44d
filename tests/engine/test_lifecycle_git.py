"""Stacks whose cluster reads Git: the pinned commit of `git.follow: up`, and `git` delivery, on real repositories."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.engine.fleet import GIT_URL, Fleet
from tests.engine.live import Live, Object, version_of

pytestmark = pytest.mark.engine

CONFIG_MAP = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: extra, namespace: {namespace}}}\ndata: {{a: {value}}}\n"
)
IDENTITY = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Clone:
    """A fleet's repository under Git, with a bare one that it is pushed to under the address that Flux reads."""

    def __init__(self, fleet: Fleet) -> None:
        self._root = fleet.root
        self._env = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        remote = fleet.state.with_name("remote.git")
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(remote))
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", f"url.{remote.as_uri()}.insteadOf", GIT_URL)
        self.git("remote", "add", "origin", GIT_URL)

    def git(self, *words: str) -> str:
        done = subprocess.run(  # noqa: S603 - git, on a repository of the test
            ["git", *words],  # noqa: S607 - whichever git there is
            cwd=self._root,
            env=self._env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self) -> str:
        """Commit everything, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=a")
        return self.git("rev-parse", "HEAD")

    def push(self) -> None:
        self.git("push", "--quiet", "origin", "main")


def extra(fleet: Fleet, app: str, value: str) -> Path:
    """Write an app's other YAML."""
    return fleet.write(f"apps/{app}/extra.yaml", CONFIG_MAP.format(namespace=app, value=value))


def test_up_moves_what_flux_reads_once_it_is_pushed(fleet: Fleet, live: Live) -> None:
    web = fleet.app("web", {"replicas": 2})
    extra(fleet, web, "one")
    fleet.stack_says(git={"url": GIT_URL, "name": fleet.name})
    source = f"GitRepository flux-system/{fleet.name}"
    clone = Clone(fleet)

    # Nothing is committed: a preview says what there is to do, up does nothing.
    assert "no commit yet for Flux to read" in fleet.preview()
    assert "no commit yet for Flux to read [no-commit]" in fleet.refused("up")
    assert live.ours(fleet.label) == {}

    first = clone.commit()
    clone.push()
    fleet.up()
    assert live.get(source)["spec"]["ref"] == {"branch": "main", "commit": first}

    # Other YAML that Flux would not see.
    before = versions(live.ours(fleet.label))
    extra(fleet, web, "two")
    fleet.app("web", {"replicas": 3})
    assert "apps/" + f"{web}/extra.yaml: has changes that are not committed" in fleet.preview()
    assert f"apps/{web}/extra.yaml: has changes that are not committed" in fleet.refused("up")
    second = clone.commit()
    assert f"commit {second[:10]} is not on main" in fleet.refused("up")
    assert versions(live.ours(fleet.label)) == before

    # Pushed, both go in one up.
    clone.push()
    fleet.up()
    assert live.get(source)["spec"]["ref"]["commit"] == second
    assert values_of(live, f"HelmRelease {web}/{web}") == "replicas: 3\n"

    # What Flux doesn't read moves nothing: values alone, and the rest of the repository.
    fleet.write("README.md", "words\n")
    clone.commit()
    fleet.unchanged()


def test_git_delivery_declares_where_flux_reads_and_nothing_else(fleet: Fleet, live: Live) -> None:
    web = fleet.app("web", {"replicas": 2})
    extra(fleet, web, "one")
    fleet.stack_says(delivery="git", git={"url": GIT_URL, "name": fleet.name})
    render = ["fluxapps", "render", "--stack", fleet.name]
    source, kustomization = f"GitRepository flux-system/{fleet.name}", f"Kustomization flux-system/{fleet.name}"

    # There is no tree yet: Flux would find nothing.
    assert shlex.join(render) in fleet.refused("up")
    assert live.ours(fleet.label) == {}
    fleet.fluxapps(*render[1:])
    fleet.up()

    made = live.ours(fleet.label)
    assert made.keys() == {source, kustomization}
    assert made[source]["spec"]["ref"] == {"branch": "main"}
    assert made[kustomization]["spec"]["path"] == f"./deploy/{fleet.name}/bootstrap"
    assert live.find(f"Namespace {web}") is None

    # Files that say something else than the tree.
    fleet.app("web", {"replicas": 3})
    assert shlex.join(render) in fleet.refused("up")
    assert shlex.join(render) in fleet.preview()
    fleet.fluxapps(*render[1:])
    fleet.unchanged()
    assert versions(live.ours(fleet.label)) == versions(made)

    fleet.destroy()
    assert live.ours(fleet.label) == {}
    assert fleet.is_empty()


def values_of(live: Live, release: str) -> str:
    """Return the values that a release reads."""
    found = live.get(release)
    name = found["spec"]["valuesFrom"][0]["name"]
    return str(live.get(f"ConfigMap {found['metadata']['namespace']}/{name}")["data"]["values.yaml"])


def versions(objects: dict[str, Object]) -> dict[str, str]:
    return {what: version_of(found) for what, found in objects.items()}
