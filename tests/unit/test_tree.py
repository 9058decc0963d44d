"""What a rendered tree promises: ours is ours by digest, the rest is left alone, a bad tree is refused whole."""

import json
import os
from pathlib import Path

import pytest

from fluxapps.model.problems import ConfigError
from fluxapps.model.tree import INDEX, TreeDifference, compare_tree, write_tree

FILES = {
    "bootstrap/namespaces/namespace-podinfo.yaml": b"kind: Namespace\n",
    "podinfo/helmrelease-podinfo.yaml": b"kind: HelmRelease\n",
    "podinfo/extra/dashboard.yaml": b"kind: ConfigMap\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path / "deploy" / "prod"


def content(tree: Path) -> dict[str, bytes]:
    """Return every file below *tree* but the index."""
    files = (path for path in tree.rglob("*") if path.is_file() and path.name != INDEX)
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in files}


def refusals(tree: Path, files: dict[str, bytes]) -> list[tuple[str, str]]:
    """Return code and file of what a write of *files* refuses, having seen that it changed nothing."""
    before = snapshot(tree)
    with pytest.raises(ConfigError) as refused:
        write_tree(tree, files, root=tree.parent.parent)
    assert snapshot(tree) == before
    return [(problem.code, problem.file) for problem in refused.value.problems]


def snapshot(tree: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in [tree, *tree.rglob("*")]
        if path.exists()
    }


def test_a_new_tree_holds_the_files_and_an_index_of_them(tree: Path) -> None:
    done = write_tree(tree, FILES)
    assert content(tree) == FILES
    assert done == TreeDifference(missing=tuple(sorted(FILES)), index_stale=True)
    index = json.loads((tree / INDEX).read_text())
    assert list(index["files"]) == sorted(FILES)
    assert index["files"]["podinfo/helmrelease-podinfo.yaml"] == (
        "0052541908ad933c8efdd3b1ea7948e809a6fae0c5a8cf5787b8ec3e5fb667a2"
    )


def test_the_index_is_the_same_whatever_the_order_of_the_files(tree: Path, tmp_path: Path) -> None:
    write_tree(tree, FILES)
    write_tree(tmp_path / "other", dict(reversed(FILES.items())))
    assert (tree / INDEX).read_bytes() == (tmp_path / "other" / INDEX).read_bytes()


def test_a_second_write_touches_nothing(tree: Path) -> None:
    write_tree(tree, FILES)
    before = snapshot(tree)
    assert not write_tree(tree, FILES)
    assert snapshot(tree) == before


def test_only_what_changed_is_written(tree: Path) -> None:
    write_tree(tree, FILES)
    before = snapshot(tree)
    changed = {**FILES, "podinfo/helmrelease-podinfo.yaml": b"kind: HelmRelease # changed\n"}
    done = write_tree(tree, changed)
    assert done == TreeDifference(differing=("podinfo/helmrelease-podinfo.yaml",), index_stale=True)
    after = snapshot(tree)
    kept = str(tree / "podinfo/extra/dashboard.yaml")
    assert after[kept] == before[kept]
    assert content(tree) == changed


def test_comparing_says_what_a_write_would_do_and_changes_nothing(tree: Path) -> None:
    write_tree(tree, FILES)
    wanted = dict(FILES)
    del wanted["podinfo/extra/dashboard.yaml"]
    wanted["podinfo/helmrelease-podinfo.yaml"] = b"other"
    wanted["new.yaml"] = b"new"
    before = snapshot(tree)
    compared = compare_tree(tree, wanted)
    assert snapshot(tree) == before
    assert compared == TreeDifference(
        missing=("new.yaml",),
        differing=("podinfo/helmrelease-podinfo.yaml",),
        superfluous=("podinfo/extra/dashboard.yaml",),
        index_stale=True,
    )
    assert write_tree(tree, wanted) == compared
    assert not compare_tree(tree, wanted)


def test_comparing_with_a_folder_that_is_not_there_finds_everything_missing(tree: Path) -> None:
    assert compare_tree(tree, FILES).missing == tuple(sorted(FILES))
    assert not tree.exists()


def test_files_without_an_index_are_ours_when_they_are_what_we_render(tree: Path) -> None:
    write_tree(tree, FILES)
    (tree / INDEX).unlink()
    assert compare_tree(tree, FILES) == TreeDifference(index_stale=True)
    write_tree(tree, FILES)
    assert not compare_tree(tree, FILES)


def test_an_edited_file_is_named_and_nothing_is_written(tree: Path) -> None:
    write_tree(tree, FILES)
    (tree / "podinfo/extra/dashboard.yaml").write_bytes(b"mine")
    assert compare_tree(tree, FILES).edited == ("podinfo/extra/dashboard.yaml",)
    found = refusals(tree, {**FILES, "new.yaml": b"new"})
    assert found == [("tree-edited", "deploy/prod/podinfo/extra/dashboard.yaml")]


def test_an_edited_file_that_is_no_longer_rendered_is_named_too(tree: Path) -> None:
    write_tree(tree, FILES)
    (tree / "podinfo/extra/dashboard.yaml").write_bytes(b"mine")
    wanted = {path: text for path, text in FILES.items() if "extra" not in path}
    assert refusals(tree, wanted) == [("tree-edited", "deploy/prod/podinfo/extra/dashboard.yaml")]


def test_an_edit_to_what_would_be_rendered_is_no_fault(tree: Path) -> None:
    write_tree(tree, FILES)
    (tree / "podinfo/extra/dashboard.yaml").write_bytes(b"the same")
    done = write_tree(tree, {**FILES, "podinfo/extra/dashboard.yaml": b"the same"})
    assert done == TreeDifference(index_stale=True)


def test_a_deleted_file_is_written_again(tree: Path) -> None:
    write_tree(tree, FILES)
    (tree / "podinfo/extra/dashboard.yaml").unlink()
    assert write_tree(tree, FILES).missing == ("podinfo/extra/dashboard.yaml",)
    assert content(tree) == FILES


def test_a_file_of_somebody_else_in_the_way_is_refused(tree: Path) -> None:
    tree.mkdir(parents=True)
    (tree / "podinfo").write_text("a file where our folder belongs")
    (tree / "bootstrap/namespaces").mkdir(parents=True)
    (tree / "bootstrap/namespaces/namespace-podinfo.yaml").write_text("theirs")
    assert refusals(tree, FILES) == [
        ("tree-not-ours", "deploy/prod/bootstrap/namespaces/namespace-podinfo.yaml"),
        ("tree-not-ours", "deploy/prod/podinfo"),
    ]


def test_files_of_others_and_their_folders_stay(tree: Path) -> None:
    write_tree(tree, FILES)
    (tree / "podinfo/NOTES.md").write_text("theirs")
    (tree / "bootstrap/empty").mkdir()
    write_tree(tree, {"other.yaml": b"x"})
    assert content(tree) == {"other.yaml": b"x", "podinfo/NOTES.md": b"theirs"}
    assert (tree / "bootstrap/empty").is_dir()
    assert not (tree / "bootstrap/namespaces").exists()
    assert not (tree / "podinfo/extra").exists()


def test_folders_left_empty_are_removed_but_never_the_root(tree: Path) -> None:
    write_tree(tree, FILES)
    done = write_tree(tree, {})
    assert done.superfluous == tuple(sorted(FILES))
    assert [path.name for path in tree.iterdir()] == [INDEX]
    assert not write_tree(tree, {})


def test_rendering_nothing_where_nothing_is_makes_nothing(tree: Path) -> None:
    assert not write_tree(tree, {})
    assert not tree.exists()


def test_a_file_may_become_a_folder_and_a_folder_a_file(tree: Path) -> None:
    for files in ({"a": b"1", "b/c/d": b"2"}, {"a/x/y": b"3", "b": b"4"}, {"a": b"1", "b/c/d": b"2"}):
        write_tree(tree, files)
        assert content(tree) == files


def test_a_folder_that_holds_other_files_does_not_become_a_file(tree: Path) -> None:
    write_tree(tree, {"b/c": b"2"})
    (tree / "b/theirs").write_text("x")
    assert refusals(tree, {"b": b"4"}) == [("tree-not-ours", "deploy/prod/b")]


def test_a_name_that_differs_in_case_from_somebody_elses_is_refused(tree: Path) -> None:
    tree.mkdir(parents=True)
    (tree / "Podinfo").mkdir()
    (tree / "podinfo.YAML").write_text("theirs")
    found = refusals(tree, {"podinfo/a.yaml": b"1", "podinfo.yaml": b"2"})
    assert found == [("tree-not-ours", "deploy/prod/Podinfo"), ("tree-not-ours", "deploy/prod/podinfo.YAML")]


def test_our_own_file_may_change_its_case(tree: Path) -> None:
    write_tree(tree, {"Extra/Dash.yaml": b"1"})
    write_tree(tree, {"extra/dash.yaml": b"1"})
    assert content(tree) == {"extra/dash.yaml": b"1"}


@pytest.mark.parametrize(
    "files",
    [
        {"../outside.yaml": b""},
        {"a/../../outside.yaml": b""},
        {"/etc/outside.yaml": b""},
        {"a//b.yaml": b""},
        {"./a.yaml": b""},
        {"": b""},
        {"a\\b.yaml": b""},
        {"a\n.yaml": b""},
        {"a/.GIT/hooks/post-checkout": b""},
        {INDEX: b""},
        {".fluxapps-tree.part": b""},
        {"a.yaml": b"", "A.yaml": b""},
        {"a/x.yaml": b"", "A/y.yaml": b""},
        {"caf\u00e9.yaml": b"", "cafe\u0301.yaml": b""},
        {"a": b"", "a/b": b""},
    ],
    ids=repr,
)
def test_paths_no_checkout_could_hold_are_refused(tree: Path, files: dict[str, bytes]) -> None:
    tree.mkdir(parents=True)
    assert {code for code, _ in refusals(tree, files)} == {"tree-path"}


def test_a_refused_path_does_not_even_make_the_folder(tree: Path) -> None:
    with pytest.raises(ConfigError):
        write_tree(tree, {"../x": b""})
    assert not tree.exists()


def test_a_symlink_is_never_written_through_nor_read_as_ours(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "helmrelease-podinfo.yaml").write_bytes(FILES["podinfo/helmrelease-podinfo.yaml"])
    tree.mkdir(parents=True)
    (tree / "podinfo").symlink_to(outside)
    (tree / "link.yaml").symlink_to(outside / "helmrelease-podinfo.yaml")
    found = refusals(tree, {**FILES, "link.yaml": b"new"})
    assert found == [("tree-not-ours", "deploy/prod/link.yaml"), ("tree-not-ours", "deploy/prod/podinfo")]
    assert os.listdir(outside) == ["helmrelease-podinfo.yaml"]  # noqa: PTH208 - a plain list of names


def test_nothing_is_removed_behind_a_symlink(tree: Path, tmp_path: Path) -> None:
    write_tree(tree, {"podinfo/sub/a.yaml": b"1", "b.yaml": b"2"})
    (tree / "podinfo").rename(tmp_path / "moved")
    (tree / "podinfo").symlink_to(tmp_path / "moved")
    write_tree(tree, {"b.yaml": b"2"})
    assert (tmp_path / "moved/sub/a.yaml").read_bytes() == b"1"
    (tmp_path / "moved/sub/a.yaml").unlink()
    (tree / INDEX).write_text((tree / INDEX).read_text().replace('"b.yaml"', '"podinfo/sub/a.yaml": "0",\n  "b.yaml"'))
    write_tree(tree, {"b.yaml": b"2"})
    assert (tmp_path / "moved/sub").is_dir()
    assert (tree / "podinfo").is_symlink()


def test_our_file_replaced_by_a_symlink_is_an_edit(tree: Path, tmp_path: Path) -> None:
    write_tree(tree, {"a.yaml": b"1", "b.yaml": b"2"})
    (tmp_path / "same").write_bytes(b"1")
    (tree / "a.yaml").unlink()
    (tree / "a.yaml").symlink_to(tmp_path / "same")
    assert refusals(tree, {"b.yaml": b"2"}) == [("tree-edited", "deploy/prod/a.yaml")]


def test_a_pipe_in_the_way_is_not_waited_for(tree: Path) -> None:
    tree.mkdir(parents=True)
    os.mkfifo(tree / "a.yaml")
    assert refusals(tree, {"a.yaml": b""}) == [("tree-not-ours", "deploy/prod/a.yaml")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> main\n", "holds an unfinished merge"),
        ("[]", "is not an index of files"),
        ('{"files": {}}', "has version None"),
        ('{"version": 2, "files": {}}', "has version 2"),
        ('{"version": 1, "files": {"a": 3}}', "without a digest"),
        ('{"version": 1, "files": {"../outside": "%s"}}', "is no path inside the tree"),
        ('{"version": 1, "files": {".git/config": "%s"}}', "leads into a .git folder"),
    ],
)
def test_an_index_that_is_none_stops_the_write(tree: Path, text: str, said: str) -> None:
    tree.mkdir(parents=True)
    (tree / INDEX).write_text(text.replace("%s", "0" * 64))
    with pytest.raises(ConfigError) as refused:
        write_tree(tree, FILES, root=tree.parent.parent)
    (problem,) = refused.value.problems
    assert (problem.code, problem.file) == ("tree-index", f"deploy/prod/{INDEX}")
    assert said in problem.what
    assert [path.name for path in tree.iterdir()] == [INDEX]


def test_an_index_that_is_a_symlink_is_not_followed(tree: Path, tmp_path: Path) -> None:
    tree.mkdir(parents=True)
    (tree / INDEX).symlink_to(tmp_path / "elsewhere.json")
    assert refusals(tree, FILES) == [("tree-index", f"deploy/prod/{INDEX}")]


def test_a_listed_path_out_of_the_tree_removes_nothing(tree: Path, tmp_path: Path) -> None:
    write_tree(tree, {"a.yaml": b"1"})
    (tmp_path / "outside.yaml").write_bytes(b"1")
    index = (tree / INDEX).read_text().replace('"a.yaml"', '"../../outside.yaml"')
    (tree / INDEX).write_text(index)
    assert refusals(tree, {}) == [("tree-index", f"deploy/prod/{INDEX}")]
    assert (tmp_path / "outside.yaml").exists()


def test_a_file_where_the_tree_belongs_is_a_problem_not_a_traceback(tree: Path) -> None:
    tree.parent.mkdir(parents=True)
    tree.write_text("a file")
    assert refusals(tree, FILES) == [("tree-unwritable", "deploy/prod")]


def test_a_full_disk_is_a_problem_and_the_next_write_finishes(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tree, {"a.yaml": b"1", "b.yaml": b"1"})

    def full(_descriptor: int, _content: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(ConfigError) as refused:
            write_tree(tree, {"a.yaml": b"2", "c.yaml": b"2"})
    (problem,) = refused.value.problems
    assert problem.code == "tree-unwritable"
    assert "No space left on device" in problem.what
    write_tree(tree, {"a.yaml": b"2", "c.yaml": b"2"})
    assert content(tree) == {"a.yaml": b"2", "c.yaml": b"2"}
