"""One look at a tree's folder: what is ours there, what differs from what was rendered, and what somebody else did."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fluxapps.model.problems import ConfigError, Problem
from fluxapps.model.tree.disk import Disk
from fluxapps.model.tree.index import index_text, read_index
from fluxapps.model.tree.paths import check_paths


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeDifference:
    """What a folder lacks or has too much of; paths are relative to it, sorted. False when there is nothing to do."""

    missing: tuple[str, ...] = ()
    """Not there yet."""
    differing: tuple[str, ...] = ()
    """Ours, unedited, with other content."""
    superfluous: tuple[str, ...] = ()
    """Ours, unedited, no longer rendered."""
    edited: tuple[str, ...] = ()
    """Ours, but changed by somebody since: writing refuses."""
    foreign: tuple[str, ...] = ()
    """Somebody else's, where something of ours belongs: writing refuses."""
    index_stale: bool = False
    """The index doesn't list exactly the rendered files with their digests."""

    def __bool__(self) -> bool:
        return bool(
            self.missing or self.differing or self.superfluous or self.edited or self.foreign or self.index_stale
        )


def compare_tree(folder: Path, files: Mapping[str, bytes], *, root: Path | None = None) -> TreeDifference:
    """Compare what stands in *folder* with *files*, and change nothing.

    Args:
        folder: The tree's root; may be missing.
        files: What ought to be there: content by path relative to *folder*, with forward slashes.
        root: The repository's root; problems name files relative to it.

    Returns:
        What a write would do, and what it would refuse.

    Raises:
        ConfigError: A path in *files* leaves the tree or clashes with another; the index or a file can't be read.
    """
    with told_as_problems(folder, root) as shown:
        check_paths(files, shown)
        return Survey(folder, shown, files).difference


@contextmanager
def told_as_problems(folder: Path, root: Path | None) -> Iterator[str]:
    """Give the folder as problems name it, and turn what the operating system refuses inside into a ConfigError."""
    inside = root is not None and folder.is_relative_to(root)
    shown = (folder.relative_to(root) if root is not None and inside else folder).as_posix()
    try:
        yield shown
    except OSError as error:
        place = shown if error.filename is None else os.fsdecode(error.filename).replace(folder.as_posix(), shown, 1)
        what = f"can't be read or written: {error.strerror}"
        fix = (
            "free space, or mend the permissions; then render again: a half-written tree is finished by the next render"
        )
        raise ConfigError([Problem(code="tree-unwritable", file=place, what=what, fix=fix)]) from error


class Survey:
    """What stands in a folder against what ought to, and by which digests our files are known."""

    def __init__(self, folder: Path, shown: str, files: Mapping[str, bytes]) -> None:
        self._shown, self._disk = shown, Disk(os.fspath(folder))
        self._found: dict[str, str] = {}
        index, self._listed = read_index(os.fspath(folder), shown)
        self.settled: dict[str, tuple[str, ...]] = {path: (_digest(files[path]),) for path in sorted(files)}
        """What the index lists when all is written."""
        superfluous, edited = self._unwanted(files)
        ancestors = {ancestor for path in self._listed if path not in files for ancestor in _ancestors(path)}
        self._disk.expect_removal(superfluous, ancestors)
        self.emptied = sorted((path for path in ancestors if self._disk.is_folder(path)), reverse=True)
        """Folders that held files of ours which are no longer rendered, innermost first: they go once empty."""
        self.difference = self._compared(files, superfluous, edited, index)
        """What differs."""

    @property
    def pending(self) -> dict[str, tuple[str, ...]]:
        """What the index lists while files change: of each that is about to, the digest it has and the one it gets."""
        pending = dict(self.settled)
        for path, found in self._found.items():
            pending[path] = tuple(dict.fromkeys((found, *self.settled.get(path, ()))))
        return pending

    def problems(self) -> list[Problem]:
        """Return what must be mended before anything is written."""
        edited = [
            Problem(
                code="tree-edited",
                file=f"{self._shown}/{path}",
                what="was edited since fluxapps wrote it",
                fix="say it in the app's own files instead, then delete this one (or git restore it) and render again",
            )
            for path in self.difference.edited
        ]
        foreign = [
            Problem(
                code="tree-not-ours",
                file=f"{self._shown}/{path}",
                what=f"is {self._kind(path)} that fluxapps did not write, where something it renders belongs",
                fix="move or delete it and render again, or render into another folder with --out",
            )
            for path in self.difference.foreign
        ]
        return edited + foreign

    def _unwanted(self, files: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
        """Return listed files that are no longer rendered: those we may remove, and those that somebody edited."""
        superfluous: list[str] = []
        edited: list[str] = []
        for path, known in sorted(self._listed.items()):
            entry = None if path in files else self._disk.entry(path)
            if entry is None or entry.is_dir(follow_symlinks=False):
                continue  # gone, or replaced by a folder, whose files are not ours
            found = _digest(self._disk.read(path)) if entry.is_file(follow_symlinks=False) else ""
            if found in known:
                superfluous.append(path)
                self._found[path] = found
            else:
                edited.append(path)
        return superfluous, edited

    def _compared(
        self, files: Mapping[str, bytes], superfluous: list[str], edited: list[str], index: bytes | None
    ) -> TreeDifference:
        missing: list[str] = []
        differing: list[str] = []
        foreign: set[str] = set()
        disk = self._disk
        for path in self.settled:
            obstacle = disk.obstacle(path)
            if obstacle:
                foreign.add(obstacle)
                continue
            entry = disk.entry(path)
            if entry is None or entry.is_dir(follow_symlinks=False):
                missing.append(path)
                continue
            content = disk.read(path)
            if content == files[path]:
                continue
            found = _digest(content)
            if found in self._listed.get(path, ()):
                differing.append(path)
                self._found[path] = found
            elif path in self._listed:
                edited.append(path)
            else:
                foreign.add(path)
        return TreeDifference(
            missing=tuple(missing),
            differing=tuple(differing),
            superfluous=tuple(superfluous),
            edited=tuple(sorted(edited)),
            foreign=tuple(sorted(foreign.difference(edited))),
            index_stale=index != (index_text(self.settled) if files or index is not None else None),
        )

    def _kind(self, path: str) -> str:
        entry = self._disk.entry(path)
        if entry is not None and entry.is_symlink():
            return "a symlink"
        return "a folder" if self._disk.is_folder(path) else "a file"


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _ancestors(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
