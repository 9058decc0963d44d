"""How problems look: on a terminal, in a pipe, as JSON, as annotations of a GitHub workflow."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from fluxapps.cli.problems import Finding, as_annotations, as_json, print_findings, summary
from fluxapps.model.problems import Problem, Severity


def finding(stacks: tuple[str, ...] = (), **fields: object) -> Finding:
    said = {"code": "unknown-repository", "what": "there is no repository 'podinf'", "file": "app.yaml", **fields}
    return Finding(Problem(**said), stacks)  # type: ignore[arg-type] # plain keywords


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    return tmp_path


def printed(*findings: Finding, root: Path | None, width: int = 80) -> list[str]:
    out = io.StringIO()
    print_findings(Console(file=out, width=width, markup=False, highlight=False), findings, root)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_problem_shows_its_place_its_line_and_what_would_be_right(repository: Path) -> None:
    (repository / "app.yaml").write_text("chart: podinfo\nrepository: podinf\n")
    found = finding(line=2, column=13, fix="did you mean 'podinfo'?", stacks=("dev", "prod"))
    assert printed(found, root=repository) == [
        "app.yaml:2:13 error unknown-repository",
        "  there is no repository 'podinf'",
        "    2 │ repository: podinf",
        "      │             ^",
        "  fix: did you mean 'podinfo'?",
        "  stacks: dev, prod",
    ]


def test_problems_stand_file_by_file(repository: Path) -> None:
    found = [finding(file="a.yaml"), finding(file="a.yaml", severity=Severity.WARNING), finding(file="b.yaml")]
    assert printed(*found, root=repository) == [
        "a.yaml error unknown-repository",
        "  there is no repository 'podinf'",
        "a.yaml warning unknown-repository",
        "  there is no repository 'podinf'",
        "",
        "b.yaml error unknown-repository",
        "  there is no repository 'podinf'",
    ]


def test_files_are_named_from_where_the_person_is(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "apps").mkdir()
    monkeypatch.chdir(repository / "apps")
    assert printed(finding(line=1), root=repository)[0].startswith("../app.yaml:1 error")


def test_a_file_that_is_gone_or_has_no_such_line_is_still_told(repository: Path) -> None:
    assert printed(finding(line=7, column=1), root=repository)[0] == "app.yaml:7:1 error unknown-repository"
    (repository / "app.yaml").write_bytes(b"\xff\xfe\n")
    assert len(printed(finding(line=7, column=1), root=repository)) == 2
    assert printed(finding(line=1), root=None)[0] == "app.yaml:1 error unknown-repository"


@pytest.mark.parametrize(
    ("line", "column", "shown", "caret"),
    [
        ("\tchart: x", 2, "→chart: x", " ^"),
        ("名前: x", 5, "名前: x", "      ^"),
        ("a: \x1b[31mred", 4, "a: \ufffd[31mred", "   ^"),
        ("a: b", 40, "a: b", "    ^"),
    ],
    ids=["tab", "wide characters", "escape sequence", "beyond the end"],
)
def test_the_caret_stands_below_its_column(repository: Path, line: str, column: int, shown: str, caret: str) -> None:
    (repository / "app.yaml").write_text(f"{line}\n")
    lines = printed(finding(line=1, column=column), root=repository)
    assert lines[2:] == [f"    1 │ {shown}", f"      │ {caret}"]


def test_lines_are_counted_as_yaml_does(repository: Path) -> None:
    (repository / "app.yaml").write_bytes("\ufeffa: 1\r\nb: \u0085 2\r\nc: 3\r\n".encode())
    assert "c: 3" in printed(finding(line=3, column=1), root=repository)[2]


@pytest.mark.parametrize("column", [1, 500, 990])
def test_a_long_line_is_shown_around_its_column(repository: Path, column: int) -> None:
    text = "".join(chr(ord("a") + number % 26) for number in range(1000))
    (repository / "app.yaml").write_text(text)
    lines = printed(finding(line=1, column=column), root=repository)
    assert all(len(line) <= 80 for line in lines)
    assert lines[2][lines[3].index("^")] == text[column - 1]
    assert "\u2026" in lines[2]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_sentences_are_broken_between_words_within_the_screen(repository: Path, width: int) -> None:
    found = finding(what="what is wrong " * 40, fix="what would be right " * 20)
    lines = printed(found, root=repository, width=width)
    assert all(len(line) <= min(width, 120) for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])
    assert " ".join(" ".join(lines[1:]).split()).count("what is wrong") == 40


def test_nothing_in_a_problem_can_steer_the_terminal(repository: Path) -> None:
    found = finding(file="a\x1b]0;x\x07.yaml", what="\x1b[2Jgone \u202eturned", fix="[bold]not markup[/bold]")
    text = "\n".join(printed(found, root=repository))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]not markup[/bold]" in text


def test_json_has_every_key_of_every_problem() -> None:
    found = [finding(line=2, column=13, path="repository", fix="x", stacks=("dev",)), finding()]
    assert json.loads(as_json(found)) == [
        {
            "code": "unknown-repository",
            "severity": "error",
            "file": "app.yaml",
            "line": 2,
            "column": 13,
            "path": "repository",
            "what": "there is no repository 'podinf'",
            "fix": "x",
            "stacks": ["dev"],
        },
        {
            "code": "unknown-repository",
            "severity": "error",
            "file": "app.yaml",
            "line": None,
            "column": None,
            "path": "",
            "what": "there is no repository 'podinf'",
            "fix": "",
            "stacks": [],
        },
    ]
    assert as_json([]) == "[]"


def test_annotations_name_place_and_kind(repository: Path) -> None:
    kinds = [finding(line=2, column=3), finding(severity=Severity.WARNING, line=4), finding(severity=Severity.HINT)]
    assert as_annotations(kinds, repository).splitlines() == [
        "::error file=app.yaml,line=2,col=3,title=unknown-repository::there is no repository 'podinf'",
        "::warning file=app.yaml,line=4,title=unknown-repository::there is no repository 'podinf'",
        "::notice file=app.yaml,title=unknown-repository::there is no repository 'podinf'",
    ]


def test_annotations_are_escaped(repository: Path) -> None:
    found = finding(file="a:b,c%.yaml", what="50%\r\n::error::not a command", fix="x", stacks=("dev", "prod"))
    assert as_annotations([found], repository) == (
        "::error file=a%3Ab%2Cc%25.yaml,title=unknown-repository"
        "::50%25%0D%0A::error::not a command%0Afix: x%0Astacks: dev, prod\n"
    )


def test_annotations_name_files_from_the_checkout(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository.parent))
    assert f"file={repository.name}/app.yaml," in as_annotations([finding()], repository)


def test_the_summary_counts_by_severity() -> None:
    assert summary([]) == "no problems"
    assert summary([finding(), finding(), finding(severity=Severity.WARNING)]) == "2 errors, 1 warning"
