"""Whose lock it is, and what is cleared of a run that was killed."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fluxapps.cli.backend import Backend
from fluxapps.cli.failure import CommandError
from fluxapps.cli.state_lock import clear_locks, mend_state


@pytest.fixture
def ended() -> int:
    """The number of a process that has ended, and whose parent has taken note."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.fixture
def unburied() -> Iterator[int]:
    """The number of a process that has ended, of which its parent hasn't taken note."""
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        yield process.pid


def lock(folder: Path, *, pid: int, host: str = "", since: timedelta = timedelta()) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{len(list(folder.iterdir()))}.json"
    when = (datetime.now(UTC) - since).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    said = {"pid": pid, "username": "ann", "hostname": host or socket.gethostname(), "timestamp": when}
    file.write_text(json.dumps(said))
    return file


def test_a_lock_of_a_process_that_ended_is_cleared(tmp_path: Path, ended: int, unburied: int) -> None:
    said: list[str] = []
    files = [lock(tmp_path, pid=ended), lock(tmp_path, pid=unburied)]
    attributes = files[0].with_name(f"{files[0].name}.attrs")
    attributes.touch()
    clear_locks(tmp_path, "dev", said.append)
    assert list(tmp_path.iterdir()) == []
    assert said[0].startswith("the last run on stack dev was killed: cleared the lock of ann on ")
    assert len(said) == 2


def test_a_number_that_another_process_has_by_now_is_no_holder(tmp_path: Path) -> None:
    file = lock(tmp_path, pid=os.getpid(), since=timedelta(days=900))
    clear_locks(tmp_path, "dev", print)
    assert not file.exists()


def test_a_live_lock_is_refused_with_its_holder(tmp_path: Path, ended: int) -> None:
    files = [lock(tmp_path, pid=os.getpid()), lock(tmp_path, pid=ended)]
    with pytest.raises(CommandError) as refused:
        clear_locks(tmp_path, "dev", print)
    assert f"stack dev is being worked on by ann on {socket.gethostname()} (pulumi, pid {os.getpid()}, since" in str(
        refused.value
    )
    assert "cancel" not in refused.value.fix
    assert all(file.exists() for file in files)


def test_a_lock_of_another_host_is_left_to_a_person(tmp_path: Path, ended: int) -> None:
    file = lock(tmp_path, pid=ended, host="elsewhere.example.org")
    with pytest.raises(CommandError) as refused:
        clear_locks(tmp_path, "dev", print)
    assert "pulumi cancel --yes dev" in refused.value.fix
    assert file.exists()


def test_a_lock_that_never_was_one_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "x.json").touch()
    said: list[str] = []
    clear_locks(tmp_path, "dev", said.append)
    assert list(tmp_path.iterdir()) == []
    assert said == ["the last run on stack dev had no room for its lock: cleared what there was of it"]


def test_two_may_clear_at_once(tmp_path: Path, ended: int) -> None:
    lock(tmp_path, pid=ended)
    lock(tmp_path, pid=ended)
    # The other one comes between our look and our second deed.
    clear_locks(tmp_path, "dev", lambda _: clear_locks(tmp_path, "dev", print))
    assert list(tmp_path.iterdir()) == []


def test_empty_attributes_of_a_state_are_removed(tmp_path: Path) -> None:
    state = tmp_path / "dev.json"
    state.write_text('{\n    "version": 3\n}\n')
    attributes = tmp_path / "dev.json.attrs"
    attributes.write_text("{}")
    said: list[str] = []
    mend_state(state, said.append)
    assert attributes.exists()
    attributes.write_text("")
    mend_state(state, said.append)
    assert not attributes.exists()
    assert said == ["a run was killed while it wrote the state: removed the empty dev.json.attrs, the state is whole"]


@pytest.mark.parametrize("broken", ["", '{\n    "version": 3,\n    "checkpoint": {\n    }', "{} {"])
def test_a_state_that_was_cut_off_gives_way_to_the_one_before(tmp_path: Path, broken: str) -> None:
    state, copy = tmp_path / "dev.json", tmp_path / "dev.json.bak"
    state.write_text(broken)
    copy.write_text('{\n    "version": 3\n}\n')
    mend_state(state, print)
    assert state.read_text() == copy.read_text()
    assert sorted(tmp_path.iterdir()) == [state, copy]


@pytest.mark.parametrize(("state", "copy"), [("{}", '{"a": 1}'), ("{", "{"), ("{", None)])
def test_a_state_that_is_whole_or_has_no_whole_copy_is_left_alone(tmp_path: Path, state: str, copy: str | None) -> None:
    (tmp_path / "dev.json").write_text(state)
    if copy is not None:
        (tmp_path / "dev.json.bak").write_text(copy)
    mend_state(tmp_path / "dev.json", print)
    assert (tmp_path / "dev.json").read_text() == state


def test_reading_alone_waits_for_nobody_and_mends_nothing_under_way(tmp_path: Path, ended: int) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\n")
    backend = Backend(tmp_path, {"PULUMI_BACKEND_URL": "file://./state?metadata=skip"})
    pulumi = tmp_path / "state" / ".pulumi"
    held = lock(pulumi / "locks" / "organization" / "fleet" / "dev", pid=os.getpid())
    stacks = pulumi / "stacks" / "fleet"
    stacks.mkdir(parents=True)
    (stacks / "dev.json").write_text("{}")
    attributes = stacks / "dev.json.attrs"
    attributes.touch()
    backend.make_ready("dev", print, to_change=False)
    assert attributes.exists()
    with pytest.raises(CommandError, match="is being worked on by ann"):
        backend.make_ready("dev", print, to_change=True)
    held.unlink()
    lock(held.parent, pid=ended)
    backend.make_ready("dev", print, to_change=True)
    assert not attributes.exists()
    assert list(held.parent.iterdir()) == []


def test_states_elsewhere_are_left_to_pulumi(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\n")
    Backend(tmp_path, {"PULUMI_BACKEND_URL": "s3://bucket"}).make_ready("dev", print, to_change=True)
