"""``fluxapps new app``: a valid folder, or nothing."""

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fluxapps.cli.failure import CommandError
from fluxapps.cli.fleet_file import scalar, with_repository
from tests.unit.cli_run import Ended, base_repository, fluxapps, write


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = base_repository(tmp_path / "fleet")
    monkeypatch.chdir(root)
    return root


def tree(root: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in sorted(root.rglob("*"))
    }


def new(name: str = "grafana", *more: str, chart: str = "grafana", repository: str = "podinfo") -> Ended:
    versioned = () if "--version" in more or "--unversioned" in more else ("--version", "8.x")
    rest = tuple(word for word in more if word != "--unversioned")
    return fluxapps("new", "app", name, "--chart", chart, "--repository", repository, *versioned, *rest)


def refusal(root: Path, *words: str, **options: str) -> str:
    """Return what is said of a refused app, having seen that nothing was written."""
    before = tree(root)
    ended = new(*words, **options)
    assert (ended.code, ended.out) == (1, "")
    assert tree(root) == before
    return ended.err


def test_an_app_is_three_lines_and_a_place_for_values(repository: Path) -> None:
    ended = new()
    assert ended == Ended(0, "apps/grafana/app.yaml: written\napps/grafana/values.yaml: written\n")
    assert (repository / "apps/grafana/app.yaml").read_text() == "chart: grafana\nrepository: podinfo\nversion: 8.x\n"
    assert (repository / "apps/grafana/values.yaml").read_text() == (
        "# Values of the chart. "
        "What there is: helm show values grafana --repo https://example.org/charts --version 8.x\n"
    )
    assert fluxapps("check").out == "1 stack, 2 apps: no problems\n"


def test_an_empty_values_file_makes_no_config_map(repository: Path) -> None:
    new()
    fluxapps("render", "--stack", "dev")
    assert [path.name for path in (repository / ".fluxapps/rendered/dev/grafana").iterdir()] == [
        "helmrelease-grafana.yaml"
    ]


def test_namespace_and_group_are_the_persons(repository: Path) -> None:
    fluxapps("schema")
    assert new("grafana", "--namespace", "monitoring", "--folder", "team/monitoring").code == 0
    assert (repository / "apps/team/monitoring/grafana/app.yaml").read_text() == (
        "# yaml-language-server: $schema=../../../../schemas/app.schema.json\n"
        "namespace: monitoring\nchart: grafana\nrepository: podinfo\nversion: 8.x\n"
    )


@pytest.mark.parametrize("version", ["6.10", "1", "0x10", "1e3", ">=1.0.0 <2", "* # any", "6.x"])
def test_a_version_stays_a_string(repository: Path, version: str) -> None:
    assert new("grafana", "--version", version).code == 0
    assert yaml.safe_load((repository / "apps/grafana/app.yaml").read_text())["version"] == version


def test_a_new_repository_is_added_in_its_place(repository: Path) -> None:
    write(
        repository,
        {"fleet.yaml": "# Shared.\nrepositories:\n  podinfo: https://example.org/charts  # ours\n\nnamespaces: {}\n"},
    )
    ended = new("grafana", "--url", "https://grafana.example.org/charts", repository="grafana")
    assert ended.out.splitlines()[0] == "fleet.yaml: repository grafana added"
    assert (repository / "fleet.yaml").read_text() == (
        "# Shared.\nrepositories:\n  podinfo: https://example.org/charts  # ours\n"
        "  grafana: https://grafana.example.org/charts\n\nnamespaces: {}\n"
    )


def test_the_first_repository_makes_the_file(repository: Path) -> None:
    (repository / "fleet.yaml").unlink()
    (repository / "apps/podinfo/app.yaml").unlink()
    (repository / "apps/podinfo").rmdir()
    assert new("grafana", "--url", "oci://example.org/charts", repository="grafana").code == 0
    assert (repository / "fleet.yaml").read_text() == "repositories:\n  grafana: oci://example.org/charts\n"
    assert (
        "helm show values oci://example.org/charts/grafana --version 8.x"
        in (repository / "apps/grafana/values.yaml").read_text()
    )


def test_an_unknown_repository_is_refused_with_the_ways_out(repository: Path) -> None:
    assert refusal(repository, repository="podinf") == (
        "error: no repository 'podinf'\n  fix: did you mean 'podinfo'? To add it: --url https://… or oci://…\n"
    )
    assert "known are: podinfo; To add it" in refusal(repository, repository="bitnami")
    assert "no address of charts" in refusal(repository, "grafana", "--url", "git@example.org:x", repository="x")
    assert "podinfo' is https://example.org/charts" in refusal(
        repository, "grafana", "--url", "https://other.example.org"
    )


def test_what_is_there_is_never_overwritten(repository: Path) -> None:
    assert refusal(repository, "podinfo").startswith("error: there is an app 'podinfo' already, in apps/podinfo\n")
    write(repository, {"apps/named/app.yaml": "name: grafana\nchart: a\nrepository: podinfo\nversion: 1.x\n"})
    assert "already, in apps/named" in refusal(repository, "grafana")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Grafana",), "NAME 'Grafana' is not a name Kubernetes takes"),
        (("../grafana",), "is not a name Kubernetes takes"),
        (("g" * 64,), "is not a name Kubernetes takes"),
        (("g" * 60,), "release-name"),
        (("bootstrap",), "reserved-name"),
        (("grafana", "--namespace", "My_Space"), "--namespace 'My_Space' is not a name"),
        (("grafana", "--folder", "../outside"), "is no folder below apps/"),
        (("grafana", "--folder", "/etc"), "is no folder below apps/"),
        (("grafana", "--folder", "podinfo"), "apps/podinfo is an app, and apps don't nest"),
        (("grafana", "--folder", "podinfo/deeper"), "apps/podinfo is an app, and apps don't nest"),
        (("grafana", "--unversioned"), "no version of the chart was said"),
    ],
    ids=lambda each: " ".join(each)[:40] if isinstance(each, tuple) else "",
)
def test_wrong_names_write_nothing(repository: Path, words: tuple[str, ...], said: str) -> None:
    assert said in refusal(repository, *words)


def test_an_app_that_would_have_errors_is_taken_back_with_its_repository(repository: Path) -> None:
    said = refusal(repository, "bootstrap", "--url", "https://example.org/new", "--folder", "team", repository="new")
    assert said.startswith("apps/team/bootstrap/app.yaml error reserved-name\n")
    assert said.endswith("error: no app was added: it would have the errors above\n")


def test_a_repository_with_problems_of_its_own_is_mended_first(repository: Path) -> None:
    write(repository, {"apps/broken/app.yaml": "chrat: x\n"})
    said = refusal(repository)
    assert "did you mean 'chart'?" in said
    assert said.endswith("error: no app was added: the files have problems already\n  fix: mend them first\n")


def test_errors_of_other_apps_are_theirs(repository: Path) -> None:
    write(repository, {"apps/broken/app.yaml": "chart: a\nrepository: podinf\nversion: 1.x\n"})
    assert new("grafana", "--url", "https://example.org/new", repository="new").code == 0


def test_a_symlinked_group_out_of_the_repository_is_refused(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (repository / "apps/team").symlink_to(tmp_path / "outside")
    ended = new("grafana", "--folder", "team")
    assert ended.code == 1
    assert not list((tmp_path / "outside").iterdir())


def test_an_interrupted_write_leaves_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_root: Path) -> None:
        raise KeyboardInterrupt

    before = tree(repository)
    with monkeypatch.context() as patch:
        patch.setattr("fluxapps.cli.new_app.check", interrupt)
        assert new("grafana", "--url", "https://example.org/new", "--folder", "a/b", repository="new").code == 130
    assert tree(repository) == before


def test_what_a_killed_write_left_is_no_app_and_in_nobodys_way(repository: Path) -> None:
    write(repository, {"apps/.grafana.part/app.yaml": "half: written\n"})
    assert fluxapps("check").out == "1 stack, 1 app: no problems\n"
    assert new().code == 0
    assert not (repository / "apps/.grafana.part").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "repositories:\n  new: https://x\n"),
        ("# only a comment\n", "# only a comment\nrepositories:\n  new: https://x\n"),
        ("defaults: {}", "defaults: {}\n\nrepositories:\n  new: https://x\n"),
        ("repositories:\n", "repositories:\n  new: https://x\n"),
        ("repositories: # ours\ndefaults: {}\n", "repositories: # ours\n  new: https://x\ndefaults: {}\n"),
        ("repositories:\n    a: b\n", "repositories:\n    a: b\n    new: https://x\n"),
        (
            "repositories:\n  a:\n    url: b\n    kind: c\n",
            "repositories:\n  a:\n    url: b\n    kind: c\n  new: https://x\n",
        ),
        ("repositories:\n  a: {url: b}\n  # end\n", "repositories:\n  a: {url: b}\n  new: https://x\n  # end\n"),
        (
            "repositories:\n  a:\n    z: [1,\n      2]\n",
            "repositories:\n  a:\n    z: [1,\n      2]\n  new: https://x\n",
        ),
        ("repositories:\n  a:\n", "repositories:\n  a:\n  new: https://x\n"),
        ("repositories:\n  a:\n    b: |\n      c\n", "repositories:\n  a:\n    b: |\n      c\n  new: https://x\n"),
        ("repositories:\r\n  a: b\r\n", "repositories:\r\n  a: b\r\n  new: https://x\r\n"),
    ],
)
def test_a_line_is_added_where_a_person_would(before: str, after: str) -> None:
    assert with_repository(before, "new", "https://x") == after


@pytest.mark.parametrize("text", ["repositories: {a: b}\n", "{defaults: {}}\n", "repositories: {}\n"])
def test_what_cannot_be_added_to_is_said_with_the_line(text: str) -> None:
    with pytest.raises(CommandError) as refused:
        with_repository(text, "new", "https://x")
    assert refused.value.fix == "add to repositories yourself: new: https://x"


names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
entries = st.dictionaries(
    names,
    st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12)
    | st.dictionaries(names, st.text(max_size=8) | st.integers() | st.lists(st.integers(), max_size=2), max_size=3),
    max_size=4,
)


@settings(deadline=None)
@given(repositories=entries, others=st.dictionaries(names, st.integers(), max_size=2), indent=st.integers(2, 4))
def test_adding_a_repository_loses_nothing(
    repositories: dict[str, object], others: dict[str, int], indent: int
) -> None:
    said = {**others, "repositories": repositories}
    text = yaml.safe_dump(said, indent=indent, allow_unicode=True, sort_keys=False)
    try:
        made = with_repository(text, "new-one", "https://example.org")
    except CommandError:
        assert not repositories  # safe_dump writes an empty map in braces
        return
    assert yaml.safe_load(made) == {**said, "repositories": {**repositories, "new-one": "https://example.org"}}


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=20))
@example("0\t0")
def test_a_scalar_reads_back_as_it_was_said(value: str) -> None:
    assert yaml.safe_load(f"key: {scalar(value)}\n")["key"] == value
