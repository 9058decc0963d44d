"""A stack as the verbs that need a sound one see it: loaded, resolved, checked."""

from pathlib import Path

from fluxapps.cli.problems import Finding, print_findings
from fluxapps.cli.screen import screen
from fluxapps.model import Fleet, check, declare, load, resolve, tree_files
from fluxapps.model.problems import raise_errors

WORKING = ".fluxapps"
"""Folder of what is made and isn't committed."""


def sound_fleet(root: Path, stack: str) -> Fleet:
    """Return *stack* of the repository at *root*, having said on stderr what is only worth a warning.

    Raises:
        ConfigError: With all that is wrong: nothing may be made of it.
    """
    fleet = resolve(load(root), stack)
    problems = check(fleet)
    raise_errors(problems)
    if problems:
        console = screen(stderr=True)
        print_findings(console, [Finding(problem) for problem in problems], root)
        console.print()
    return fleet


def tree_folder(fleet: Fleet) -> str:
    """Return where the rendered tree of *fleet* belongs, from the repository's root."""
    return fleet.git_path or f"{WORKING}/rendered/{fleet.stack}"


def tree_of(fleet: Fleet) -> dict[str, bytes]:
    """Return the rendered tree of *fleet*: content by path from the tree's root."""
    return tree_files(fleet, declare(fleet))
