"""Verbs that run the program with Pulumi, and those about what is in its cluster."""
# ruff: noqa: PLC0415 - what a verb does is imported late, on purpose

from typing import Annotated, Any

import typer

from fluxapps.cli.options import Format, PulumiArguments, Root, Stack, Yes
from fluxapps.cli.session import Session

app = typer.Typer()

Patience = Annotated[
    int,
    typer.Option(
        "--patience",
        metavar="SECONDS",
        min=1,
        help="Deletions on which nothing moves, and nobody works, are waited for so long.",
    ),
]
Plain = Annotated[bool, typer.Option("--plain", help="Show what pulumi shows, instead of a line per app.")]
Apps = Annotated[list[str] | None, typer.Argument(metavar="[APP...]", help="Names of apps.", show_default=False)]


@app.command()
def preview(
    ctx: typer.Context,
    stack: Stack,
    plain: Plain = False,
    arguments: PulumiArguments = None,
    root: Root = None,  # noqa: ARG001
) -> None:
    """Say what `up` would change in the cluster.

    Runs `pulumi preview` on the repository's program.
    """
    _run_program(ctx, "preview", stack, arguments, yes=False, plain=plain)


@app.command()
def up(  # noqa: PLR0913, PLR0917 - a parameter for each option
    ctx: typer.Context,
    stack: Stack,
    yes: Yes = False,
    patience: Patience = 60,
    plain: Plain = False,
    arguments: PulumiArguments = None,
    root: Root = None,  # noqa: ARG001
) -> None:
    """Bring the apps to the cluster, once the files are checked.

    Runs `pulumi up` on the repository's program.
    """
    _run_program(ctx, "up", stack, arguments, yes=yes, patience=patience, plain=plain)


@app.command()
def destroy(  # noqa: PLR0913, PLR0917 - a parameter for each option
    ctx: typer.Context,
    stack: Stack,
    yes: Yes = False,
    patience: Patience = 60,
    plain: Plain = False,
    arguments: PulumiArguments = None,
    root: Root = None,  # noqa: ARG001
) -> None:
    """Remove from the cluster what `up` brought there.

    Runs `pulumi destroy`, says first what goes and what stays, and at the end what remains. Namespaces, and the data in
    them, stay unless the files say `delete: true`.
    """
    _run_program(ctx, "destroy", stack, arguments, yes=yes, patience=patience, plain=plain)


@app.command()
def status(
    ctx: typer.Context,
    stack: Stack,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on showing it until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    root: Root = None,  # noqa: ARG001 - its callback keeps it
) -> None:
    """Show how the apps stand in the cluster, a line each.

    What is declared, what is there, what Flux says of it, and what was changed by hand. Exit code 0 when all is there
    as declared and Ready, 1 otherwise.
    """
    from fluxapps.cli.status import show_status

    raise typer.Exit(show_status(ctx.ensure_object(Session).find_root(), stack, watch=watch, as_json=as_json))


@app.command()
def detach(  # noqa: PLR0913, PLR0917 - a parameter for each option
    ctx: typer.Context,
    stack: Stack,
    apps: Apps = None,
    everything: Annotated[bool, typer.Option("--all", help="All that Pulumi has of the stack.")] = False,
    yes: Yes = False,
    root: Root = None,  # noqa: ARG001
) -> None:
    """Take apps out of Pulumi's hands; they go on running.

    Their objects stay as they are, without the stack's marks, and the stack's file says `enabled: false`. Nothing is
    uninstalled, now or by the next `up`.
    """
    from fluxapps.cli.detach import detach

    _one_of(apps, everything=everything)
    raise typer.Exit(detach(ctx.ensure_object(Session).find_root(), stack, apps or [], everything=everything, yes=yes))


@app.command()
def attach(  # noqa: PLR0913, PLR0917 - a parameter for each option
    ctx: typer.Context,
    stack: Stack,
    apps: Apps = None,
    everything: Annotated[bool, typer.Option("--all", help="All that the stack declares.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    yes: Yes = False,
    root: Root = None,  # noqa: ARG001
) -> None:
    """Take over apps that run already, without reinstalling them.

    Made by hand, by a Flux Kustomization, by another stack after its `detach`, or by this one under another name. Says
    which fields change, makes the objects what is declared, and runs `up`.
    """
    from fluxapps.cli.attach import attach

    _one_of(apps, everything=everything)
    find = ctx.ensure_object(Session).find_root
    raise typer.Exit(attach(find(), stack, apps or [], everything=everything, dry_run=dry_run, yes=yes))


def _one_of(apps: list[str] | None, *, everything: bool) -> None:
    from fluxapps.cli.failure import CommandError

    if bool(apps) == everything:
        raise CommandError("say which apps, or --all", "fluxapps status --stack STACK lists them")


@app.command()
def doctor(
    ctx: typer.Context,
    stack: Stack,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="For people, for programs, for a GitHub workflow.")
    ] = Format.TEXT,
    root: Root = None,  # noqa: ARG001 - its callback keeps it
) -> None:
    """Say what is wrong in the cluster, and what to do about it.

    Other writers of our objects, what was changed by hand, what is missing, suspended, stuck, or nobody's. Exit code 1
    when there are errors. Nothing is changed.
    """
    from fluxapps.cli.doctor import diagnose

    raise typer.Exit(diagnose(ctx.ensure_object(Session).find_root(), stack, format_))


def _run_program(ctx: typer.Context, verb: str, stack: str, arguments: list[str] | None, **options: Any) -> None:
    from fluxapps.cli.program import run_program

    raise typer.Exit(run_program(ctx.ensure_object(Session).find_root(), verb, stack, arguments or [], **options))
