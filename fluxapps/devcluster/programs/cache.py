"""The per-user cache: what is kept there, how it gets in whole, and how it is known to be unharmed."""

import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fluxapps.devcluster.programs.table import Program

_GO_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def cache_root() -> Path:
    """Return this project's folder in the user's cache.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG base directory specification says.
    """
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "fluxapps"


def go_platform() -> tuple[str, str]:
    """Return this machine's operating system and architecture in Go's words, e.g. ``("linux", "amd64")``."""
    machine = platform.machine().lower()
    return sys.platform, _GO_ARCHITECTURES.get(machine, machine)


def sha256(file: Path) -> str:
    """Return the digest of a file's bytes, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One program's place in the cache: the file, and the digest it had when it came in."""

    program: Program

    @property
    def folder(self) -> Path:
        """Names version and platform, so that a new version never meets an old file."""
        return cache_root() / "programs" / "-".join((self.program.name, self.program.version, *go_platform()))

    @property
    def file(self) -> Path:
        """The program itself."""
        return self.folder / self.program.name

    @property
    def lock(self) -> Path:
        """Held by whoever brings the program in."""
        return self.folder / "lock"

    @property
    def is_there(self) -> bool:
        """Whether there is a file, harmed or not."""
        return self.file.is_file()

    @property
    def is_intact(self) -> bool:
        """Whether the file has the bytes that it came in with."""
        try:
            return sha256(self.file) == self._digest.read_text("utf-8").strip()
        except FileNotFoundError:
            return False

    @property
    def _digest(self) -> Path:
        return self.folder / f"{self.program.name}.sha256"

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """Give a name to write the program to, which takes its place when the block ends well, and is gone otherwise.

        Only for who holds the lock: what a killed process left unfinished is removed first.
        """
        for left_over in self.folder.glob("*.partial"):
            left_over.unlink()
        partial = self.folder / f"{self.program.name}.partial"
        try:
            yield partial
            partial.chmod(0o755)
            # The digest goes first: killed in between, the old file no longer agrees with it and is fetched anew.
            digest = self.folder / "sha256.partial"
            digest.write_text(sha256(partial) + "\n", "utf-8")
            digest.replace(self._digest)
            partial.replace(self.file)
        finally:
            partial.unlink(missing_ok=True)
