"""``fluxapps render`` and ``fluxapps schema`` on real files."""

import json
from pathlib import Path

import pytest

from fluxapps.model.tree import INDEX
from tests.unit.cli_run import base_repository, fluxapps, write

GIT = (
    "config:\n  fluxapps:cluster:\n    context: prod\n    delivery: git\n"
    "    git: {url: https://example.org/fleet.git, branch: main}\n"
)
RELEASE = "deploy/prod/podinfo/helmrelease-podinfo.yaml"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = base_repository(tmp_path / "fleet")
    write(root, {"Pulumi.prod.yaml": GIT})
    monkeypatch.chdir(root)
    return root


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_git_delivery_goes_where_flux_reads_it(repository: Path) -> None:
    ended = fluxapps("render", "--stack", "prod")
    assert ended.code == 0
    rendered = files(repository / "deploy/prod")
    assert ended.out == f"deploy/prod: {len(rendered) - 1} written, 0 removed, 0 unchanged\n"
    assert {"bootstrap/kustomizations/kustomization-podinfo.yaml", "podinfo/helmrelease-podinfo.yaml"} <= set(rendered)
    assert not (repository / ".fluxapps").exists()


def test_apply_delivery_is_to_look_at_and_kept_from_git(repository: Path) -> None:
    assert fluxapps("render", "--stack", "dev").code == 0
    assert (repository / ".fluxapps/rendered/dev/podinfo/helmrelease-podinfo.yaml").is_file()
    assert (repository / ".fluxapps/.gitignore").read_text() == "*\n"


def test_a_second_render_says_what_changed(repository: Path) -> None:
    fluxapps("render", "--stack", "prod")
    write(repository, {"apps/podinfo/app.yaml": "chart: podinfo\nrepository: podinfo\nversion: 6.9.2\n"})
    ended = fluxapps("render", "--stack", "prod")
    changed, total = ended.out.splitlines()
    assert changed == f"~ {RELEASE}"
    assert total.startswith("deploy/prod: 1 written, 0 removed, ")
    assert fluxapps("render", "--stack", "prod").out.startswith("deploy/prod: 0 written, 0 removed, ")
    write(repository, {"Pulumi.prod.yaml": GIT + "    apps: {podinfo: {enabled: false}}\n"})
    ended = fluxapps("render", "--stack", "prod")
    assert f"- {RELEASE}" in ended.out.splitlines()
    assert not (repository / "deploy/prod/podinfo").exists()


def test_check_names_what_differs_and_the_command_that_mends_it(repository: Path) -> None:
    fluxapps("render", "--stack", "prod")
    assert fluxapps("render", "--stack", "prod", "--check").code == 0
    write(repository, {"apps/podinfo/app.yaml": "chart: podinfo\nrepository: podinfo\nversion: 6.9.2\n"})
    before = files(repository / "deploy")
    ended = fluxapps("render", "--stack", "prod", "--check")
    assert (ended.code, ended.out) == (1, f"~ {RELEASE}\n")
    assert ended.err == "error: deploy/prod is not what the files render to\n  fix: fluxapps render --stack prod\n"
    assert files(repository / "deploy") == before


def test_the_command_that_mends_it_works_from_elsewhere(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository.parent)
    ended = fluxapps("-C", "fleet", "render", "--stack", "prod", "--out", "a b", "--check")
    assert ended.err.splitlines()[-1] == "  fix: fluxapps --root fleet render --stack prod --out 'a b'"


def test_a_missing_tree_differs(repository: Path) -> None:
    ended = fluxapps("render", "--stack", "prod", "--check")
    assert ended.code == 1
    assert f"+ {RELEASE}" in ended.out
    assert not (repository / "deploy").exists()


def test_a_lost_index_differs(repository: Path) -> None:
    fluxapps("render", "--stack", "prod")
    (repository / "deploy/prod" / INDEX).unlink()
    assert fluxapps("render", "--stack", "prod", "--check").out == f"~ deploy/prod/{INDEX}\n"


def test_an_edited_file_stops_the_render_and_is_named(repository: Path) -> None:
    fluxapps("render", "--stack", "prod")
    (repository / RELEASE).write_text("edited: true\n")
    before = files(repository / "deploy")
    ended = fluxapps("render", "--stack", "prod")
    assert ended.code == 1
    assert ended.err.startswith(f"{RELEASE} error tree-edited\n")
    assert files(repository / "deploy") == before
    compared = fluxapps("render", "--stack", "prod", "--check")
    assert compared.out == f"! edited: {RELEASE}\n"
    assert "take back or move the files named above, then: fluxapps render --stack prod" in compared.err


def test_long_lists_end_in_a_count(repository: Path) -> None:
    app = "chart: podinfo\nrepository: podinfo\nversion: 6.x\n"
    fluxapps("render", "--stack", "prod")
    write(repository, {f"apps/app-{number}/app.yaml": app for number in range(20)})
    lines = fluxapps("render", "--stack", "prod").out.splitlines()
    assert len(lines) == 22
    assert lines[-2] == "  and 40 more"


def test_errors_write_nothing(repository: Path) -> None:
    write(repository, {"apps/broken/app.yaml": "chart: podinfo\nrepository: podinf\nversion: 6.x\n"})
    ended = fluxapps("render", "--stack", "prod")
    assert ended.code == 1
    assert ended.out == ""
    assert ended.err.startswith("apps/broken/app.yaml:2:1 error unknown-repository\n")
    assert ended.err.endswith("\n1 error: nothing was done\n")
    assert not (repository / "deploy").exists()


def test_warnings_are_said_beside_the_render(repository: Path) -> None:
    fleet = (repository / "fleet.yaml").read_text()
    write(repository, {"fleet.yaml": f"{fleet}  unused: https://example.org/unused\n"})
    ended = fluxapps("render", "--stack", "prod")
    assert ended.code == 0
    assert "unused-repository" in ended.err
    assert "unused-repository" not in ended.out


def test_a_symlink_out_of_the_repository_is_written_to_on_demand_only(repository: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (repository / "deploy").symlink_to(outside)
    ended = fluxapps("render", "--stack", "prod")
    assert ended.code == 1
    assert "deploy/prod leads out of the repository" in ended.err
    assert not list(outside.iterdir())
    assert fluxapps("render", "--stack", "prod", "--out", str(outside)).code == 0


def test_schemas_are_written_and_compared(repository: Path) -> None:
    stale = fluxapps("schema", "--check")
    assert stale.code == 1
    assert stale.err.splitlines()[-1] == "  fix: fluxapps schema"
    assert not (repository / "schemas").exists()
    assert fluxapps("schema").code == 0
    assert set(files(repository / "schemas")) == {"app.schema.json", "cluster.schema.json", "fleet.schema.json"}
    assert "chart" in json.loads((repository / "schemas/app.schema.json").read_text())["properties"]
    assert fluxapps("schema", "--check").code == 0
    before = (repository / "schemas/app.schema.json").stat().st_mtime_ns
    assert "schemas/app.schema.json: unchanged" in fluxapps("schema").out
    assert (repository / "schemas/app.schema.json").stat().st_mtime_ns == before


def test_schemas_go_where_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert fluxapps("schema", "--out", "editor").code == 0
    ended = fluxapps("schema", "--out", "other", "--check")
    assert ended.err.splitlines()[-1] == "  fix: fluxapps schema --out other"
