"""Writing a tree so that a kill at any moment is mended by the next write.

Order: an index with the old and the new digest of every file about to change; removals; each file, written beside the
others and renamed into place; the index with the new digests alone. So at every moment each file of ours has a digest
that the index lists, and whoever writes next can tell it from an edited one. Nothing is cleaned up on failure, on
purpose: a kill wouldn't do it either.
"""
# ruff: noqa: PTH103, PTH105, PTH106, PTH108 - paths stay strings: a tree holds thousands of files, and pathlib costs more than the writing

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from fluxapps.model.problems import ConfigError
from fluxapps.model.tree.index import index_text
from fluxapps.model.tree.paths import INDEX, STAGED, check_paths
from fluxapps.model.tree.survey import Survey, TreeDifference, told_as_problems

if sys.platform != "win32":
    import fcntl


def write_tree(folder: Path, files: Mapping[str, bytes], *, root: Path | None = None) -> TreeDifference:
    """Make *folder* hold *files*; unchanged ones aren't touched, what isn't ours is left alone.

    Args:
        folder: The tree's root; made when missing.
        files: Content by path relative to *folder*, with forward slashes.
        root: The repository's root; problems name files relative to it.

    Returns:
        What was done: missing and differing files were written, superfluous ones removed.

    Raises:
        ConfigError: ``tree-edited`` for files of ours that somebody changed, ``tree-not-ours`` for other things where
            ours belong, ``tree-path``, ``tree-index``: nothing is written then. ``tree-unwritable``: mended by the next
            write.
    """
    with told_as_problems(folder, root) as shown:
        check_paths(files, shown)
        if not files and not folder.exists():
            return TreeDifference()
        os.makedirs(folder, exist_ok=True)
        with _locked(folder):
            survey = Survey(folder, shown, files)
            if problems := survey.problems():
                raise ConfigError(problems)
            with suppress(FileNotFoundError):
                os.unlink(f"{folder}/{STAGED}")  # a killed write's
            if survey.difference:
                _carry_out(survey, os.fspath(folder), files)
            return survey.difference


def _carry_out(survey: Survey, top: str, files: Mapping[str, bytes]) -> None:
    difference = survey.difference
    if difference.missing or difference.differing or difference.superfluous:
        _replace(top, INDEX, index_text(survey.pending))
    # Removals come first: a folder may stand where a file is to be, and to some file systems case is no difference.
    for path in difference.superfluous:
        os.unlink(f"{top}/{path}")
    for path in survey.emptied:
        with suppress(OSError):  # something else is in it
            os.rmdir(f"{top}/{path}")
    made = {""}
    for path in (*difference.missing, *difference.differing):
        parent = path.rpartition("/")[0]
        if parent not in made:
            os.makedirs(f"{top}/{parent}", exist_ok=True)
            made.add(parent)
        _replace(top, path, files[path])
    _replace(top, INDEX, index_text(survey.settled))


def _replace(top: str, path: str, content: bytes) -> None:
    """Put *content* at *path* in one step: a reader sees the old or the new file, and no symlink is written through."""
    staged = f"{top}/{STAGED}"
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)
    os.replace(staged, f"{top}/{path}")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second render of the same tree waiting, so that the two don't take each other's files for edited ones."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
