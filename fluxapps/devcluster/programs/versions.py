"""Whether a copy of a program that the user has already will do."""

import os
import re
import subprocess
from pathlib import Path

from fluxapps.devcluster.programs.table import Program

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_PATIENCE = 30
"""Seconds; a program that takes longer to say its version is of no use."""


def numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers, for comparing: ``v1.36.3`` gives ``(1, 36, 3)``."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("-")[0]))


def version_of(file: Path, program: Program) -> str:
    """Ask a copy of *program* for its version.

    Returns:
        The first thing in its output that looks like a version; empty when it doesn't run or says none.
    """
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(  # noqa: S603  no shell, and our own arguments
            (file, *program.ask_version),
            check=True,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    found = _VERSION.search(answer.stdout)
    return found.group() if found else ""


def why_unusable(file: Path, program: Program) -> str:
    """Return why this copy of *program* won't do; empty when it will, or when the program can't say its version."""
    if not program.ask_version:
        return ""
    version = version_of(file, program)
    lowest, too_new = program.on_path
    if not version:
        return f"{file} doesn't say its version"
    if numbers(lowest) <= numbers(version) < numbers(too_new):
        return ""
    return f"{file} is {version}, needed is {lowest} or newer and older than {too_new}"
