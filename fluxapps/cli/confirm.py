"""Asking before something changes."""

import sys

import typer

from fluxapps.cli.failure import CommandError


def confirmed(action: str, yes: bool, unattended: str) -> bool:
    """Ask whether to *action*, and return the answer; True unasked with *yes*.

    *unattended* is the command that doesn't ask.

    Raises:
        CommandError: There is no terminal to ask on.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError(f"there is no terminal to ask on whether to {action}", unattended)
    return typer.confirm(f"Do it: {action}?")
