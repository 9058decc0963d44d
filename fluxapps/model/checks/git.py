"""``git``: whether Flux can read this repository, and where the rendered tree goes."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from fluxapps.model.checks.report import error, exists, stack_file, warning
from fluxapps.model.problems import Problem
from fluxapps.model.resolved import Fleet
from fluxapps.model.sources import APPS, BOOTSTRAP

_SYNC = "flux-system/gotk-sync.yaml"


def git_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is wrong with the stack's file as a whole, and with its ``git``."""
    file, said = stack_file(fleet), fleet.cluster.git
    stack = fleet.sources.stack_files[fleet.stack]
    if not stack.cluster:
        what = f"nothing stands under '{stack.prefix[-1]}' in config"
        fix = f"add config: {{{stack.prefix[-1]}: {{context: …}}}}: the cluster of the stack"
        yield warning("no-cluster", what, None, file, fix)
    if said is None:
        yield from _missing(fleet)
        return
    if not said.url:
        yield error("missing-field", "'git' says no url", fleet.origin("git"), file, "add 'url: https://…'")
    if said.ref is not None:
        for field, value in (("branch", said.branch), ("follow", said.follow if said.follow == "up" else None)):
            if value is not None:
                what = f"'git.{field}: {value}' and 'git.ref' are both said: Flux follows the ref by itself"
                yield error("said-twice", what, fleet.origin("git", field), file, "keep one of them")
    elif said.follow == "up" and fleet.delivery == "git":
        what = "'follow: up' is for apply delivery: in git delivery Flux follows the branch by itself"
        yield error("misplaced-field", what, fleet.origin("git", "follow"), file, "remove it")
    if not isinstance(said.model_extra.get("ignore", "") if said.model_extra else "", str):
        what = "'git.ignore' must be a string"
        yield error("wrong-type", what, fleet.origin("git", "ignore"), file, "write its lines below 'ignore: |'")
    yield from _path(fleet)


def _missing(fleet: Fleet) -> Iterator[Problem]:
    file, fix = stack_file(fleet), "add git: {url: …, branch: …}: where Flux reads this repository"
    if fleet.delivery == "git":
        yield error("missing-git", "git delivery needs 'git'", fleet.origin("delivery"), file, fix)
        return
    read = [one.file for app in fleet.apps for one in app.other if one.is_yaml]
    read += [one.file for one in fleet.sources.bootstrap if one.is_yaml]
    if read:
        more = f" and {len(read) - 1} more" if len(read) > 1 else ""
        what = f"Flux is to apply {read[0]}{more}, and nothing says where it reads them"
        yield error("missing-git", what, None, file, fix)


def _path(fleet: Fleet) -> Iterator[Problem]:
    if (path := fleet.git_path) is None:
        return
    where, file = fleet.origin("git", "path"), stack_file(fleet)
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or not path.isprintable():
        what = f"'{path}' is outside of the repository"
        yield error("git-path", what, where, file, f"leave it out: deploy/{fleet.stack}")
        return
    if not parts or parts[0] in (APPS, BOOTSTRAP):
        what = f"the rendered tree can't be in '{path or '.'}', among what it is rendered from"
        yield error("git-path", what, where, file, f"leave it out: deploy/{fleet.stack}")
        return
    for stack in fleet.sources.stack_files.values():
        other = stack.cluster.get("git") or {}
        rendered = stack.stack != fleet.stack and stack.cluster.get("delivery") == "git"
        if rendered and str(other.get("path") or f"deploy/{stack.stack}").removeprefix("./").rstrip("/") == path:
            what = f"stack {stack.stack} renders into '{path}' too, so one would take the other's files away"
            yield error("git-path", what, where, file, f"leave it out: deploy/{fleet.stack}")
    for above in (PurePosixPath(path), *PurePosixPath(path).parents):
        if exists(fleet.sources.root / above / _SYNC):
            sync = str(above / _SYNC)
            what = f"{sync} lets Flux apply all below its folder, the rendered tree in {path} too: each object twice"
            fix = "choose a git.path beside that folder, not in it"
            yield error("flux-sync", what, where or fleet.origin("git"), file, fix)
            return
