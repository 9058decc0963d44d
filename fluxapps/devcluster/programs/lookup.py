"""Where a program comes from: the first of five places that has a usable one.

``$FLUXAPPS_TOOLS``, then PATH, then the per-user cache, then the ready-built ones beside the repository, then a build
from Go modules.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fluxapps.devcluster.errors import ProgramError
from fluxapps.devcluster.locks import alone
from fluxapps.devcluster.programs.build import build
from fluxapps.devcluster.programs.cache import Entry, cache_root
from fluxapps.devcluster.programs.ready_built import TOOLCHAIN, unpack
from fluxapps.devcluster.programs.table import PROGRAMS, Program
from fluxapps.devcluster.programs.versions import why_unusable

TOOLS_VARIABLE = "FLUXAPPS_TOOLS"
"""Names a folder of programs that are taken as they are."""


@dataclass(frozen=True, slots=True)
class Found:
    """A program at hand."""

    path: Path
    source: str
    """Where it was found: ``FLUXAPPS_TOOLS``, ``PATH`` or ``cache``."""


def find(name: str, *, say: Callable[[str], None]) -> Path:
    """Return the path of a program, bringing it into the cache first where no usable one is at hand.

    Args:
        name: A name from the table, e.g. ``etcd``.
        say: Told, a line at a time, what takes long and about how long; hears nothing when the program is at hand.

    Raises:
        ProgramError: The name isn't known, or the program can't be had; says what would help.
    """
    return find_all((name,), say=say)[name]


def find_all(names: Iterable[str], *, say: Callable[[str], None]) -> dict[str, Path]:
    """Return the paths of several programs, by name; see `find`."""
    programs = [_known(name) for name in names]
    paths = {}
    for number, program in enumerate(programs, start=1):
        place = f", {number} of {len(programs)}" if len(programs) > 1 else ""
        notes: list[str] = []
        found = at_hand(program, note=notes.append)
        if found is None:
            for note in notes:
                say(note)
            found = _fetch(program, place=place, say=say)
        paths[program.name] = found.path
    return paths


def at_hand(program: Program, *, note: Callable[[str], None]) -> Found | None:
    """Return a usable copy of *program* that is there already, without fetching anything.

    Args:
        program: What is looked for.
        note: Told about copies that are there and won't do.

    Raises:
        ProgramError: ``FLUXAPPS_TOOLS`` names no folder.
    """
    if tools := os.environ.get(TOOLS_VARIABLE):
        if not Path(tools).is_dir():
            raise ProgramError(f"{TOOLS_VARIABLE}={tools} is no folder", fix=f"correct or unset {TOOLS_VARIABLE}")
        if chosen := shutil.which(program.name, path=tools):
            return Found(Path(chosen).absolute(), TOOLS_VARIABLE)
    if on_path := shutil.which(program.name):
        unusable = why_unusable(Path(on_path), program)
        if not unusable:
            return Found(Path(on_path).absolute(), "PATH")
        note(f"{program.name}: {unusable}; looking further")
    entry = Entry(program)
    if entry.is_intact:
        return Found(entry.file, "cache")
    if entry.is_there:
        note(f"{program.name}: the cached {entry.file} isn't what was put there; fetching it anew")
    return None


def _known(name: str) -> Program:
    if name not in PROGRAMS:
        raise ProgramError(f"there is no program '{name}' in the table", fix=f"known are: {', '.join(PROGRAMS)}")
    return PROGRAMS[name]


def _fetch(program: Program, *, place: str, say: Callable[[str], None]) -> Found:
    entry = Entry(program)
    found = Found(entry.file, "cache")
    with alone(entry.lock, waiting=lambda: say(f"{program.name}: another process is fetching it; waiting{place}")):
        # Whoever held the lock before may have brought it.
        if entry.is_intact or unpack(entry, toolchain=TOOLCHAIN, place=place, say=say):
            return found
        # Two builds at once would take as long, and twice the memory.
        one_build = cache_root() / "programs" / "build.lock"
        with alone(one_build, waiting=lambda: say(f"{program.name}: waiting for another build to end{place}")):
            started = time.monotonic()
            say(f"{program.name}: building from Go modules, about {program.minutes:g} min{place}")
            with entry.incoming() as partial:
                build(program, partial, say=say)
            say(f"{program.name}: built in {_spoken(time.monotonic() - started)}")
    return found


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
