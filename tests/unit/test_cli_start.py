"""What holds for every verb: a quick start, quiet ends, and no traceback unasked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fluxapps.cli import main
from tests.unit.cli_run import (
    COMMAND,
    PATIENCE,
    base_repository,
    environment,
    fluxapps,
    process,
    situation,
    terminal,
    write,
)

VERBS = (
    "check", "render", "schema", "import", "lift", "new",
    "preview", "up", "destroy", "status", "detach", "attach", "doctor", "dev",
)  # fmt: skip
LOADED = """\
import json, sys
from fluxapps.cli import main
code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.write(json.dumps([code, sorted(sys.modules)]))
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = base_repository(tmp_path / "fleet")
    monkeypatch.chdir(root)
    return root


def loaded(folder: Path, *words: str) -> list[str]:
    """Return the modules that are loaded when the command ends."""
    ended = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", LOADED, *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    code, modules = json.loads(ended.stderr)
    assert code == 0
    return list(modules)


def below(modules: list[str], *packages: str) -> list[str]:
    return [name for name in modules if name.startswith(tuple(f"{each}." for each in packages)) or name in packages]


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("check", "--format", "json"),
        ("render", "--stack", "dev"),
        ("schema",),
        ("new", "app", "grafana", "--chart", "grafana", "--repository", "podinfo", "--version", "8.x"),
        ("up", "--help"),
    ],
    ids=" ".join,
)
def test_no_verb_that_needs_no_engine_loads_one(repository: Path, words: tuple[str, ...]) -> None:
    modules = loaded(repository, *words)
    assert "fluxapps.cli" in modules
    assert not below(modules, "pulumi", "pulumi_kubernetes", "grpc", "kubernetes", "fluxapps.engine", "components")
    assert not below(modules, "fluxapps.devcluster")


@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("check", "--help"), ("new", "app", "--help")], ids=" ".join
)
def test_help_loads_neither_the_model_nor_rich(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert not below(loaded(tmp_path, *words), "fluxapps.model", "yaml", "rich")


def test_help_names_every_verb_in_a_line(tmp_path: Path) -> None:
    for columns in (80, 200):
        shown = terminal("--help", folder=tmp_path, columns=columns)
        assert shown.code == 0
        listed = shown.out.partition("Commands:\n")[2].splitlines()
        assert [line.split()[0] for line in listed] == list(VERBS)
        assert all(len(line) <= columns and line.endswith(".") and not line.endswith("...") for line in listed)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_fits(verb: str) -> None:
    shown = fluxapps(verb, "--help")
    assert shown.code == 0
    assert shown.out.startswith(f"Usage: fluxapps {verb} ")
    assert all(len(line) <= 80 for line in shown.out.splitlines())


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert process("--version", folder=tmp_path).out == "fluxapps 0.1.0\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rendr",), "No such command 'rendr'. Did you mean 'render'?"),
        (("check", "--stak", "dev"), "No such option: --stak"),
        (("render",), "Missing option '--stack'"),
        (("check", "--format", "xml"), "'xml' is not one of 'text', 'json', 'github'"),
    ],
)
def test_wrong_usage_is_said_and_ends_in_2(words: tuple[str, ...], said: str) -> None:
    ended = fluxapps(*words)
    assert ended.code == 2
    assert said in ended.err


def test_colour_is_for_terminals_that_want_it(repository: Path) -> None:
    write(repository, {"apps/broken/app.yaml": "chart: podinfo\nrepository: podinf\nversion: 6.x\n"})
    assert "\x1b[" in terminal("check", folder=repository).out
    assert "\x1b[" not in terminal("check", folder=repository, env=environment(NO_COLOR="1")).out
    assert "\x1b[" not in fluxapps("check").out


def test_text_fits_the_terminal_and_is_never_broken_in_a_pipe(repository: Path) -> None:
    write(repository, {"apps/broken/app.yaml": "chart: podinfo\nrepository: podinf\nversion: " + "6" * 300 + ".x\n"})
    for columns in (60, 160):
        shown = terminal("check", folder=repository, env=environment(NO_COLOR="1"), columns=columns)
        assert all(len(line) <= columns for line in shown.out.splitlines() if "fix" in line or "│" in line)
    piped = fluxapps("check").out
    assert "  fix: did you mean 'podinfo'?\n" in piped


def test_ctrl_c_ends_in_130(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_root: Path) -> None:
        raise KeyboardInterrupt

    assert (repository / "Pulumi.yaml").exists()
    monkeypatch.setattr("fluxapps.cli.check.load", interrupted)
    ended = fluxapps("check")
    assert (ended.code, ended.out) == (130, "")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("words", [("check",), ("check", "--format", "json"), ("--help",)], ids=" ".join)
def test_a_reader_that_has_seen_enough_is_no_error(repository: Path, words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(  # noqa: S603 - ourselves
            [*COMMAND, *words],
            cwd=repository,
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_a_fault_of_our_own_is_told_without_a_traceback(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(_root: Path) -> None:
        raise TypeError("not this one")

    assert (repository / "Pulumi.yaml").exists()
    monkeypatch.setattr("fluxapps.cli.check.load", faulty)
    ended = fluxapps("check")
    assert ended.code == 70
    assert ended.err == (
        "error: fluxapps itself failed: TypeError: not this one\n"
        "  fix: that is a bug, please report it, with all that `fluxapps --debug …` prints\n"
    )
    assert "Traceback (most recent call last)" in fluxapps("--debug", "check").err


def test_what_the_system_refuses_is_a_sentence(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_root: Path) -> None:
        raise PermissionError(13, "Permission denied", "fleet.yaml")

    assert (repository / "Pulumi.yaml").exists()
    monkeypatch.setattr("fluxapps.cli.check.load", refused)
    ended = fluxapps("check")
    assert (ended.code, ended.err) == (1, "error: fleet.yaml: Permission denied\n")


def test_a_screen_without_the_letters_ends_nothing(repository: Path) -> None:
    write(repository, {"apps/broken/app.yaml": "chart: podinfo\nrepository: p\u00f6dinf\nversion: 6.x\n"})
    ended = process("check", folder=repository, env=environment(PYTHONIOENCODING="ascii", PYTHONUTF8="0"))
    assert ended.code == 1
    assert "repository: p?dinf" in ended.out


def completed(folder: Path, *words: str) -> list[str]:
    """Return what a shell offers for the last of *words*."""
    steering = {"_FLUXAPPS_COMPLETE": "complete_bash", "COMP_CWORD": str(len(words))}
    with situation(folder, environment(COMP_WORDS=" ".join(("fluxapps", *words)), **steering)):
        return fluxapps().out.split()


def test_shells_complete_verbs_stacks_repositories_and_groups(repository: Path) -> None:
    app = "chart: a\nrepository: podinfo\nversion: 1.x\n"
    write(repository, {"Pulumi.prod.yaml": "config: {}\n", "apps/team/monitoring/grafana/app.yaml": app})
    assert completed(repository, "pre") == ["preview"]
    assert completed(repository, "render", "--stack", "") == ["dev", "prod"]
    assert completed(repository, "render", "--stack", "p") == ["prod"]
    assert completed(repository.parent, "-C", "fleet", "check", "--stack", "d") == ["dev"]
    assert completed(repository.parent, "check", "-C", "fleet", "--stack", "d") == ["dev"]
    assert completed(repository.parent, "check", "--stack", "") == []
    assert completed(repository, "new", "app", "x", "--repository", "po") == ["podinfo"]
    assert completed(repository, "new", "app", "x", "--folder", "") == ["team", "team/monitoring"]
    write(repository, {"fleet.yaml": "repositories: [\n"})
    assert completed(repository, "new", "app", "x", "--repository", "po") == []


def test_main_reads_the_processes_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fluxapps", "--version"])
    assert main() == 0
    assert capsys.readouterr().out == "fluxapps 0.1.0\n"
