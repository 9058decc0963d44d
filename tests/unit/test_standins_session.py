"""Stand-ins are used where a plugin is missing, never where it is there, and end with whoever started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fluxapps.devcluster.standins import missing, plugins
from fluxapps.devcluster.standins.session import LANGUAGE, PROVIDER

BOTH = (LANGUAGE, PROVIDER)


@pytest.fixture
def pulumi(tmp_path: Path) -> Path:
    return executable(tmp_path / "bin" / "pulumi")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"PATH": str(tmp_path / "path"), "PULUMI_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def until(is_so: Callable[[], bool], within: float = 30) -> bool:
    deadline = time.monotonic() + within
    while not (so := is_so()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return so


def children(pid: int) -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


def test_without_any_both_are_missing(pulumi: Path, environ: dict[str, str]) -> None:
    assert missing(pulumi, project=None, environ=environ) == BOTH


@pytest.mark.parametrize(
    ("place", "lacking"),
    [
        ("path/pulumi-language-python", (PROVIDER,)),
        ("bin/pulumi-language-python", (PROVIDER,)),
        ("path/pulumi-resource-kubernetes", (LANGUAGE,)),
        ("home/plugins/resource-kubernetes-v4.34.2/pulumi-resource-kubernetes", (LANGUAGE,)),
        ("home/plugins/language-python-v3.0.0/pulumi-language-python", (PROVIDER,)),
        # The kubernetes provider is bundled with no pulumi, and not looked for beside it.
        ("bin/pulumi-resource-kubernetes", BOTH),
    ],
)
def test_a_real_one_is_found_where_pulumi_finds_it(
    pulumi: Path, environ: dict[str, str], tmp_path: Path, place: str, lacking: tuple[str, ...]
) -> None:
    executable(tmp_path / place)
    assert missing(pulumi, project=None, environ=environ) == lacking


def test_half_an_installation_is_none(pulumi: Path, environ: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "home/plugins/resource-kubernetes-v4.34.2/pulumi-resource-kubernetes")
    (tmp_path / "home/plugins/resource-kubernetes-v4.34.2.partial").touch()
    assert missing(pulumi, project=None, environ=environ) == BOTH


def test_plugins_of_the_project_and_attached_ones_count(pulumi: Path, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: x\nplugins: {providers: [{name: kubernetes, path: ../there}]}\n")
    assert missing(pulumi, project=tmp_path, environ=environ) == (LANGUAGE,)
    environ["PULUMI_DEBUG_LANGUAGES"] = "go:1,python:2"
    assert missing(pulumi, project=tmp_path, environ=environ) == ()


def test_ignored_ambient_plugins_are_not_there(pulumi: Path, environ: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "path/pulumi-language-python")
    environ["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
    assert missing(pulumi, project=None, environ=environ) == BOTH


def test_a_faulty_project_file_is_pulumis_business(pulumi: Path, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: [\n")
    assert missing(pulumi, project=tmp_path, environ=environ) == BOTH


def test_where_all_are_there_nothing_is_started_or_said(pulumi: Path, environ: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "path/pulumi-language-python")
    executable(tmp_path / "path/pulumi-resource-kubernetes")
    said: list[str] = []
    with plugins(pulumi, say=said.append, environ=environ, project=tmp_path) as given:
        assert given.env == environ
        assert given.standins == ()
    assert said == []


def test_stand_ins_are_announced_attached_and_ended(pulumi: Path, environ: dict[str, str], tmp_path: Path) -> None:
    environ["PULUMI_DEBUG_PROVIDERS"] = "random:1234"
    # A program's module that has the name of one of ours is not ours.
    (tmp_path / "grpc.py").write_text("raise SystemExit('imported')\n")
    said: list[str] = []
    others = children(os.getpid())
    with plugins(pulumi, say=said.append, environ=environ, project=tmp_path) as given:
        started = children(os.getpid()) - others
        assert given.standins == BOTH
        assert len(said) == 2
        assert all("STAND-IN" in line for line in said)
        assert given.env["PULUMI_DEBUG_LANGUAGES"].startswith("python:")
        assert given.env["PULUMI_DEBUG_PROVIDERS"].startswith("random:1234,kubernetes:")
        assert given.env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert started
    assert not started & children(os.getpid())


def test_stand_ins_end_with_a_killed_starter(pulumi: Path, environ: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from fluxapps.devcluster.standins import plugins\n"
        f"with plugins(Path({str(pulumi)!r}), say=print, environ={environ!r}, project=Path({str(tmp_path)!r})):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as starter:  # noqa: S603
        assert starter.stdout is not None
        assert any(line == "ready\n" for line in starter.stdout)
        servers = children(starter.pid)
        assert len(servers) == 2
        starter.kill()
    assert until(lambda: not any(Path(f"/proc/{server}").exists() for server in servers))


def command(environ: dict[str, str], *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "fluxapps.devcluster.standins", "run", "--", *words],
        env={**environ, "PATH": f"{environ['PATH']}:/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_run_gives_the_environment_and_the_exit_code(environ: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "path" / "pulumi", '#!/bin/sh\necho "$PULUMI_DEBUG_LANGUAGES $1"\nexit 7\n')
    with command(environ, "pulumi", "up") as run:
        output, errors = run.communicate(timeout=60)
    assert run.returncode == 7
    assert output.startswith("python:")
    assert output.endswith(" up\n")
    assert errors.count("STAND-IN") == 2


def test_run_forwards_signals_and_tells_of_them(environ: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "path" / "pulumi", "#!/bin/sh\necho ready\nexec sleep 600\n")
    with command(environ, "pulumi") as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM


def test_run_without_the_program_says_so(environ: dict[str, str]) -> None:
    with command(environ, "no-such-program") as run:
        errors = run.communicate(timeout=60)[1]
    assert run.returncode == 127
    assert "no-such-program: not found on PATH" in errors
