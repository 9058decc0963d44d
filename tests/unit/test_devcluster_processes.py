"""Processes are known again by more than their number, end when told to, and get ports that nobody else has."""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fluxapps.devcluster import ports, process
from fluxapps.devcluster.cluster import Cluster
from fluxapps.devcluster.command import main
from fluxapps.devcluster.credentials import Credentials
from fluxapps.devcluster.errors import ClusterError
from fluxapps.devcluster.process import Process
from fluxapps.devcluster.roster import Roster

WAITS = "import signal; print('here', flush=True); signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); signal.pause()"


def until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not (so := is_so()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return so


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    started: list[Process] = []

    def run(program: str) -> Process:
        log = tmp_path / "python.log"
        started.append(process.start([sys.executable, "-c", program], log=log))
        assert until(lambda: log.exists() and log.read_text("utf-8") == "here\n")
        return started[-1]

    yield run
    process.end(started, patience=0)


def test_a_started_process_is_its_own_session(start: Callable[[str], Process]) -> None:
    running = start(WAITS)
    assert running.is_running
    assert os.getsid(running.pid) == running.pid != os.getsid(0)


def test_a_process_keeps_no_file_of_its_starter(start: Callable[[str], Process]) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    start(WAITS)
    os.close(writer)
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_reused_number_is_not_taken_for_ours(start: Callable[[str], Process]) -> None:
    running = start(WAITS)
    other = Process(running.pid, "another boot/1")
    assert not other.is_running
    other.signal(signal.SIGKILL)
    process.end([other], patience=0)
    assert running.is_running


@pytest.mark.parametrize("program", [WAITS, DEAF], ids=["polite", "deaf"])
def test_end_returns_when_it_is_gone(start: Callable[[str], Process], program: str) -> None:
    running = start(program)
    process.end([running], patience=0.2)
    assert not running.is_running
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)


def test_roster_forgets_what_has_ended(start: Callable[[str], Process], tmp_path: Path) -> None:
    file = tmp_path / "processes.json"
    running = start(WAITS)
    Roster(file).add("waits", running, started_as="waits 1.0")
    assert Roster(file).running() == {"waits": running}
    assert Roster(file).started_as("waits") == "waits 1.0"
    running.signal(signal.SIGKILL)
    assert until(lambda: not running.is_running)
    assert Roster(file).running() == {}
    Roster(file).clear()
    assert not file.exists()


def test_tail_leaves_out_the_stacks_of_a_panic(tmp_path: Path) -> None:
    log = tmp_path / "etcd.log"
    log.write_text("one\ntwo\npanic: it is broken\n\ngoroutine 1 [running]:\nmain.main()\n", "utf-8")
    assert process.tail(log, 2) == "  two\n  panic: it is broken"
    assert process.tail(tmp_path / "none.log") == ""


def test_ports_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "ports.json"
    first = ports.choose(kept, ("one", "two"), running=(), say=print)
    assert len(set(first.values())) == 2
    assert ports.choose(kept, ("one", "two"), running=(), say=print) == first
    assert json.loads(kept.read_text("utf-8")) == first


def test_a_port_that_was_taken_is_chosen_anew_and_said(tmp_path: Path) -> None:
    kept = tmp_path / "ports.json"
    said: list[str] = []
    first = ports.choose(kept, ("one", "two"), running=(), say=said.append)
    with socket.create_server((ports.LOOPBACK, first["one"])):
        assert ports.choose(kept, ("one", "two"), running=("one",), say=said.append) == first
        second = ports.choose(kept, ("one", "two"), running=(), say=said.append)
    assert second["one"] != first["one"]
    assert second["two"] == first["two"]
    assert said == [f"one: port {first['one']} has been taken by another program; it is {second['one']} from now on"]


def test_credentials_are_private_and_made_once(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "credentials")
    credentials.make()
    before = {file.name: file.read_bytes() for file in (tmp_path / "credentials").iterdir()}
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "credentials").iterdir()} == {0o600}
    credentials.make()
    assert {file.name: file.read_bytes() for file in (tmp_path / "credentials").iterdir()} == before


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", "utf-8")
    cluster = Cluster(tmp_path)
    for act in (cluster.start, cluster.reset):
        with pytest.raises(ClusterError, match="has other things in it"):
            act()
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_commands_on_a_cluster_that_never_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--folder", str(tmp_path / "none")]
    assert main([*folder, "status"]) == 1
    assert "not ready" in capsys.readouterr().out
    assert main([*folder, "kubeconfig"]) == 1
    assert "fix: python -m fluxapps.devcluster up" in capsys.readouterr().err
    assert main([*folder, "down"]) == 0
    assert main([*folder, "reset"]) == 0
    assert not (tmp_path / "none").exists()


def test_programs_are_listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["programs", "--list"]) == 0
    assert "kube-apiserver" in capsys.readouterr().out


def test_known_again_without_proc(start: Callable[[str], Process], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    running = start(WAITS)
    assert "/" not in running.born
    assert running.is_running
    assert not Process(running.pid, "Thu Jan  1 00:00:00 1970").is_running
    process.end([running], patience=30)
    assert not running.is_running
