"""``fluxapps up``, ``preview`` and ``destroy``: the repository's own Pulumi program, run by the pulumi on hand.

Nothing is done here that plain ``pulumi up`` would not do, except saying early what is wrong, finding pulumi and its
plugins, and settings that make it fast.
"""

import os
import sys
from pathlib import Path

import typer

from fluxapps.cli.backend import Backend
from fluxapps.cli.failure import CommandError
from fluxapps.cli.render import own_folder, render_command, tell_difference
from fluxapps.cli.session import command_line, stack_names
from fluxapps.cli.stack import sound_fleet, tree_of
from fluxapps.devcluster.foreground import run_in_foreground
from fluxapps.devcluster.programs import ProgramError, find
from fluxapps.devcluster.standins import StandInError, plugins
from fluxapps.model.problems import did_you_mean
from fluxapps.model.tree import compare_tree

SETTINGS = {
    # Writing the whole state twice an object is most of an `up`; what a killed one made is found by its label instead.
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
}
"""Of pulumi's environment, where the caller says nothing else."""

PARALLEL = 64
"""Operations at once: most of the time is waiting for the cluster."""

_UNASKED = frozenset({"--yes", "-y", "--skip-preview", "-f", "--preview-only"})
"""Arguments of pulumi with which it asks nothing."""


def run_program(root: Path, verb: str, stack: str, arguments: list[str], *, yes: bool) -> int:
    """Run pulumi's *verb* on *stack*, and return its exit code.

    Args:
        root: The repository.
        verb: up, preview or destroy.
        stack: Which stack.
        arguments: Passed on to pulumi.
        yes: Don't ask.

    Raises:
        ConfigError: The files have errors; no engine was started.
        CommandError: Something that pulumi needs is missing; no engine was started.
    """
    project = _checked(root, verb, stack)
    attended = sys.stdin.isatty() and sys.stdout.isatty()
    if not (attended or yes or verb == "preview" or _UNASKED.intersection(arguments)):
        raise CommandError(
            "there is no terminal to ask on whether the changes are wanted",
            command_line(root, verb, "--stack", stack, "--yes"),
        )
    backend = Backend(root, os.environ)
    if not attended and backend.lacks_passphrase(stack):
        raise CommandError(
            f"the secrets of stack {stack} need a passphrase, and there is no terminal to ask for it",
            "set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds it",
        )
    command = [verb, "--stack", stack, *_flags(verb, arguments, yes=yes, attended=attended), *arguments]
    try:
        pulumi = find("pulumi", say=_say)
        with plugins(pulumi, say=_say, environ=_environment(), project=root) as given:
            if verb != "destroy" and backend.lacks_stack(project, stack):
                _say(f"stack {stack} is new: pulumi stack init {stack}")
                if code := run_in_foreground([str(pulumi), "stack", "init", stack, "--no-select"], given.env, root):
                    return code
            return run_in_foreground([str(pulumi), *command], given.env, root)
    except (ProgramError, StandInError) as error:
        raise CommandError(getattr(error, "what", str(error)), getattr(error, "fix", "")) from error


def _checked(root: Path, verb: str, stack: str) -> str:
    """Refuse what would fail in the program too, before anything is started, and return the project's name."""
    if verb == "destroy":
        # It works from the state alone: bad files must not keep anybody from it.
        stacks = stack_names(root)
        if stack not in stacks:
            raise CommandError(
                f"no stack '{stack}': there is no Pulumi.{stack}.yaml",
                did_you_mean(stack, stacks, otherwise=f"there are: {', '.join(stacks) or 'none'}"),
            )
        return ""
    fleet = sound_fleet(root, stack)
    if fleet.delivery == "git":
        folder = own_folder(root, fleet)
        if difference := compare_tree(folder, tree_of(fleet), root=root):
            tell_difference(os.path.relpath(folder), difference, f"{render_command(root, stack)}, then commit it")
            if verb == "up":
                raise typer.Exit(1)
    return fleet.project


def _flags(verb: str, arguments: list[str], *, yes: bool, attended: bool) -> list[str]:
    flags = []
    if not any(each.startswith(("--parallel", "-p")) for each in arguments):
        flags += ["--parallel", str(PARALLEL)]
    if yes and verb != "preview":
        flags.append("--yes")
    if not attended:
        flags.append("--non-interactive")
    if os.environ.get("NO_COLOR"):
        flags += ["--color", "never"]
    return flags


def _environment() -> dict[str, str]:
    environment = {**SETTINGS, **os.environ}
    if sys.prefix != sys.base_prefix:
        # The program imports this fluxapps: its Python is the one to be found first.
        environment["PATH"] = os.pathsep.join(filter(None, (str(Path(sys.executable).parent), environment.get("PATH"))))
    return environment


def _say(line: str) -> None:
    typer.echo(line, err=True)
