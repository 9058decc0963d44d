"""``fluxapps dev logs`` shows what the local cluster's processes write, and no other name passes for one of theirs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fluxapps.devcluster.logs import Logs
from tests.unit.cli_run import COMMAND, base_repository, environment, fluxapps, situation, write

LOGS = ".fluxapps/dev/logs"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    base_repository(tmp_path)
    etcd, helm = (f"{LOGS}/{name}.log" for name in ("etcd", "helm-controller"))
    lines = "".join(f"line {number}\n" for number in range(1, 61))
    write(tmp_path, {etcd: "stored \x1b[31m\n", helm: lines, f"{helm}.old": "before\n"})
    os.utime(tmp_path / helm, (1, 1))
    return tmp_path


def test_the_last_lines_of_all_the_newest_at_the_end(repository: Path) -> None:
    ended = fluxapps("-C", str(repository), "dev", "logs")
    assert ended.out.splitlines() == [
        *(f"helm-controller | line {number}" for number in range(56, 61)),
        "etcd            | stored \ufffd[31m",
    ]
    ended = fluxapps("-C", str(repository), "dev", "logs", "helm-controller", "helm-controller")
    assert [line.split()[-1] for line in ended.out.splitlines()] == [str(number) for number in range(11, 61)]
    assert fluxapps("-C", str(repository), "dev", "logs", "-n", "1").out.splitlines()[0] == "helm-controller | line 60"


def test_an_unknown_name_is_refused(repository: Path) -> None:
    ended = fluxapps("-C", str(repository), "dev", "logs", "etcd", "helm-controler")
    assert (ended.code, ended.out) == (1, "")
    assert "the local cluster has no process 'helm-controler'" in ended.err
    assert "did you mean 'helm-controller'?" in ended.err
    assert "it has etcd, helm-controller" in fluxapps("-C", str(repository), "dev", "logs", "redis").err


def test_shells_complete_the_names(repository: Path) -> None:
    words = {"COMP_WORDS": "fluxapps dev logs h", "COMP_CWORD": "3", "_FLUXAPPS_COMPLETE": "complete_bash"}
    with situation(repository, environment(**words)):
        assert fluxapps().out.split() == ["helm-controller"]


def test_before_the_first_start_there_are_no_logs(tmp_path: Path) -> None:
    base_repository(tmp_path)
    ended = fluxapps("-C", str(tmp_path), "dev", "logs")
    assert ended.code == 1
    assert "fluxapps dev up" in ended.err


def test_what_is_written_later_follows_until_interrupted(repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*COMMAND, "-C", str(repository), "dev", "logs", "--follow", "--lines", "1"]
    with (
        out.open("wb") as stream,
        subprocess.Popen(command, env=environment(), stdout=stream, stderr=subprocess.PIPE) as process,  # noqa: S603 - ours
    ):
        try:
            until(lambda: "etcd" in out.read_text("utf-8"))
            with (repository / LOGS / "helm-controller.log").open("a") as log:
                log.write("later\n")
            until(lambda: "helm-controller | later\n" in out.read_text("utf-8"))
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        finally:
            process.kill()
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_each_line_is_told_once_and_whole_also_of_a_process_started_anew(tmp_path: Path) -> None:
    log = tmp_path / "etcd.log"
    logs = Logs(tmp_path, ["etcd"])
    assert list(logs.last(5)) == []
    follow = logs.follow()
    log.write_text("one\ntw")
    assert next(follow) == ("etcd", "one")
    with log.open("a") as stream:
        stream.write("o\nthree\n")
    assert [next(follow)[1] for _ in range(2)] == ["two", "three"]
    log.replace(tmp_path / "etcd.log.old")
    log.write_text("anew\n")
    assert next(follow) == ("etcd", "anew")


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
