"""``fluxapps up``, ``preview`` and ``destroy``, with a program in pulumi's place that says how it was called."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fluxapps.cli.backend import Backend
from fluxapps.cli.program import is_partial
from tests.unit.cli_run import (
    COMMAND,
    PATIENCE,
    Ended,
    base_repository,
    environment,
    fluxapps,
    situation,
    terminal,
    write,
)

PULUMI = """\
#!{python} -IS
import json, os, signal, sys, time
with open(os.environ["SEEN"], "a") as seen:
    kept = {{name: value for name, value in os.environ.items() if name.startswith("PULUMI_") or name == "PATH"}}
    seen.write(json.dumps({{"arguments": sys.argv[1:], "folder": os.getcwd(), "env": kept}}) + "\\n")
if "--wait" in sys.argv:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: sys.exit(number))
    print("pulumi runs", flush=True)
    while True:
        signal.pause()
if "preview" in sys.argv and "EVENTS" in os.environ:
    print(open(os.environ["EVENTS"]).read())
else:
    print("pulumi was here")
sys.exit(int(os.environ.get("CODE", "0")))
"""
GIT = (
    "config:\n  fluxapps:cluster:\n    context: prod\n    delivery: git\n"
    "    git: {url: https://example.org/fleet.git, branch: main}\n"
)


class Engine:
    """A repository, a pulumi that only says how it was called, and where its state would be."""

    def __init__(self, folder: Path) -> None:
        self.root = base_repository(folder / "fleet")
        self.seen = folder / "seen"
        programs = folder / "programs"
        programs.mkdir()
        # Plugins that are there need no stand-ins.
        for name in ("pulumi", "pulumi-language-python", "pulumi-resource-kubernetes"):
            (programs / name).write_text(PULUMI.format(python=sys.executable))
            (programs / name).chmod(stat.S_IRWXU)
        self.state = folder / "state"
        self.env = environment(
            FLUXAPPS_TOOLS=str(programs),
            PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
            SEEN=str(self.seen),
            PULUMI_BACKEND_URL=f"file://{self.state}",
            PULUMI_CONFIG_PASSPHRASE="",
            PULUMI_HOME=str(folder / "home"),
        )
        self.keep_stack("dev")

    def keep_stack(self, stack: str) -> None:
        write(self.state, {f".pulumi/stacks/fluxapps/{stack}.json": "{}"})

    def run(self, *words: str, **env: str) -> Ended:
        with situation(self.root, {**self.env, **env}):
            return fluxapps(*words)

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call of pulumi."""
        return [call["arguments"] for call in self.seen_calls()]

    def seen_calls(self) -> list[dict[str, Any]]:
        """Return arguments, folder and environment of each call of pulumi."""
        return [json.loads(line) for line in self.seen.read_text().splitlines()] if self.seen.exists() else []


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


def test_up_runs_pulumi_in_the_repository_with_quick_settings(engine: Engine) -> None:
    ended = engine.run("-C", "apps/podinfo", "up", "--stack", "dev", "--yes")
    assert ended == Ended(0, "pulumi was here\n")
    assert engine.calls() == [["up", "--stack", "dev", *QUICK, "--yes", "--skip-preview"]]
    (call,) = engine.seen_calls()
    assert call["folder"] == str(engine.root)
    env = call["env"]
    assert (env["PULUMI_SKIP_CHECKPOINTS"], env["PULUMI_SKIP_UPDATE_CHECK"]) == ("true", "true")
    assert env["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_the_persons_own_settings_win(engine: Engine) -> None:
    engine.run(
        "preview", "--stack", "dev", "--", "--parallel=1", "--diff", PULUMI_SKIP_CHECKPOINTS="false", NO_COLOR="1"
    )
    assert engine.calls() == [
        ["preview", "--stack", "dev", "--non-interactive", "--color", "never", "--parallel=1", "--diff"]
    ]
    assert engine.seen_calls()[0]["env"]["PULUMI_SKIP_CHECKPOINTS"] == "false"


@pytest.mark.parametrize("code", [1, 3, 255])
def test_the_exit_code_is_pulumis(engine: Engine, code: int) -> None:
    assert engine.run("destroy", "--stack", "dev", "--yes", CODE=str(code)).code == code


def test_a_stack_without_state_is_made_first(engine: Engine) -> None:
    write(engine.root, {"Pulumi.prod.yaml": (engine.root / "Pulumi.dev.yaml").read_text()})
    ended = engine.run("up", "--stack", "prod", "--yes")
    assert engine.calls()[0] == ["stack", "init", "prod", "--no-select"]
    assert engine.calls()[1][:3] == ["up", "--stack", "prod"]
    assert "stack prod is new" in ended.err
    engine.seen.unlink()
    assert engine.run("up", "--stack", "prod", "--yes", CODE="6").code == 6
    assert engine.calls() == [["stack", "init", "prod", "--no-select"]]


def test_bad_files_start_no_engine(engine: Engine) -> None:
    write(engine.root, {"apps/broken/app.yaml": "chart: podinfo\nrepository: podinf\nversion: 6.x\n"})
    for verb in ("up", "preview"):
        ended = engine.run(verb, "--stack", "dev", *(("--yes",) if verb == "up" else ()))
        assert ended.code == 1
        assert "apps/broken/app.yaml:2:1 error unknown-repository" in ended.err
    assert engine.calls() == []


def test_bad_files_keep_nobody_from_destroying(engine: Engine) -> None:
    write(engine.root, {"apps/broken/app.yaml": "chrat: podinfo\n"})
    assert engine.run("destroy", "--stack", "dev", "--yes").code == 0


@pytest.mark.parametrize("verb", ["up", "preview", "destroy"])
def test_an_unknown_stack_starts_no_engine(engine: Engine, verb: str) -> None:
    ended = engine.run(verb, "--stack", "deb")
    assert ended.code == 1
    assert "no stack 'deb'" in ended.err
    assert "did you mean 'dev'?" in ended.err
    assert engine.calls() == []


@pytest.mark.parametrize("verb", ["up", "destroy"])
def test_without_a_terminal_yes_must_be_said(engine: Engine, verb: str) -> None:
    ended = engine.run(verb, "--stack", "dev")
    assert ended == Ended(
        1,
        "",
        "error: there is no terminal to ask on whether the changes are wanted\n"
        f"  fix: fluxapps {verb} --stack dev --yes\n",
    )
    assert engine.calls() == []


def test_a_missing_passphrase_is_said_before_the_engine_starts(engine: Engine) -> None:
    del engine.env["PULUMI_CONFIG_PASSPHRASE"]
    ended = engine.run("up", "--stack", "dev", "--yes")
    assert ended.code == 1
    assert ended.err.startswith("error: the secrets of stack dev need a passphrase, and there is no terminal")
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" in ended.err
    assert engine.calls() == []
    file = {"PULUMI_CONFIG_PASSPHRASE_FILE": "x"}
    assert engine.run("up", "--stack", "dev", "--yes", **file).code == 0


PLAN = str(Path(__file__).with_name("recorded") / "plan.jsonl")
QUICK = ["--parallel", "64", "--json", "--non-interactive", "--color", "never"]


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_a_terminal_is_asked_on_with_the_plan(engine: Engine, answer: str, code: int) -> None:
    del engine.env["PULUMI_CONFIG_PASSPHRASE"]
    asked = {"PULUMI_CONFIG_PASSPHRASE): ": "secret", "uninstalling 1 Helm release? [y/N]: ": answer}
    ended = terminal("up", "--stack", "dev", folder=engine.root, env={**engine.env, "EVENTS": PLAN}, answers=asked)
    assert ended.code == code
    assert ended.out.index("uninstall: release database/database") < ended.out.index("up stack dev, uninstalling 1")
    done = [["up", "--stack", "dev", *QUICK, "--yes", "--skip-preview"]] if code == 0 else []
    assert engine.calls() == [["preview", "--stack", "dev", *QUICK], *done]
    assert {call["env"]["PULUMI_CONFIG_PASSPHRASE"] for call in engine.seen_calls()} == {"secret"}
    assert ("nothing was changed" in ended.out) == (code == 1)


def test_nobody_is_asked_about_nothing(engine: Engine) -> None:
    ended = terminal("up", "--stack", "dev", folder=engine.root, env=engine.env)
    assert ended.code == 0
    assert [call[0] for call in engine.calls()] == ["preview", "up"]


@pytest.mark.parametrize("words", [("--", "--diff"), ("--", "--json"), ("--", "--suppress-outputs"), ("--plain",)])
def test_pulumi_shows_itself_where_that_is_asked_for(engine: Engine, words: tuple[str, ...]) -> None:
    ended = terminal("up", "--stack", "dev", *words, folder=engine.root, env=engine.env)
    assert ended.code == 0
    passed = [word for word in words if word not in {"--", "--plain"}]
    assert engine.calls() == [["up", "--stack", "dev", "--parallel", "64", *passed]]


def test_ctrl_c_is_pulumis_to_handle_and_ends_in_130(engine: Engine) -> None:
    ended = terminal(
        "up", "--stack", "dev", "--", "--wait", folder=engine.root, env=engine.env, interrupt_at="pulumi runs"
    )
    assert ended.code == 130
    assert "Traceback" not in ended.out


def test_being_told_to_end_is_passed_on(engine: Engine) -> None:
    with subprocess.Popen(  # noqa: S603 - ourselves
        [*COMMAND, "up", "--stack", "dev", "--yes", "--", "--wait"],
        cwd=engine.root,
        env=engine.env,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "pulumi runs\n"
            running.terminate()
            assert running.wait(PATIENCE) == signal.SIGTERM
        finally:
            running.kill()


def test_git_delivery_wants_the_tree_rendered(engine: Engine) -> None:
    write(engine.root, {"Pulumi.prod.yaml": GIT})
    engine.keep_stack("prod")
    ended = engine.run("up", "--stack", "prod", "--yes")
    assert ended.code == 1
    assert ended.err == (
        "error: deploy/prod is not what the files render to\n  fix: fluxapps render --stack prod, then commit it\n"
    )
    assert engine.calls() == []
    preview = engine.run("preview", "--stack", "prod")
    assert preview.code == 0
    assert "fluxapps render --stack prod" in preview.err
    assert engine.run("render", "--stack", "prod").code == 0
    assert engine.run("up", "--stack", "prod", "--yes").code == 0


def test_pulumi_that_cannot_be_had_is_a_sentence(engine: Engine) -> None:
    ended = engine.run("preview", "--stack", "dev", FLUXAPPS_TOOLS=str(engine.root / "missing"))
    assert ended.code == 1
    assert ended.err.startswith("error: FLUXAPPS_TOOLS=")
    assert "fix: " in ended.err


@pytest.mark.parametrize(
    ("url", "stack_file", "lacking"),
    [
        ("file:///state", "config: {}\n", True),
        ("file:///state", "encryptionsalt: v1:x\n", True),
        ("file:///state", "secretsprovider: passphrase\n", True),
        ("file:///state", "secretsprovider: awskms://x\nencryptedkey: y\n", False),
        ("s3://bucket", "config: {}\n", True),
        ("https://api.example.org", "config: {}\n", False),
        ("https://api.example.org", "encryptionsalt: v1:x\n", True),
        ("", "config: {}\n", False),
        ("file:///state", "not: [yaml\n", True),
    ],
)
def test_who_needs_a_passphrase(tmp_path: Path, url: str, stack_file: str, lacking: bool) -> None:
    write(tmp_path, {"Pulumi.dev.yaml": stack_file})
    environ = {"PULUMI_HOME": str(tmp_path)} | ({"PULUMI_BACKEND_URL": url} if url else {})
    assert Backend(tmp_path, environ).lacks_passphrase("dev") is lacking
    assert not Backend(tmp_path, {**environ, "PULUMI_CONFIG_PASSPHRASE": ""}).lacks_passphrase("dev")


def test_the_backend_is_the_environments_the_projects_or_the_logins(tmp_path: Path) -> None:
    write(tmp_path, {"home/credentials.json": '{"current": "https://api.example.org"}', "Pulumi.yaml": "name: x\n"})
    environ = {"PULUMI_HOME": str(tmp_path / "home")}
    assert Backend(tmp_path, environ).url == "https://api.example.org"
    write(tmp_path, {"Pulumi.yaml": "name: x\nbackend: {url: file://./state}\n"})
    assert Backend(tmp_path, environ).url == "file://./state"
    assert Backend(tmp_path, {**environ, "PULUMI_BACKEND_URL": "s3://x"}).url == "s3://x"
    write(tmp_path, {"home/credentials.json": "[]", "Pulumi.yaml": "name: x\n"})
    assert Backend(tmp_path, environ).url == ""


@pytest.mark.parametrize("file", ["fluxapps/dev.json", "fluxapps/dev.json.gz", "fluxapps/dev.json.zst", "dev.json"])
def test_a_state_is_found_where_pulumi_keeps_it(tmp_path: Path, file: str) -> None:
    backend = Backend(tmp_path, {"PULUMI_BACKEND_URL": "file://./state"})
    write(tmp_path, {"state/.pulumi/stacks/fluxapps/dev.json.bak": "{}"})
    assert backend.lacks_stack("fluxapps", "dev")
    write(tmp_path, {f"state/.pulumi/stacks/{file}": "{}"})
    assert not backend.lacks_stack("fluxapps", "dev")
    assert not Backend(tmp_path, {"PULUMI_BACKEND_URL": "s3://x"}).lacks_stack("fluxapps", "dev")


@pytest.mark.parametrize(
    ("argument", "partial"),
    [
        ("--target", True),
        ("--target=urn:pulumi:dev", True),
        ("--target-replace=urn:pulumi:dev", True),
        ("--exclude-protected", True),
        ("-turn:pulumi:dev", True),
        ("-yt", True),
        ("--parallel=4", False),
        ("-y", False),
        ("-mtext", False),
        ("--strict", False),
    ],
)
def test_arguments_that_choose_objects_are_known(argument: str, partial: bool) -> None:
    assert is_partial(["--skip-preview", argument]) is partial
