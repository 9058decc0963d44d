"""Which commit `git.follow: up` pins, and when it can't: on real Git repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from fluxapps.engine.worktree import Pinned, is_behind, pinned_commit, unpushed_tree
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.resolved import SETTINGS_FILES, GitPin

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


def run_git(*arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - git, on repositories of the test
        ["git", *arguments],  # noqa: S607 - whichever git there is
        cwd=cwd,
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


class Clone:
    """A clone of a repository that Flux reads."""

    def __init__(self, root: Path, remote: Path, url: str) -> None:
        self.root = root
        self.remote = remote
        self.url = url

    def git(self, *arguments: str) -> str:
        return run_git(*arguments, cwd=self.root)

    def write(self, name: str, text: str = "a: 1\n") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def commit(self, *names: str, text: str = "a: 1\n") -> str:
        for name in names:
            self.write(name, text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", " ".join(names) or "all")
        return self.git("rev-parse", "HEAD")

    def push(self) -> None:
        self.git("push", "-q", "origin", "HEAD:main")

    def pinned(self, url: str | None = None, branch: str = "main") -> Pinned:
        pin = GitPin(
            url=url or self.url,
            branch=branch,
            include=("apps", "bootstrap"),
            exclude=SETTINGS_FILES,
            added="apps/**/app.yaml",
        )
        return pinned_commit(self.root, pin, "Pulumi.dev.yaml")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    remote = tmp_path / "remote.git"
    root = tmp_path / "clone"
    run_git("init", "-q", "--bare", "-b", "main", str(remote))
    run_git("init", "-q", "-b", "main", str(root))
    made = Clone(root, remote, remote.as_uri())
    made.git("remote", "add", "origin", made.url)
    return made


def codes(pinned: Pinned) -> list[tuple[str, str]]:
    return [(problem.code, problem.file) for problem in pinned.problems]


def test_the_last_commit_that_touched_other_yaml_is_pinned(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml")
    touched = clone.commit("apps/a/ingress.yaml")
    clone.commit("README.md")
    clone.commit("apps/a/values.yaml", "apps/a/values.dev.yaml", "fleet.yaml")
    clone.push()
    assert clone.pinned() == Pinned(touched)


def test_a_changed_app_file_moves_nothing_and_a_new_app_does(clone: Clone) -> None:
    first = clone.commit("apps/a/app.yaml", "apps/a/ingress.yaml")
    clone.commit("apps/a/app.yaml", text="version: 2\n")
    clone.push()
    assert clone.pinned() == Pinned(first)
    second = clone.commit("apps/group/b/app.yaml")
    clone.push()
    assert clone.pinned() == Pinned(second)


def test_a_deletion_counts(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml", "apps/a/ingress.yaml")
    (clone.root / "apps/a/ingress.yaml").unlink()
    deleted = clone.commit()
    clone.push()
    assert clone.pinned() == Pinned(deleted)


def test_a_renamed_app_folder_counts(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml", text="chart: a\nrepository: b\nversion: 1.x\n")
    clone.git("mv", "apps/a", "apps/b")
    renamed = clone.commit()
    clone.push()
    assert clone.pinned() == Pinned(renamed)


def test_yaml_of_no_app_counts(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml")
    shared = clone.commit("bootstrap/quota.yaml")
    clone.push()
    assert clone.pinned() == Pinned(shared)


def test_a_merge_counts_for_all_that_it_brings(clone: Clone) -> None:
    """Of two branches merged, no single commit has the YAML of both."""
    clone.commit("apps/a/app.yaml")
    clone.git("switch", "-q", "-c", "side")
    clone.commit("apps/a/side.yaml")
    clone.git("switch", "-q", "main")
    clone.commit("apps/a/main.yaml")
    clone.git("merge", "-q", "--no-edit", "side")
    merge = clone.git("rev-parse", "HEAD")
    clone.commit("README.md")
    clone.push()
    assert clone.pinned() == Pinned(merge)


def test_an_app_that_a_merge_brings_counts(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml")
    clone.git("switch", "-q", "-c", "side")
    clone.commit("apps/b/app.yaml")
    clone.git("switch", "-q", "main")
    clone.commit("README.md")
    clone.git("merge", "-q", "--no-edit", "side")
    merge = clone.git("rev-parse", "HEAD")
    clone.push()
    assert clone.pinned() == Pinned(merge)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("apps/a/ingress.yaml", "uncommitted-yaml"),
        ("bootstrap/x.yml", "uncommitted-yaml"),
        ("apps/new/app.yaml", "uncommitted-app"),
    ],
)
@pytest.mark.parametrize("staged", [False, True])
def test_what_is_not_committed_is_told(clone: Clone, name: str, code: str, staged: bool) -> None:
    clone.commit("apps/a/app.yaml")
    clone.push()
    clone.write(name)
    if staged:
        clone.git("add", "-A")
    pinned = clone.pinned()
    assert pinned.commit is not None
    assert codes(pinned) == [(code, name)]
    assert pinned.problems[0].severity is Severity.ERROR


def test_a_changed_or_deleted_file_is_told_and_settings_are_not(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml", "apps/a/one.yaml", "apps/a/two.yaml", "apps/a/dashboard.json", "apps/a/NOTES.md")
    clone.push()
    for name in ("apps/a/app.yaml", "apps/a/one.yaml", "apps/a/dashboard.json", "apps/a/NOTES.md"):
        clone.write(name, "b: 2\n")
    clone.write("apps/a/values.yaml")
    clone.write("apps/a/.one.yaml.swp")
    (clone.root / "apps/a/two.yaml").unlink()
    assert codes(clone.pinned()) == [
        ("uncommitted-yaml", "apps/a/dashboard.json"),
        ("uncommitted-yaml", "apps/a/one.yaml"),
        ("uncommitted-yaml", "apps/a/two.yaml"),
    ]


def test_yaml_that_git_ignores_is_told(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml", ".gitignore", text="secret.yaml\n")
    clone.push()
    clone.write("apps/a/secret.yaml")
    (problem,) = clone.pinned().problems
    assert problem.file == "apps/a/secret.yaml"
    assert problem.what == "is ignored by Git, so Flux would not see it"


def test_a_file_that_a_generator_names_is_told_of_whatever_kind_it_is(clone: Clone) -> None:
    kustomization = (
        "configMapGenerator:\n  - {name: a, files: [dash.json, ../b.txt, x=kept.out, in/it.json, said.md]}\n"
    )
    clone.commit("apps/a/app.yaml", ".gitignore", text="*.out\nin/\n")
    clone.commit("apps/a/set/said.md", "apps/a/set/notes.md")
    clone.commit("apps/a/set/kustomization.yaml", text=kustomization)
    clone.push()
    for name in ("set/dash.json", "set/other.json", "b.txt", "set/kept.out", "set/in/it.json", "set/in/no.json"):
        clone.write(f"apps/a/{name}")
    clone.write("apps/a/set/said.md", "b: 2\n")
    clone.write("apps/a/set/notes.md", "b: 2\n")
    names = ("b.txt", "set/dash.json", "set/in/it.json", "set/kept.out", "set/said.md")
    assert sorted(codes(clone.pinned())) == [("uncommitted-yaml", f"apps/a/{name}") for name in names]


def test_many_files_are_counted(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml")
    clone.push()
    for number in range(30):
        clone.write(f"apps/a/{number:02}.yaml")
    problems = clone.pinned().problems
    assert len(problems) == 21
    assert problems[-1].what.startswith("10 more files")


def test_names_of_any_spelling_are_read(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml")
    clone.push()
    clone.write("apps/a/ünïcode and spaces.yaml")
    assert codes(clone.pinned()) == [("uncommitted-yaml", "apps/a/ünïcode and spaces.yaml")]


def test_a_commit_that_is_not_pushed_is_told(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml")
    clone.push()
    clone.commit("README.md")
    assert clone.pinned().problems == ()
    ahead = clone.commit("apps/a/ingress.yaml")
    (problem,) = clone.pinned().problems
    assert (problem.code, problem.fix) == ("unpushed-commit", "git push origin HEAD:main")
    assert problem.what == f"commit {ahead[:10]} is not on main of origin, so Flux can't read it yet"


def test_a_push_from_elsewhere_is_asked_for(clone: Clone) -> None:
    """The clone's own idea of the remote may be old."""
    commit = clone.commit("apps/a/app.yaml")
    clone.git("push", "-q", str(clone.remote), "HEAD:main")
    assert clone.git("for-each-ref", "refs/remotes") == ""
    assert clone.pinned() == Pinned(commit)


def test_without_a_remote_the_url_itself_is_asked(clone: Clone) -> None:
    commit = clone.commit("apps/a/app.yaml")
    clone.push()
    clone.git("remote", "remove", "origin")
    assert clone.pinned() == Pinned(commit)
    clone.commit("apps/a/x.yaml")
    assert [problem.code for problem in clone.pinned().problems] == ["unpushed-commit"]


def test_a_remote_that_cannot_be_asked_is_a_warning(clone: Clone) -> None:
    commit = clone.commit("apps/a/app.yaml")
    pinned = clone.pinned(url=f"file://{clone.root}/nowhere.git")
    assert pinned.commit == commit
    (problem,) = pinned.problems
    assert (problem.code, problem.severity) == ("unknown-remote", Severity.WARNING)


def test_another_branch_is_another_question(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml")
    clone.push()
    (problem,) = clone.pinned(branch="release").problems
    assert problem.fix == "git push origin HEAD:release"


@pytest.mark.parametrize(
    "remote",
    [
        "git@example.org:team/fleet.git",
        "ssh://git@example.org:22/team/fleet",
        "https://user@example.org/team/fleet.git/",
        "https://Example.org/team/fleet",
    ],
)
def test_one_repository_has_many_spellings(clone: Clone, remote: str) -> None:
    """What the clone knows of the remote answers, so nothing is asked over the network."""
    commit = clone.commit("apps/a/app.yaml")
    clone.push()
    clone.git("remote", "set-url", "origin", remote)
    assert clone.pinned(url="https://example.org/team/fleet.git") == Pinned(commit)


def test_a_shallow_clone_is_a_warning(clone: Clone, tmp_path: Path) -> None:
    clone.commit("apps/a/app.yaml")
    last = clone.commit("README.md")
    clone.push()
    run_git("clone", "-q", "--depth=1", clone.url, str(tmp_path / "shallow"))
    pinned = Clone(tmp_path / "shallow", clone.remote, clone.url).pinned()
    assert pinned.commit == last
    assert [(one.code, one.severity) for one in pinned.problems] == [("shallow-clone", Severity.WARNING)]


def test_without_a_repository_or_a_commit_there_is_nothing_to_pin(clone: Clone, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    assert Clone(plain, clone.remote, clone.url).pinned().problems[0].code == "no-git-repository"
    assert clone.pinned().problems[0].code == "no-commit"


def test_a_folder_of_a_repository_is_not_its_root(clone: Clone) -> None:
    clone.commit("clusters/apps/a/app.yaml")
    clone.push()
    (problem,) = Clone(clone.root / "clusters", clone.remote, clone.url).pinned().problems
    assert problem.what.startswith("this folder is clusters/ of a Git repository")


def test_without_git_it_is_said(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.commit("apps/a/app.yaml")
    monkeypatch.setenv("PATH", "")
    (problem,) = clone.pinned().problems
    assert problem.what == "git.follow: up needs Git, which fails: there is no git here"


def test_git_is_only_read(clone: Clone) -> None:
    clone.commit("apps/a/app.yaml", "apps/a/x.yaml")
    clone.push()
    os.utime(clone.root / "apps/a/x.yaml", (1, 1))
    before = {path: path.stat().st_mtime_ns for path in (clone.root / ".git").rglob("*")}
    clone.pinned()
    assert {path: path.stat().st_mtime_ns for path in (clone.root / ".git").rglob("*")} == before


def test_what_was_fetched_before_a_push_is_behind(clone: Clone) -> None:
    first = clone.commit("apps/web/app.yaml")
    clone.push()
    assert not is_behind(clone.root, clone.url, "main", first)
    second = clone.commit("apps/web/values.yaml")
    # Not pushed: Flux has all there is to fetch.
    assert not is_behind(clone.root, clone.url, "main", first)
    clone.push()
    assert is_behind(clone.root, clone.url, "main", first)
    assert not is_behind(clone.root, clone.url, "main", second)
    # Somebody has pushed since the last fetch, and Flux has theirs already: the clone's head is the one that is older.
    clone.git("update-ref", "refs/remotes/origin/main", first)
    assert not is_behind(clone.root, clone.url, "main", second)
    # No remote of the clone is it, as on the local cluster.
    clone.git("remote", "remove", "origin")
    assert is_behind(clone.root, clone.url, "main", first)
    assert not is_behind(clone.root, clone.url, "main", second)
    assert not is_behind(clone.root, clone.url, "no-such-branch", second)


def test_without_its_remote_a_clone_tells_by_what_it_pushed(clone: Clone) -> None:
    first = clone.commit("apps/web/app.yaml")
    second = clone.commit("apps/web/values.yaml")
    clone.push()
    clone.remote.rename(clone.remote.with_name("away"))
    assert is_behind(clone.root, clone.url, "main", first)
    assert not is_behind(clone.root, clone.url, "main", second)
    assert not is_behind(clone.root, clone.url, "main", "0" * 40)
    assert not is_behind(clone.root / "apps", "file:///nowhere", "main", first)


TREE = "deploy/dev"


def told_of_tree(clone: Clone, root: Path | None = None, url: str | None = None) -> list[Problem]:
    found = unpushed_tree(root or clone.root, url or clone.url, "main", TREE, "Pulumi.dev.yaml")
    assert {one.severity for one in found} <= {Severity.WARNING}
    return list(found)


def test_a_rendered_tree_that_is_not_committed_is_told(clone: Clone) -> None:
    clone.commit("apps/web/app.yaml")
    clone.push()
    (never,) = told_of_tree(clone)
    assert (never.code, never.file, never.fix) == ("uncommitted-tree", TREE, f"git add {TREE}, commit and push")
    clone.commit(f"{TREE}/web/helmrelease-web.yaml")
    clone.push()
    assert told_of_tree(clone) == []
    clone.write("README.md")
    assert told_of_tree(clone) == []
    clone.write(f"{TREE}/web/helmrelease-web.yaml", "a: 2\n")
    assert [one.code for one in told_of_tree(clone)] == ["uncommitted-tree"]


def test_a_rendered_tree_that_is_not_pushed_is_told(clone: Clone) -> None:
    clone.commit(f"{TREE}/web/helmrelease-web.yaml")
    clone.push()
    ahead = clone.commit(f"{TREE}/web/helmrelease-web.yaml", text="a: 2\n")
    clone.commit("README.md")
    (problem,) = told_of_tree(clone)
    assert (problem.code, problem.fix) == ("unpushed-commit", "git push origin HEAD:main")
    assert problem.what == f"commit {ahead[:10]} is not on main of origin, so Flux can't read it yet"
    clone.git("push", "-q", "origin", f"{ahead}:refs/heads/main")
    # The commit after it is not pushed either, but is nothing to Flux.
    assert told_of_tree(clone) == []


def test_of_a_tree_that_was_pushed_nothing_is_asked(clone: Clone) -> None:
    clone.commit(f"{TREE}/web/helmrelease-web.yaml")
    clone.push()
    clone.remote.rename(clone.remote.with_name("away"))
    assert told_of_tree(clone) == []
    # Whether this one is, can't be known.
    clone.commit(f"{TREE}/web/helmrelease-web.yaml", text="a: 2\n")
    assert told_of_tree(clone) == []


def test_a_tree_in_no_repository_is_committed_elsewhere(clone: Clone, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    assert told_of_tree(clone, root=plain) == []


def test_a_tree_pushed_by_its_url_alone_is_known(clone: Clone) -> None:
    clone.commit(f"{TREE}/web/helmrelease-web.yaml")
    clone.push()
    clone.git("remote", "remove", "origin")
    assert told_of_tree(clone) == []
    clone.commit(f"{TREE}/web/helmrelease-web.yaml", text="a: 2\n")
    (problem,) = told_of_tree(clone)
    assert problem.fix == f"git push {clone.url} HEAD:main"
