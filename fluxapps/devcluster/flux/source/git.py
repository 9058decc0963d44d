"""GitRepository: a commit of a remote repository as an archive of its files."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fluxapps.devcluster.flux.kubernetes import Key, Object
from fluxapps.devcluster.flux.source import ignore
from fluxapps.devcluster.flux.source.artifacts import Artifacts, Content, packed
from fluxapps.devcluster.flux.source.ignore import Ignore
from fluxapps.devcluster.flux.source.status import FailedError, Fetched
from fluxapps.devcluster.flux.source.versions import newest

UNKNOWN = (
    *("secretRef", "serviceAccountName", "verify", "proxySecretRef", "include", "sparseCheckout"),
    *("recurseSubmodules",),
)
"""Fields of a spec that this stand-in has nothing for."""
_SUCCEEDED = "Succeeded"
_PATIENCE = 60
_FAILED = "GitOperationFailed"
_SYMLINK = "120000"
_TREE = "040000"


@dataclass(frozen=True, slots=True)
class _Reference:
    """What to fetch, and what a revision calls it."""

    name: str
    """The full name of a branch or tag; empty for a commit of any branch."""
    shown: str
    commit: str = ""


def fetch(key: Key, found: Object, artifacts: Artifacts, clones: Path) -> Fetched:
    """Fetch what a GitRepository points to.

    Raises:
        FailedError: It can't be had.
    """
    spec = found["spec"]
    status = found.get("status", {})
    clone = clones / f"{key.namespace}.{key.name}"
    try:
        if not (clone / "HEAD").exists():
            clone.mkdir(parents=True, exist_ok=True)
            _git(clone, "init", "--bare", "--quiet")
        wanted = _wanted(clone, spec["url"], spec.get("ref", {}))
        commit = _fetched(clone, spec["url"], wanted)
    except (_GitError, ValueError) as reason:
        raise FailedError(_FAILED, f"failed to checkout and determine revision: {reason}") from reason
    revision = f"{wanted.shown}@sha1:{commit}" if wanted.shown else f"sha1:{commit}"
    artifact = artifacts.current(found)
    if not artifact or artifact["revision"] != revision or status.get("observedIgnore") != spec.get("ignore"):
        data = _archive(clone, commit, spec.get("ignore"))
        artifact = artifacts.keep(key, Content(f"{commit}.tar.gz", revision, data))
    observed = {"observedIgnore": spec["ignore"]} if "ignore" in spec else {}
    return Fetched(artifact, _SUCCEEDED, f"stored artifact for revision '{revision}'", observed)


class _GitError(Exception):
    """What git says when it doesn't do it."""


def _wanted(clone: Path, url: str, ref: Object) -> _Reference:
    """Say what a ``spec.ref`` means; what is more exact comes first, and the branch called master last."""
    if commit := ref.get("commit"):
        branch = ref.get("branch", "")
        return _Reference(f"refs/heads/{branch}" if branch else "", branch, commit)
    if name := ref.get("name"):
        return _Reference(name, name)
    if semver := ref.get("semver"):
        listed = _git(clone, "ls-remote", "--tags", "--refs", url).decode().splitlines()
        tag = newest((line.rpartition("refs/tags/")[2] for line in listed), semver)
        if tag is None:
            raise _GitError(f"no match found for semver: {semver}")
        return _Reference(f"refs/tags/{tag}", tag)
    if tag := ref.get("tag"):
        return _Reference(f"refs/tags/{tag}", tag)
    branch = ref.get("branch", "master")
    return _Reference(f"refs/heads/{branch}", branch)


def _fetched(clone: Path, url: str, wanted: _Reference) -> str:
    """Bring a commit here, and return its name."""
    fetched = f"+{wanted.name}:{wanted.name}" if wanted.name else "+refs/heads/*:refs/heads/*"
    try:
        _git(clone, "fetch", "--quiet", "--no-tags", "--prune", "--no-write-fetch-head", url, fetched)
    except _GitError as reason:
        raise _GitError(f"unable to clone '{url}': {reason}") from reason
    if not wanted.commit:
        return _git(clone, "rev-parse", "--verify", "--quiet", f"{wanted.name}^{{commit}}").decode().strip()
    try:
        return _git(clone, "rev-parse", "--verify", "--quiet", f"{wanted.commit}^{{commit}}").decode().strip()
    except _GitError as reason:
        raise _GitError(f"unable to resolve commit object for '{wanted.commit}': object not found") from reason


def _archive(clone: Path, commit: str, spec_ignore: str | None) -> bytes:
    listed = _git(clone, "ls-tree", "-r", "-t", "-z", "--full-tree", commit).decode("utf-8", "surrogateescape")
    entries = [(*line.partition("\t")[0].split(), line.partition("\t")[2]) for line in listed.split("\0") if line]
    blobs = [(path, name) for mode, kind, name, path in entries if kind == "blob" and mode != _SYMLINK]
    files = dict(zip((path for path, _ in blobs), _contents(clone, [name for _, name in blobs]), strict=True))
    said = [
        ("" if (folder := str(PurePosixPath(path).parent)) == "." else folder, content.decode("utf-8", "replace"))
        for path, content in sorted(files.items())
        if PurePosixPath(path).name == ignore.FILE
    ]
    rules = Ignore(spec_ignore, said)

    def kept() -> Iterator[tuple[str, bytes | None]]:
        for mode, _, _, path in entries:
            # A folder stays also when all that is in it goes.
            if mode == _TREE and not rules.leaves_out(path, is_folder=True):
                yield path, None
            elif path in files and not rules.leaves_out(path, is_folder=False):
                yield path, files[path]

    return packed(kept())


def _contents(clone: Path, names: list[str]) -> Iterator[bytes]:
    answer = _git(clone, "cat-file", "--batch", given="".join(f"{name}\n" for name in names).encode())
    position = 0
    for _ in names:
        start = answer.index(b"\n", position) + 1
        size = int(answer[position:start].split()[2])
        yield answer[start : start + size]
        position = start + size + 1


def _git(clone: Path, *arguments: str, given: bytes | None = None) -> bytes:
    # Nobody's own settings, and no question to anybody.
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        answer = subprocess.run(  # noqa: S603  no shell; the API server let no url pass that is an option
            ("git", "-C", str(clone), *arguments),  # noqa: S607  the user's git
            check=False,
            capture_output=True,
            input=given,
            env={**inherited, **quiet},
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as reason:
        raise _GitError(str(reason)) from reason
    if answer.returncode:
        raise _GitError(answer.stderr.decode(errors="replace").strip().removeprefix("fatal: ") or "not found")
    return answer.stdout
