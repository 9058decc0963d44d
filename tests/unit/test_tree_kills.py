"""A render killed at any step is finished by the next one; the kill is a real one, of a process of its own."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fluxapps.model.tree import INDEX, TreeDifference, compare_tree, write_tree

BEFORE = {"same.yaml": b"same", "changed.yaml": b"old", "gone/deep/gone.yaml": b"gone", "swap": b"a file"}
AFTER = {"same.yaml": b"same", "changed.yaml": b"new", "made/deep/made.yaml": b"made", "swap/file": b"in a folder"}
OTHER = {"changed.yaml": b"newer", "gone/deep/gone.yaml": b"back", "made": b"a file"}
KILLED = 77


def killed_at(step: int, files: dict[str, bytes], tree: Path) -> bool:
    """Write *files* in a child process that dies before its *step*-th change; False when it ended before."""
    child = os.fork()
    if child == 0:
        try:
            _die_at(step)
            write_tree(tree, files)
        except BaseException:  # noqa: BLE001 - the child must never run on into the test session
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED)
    return status == KILLED


def _die_at(step: int) -> None:
    taken = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def step_of(*args: Any, **options: Any) -> Any:
            nonlocal taken
            taken += 1
            if taken == step:
                if call is write:  # half of it had reached the disk
                    write(args[0], bytes(args[1])[: len(args[1]) // 2])
                os._exit(KILLED)
            return call(*args, **options)

        return step_of

    write = os.write
    for name in ("open", "write", "replace", "unlink", "rmdir", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))


def content(tree: Path) -> dict[str, bytes]:
    files = (path for path in tree.rglob("*") if path.is_file() and path.name != INDEX)
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in files}


def folders(tree: Path) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_dir()}


@pytest.mark.parametrize("next_files", [AFTER, BEFORE, OTHER, {}], ids=["the same", "back", "another", "nothing"])
def test_the_next_render_finishes_a_killed_one(tmp_path: Path, next_files: dict[str, bytes]) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        tree = tmp_path / str(step)
        write_tree(tree, BEFORE)
        (tree / "gone/NOTES.md").write_text("theirs")
        killed = killed_at(step, AFTER, tree)
        assert compare_tree(tree, next_files).edited == ()
        assert compare_tree(tree, next_files).foreign == ()
        write_tree(tree, next_files)
        assert content(tree) == {**next_files, "gone/NOTES.md": b"theirs"}
        expected = {parent.as_posix() for path in content(tree) for parent in Path(path).parents} - {"."}
        assert folders(tree) == expected
        assert compare_tree(tree, next_files) == TreeDifference()
    assert step > 15


def test_kills_one_after_another_are_finished_by_one_render(tmp_path: Path) -> None:
    tree, step = tmp_path / "tree", 1
    while killed_at(step, AFTER, tree) or killed_at(step, OTHER, tree):
        step += 1
    write_tree(tree, AFTER)
    assert content(tree) == AFTER


def test_two_renders_at_once_take_turns(tmp_path: Path) -> None:
    tree, children = tmp_path / "tree", []
    for files in (BEFORE, AFTER):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                for _ in range(40):
                    write_tree(tree, files)
                    write_tree(tree, OTHER)
            except BaseException:  # noqa: BLE001 - the child must never run on into the test session
                os._exit(1)
            os._exit(0)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert content(tree) == OTHER


def test_an_edit_after_a_kill_is_still_seen(tmp_path: Path) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        tree = tmp_path / str(step)
        write_tree(tree, BEFORE)
        killed = killed_at(step, AFTER, tree)
        (tree / "changed.yaml").write_bytes(b"mine")
        assert compare_tree(tree, AFTER).edited == ("changed.yaml",)
