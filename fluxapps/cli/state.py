"""A stack's state as pulumi keeps it: read and written as a whole."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import typer

from fluxapps.cli.backend import Backend
from fluxapps.cli.failure import CommandError
from fluxapps.cli.pulumi_process import Pulumi
from fluxapps.devcluster.programs import ProgramError, find


class State:
    """The state of one stack."""

    def __init__(self, pulumi: Pulumi) -> None:
        """Name the pulumi that keeps it, and so the stack."""
        self._pulumi = pulumi

    @classmethod
    def on_hand(cls, root: Path, stack: str) -> "State":
        """Return the state of *stack*, having found pulumi.

        Raises:
            CommandError: It isn't there, or lacks what it needs to read the state.
        """
        try:
            program = find("pulumi", say=lambda line: typer.echo(line, err=True))
        except ProgramError as error:
            raise CommandError(error.what, error.fix) from error
        if Backend(root, os.environ).lacks_passphrase(stack):
            raise CommandError(
                f"the secrets of stack {stack} need a passphrase",
                "set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds it",
            )
        return cls(Pulumi(program=program, env=os.environ, root=root, stack=stack, attended=False))

    def read(self) -> dict[str, Any]:
        """Return the state, its secrets encrypted.

        Raises:
            CommandError: Pulumi can't read it.
        """
        read: dict[str, Any] = json.loads(self._said("export", ""))
        return read

    def write(self, state: dict[str, Any]) -> None:
        """Put *state* in the place of the one that is kept, which pulumi does in one step.

        Raises:
            CommandError: Pulumi refuses it, as it does while another command is at work on the stack.
        """
        self._said("import", json.dumps(state))

    def _said(self, verb: str, given: str) -> str:
        pulumi = self._pulumi
        done = subprocess.run(  # noqa: S603 - pulumi
            [str(pulumi.program), "stack", verb, "--stack", pulumi.stack, "--non-interactive", "--color", "never"],
            cwd=pulumi.root,
            env={**pulumi.env, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split()).removeprefix("error: ")
            raise CommandError(f"pulumi can't {verb} the state of stack {pulumi.stack}: {said}")
        return done.stdout
