"""What the servers serve: working trees as links in the git server's folder, and charts of our own."""

import subprocess
from pathlib import Path

from fluxapps.devcluster.errors import ClusterError

STAND_INS = "stand-ins"
"""The Helm repository with the charts of this package."""


def git_folder(working_tree: Path) -> Path:
    """Return where git keeps the commits of a working tree.

    Raises:
        ClusterError: It is in no git repository.
    """
    answer = subprocess.run(  # noqa: S603  no shell
        ("git", "-C", str(working_tree), "rev-parse", "--path-format=absolute", "--git-common-dir"),  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise ClusterError(
            f"{working_tree} has no commits that Flux could read: {answer.stderr.strip()}", fix="git init"
        )
    return Path(answer.stdout.strip())


def link(served: Path, name: str, folder: Path) -> None:
    """Serve a repository under a name, in place of what had it before."""
    wanted = served / f"{name}.git"
    served.mkdir(parents=True, exist_ok=True)
    partial = served / f".{name}.partial"
    partial.unlink(missing_ok=True)
    partial.symlink_to(folder)
    partial.replace(wanted)
