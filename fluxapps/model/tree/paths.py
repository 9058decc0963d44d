"""Which paths may stand in a tree, rendered or listed: none that leaves it, and no two that one checkout can't hold."""

import unicodedata
from collections.abc import Iterable, Iterator

from fluxapps.model.problems import ConfigError, Problem

INDEX = ".fluxapps-tree.json"
"""Name of the index in the tree's root."""

STAGED = ".fluxapps-tree.part"
"""Name under which a file is written before it is renamed into place; a killed write leaves one, in the root."""


def folded(path: str) -> str:
    """Return *path* as file systems that ignore case and Unicode form compare it (macOS, Windows)."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def fault(path: str) -> str:
    """Return why *path* may not stand in a tree, ``""`` when it may."""
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or not path.isprintable() or not {"", ".", ".."}.isdisjoint(parts):
        return "is no path inside the tree"
    if any(folded(part) == ".git" for part in parts):
        return "leads into a .git folder"
    if path in (INDEX, STAGED):
        return "is a name that fluxapps keeps for itself"
    return ""


def check_paths(paths: Iterable[str], shown: str) -> None:
    """Refuse rendered paths that leave the tree, or clash with one another.

    Args:
        paths: Paths relative to the tree's root.
        shown: The tree's root as problems name it.

    Raises:
        ConfigError: ``tree-path``, once for each such path.
    """
    if problems := list(_problems(paths, shown)):
        raise ConfigError(problems)


def _problems(paths: Iterable[str], shown: str) -> Iterator[Problem]:
    def problem(path: str, what: str) -> Problem:
        return Problem(code="tree-path", file=f"{shown}/{path}", what=what, fix="rename the file it comes from")

    seen: dict[str, str] = {}
    folders: set[str] = set()
    files = sorted(paths)
    for path in files:
        if why := fault(path):
            yield problem(path, f"{path!r} {why}")
            continue
        step = path
        while step and step not in folders:
            other = seen.setdefault(folded(step), step)
            if other != step:
                yield problem(path, f"{step!r} and {other!r} differ only in case: not every file system holds both")
            if step is not path:
                folders.add(step)
            step = step.rpartition("/")[0]
    yield from (problem(path, f"{path!r} would be a file and a folder") for path in files if path in folders)
