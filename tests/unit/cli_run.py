"""Running ``fluxapps`` in tests: in this process, as a process of its own, and on a terminal."""

import errno
import fcntl
import io
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from fluxapps.cli import main

BASE = Path(__file__).parents[1] / "fixtures" / "base"
COMMAND = [sys.executable, "-c", "import sys; from fluxapps.cli import main; sys.exit(main())"]
PATIENCE = 60.0
"""Seconds until a process that should have ended counts as hanging."""
_STEERING = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "GITHUB_WORKSPACE", "PULUMI_", "FLUXAPPS_", "_FLUXAPPS_")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str = ""


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write *files* below *root*."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def base_repository(root: Path, **files: str) -> Path:
    """Make a sound repository of one app and one stack at *root*."""
    shutil.copytree(BASE, root, dirs_exist_ok=True)
    write(root, files)
    return root


def environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without what would steer the command, and with *extra*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}
    return {**kept, **extra}


def fluxapps(*words: str) -> Ended:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    return Ended(code, out.getvalue(), err.getvalue())


@contextmanager
def situation(folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Be in *folder* with *env* as the whole environment."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with patch.dict(os.environ, env, clear=True):
            yield
    finally:
        os.chdir(before)


def process(*words: str, folder: Path, env: Mapping[str, str] | None = None) -> Ended:
    """Run the command as a process of its own, without a terminal."""
    ended = subprocess.run(  # noqa: S603 - ourselves
        [*COMMAND, *words],
        cwd=folder,
        env=environment() if env is None else env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def terminal(
    *words: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
    columns: int = 80,
    interrupt_at: str = "",
    answers: Mapping[str, str] | None = None,
) -> Ended:
    """Run the command on a terminal of its own, press Ctrl-C once it shows *interrupt_at*, and answer what it asks.

    *answers* are by the questions, each asked once.
    """
    due = {question: f"{answer}\n" for question, answer in (answers or {}).items()}
    if interrupt_at:
        due[interrupt_at] = "\x03"
    child, screen = pty.fork()
    if child == 0:
        try:
            os.chdir(folder)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
            os.execve(COMMAND[0], [*COMMAND, *words], {**(environment() if env is None else env), "TERM": "xterm"})  # noqa: S606
        finally:
            os._exit(127)
    shown, deadline = b"", time.monotonic() + PATIENCE
    try:
        while more := _read(screen, deadline):
            shown += more
            for text in [text for text in due if text.encode() in shown]:
                os.write(screen, due.pop(text).encode())
    finally:
        os.close(screen)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Ended(code, shown.decode().replace("\r\n", "\n"))


def _read(screen: int, deadline: float) -> bytes:
    if not select.select([screen], [], [], max(0.0, deadline - time.monotonic()))[0]:
        raise TimeoutError("nothing more is shown, and the command hasn't ended")
    try:
        return os.read(screen, 65536)
    except OSError as error:
        if error.errno == errno.EIO:  # the other end is closed
            return b""
        raise
