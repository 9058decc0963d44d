"""``fluxapps up``, ``preview`` and ``destroy``: the repository's own Pulumi program, run by the pulumi on hand.

Nothing is done here that plain ``pulumi up`` would not do, except saying early what is wrong, finding pulumi and its
plugins, and settings that make it fast.
"""

import os
import re
import sys
from collections.abc import Callable
from functools import partial
from getpass import getpass
from pathlib import Path

import typer

from fluxapps.cli.backend import PASSPHRASE, Backend
from fluxapps.cli.deletion_watch import PATIENCE
from fluxapps.cli.destroy import Removal
from fluxapps.cli.failure import CommandError
from fluxapps.cli.operation import Operation
from fluxapps.cli.pulumi_process import Pulumi, is_attended
from fluxapps.cli.render import own_folder, render_command, tell_difference
from fluxapps.cli.restoration import looking
from fluxapps.cli.session import command_line, stack_names
from fluxapps.cli.stack import sound_fleet, tree_of
from fluxapps.devcluster.programs import ProgramError, find
from fluxapps.devcluster.standins import StandInError, plugins
from fluxapps.model import Fleet
from fluxapps.model.problems import did_you_mean
from fluxapps.model.tree import compare_tree

SETTINGS = {
    # Writing the whole state twice an object is most of an `up`; what a killed one made is found by its label instead.
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
}
"""Of pulumi's environment, where the caller says nothing else."""

PLAIN = "FLUXAPPS_PLAIN"
"""Variable that asks for pulumi's own display."""

_UNASKED = frozenset({"--yes", "-y", "--skip-preview", "-f", "--preview-only"})
"""Arguments of pulumi with which it asks nothing."""

_CHOOSING = re.compile("--target|--exclude|-[defy]*t")
"""Arguments of pulumi by which it does only a part, such as --target-replace; short ones may come together."""

_NOTHING_DONE = frozenset({"--preview-only", "--help", "-h"})
"""Arguments of pulumi with which it changes nothing."""

_DISPLAY = frozenset({
    "--json", "-j", "--output", "--diff", "--debug", "-d", "--verbose", "-v", "--logtostderr", "--logflow", "--color",
    "--event-log", "--emoji", "-e", "--interactive", "-i", "--neo", "--copilot", "--remote", "--help", "-h",
})  # fmt: skip
"""Arguments of pulumi that say how it shows what it does."""


def run_program(  # noqa: PLR0913 - as many as the verb has options
    root: Path,
    verb: str,
    stack: str,
    arguments: list[str],
    *,
    yes: bool,
    plain: bool = False,
    patience: float = PATIENCE,
) -> int:
    """Run pulumi's *verb* on *stack*, and return its exit code.

    Args:
        root: The repository.
        verb: up, preview or destroy.
        stack: Which stack.
        arguments: Passed on to pulumi.
        yes: Don't ask.
        plain: Show what pulumi shows, instead of a line per app.
        patience: Seconds without any progress of what is being deleted, after which pulumi is ended.

    Raises:
        ConfigError: The files have errors; no engine was started.
        CommandError: Something that pulumi needs is missing; no engine was started.
    """
    fleet = _checked(root, verb, stack)
    attended = is_attended()
    if not (attended or yes or verb == "preview" or _UNASKED.intersection(arguments)):
        raise CommandError(
            "there is no terminal to ask on whether the changes are wanted",
            command_line(root, verb, "--stack", stack, "--yes"),
        )
    backend = Backend(root, os.environ)
    is_new = fleet is not None and backend.lacks_stack(fleet.project, stack)
    if backend.lacks_passphrase(stack):
        os.environ[PASSPHRASE] = _ask_passphrase(stack, attended=attended, twice=is_new)
    backend.make_ready(stack, _say, to_change=verb != "preview")
    try:
        program = find("pulumi", say=_say)
        with plugins(program, say=_say, environ=_environment(), project=root) as given:
            pulumi = Pulumi(program=program, env=given.env, root=root, stack=stack, attended=attended)
            if is_new:
                _say(f"stack {stack} is new: pulumi stack init {stack}")
                if code := pulumi.on_terminal("stack", "init", stack, "--no-select"):
                    return code
            elif fleet is not None:
                pulumi, arguments = looking(fleet, pulumi, arguments, _say)
            apps = len(fleet.apps) if fleet is not None else None
            as_pulumi = bool(plain or os.environ.get(PLAIN) or wants_plain(arguments))
            removal = Removal(root=root, verb=verb, stack=stack, patience=patience, fleet=fleet, aside=not as_pulumi)
            removes = verb != "preview" and not _NOTHING_DONE.intersection(arguments)
            prepare = removal.prune if removes and not is_partial(arguments) else int
            operation = Operation(
                pulumi=pulumi, verb=verb, arguments=arguments, yes=yes, apps=apps, news=removal.news, prepare=prepare
            )
            # Where pulumi itself asks, it is too late afterwards.
            asks = attended and not yes and not _UNASKED.intersection(arguments)
            plainly = partial(_plainly, partial(pulumi.plain, verb, arguments, yes=yes), int if asks else prepare)
            run = plainly if as_pulumi else operation.carry_out
            return removal.around(run) if removes else run()
    except (ProgramError, StandInError) as error:
        raise CommandError(getattr(error, "what", str(error)), getattr(error, "fix", "")) from error


def _checked(root: Path, verb: str, stack: str) -> Fleet | None:
    """Refuse what would fail in the program too, before anything is started, and return the stack.

    None for `destroy`: it works from the state alone, and bad files must not keep anybody from it.
    """
    if verb == "destroy":
        stacks = stack_names(root)
        if stack not in stacks:
            raise CommandError(
                f"no stack '{stack}': there is no Pulumi.{stack}.yaml",
                did_you_mean(stack, stacks, otherwise=f"there are: {', '.join(stacks) or 'none'}"),
            )
        return None
    fleet = sound_fleet(root, stack)
    if fleet.delivery == "git":
        folder = own_folder(root, fleet)
        if difference := compare_tree(folder, tree_of(fleet), root=root):
            tell_difference(os.path.relpath(folder), difference, f"{render_command(root, stack)}, then commit it")
            if verb == "up":
                raise typer.Exit(1)
    return fleet


def _ask_passphrase(stack: str, *, attended: bool, twice: bool) -> str:
    """Ask for what protects the secrets of *stack*: pulumi, whose output is read, can't."""
    if not attended:
        raise CommandError(
            f"the secrets of stack {stack} need a passphrase, and there is no terminal to ask for it",
            f"set {PASSPHRASE}, or {PASSPHRASE}_FILE to a file that holds it",
        )
    passphrase = getpass(f"Passphrase of the secrets of stack {stack} ({PASSPHRASE}): ")
    if twice and getpass("Once more, the stack is new: ") != passphrase:
        raise CommandError("the two passphrases differ")
    return passphrase


def _plainly(run: Callable[[], int], prepare: Callable[[], int]) -> int:
    return prepare() or run()


def is_partial(arguments: list[str]) -> bool:
    """Return whether *arguments* of pulumi choose some of the stack's objects."""
    return any(_CHOOSING.match(each) for each in arguments)


def wants_plain(arguments: list[str]) -> bool:
    """Return whether *arguments* of pulumi are about its own display, or make it ask: then it gets the terminal."""
    return any(each.partition("=")[0] in _DISPLAY or each.startswith(("--show-", "--suppress-")) for each in arguments)


def _environment() -> dict[str, str]:
    environment = {**SETTINGS, **os.environ}
    if sys.prefix != sys.base_prefix:
        # The program imports this fluxapps: its Python is the one to be found first.
        environment["PATH"] = os.pathsep.join(filter(None, (str(Path(sys.executable).parent), environment.get("PATH"))))
    return environment


def _say(line: str) -> None:
    typer.echo(line, err=True)
