"""Ready-built programs in ``../shared/toolchain`` beside the repository.

They save the build, and are used only with the right digest.
"""

import lzma
import shutil
from collections.abc import Callable
from pathlib import Path

from fluxapps.devcluster.programs.cache import Entry, go_platform, sha256
from fluxapps.devcluster.programs.table import Program

TOOLCHAIN = Path(__file__).resolve().parents[4] / "shared" / "toolchain"
"""Beside the repository that this file is in."""


def is_there(program: Program, toolchain: Path) -> bool:
    """Whether there is a ready-built file for this machine, right or wrong."""
    return go_platform() == ("linux", "amd64") and bool(program.ready_built) and _packed(program, toolchain).is_file()


def unpack(entry: Entry, *, toolchain: Path, place: str, say: Callable[[str], None]) -> bool:
    """Bring a ready-built program into the cache.

    Args:
        entry: Where it goes; its lock is held.
        toolchain: The folder with ``<name>.xz``.
        place: How many programs are waited for, to be said along.
        say: Told that the file is unpacked, or that it can't be used.

    Returns:
        Whether it is in the cache now; False means that it has to be built.
    """
    program = entry.program
    packed = _packed(program, toolchain)
    if not is_there(program, toolchain):
        return False
    say(f"{program.name}: unpacking the ready-built {packed.name}{place}")
    try:
        with entry.incoming() as partial:
            with lzma.open(packed) as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            _expect(sha256(partial), program.ready_built)
    except (lzma.LZMAError, EOFError, ValueError) as reason:
        say(f"{program.name}: {packed.name} can't be used ({reason})")
        return False
    return True


def _packed(program: Program, toolchain: Path) -> Path:
    return toolchain / f"{program.name}.xz"


def _expect(found: str, wanted: str) -> None:
    if found != wanted:
        raise ValueError(f"its digest is {found[:12]}…, not {wanted[:12]}…")
