"""Building a program from Go modules whose versions and sums are committed."""

import os
import re
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from fluxapps.devcluster.errors import ProgramError
from fluxapps.devcluster.programs.cache import go_platform
from fluxapps.devcluster.programs.table import Program
from fluxapps.devcluster.programs.versions import numbers

_HEARTBEAT = 60
"""Seconds between two signs of life; the longest build takes some eight minutes."""
_TAIL = 15
_FETCHES_TOOLCHAINS = (1, 21)
"""The first Go that can fetch a newer one for itself."""


def go_command(needed_for: str) -> str:
    """Return the ``go`` on PATH.

    Raises:
        ProgramError: There is none.
    """
    go = shutil.which("go")
    if go is None:
        raise ProgramError(
            f"{needed_for} has to come from Go modules, and there is no go on PATH",
            fix="install Go 1.26 or newer, or put the programs into a folder and set FLUXAPPS_TOOLS to it",
        )
    return go


def go_environment(**more: str) -> dict[str, str]:
    """Return the environment for ``go``: the caller's (proxies, caches), without what would change the result."""
    kept = {key: value for key, value in os.environ.items() if key not in {"GOOS", "GOARCH", "GOEXPERIMENT", "GOBIN"}}
    return kept | {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"} | more


def build(program: Program, target: Path, *, say: Callable[[str], None]) -> None:
    """Build *program* into the file *target*; Go's own caches make a second try after a stop cheap.

    Args:
        program: What to build.
        target: A name that nobody runs the program by yet.
        say: Told every minute how far it is.

    Raises:
        ProgramError: There is no ``go``, it is too old, or the build fails (with the end of its output).
    """
    go = go_command(program.name)
    operating_system, architecture = go_platform()
    environment = go_environment(
        GOTOOLCHAIN=_toolchain(go, program), GOOS=operating_system, GOARCH=architecture, PWD=str(program.folder)
    )
    started = time.monotonic()
    output: deque[str] = deque(maxlen=_TAIL)
    compiled = 0
    with subprocess.Popen(  # noqa: S603  no shell, and our own arguments
        (go, "build", "-v", "-trimpath", "-ldflags", f"-s -w {program.ldflags}", "-o", target, program.package),
        cwd=program.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:

        def read() -> None:
            nonlocal compiled
            for line in process.stderr or ():
                output.append(line.rstrip())
                compiled += not line.startswith("go: ")

        reader = threading.Thread(target=read)
        reader.start()
        try:
            while reader.is_alive():
                reader.join(_HEARTBEAT)
                if reader.is_alive():
                    minutes = (time.monotonic() - started) / 60
                    say(f"{program.name}: building since {minutes:.0f} min, {compiled} packages compiled")
        except BaseException:
            process.terminate()
            raise
        finally:
            reader.join()
    if process.returncode != 0:
        raise ProgramError(
            f"{program.name} {program.version} can't be built (go build ended with {process.returncode}):\n"
            + "\n".join(f"  {line}" for line in output),
            fix=f"to see it whole: cd {program.folder} && go build -o /dev/null {program.package}",
        )


def _toolchain(go: str, program: Program) -> str:
    """Decide GOTOOLCHAIN: the Go at hand if it is new enough, else the one the module asks for, which Go fetches."""
    found = re.search(r"^go (\S+)$", (program.folder / "go.mod").read_text("utf-8"), re.MULTILINE)
    needed = found.group(1) if found else "1.26"
    answer = subprocess.run(  # noqa: S603  no shell, and our own arguments
        (go, "env", "GOVERSION"), check=False, capture_output=True, text=True, cwd="/", env=go_environment()
    )
    present = answer.stdout.strip().removeprefix("go")
    if numbers(present) >= numbers(needed):
        return "local"
    if numbers(present) >= _FETCHES_TOOLCHAINS:
        return "auto"
    raise ProgramError(
        f"{program.name} needs Go {needed} to be built; {go} is {present or 'of no known version'}",
        fix=f"install Go {needed} or newer, or put {program.name} into a folder and set FLUXAPPS_TOOLS to it",
    )
