"""What one run of ``fluxapps`` is about: which repository, and how faults are shown."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from fluxapps.cli.failure import CommandError

PROJECT_FILE = "Pulumi.yaml"
LOCAL_CLUSTER = Path(".fluxapps", "dev")
"""The local cluster's folder, from the repository's root."""


@dataclass(kw_only=True)
class Session:
    """What is known from the first option to the last message."""

    debug: bool = False
    """Whether a fault of fluxapps itself is shown with its traceback."""
    start: Path | None = None
    """What ``--root`` said, before the verb or after it."""
    root: Path | None = None
    """The repository, once it was asked for."""

    def find_root(self) -> Path:
        """Return the repository: the nearest folder with a Pulumi.yaml, from ``--root`` or the working directory up.

        Raises:
            CommandError: There is none.
        """
        folder = (self.start or Path()).resolve()
        if not folder.is_dir():
            raise CommandError(f"{self.start} is no folder", "--root takes the repository, or a folder in it")
        self.root = nearest_root(folder)
        if self.root is None:
            where = f"{self.start} or a folder above it" if self.start else "this folder or one above it"
            raise CommandError(
                f"there is no {PROJECT_FILE} in {where}",
                "run fluxapps inside a repository of apps, or name one with --root DIR",
            )
        return self.root


def command_line(root: Path, *words: str) -> str:
    """Return a ``fluxapps`` command about the repository at *root*, as it can be pasted into the same shell."""
    inside = nearest_root(Path.cwd()) == root
    return shlex.join(["fluxapps", *(() if inside else ("--root", os.path.relpath(root))), *words])


def stack_names(root: Path) -> list[str]:
    """Return the stacks of the repository at *root*, sorted, from the names of their files alone."""
    return sorted(path.stem.removeprefix("Pulumi.") for path in root.glob("Pulumi.?*.y*ml"))


def nearest_root(folder: Path) -> Path | None:
    """Return *folder*, or the nearest one above it, that has a Pulumi.yaml."""
    return next((each for each in (folder, *folder.parents) if (each / PROJECT_FILE).is_file()), None)
