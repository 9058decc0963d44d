"""The one clock of ``git.follow: up``: which commit Flux is to read, and whether that commit says what the files say.

Values come from the working tree and other YAML from the remote branch. Pinning the last commit that matters lets one
``up`` move both. Git is only read here: nothing is fetched, and the index isn't refreshed.
"""

import os
import posixpath
import re
import subprocess
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from fluxapps.model.checks.kustomize import references
from fluxapps.model.problems import ConfigError, Problem, Severity
from fluxapps.model.resolved import GitPin
from fluxapps.model.sources import KUSTOMIZATION_NAMES
from fluxapps.model.yaml_file import read_yaml

_SECONDS: Final = 10
_ENVIRONMENT: Final = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=5",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "0",
}
_READ_BY_FLUX: Final = re.compile(r"(?i)(?:\.ya?ml|/kustomization)$")
_STATES: Final = {"??": "is not committed", "!!": "is ignored by Git"}
_SHOWN: Final = 20
"""Files named before "and n more"."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """What Flux is to read."""

    commit: str | None
    """None where there is no commit to name."""
    problems: tuple[Problem, ...] = ()
    """Why Flux would not see what the files say: errors for ``up``, remarks for a preview."""


class _GitError(Exception):
    """Git failed; its own words."""


def pinned_commit(root: Path, pin: GitPin, stack_file: str) -> Pinned:
    """Return the last commit on this branch that touched what Flux reads, or added an app's folder.

    Args:
        root: The repository's root.
        pin: What counts, and where Flux reads it.
        stack_file: Named by problems that no other file has.

    Returns:
        The commit, with every reason why Flux would read something else than what lies in the working tree.
    """
    git = _Git(root)
    try:
        if problem := _unfit(git, stack_file):
            return Pinned(None, (problem,))
        commit = _last_commit(git, pin)
        problems = list(_uncommitted(git, pin))
        if commit is not None:
            problems += _unpushed(git, pin.url, pin.branch, commit, stack_file)
        if git.says("rev-parse", "--is-shallow-repository") == "true":
            problems.append(
                Problem(
                    code="shallow-clone",
                    severity=Severity.WARNING,
                    what="this is a shallow clone: the pinned commit moves with every new commit",
                    file=stack_file,
                    fix="clone the whole history (actions/checkout: fetch-depth: 0; else git fetch --unshallow)",
                )
            )
    except _GitError as exc:
        return Pinned(None, (_problem("git-failed", f"git.follow: up needs Git, which fails: {exc}", stack_file),))
    return Pinned(commit, tuple(problems))


def is_behind(root: Path, url: str, branch: str, fetched: str) -> bool:
    """Return whether commit *fetched* is known not to be the head of *branch* at *url* any more.

    The remote is asked, unless *fetched* is the head as far as this clone knows. Where it doesn't answer, *fetched* is
    behind if the clone knows a later head.
    """
    git = _Git(root)
    try:
        remote = _remote_of(git, url) if git.holds("rev-parse", "--is-inside-work-tree") else None
        known = git.run("rev-parse", "--verify", "--quiet", f"refs/remotes/{remote}/{branch}").stdout.strip()
        if known == fetched:
            return False
        asked = git.run("ls-remote", "--heads", remote or url, f"refs/heads/{branch}")
        if asked.returncode == 0:
            return bool(asked.stdout) and asked.stdout.split("\t", 1)[0] != fetched
        return bool(known) and _contains(git, known, fetched)
    except _GitError:
        return False


def unpushed_tree(root: Path, url: str, branch: str, path: str, stack_file: str) -> tuple[Problem, ...]:
    """Return a warning where Flux can't read the tree at *path* as it lies here, because it was never pushed.

    The remote is only asked about a commit that isn't on *branch* as far as this clone knows.

    Args:
        root: The folder that holds *path*; in no repository, somebody else commits the tree.
        url: The repository that Flux reads.
        branch: Its branch.
        path: The rendered tree, from *root*.
        stack_file: Named by the warning about a commit.
    """
    git = _Git(root)
    try:
        if not git.holds("rev-parse", "--is-inside-work-tree"):
            return ()
        commit = git.run("log", "-1", "--format=%H", "HEAD", "--", path).stdout.strip()
        if not commit or _status(git, "--", path):
            what = "the rendered tree is not committed, so Flux goes on with the one before"
            fix = f"git add {path}, commit and push"
            return (Problem(code="uncommitted-tree", severity=Severity.WARNING, what=what, file=path, fix=fix),)
        found = _unpushed(git, url, branch, commit, stack_file)
    except _GitError:
        return ()
    return tuple(replace(one, severity=Severity.WARNING) for one in found if one.code == "unpushed-commit")


class _Git:
    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(  # noqa: S603 - git with arguments of ours
                ["git", *arguments],  # noqa: S607 - the user's own git
                cwd=self.root,
                env={**os.environ, **_ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                timeout=_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise _GitError("there is no git here") from None
        except subprocess.TimeoutExpired:
            raise _GitError(f"git {arguments[0]} took more than {_SECONDS} s") from None

    def says(self, *arguments: str) -> str:
        """Return what git prints.

        Raises:
            _GitError: It exits with an error.
        """
        done = self.run(*arguments)
        if done.returncode != 0:
            raise _GitError(" ".join(done.stderr.split()) or f"git {arguments[0]} exits with {done.returncode}")
        return done.stdout.strip("\n")

    def holds(self, *arguments: str) -> bool:
        """Return whether a question to git is answered by exit status 0."""
        return self.run(*arguments).returncode == 0


def _unfit(git: _Git, stack_file: str) -> Problem | None:
    """Return why *git*'s folder can't be what Flux reads, if so."""
    if not git.holds("rev-parse", "--is-inside-work-tree"):
        return _problem(
            "no-git-repository",
            "git.follow: up pins a commit, and this folder is in no Git repository",
            stack_file,
            "git init, commit and push it to git.url; or say git.follow: branch",
        )
    prefix = git.says("rev-parse", "--show-prefix")
    if prefix:
        return _problem(
            "no-git-repository",
            f"this folder is {prefix} of a Git repository, and Flux reads apps/ from the repository's root",
            stack_file,
            "make it a repository of its own, or move it to the root",
        )
    if not git.holds("rev-parse", "--verify", "--quiet", "HEAD"):
        return _problem("no-commit", "there is no commit yet for Flux to read", stack_file, "commit, and push")
    return None


def _last_commit(git: _Git, pin: GitPin) -> str | None:
    """Return the later of the last commit that touched what Flux reads and the last that added an app.

    First parents only, a merge counting for all that it brings: from such a commit to HEAD nothing that matters
    differs, and any two of them have an order.
    """
    log = ("log", "-1", "--first-parent", "-m", "--no-renames", "--format=%H")
    touched = git.says(*log, "HEAD", "--", *_pathspecs(pin))
    added = git.says(*log, "--diff-filter=A", "HEAD", "--", f":(glob){pin.added}")
    if touched and added:
        return added if git.holds("merge-base", "--is-ancestor", touched, added) else touched
    return touched or added or None


def _pathspecs(pin: GitPin) -> list[str]:
    return [f":(top){path}" for path in pin.include] + [f":(exclude,glob){path}" for path in pin.exclude]


def _uncommitted(git: _Git, pin: GitPin) -> Iterator[Problem]:
    found = _status(git, "--ignored", "--", *_pathspecs(pin))
    # What kustomize packs into a ConfigMap may be of any kind; whether it is asked for is only looked up at need.
    others = [
        path
        for state, path in found
        if (state in _STATES or path.endswith(".md")) and not _READ_BY_FLUX.search(f"/{path}")
    ]
    named = _named_by_kustomize(git, pin) if others else frozenset[str]()
    unread = frozenset(others) - named
    changed = [(state, path) for state, path in found if path not in unread]
    # Of a folder that is ignored as a whole, Git names the folder alone.
    folders = tuple(path for path in others if path.endswith("/"))
    changed += [("!!", path) for path in sorted(named) if path.startswith(folders) and (git.root / path).is_file()]
    for state, path in changed[:_SHOWN]:
        what = f"{_STATES.get(state, 'has changes that are not committed')}, so Flux would not see it"
        if "D" in state:
            what = "is deleted, and that is not committed, so Flux would still see it"
        fix = "let Git have it, or move it out of the app" if state == "!!" else "commit it, and push"
        yield Problem(code="uncommitted-yaml", what=what, file=path, fix=fix)
    if len(changed) > _SHOWN:
        what = f"{len(changed) - _SHOWN} more files are not committed, so Flux would not see them"
        yield Problem(code="uncommitted-yaml", what=what, file=changed[_SHOWN][1], fix="commit them, and push")
    for state, path in _status(git, "--", f":(glob){pin.added}"):
        if "?" in state or "A" in state or "R" in state:
            what = "this app is not committed, so Flux would not find its folder"
            yield Problem(code="uncommitted-app", what=what, file=path, fix="commit it, and push")


def _named_by_kustomize(git: _Git, pin: GitPin) -> frozenset[str]:
    """Return the paths that kustomization.yaml files of the working tree name, from the root."""
    named: set[str] = set()
    for file in git.says("ls-files", "-z", "--cached", "--others", "--", *_pathspecs(pin)).split("\0"):
        folder, _, name = file.rpartition("/")
        if name not in KUSTOMIZATION_NAMES:
            continue
        try:
            said = read_yaml(git.root, file).value
        except ConfigError:
            continue  # the checks say it
        if isinstance(said, dict):
            named |= {posixpath.normpath(f"{folder}/{reference.path}") for reference in references(said)}
    return frozenset(named)


def _status(git: _Git, *arguments: str) -> list[tuple[str, str]]:
    """Return state and path of each file that isn't as HEAD has it."""
    said = git.says("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", *arguments)
    return [(entry[:2], entry[3:]) for entry in said.split("\0") if entry]


def _unpushed(git: _Git, url: str, branch: str, commit: str, stack_file: str) -> list[Problem]:
    """Return a problem unless *commit* is known to be on the branch that Flux reads."""
    remote = _remote_of(git, url)
    if remote is not None and _contains(git, f"refs/remotes/{remote}/{branch}", commit):
        return []
    asked = git.run("ls-remote", "--heads", remote or url, f"refs/heads/{branch}")
    where = f"{branch} of {remote or url}"
    if asked.returncode != 0:
        return [
            Problem(
                code="unknown-remote",
                severity=Severity.WARNING,
                what=f"whether commit {commit[:10]} is on {where} can't be asked: {' '.join(asked.stderr.split())}",
                file=stack_file,
                fix="see that it is pushed: Flux waits until it is",
            )
        ]
    tip = asked.stdout.split("\t", 1)[0].strip()
    if tip and _contains(git, tip, commit):
        return []
    ahead = f"commit {commit[:10]} is not on {where}, so Flux can't read it yet"
    if tip and not git.holds("cat-file", "-e", f"{tip}^{{commit}}"):
        # Somebody pushed since the last fetch; only they know whether ours is among it.
        return [_problem("unpushed-commit", f"{ahead}, as far as this clone knows", stack_file, "git fetch; git push")]
    return [_problem("unpushed-commit", ahead, stack_file, f"git push {remote or url} HEAD:{branch}")]


def _contains(git: _Git, tip: str, commit: str) -> bool:
    return git.holds("merge-base", "--is-ancestor", commit, tip)


def _remote_of(git: _Git, url: str) -> str | None:
    """Return the remote that is *url*, however it is spelled; None where none is."""
    for remote in git.says("remote").splitlines():
        urls: Sequence[str] = git.run("remote", "get-url", "--all", remote).stdout.split()
        if any(_repository(one) == _repository(url) for one in urls):
            return remote
    return None


def _repository(url: str) -> str:
    """Return *url* without what differs between ways to reach one repository: scheme, user, port, ``.git``."""
    scp = re.fullmatch(r"(?:[^@/]+@)?([^:/]+):(?!//)(.+)", url)
    host, path = scp.groups() if scp else (re.sub(r"^[a-z+]+://", "", url).partition("/")[::2])
    host = re.sub(r"^[^@]*@|:\d+$", "", host)
    return f"{host}/{path.strip('/').removesuffix('.git')}".lower()


def _problem(code: str, what: str, file: str, fix: str = "") -> Problem:
    return Problem(code=code, what=what, file=file, fix=fix)


def lacks(root: Path, commit: str, paths: Collection[str]) -> bool | None:
    """Return whether none of *paths*, from the repository's root, is in *commit*; None where nobody here knows it."""
    git = _Git(root)
    try:
        if not git.holds("cat-file", "-e", f"{commit}^{{commit}}"):
            return None
        return not git.says("ls-tree", "--full-tree", "--name-only", commit, "--", *sorted(paths))
    except _GitError:
        return None
