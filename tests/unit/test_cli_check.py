"""``fluxapps check`` on real files."""

import json
from pathlib import Path

import pytest

from tests.unit.cli_run import base_repository, fluxapps, write

PROD = "config:\n  fluxapps:cluster:\n    context: prod\n    git: {url: https://example.org/fleet.git, branch: main}\n"
UNKNOWN = "chart: podinfo\nrepository: podinf\nversion: 6.x\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = base_repository(tmp_path / "fleet")
    monkeypatch.chdir(root)
    return root


def test_sound_files_are_counted(repository: Path) -> None:
    write(repository, {"Pulumi.prod.yaml": PROD})
    ended = fluxapps("check")
    assert (ended.code, ended.out, ended.err) == (0, "2 stacks, 1 app: no problems\n", "")
    assert fluxapps("check", "--stack", "prod").out == "stack prod, 1 app: no problems\n"
    assert fluxapps("check", "--format", "json").out == "[]\n"


def test_a_problem_of_several_stacks_is_said_once(repository: Path) -> None:
    write(repository, {"Pulumi.prod.yaml": PROD, "apps/broken/app.yaml": UNKNOWN})
    ended = fluxapps("check", "--format", "json")
    assert ended.code == 1
    (found,) = json.loads(ended.out)
    assert (found["code"], found["file"], found["line"]) == ("unknown-repository", "apps/broken/app.yaml", 2)
    assert found["stacks"] == ["dev", "prod"]
    text = fluxapps("check").out
    assert text.count("unknown-repository") == 1
    assert "stacks: dev, prod" in text
    assert text.endswith("\n\n2 stacks, 2 apps: 1 error\n")


def test_a_problem_of_one_stack_names_it(repository: Path) -> None:
    write(repository, {"Pulumi.prod.yaml": PROD + "    apps: {podinfo: {repository: podinf}}\n"})
    found = json.loads(fluxapps("check", "--format", "json").out)
    errors = [(problem["file"], problem["stacks"]) for problem in found if problem["severity"] == "error"]
    assert errors == [("Pulumi.prod.yaml", ["prod"])]
    assert fluxapps("check", "--stack", "dev").code == 0
    alone = json.loads(fluxapps("check", "--stack", "prod", "--format", "json").out)
    assert {tuple(problem["stacks"]) for problem in alone} == {()}


def test_warnings_alone_are_no_failure(repository: Path) -> None:
    fleet = (repository / "fleet.yaml").read_text()
    write(repository, {"fleet.yaml": f"{fleet}  unused: https://example.org/unused\n"})
    ended = fluxapps("check")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "1 stack, 1 app: 1 warning")


def test_files_that_cannot_be_read_are_all_named(repository: Path) -> None:
    write(
        repository, {"apps/a/app.yaml": "chart: [\n", "apps/b/app.yaml": "\tchart: x\n", "fleet.yaml": "a: 1\na: 2\n"}
    )
    ended = fluxapps("check", "--format", "json")
    assert ended.code == 1
    assert {problem["file"] for problem in json.loads(ended.out)} == {
        "apps/a/app.yaml",
        "apps/b/app.yaml",
        "fleet.yaml",
    }


def test_annotations_come_with_a_summary(repository: Path) -> None:
    write(repository, {"apps/broken/app.yaml": UNKNOWN})
    annotation, last = fluxapps("check", "-f", "github").out.splitlines()
    assert annotation.startswith("::error file=apps/broken/app.yaml,line=2,col=")
    assert last == "1 stack, 2 apps: 1 error"


@pytest.mark.usefixtures("repository")
def test_an_unknown_stack_is_an_error_that_knows_the_others() -> None:
    ended = fluxapps("check", "--stack", "deb")
    assert ended.code == 1
    assert "did you mean 'dev'?" in ended.out


def test_without_a_stack_it_says_what_was_not_checked(repository: Path) -> None:
    (repository / "Pulumi.dev.yaml").unlink()
    ended = fluxapps("check")
    assert ended.code == 0
    assert ended.out.splitlines()[0] == "0 stacks, 1 app: no problems"
    assert "no Pulumi.<stack>.yaml" in ended.out


def test_the_repository_is_found_from_below_or_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "apps" / "podinfo")
    assert fluxapps("check").code == 0
    monkeypatch.chdir(repository.parent)
    assert fluxapps("check").code == 1
    for words in (("-C", "fleet", "check"), ("check", "--root", "fleet/apps"), ("check", "-C", str(repository))):
        assert fluxapps(*words).code == 0


def test_outside_a_repository_it_says_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = fluxapps("check")
    assert ended.code == 1
    assert ended.err == (
        "error: there is no Pulumi.yaml in this folder or one above it\n"
        "  fix: run fluxapps inside a repository of apps, or name one with --root DIR\n"
    )
    assert "missing is no folder" in fluxapps("-C", "missing", "check").err
