"""``fluxapps attach``: takes over Flux objects that are there already, reinstalls nothing, and runs ``up``."""

from collections.abc import Collection, Iterator
from pathlib import Path

import typer

from fluxapps.cli.confirm import confirmed
from fluxapps.cli.failure import CommandError
from fluxapps.cli.handed_stack import HandedStack, handed_stack, unknown_app
from fluxapps.cli.problems import Finding, print_findings
from fluxapps.cli.program import run_program
from fluxapps.cli.render import own_folder, render_command
from fluxapps.cli.screen import screen
from fluxapps.cli.session import command_line
from fluxapps.cli.stack import tree_of
from fluxapps.engine.cluster import ClusterError
from fluxapps.engine.handover import Handover, Taking
from fluxapps.engine.release_guard import reinstall_problem
from fluxapps.engine.worktree import pinned_commit
from fluxapps.model import Declaration, Fleet, ObjectId, declare
from fluxapps.model.live.applied import applied_by
from fluxapps.model.live.drift import ABSENT, Difference
from fluxapps.model.live.standing import delivered
from fluxapps.model.live.takeover import BOOTSTRAPPED, End, Takeover
from fluxapps.model.problems import raise_errors
from fluxapps.model.tree import compare_tree

_SHOWN = 8
"""So many names make a sentence."""
_LONGEST = 60
"""Characters of a value that make a line readable."""


def attach(  # noqa: PLR0913 - as many as the verb has options
    root: Path, stack: str, apps: Collection[str], *, everything: bool, dry_run: bool, yes: bool
) -> int:
    """Take over what runs of *apps*, run ``up``, and return the exit code.

    Args:
        root: The repository.
        stack: Which stack.
        apps: The apps' names.
        everything: All that the stack declares.
        dry_run: Only say what would be done.
        yes: Don't ask.

    Raises:
        ConfigError: The files have errors, or would have.
        CommandError: It can't be done; what was done by then harms nothing.
    """
    handed = handed_stack(root, stack, dict.fromkeys(apps, True))
    fleet = handed.fleet
    _refuse_unknown(fleet, apps)
    _refuse_stale_tree(root, fleet)
    declaration = _declared(root, fleet)
    with handed.connected() as cluster:
        handover = Handover(
            cluster=cluster,
            objects=delivered(declaration),
            label=declaration.label,
            apps=None if everything else apps,
            say=typer.echo,
            applied=applied_by(fleet),
        )
        try:
            plan = handover.plan()
            _refuse(plan, fleet)
            _refuse_reinstalls(plan, fleet, root)
            takings = handover.takings(plan)
            _say(plan, takings, handed)
            if dry_run:
                return 0
            words = ("attach", *(apps or ("--all",)), "--stack", stack, "--yes")
            if not confirmed(f"attach to stack {stack}", yes, command_line(root, *words)):
                return 1
            handed.write()
            handover.carry_out(plan)
            if code := run_program(root, "up", stack, [], yes=True):
                return code
            _say_ends(handover.end())
        except ClusterError as error:
            raise CommandError(error.what, error.fix) from error
    return 0


def _refuse_unknown(fleet: Fleet, apps: Collection[str]) -> None:
    for app in apps:
        if fleet.app_named(app) is None:
            raise unknown_app(app, fleet)


def _refuse_stale_tree(root: Path, fleet: Fleet) -> None:
    """Refuse where Flux would apply another tree than the files mean.

    Raises:
        CommandError: It would.
    """
    if fleet.delivery == "git" and compare_tree(own_folder(root, fleet), tree_of(fleet), root=root):
        raise CommandError(
            "the rendered tree is not what the files say",
            f"{render_command(root, fleet.stack)}, then commit and push it",
        )


def _declared(root: Path, fleet: Fleet) -> Declaration:
    """Return what *fleet* declares.

    Raises:
        ConfigError: Flux would read something else than what the files say: ``up`` would be refused.
    """
    if fleet.git_pin is None:
        return declare(fleet)
    pinned = pinned_commit(root, fleet.git_pin, f"Pulumi.{fleet.stack}.yaml")
    raise_errors(pinned.problems)
    return declare(fleet, pinned.commit)


def _refuse(plan: Takeover, fleet: Fleet) -> None:
    """Refuse what would harm, or what ``up`` would refuse after it.

    Raises:
        CommandError: There is such.
    """
    if plan.other_stacks:
        label = plan.other_stacks[0].stack
        theirs = [one for one in plan.other_stacks if one.stack == label]
        apps = list(dict.fromkeys(one.app for one in theirs if one.app)) or ["--all"]
        fix = f"in its repository first: fluxapps detach {' '.join(apps)} --stack {label.partition('.')[2] or label}"
        if all(one.id.kind == "Namespace" for one in theirs):
            fix = f"leave it to them: namespaces: {{{theirs[0].id.name}: {{external: true}}}}; or {fix}"
        raise CommandError(f"another stack, {label}, has {_listed(one.id for one in theirs)}", fix)
    if plan.going:
        raise CommandError(f"{_listed(plan.going)} are being deleted", "wait until they are gone; then it is `up`")
    if plan.bootstrapped:
        raise CommandError(
            f"{_listed(plan.bootstrapped)} are `flux bootstrap`'s own, and stay so",
            f"give the stack's another name: git: {{name: {fleet.project}}} in Pulumi.{fleet.stack}.yaml",
        )
    if plan.contested:
        raise CommandError(
            f"`flux bootstrap`'s own Kustomization applies {_listed(plan.contested)}, and would go on with it",
            f"suspend it (flux suspend kustomization {BOOTSTRAPPED}); attach; remove them from its Git; then resume it",
        )
    if plan.others:
        raise CommandError(
            f"{_listed(plan.others)} are declared too and belong to somebody else, so `up` would be refused",
            "attach them in the same run: name their apps too, or --all",
        )


def _refuse_reinstalls(plan: Takeover, fleet: Fleet, root: Path) -> None:
    """Refuse what Flux would uninstall and install anew, unless the files allow that; it is said then.

    Raises:
        ConfigError: There is such.
    """
    problems = [reinstall_problem(fleet, declared, changed) for declared, changed in plan.reinstalls]
    raise_errors(problems)
    print_findings(screen(stderr=True), [Finding(problem) for problem in problems], root)


def _say(plan: Takeover, takings: list[Taking], handed: HandedStack) -> None:
    for taking in takings:
        typer.echo(f"take {taking.declared.id}" + ("" if taking.fields else ", as it is"))
        for line in _lines(taking.fields):
            typer.echo(f"    {line}")
    for one in plan.create:
        typer.echo(f"create {one.id}")
    for old, new in plan.replace:
        typer.echo(f"suspend and delete {old}: its Helm release goes on as {new}, with one upgrade")
    _say_kustomizations(plan)
    if handed.text is not None:
        typer.echo(f"{handed.file.name} then says that the apps are enabled")
    if plan.is_done:
        typer.echo("nothing is left to take; `up` comes next")


def _say_kustomizations(plan: Takeover) -> None:
    for identity in plan.released:
        typer.echo(f"have {identity}, which is suspended, forget what it applied, so that it prunes none of it")
    for identity in plan.suspend:
        typer.echo(f"suspend {identity} meanwhile")
    for identity in plan.stay:
        typer.echo(f"keep {identity}: it is not pruned, be it in the app's folder or not")
    for identity, end in plan.end:
        typer.echo(f"then {_END[end]} {identity}")


_END = {
    End.RESUME: "resume",
    End.REMOVE: "remove, leaving what it applied,",
    End.ORPHAN: "have `up` remove, leaving what it applied,",
    End.KEEP: "leave suspended",
}


def _lines(fields: tuple[Difference, ...]) -> Iterator[str]:
    for one in fields:
        yield f"{one.field}: {_shown(one.live)} -> {_shown(one.declared)}"


def _shown(value: object) -> str:
    if value is ABSENT:
        return "(not there)"
    text = str(value).replace("\n", "\\n")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _say_ends(ends: list[tuple[ObjectId, End]]) -> None:
    for identity, end in ends:
        typer.echo(f"{identity}: {_ENDED[end]}")


_ENDED = {
    End.RESUME: "goes on; it leaves alone what was taken",
    End.REMOVE: "removed; what it applied stays",
    End.ORPHAN: "removed by up; what it applied stays",
    End.KEEP: "stays suspended: its Git still has what others have taken the place of; remove that from Git, then "
    "resume it: flux resume kustomization",
}


def _listed(objects: Collection[object] | Iterator[object]) -> str:
    names = [str(one) for one in objects]
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
