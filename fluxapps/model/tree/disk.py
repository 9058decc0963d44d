"""What stands in a tree's folder, seen without following a symlink, each folder listed once."""
# ruff: noqa: PTH123 - paths stay strings: a tree holds thousands of files, and pathlib costs more than the writing

import os
from collections.abc import Iterable

from fluxapps.model.tree.paths import folded


class Disk:
    """The entries below a root, by path relative to it. What lies behind a symlink is not there."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._entries: dict[str, dict[str, os.DirEntry[str]]] = {}
        self._twins: dict[str, dict[str, str]] = {}
        self._blocked: dict[str, str] = {"": ""}
        self._removable: frozenset[str] = frozenset()
        self._emptied: frozenset[str] = frozenset()

    def read(self, path: str) -> bytes:
        """Return the content of the file *path*."""
        with open(f"{self._top}/{path}", "rb", buffering=0) as file:
            return file.readall()

    def entry(self, path: str) -> os.DirEntry[str] | None:
        """Return what stands at *path*, a symlink as such; None when nothing does."""
        folder, _, name = path.rpartition("/")
        return self._listing(folder).get(name)

    def is_folder(self, path: str) -> bool:
        """Return whether *path* is a real folder, reached through real folders alone."""
        entry = self.entry(path)
        return entry is not None and entry.is_dir(follow_symlinks=False)

    def expect_removal(self, removable: Iterable[str], emptied: Iterable[str]) -> None:
        """Count *removable* files, and *emptied* folders with nothing else in them, as in nobody's way any more."""
        self._removable, self._emptied = frozenset(removable), frozenset(emptied)

    def obstacle(self, path: str) -> str:
        """Return what keeps a file from being written at *path*, ``""`` when nothing does; a plain file there does not.

        A symlink or a file where a folder is needed, anything but a file at its own place, a name that differs in case
        alone.
        """
        folder, _, name = path.rpartition("/")
        return self._folder_obstacle(folder) or self._in_the_way(folder, name, folder_wanted=False)

    def vanishes(self, path: str) -> bool:
        """Return whether removing what we may remove takes *path* away."""
        if path in self._removable:
            return True
        return (
            path in self._emptied
            and self.is_folder(path)
            and all(self.vanishes(f"{path}/{name}") for name in self._listing(path))
        )

    def _listing(self, folder: str) -> dict[str, os.DirEntry[str]]:
        listing = self._entries.get(folder)
        if listing is None:
            listing = {}
            if not folder or self.is_folder(folder):
                try:
                    with os.scandir(f"{self._top}/{folder}") as entries:
                        listing = {entry.name: entry for entry in entries}
                except FileNotFoundError:  # the root itself: a tree that was never rendered
                    listing = {}
            self._entries[folder] = listing
        return listing

    def _folder_obstacle(self, folder: str) -> str:
        obstacle = self._blocked.get(folder)
        if obstacle is None:
            parent, _, name = folder.rpartition("/")
            obstacle = self._folder_obstacle(parent) or self._in_the_way(parent, name, folder_wanted=True)
            self._blocked[folder] = obstacle
        return obstacle

    def _in_the_way(self, folder: str, name: str, *, folder_wanted: bool) -> str:
        entry = self._listing(folder).get(name)
        if entry is None:
            name = self._twin(folder, name)
        elif entry.is_dir(follow_symlinks=False) if folder_wanted else entry.is_file(follow_symlinks=False):
            return ""
        path = f"{folder}/{name}" if folder else name
        return "" if not name or self.vanishes(path) else path

    def _twin(self, folder: str, name: str) -> str:
        """Return the entry whose name differs from *name* only in case, ``""`` when there is none."""
        twins = self._twins.get(folder)
        if twins is None:
            twins = self._twins[folder] = {folded(other): other for other in self._listing(folder)}
        return twins.get(folded(name), "")
