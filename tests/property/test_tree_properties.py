"""Laws of the rendered tree: whatever is rendered, killed, edited or put beside it, it converges and loses nothing."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from fluxapps.model.problems import ConfigError
from fluxapps.model.tree import INDEX, compare_tree, write_tree

STAGED = ".fluxapps-tree.part"

names = st.sampled_from(["a", "b", "c"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def _holds_no_file_as_folder(files: dict[str, bytes]) -> bool:
    return not any(path.startswith(f"{other}/") for path in files for other in files)


trees = st.dictionaries(paths, st.binary(max_size=2), max_size=6).filter(_holds_no_file_as_folder)
foreign = st.dictionaries(paths.map("{}.md".format), st.binary(max_size=2), max_size=3)


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


@contextmanager
def dying_at(step: int | None) -> Iterator[None]:
    """Stop before the *step*-th change to the disk; None: never."""
    taken = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def step_of(*args: Any, **options: Any) -> Any:
            nonlocal taken
            taken += 1
            if taken == step:
                raise Killed
            return call(*args, **options)

        return step_of

    with ExitStack() as patches:
        for name in ("write", "replace", "unlink", "rmdir", "mkdir"):
            patches.enter_context(patch.object(os, name, counted(getattr(os, name))))
        yield


def content(tree: Path) -> dict[str, bytes]:
    files = (path for path in tree.rglob("*") if path.is_file() and path.name not in (INDEX, STAGED))
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in files}


def put(tree: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    """Put *files* where nothing stands in their way; return those that were put."""
    done = {}
    for path, text in files.items():
        place = tree / path
        if not place.exists() and all(parent.is_dir() or not parent.exists() for parent in place.parents):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
            done[path] = text
    return done


def write(tree: Path, files: dict[str, bytes], kill: int | None) -> tuple[bool, list[str]]:
    """Write *files* up to the *kill*-th step; return whether it was killed, and the codes of what it refused."""
    try:
        with dying_at(kill):
            write_tree(tree, files)
    except Killed:
        return True, []
    except ConfigError as error:
        return False, [problem.code for problem in error.problems]
    return False, []


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(trees, st.none() | st.integers(1, 40), foreign), min_size=1, max_size=5),
    trees,
)
def test_any_renders_and_kills_converge_and_keep_foreign_files(
    steps: list[tuple[dict[str, bytes], int | None, dict[str, bytes]]], last: dict[str, bytes]
) -> None:
    with TemporaryDirectory() as folder:
        tree = Path(folder)
        theirs: dict[str, bytes] = {}
        for files, kill, others in [*steps, (last, None, {})]:
            before = content(tree)
            killed, refused = write(tree, files, kill)
            if refused:
                assert set(refused) == {"tree-not-ours"}
                assert theirs, "nobody else's file is there, so nothing can be in the way"
                assert content(tree) == before
            elif killed:
                assert theirs.items() <= content(tree).items()
            else:
                assert content(tree) == {**theirs, **files}
                assert not compare_tree(tree, files)
            theirs |= put(tree, others)


@settings(max_examples=100, deadline=None)
@given(trees.filter(bool), trees, st.integers(1, 40), st.data())
def test_an_edit_is_always_seen_and_never_lost(
    first: dict[str, bytes], second: dict[str, bytes], kill: int, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        tree = Path(folder)
        write_tree(tree, first)
        with suppress(Killed), dying_at(kill):
            write_tree(tree, second)
        present = content(tree)
        if not present:
            return
        edited = data.draw(st.sampled_from(sorted(present)))
        (tree / edited).write_bytes(b"edited by a person")
        before = content(tree)
        for files in (first, second, {}):
            assert "tree-edited" in write(tree, files, None)[1]
            assert compare_tree(tree, files).edited == (edited,)
            assert content(tree) == before
