"""Verbs on the files alone: no Pulumi, no cluster."""
# ruff: noqa: PLC0415 - what a verb does is imported late, on purpose

from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated

import typer

from fluxapps.cli import options
from fluxapps.cli.options import Format, OptionalStack, Root, Stack
from fluxapps.cli.session import Session

app = typer.Typer()


@unique
class Delivery(StrEnum):
    """Who writes an app's objects to the cluster."""

    APPLY = "apply"
    GIT = "git"


new = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Add an app to the repository.")
app.add_typer(new, name="new")


@new.command("app")
def new_app(  # noqa: PLR0913, PLR0917 - what there is to say of an app
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the app, its release and its namespace.")],
    chart: Annotated[str, typer.Option(metavar="CHART", help="Name of the Helm chart in its repository.")],
    repository: Annotated[
        str,
        typer.Option(
            metavar="REPOSITORY", help="A repository of fleet.yaml.", autocompletion=options.complete_repository
        ),
    ],
    version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Version of the chart, or a range: 6.x. Left out where the repository itself pins it.",
        ),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Default: the app's name.")
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(metavar="GROUP", help="Folder below apps/ to put it into.", autocompletion=options.complete_group),
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Add the repository to fleet.yaml: https://… or oci://…")
    ] = None,
    root: Root = None,  # noqa: ARG001 - its callback keeps it
) -> None:
    """Add an app: a folder below apps/ with an app.yaml and a place for the chart's values.

    Nothing is written when the result would have errors.
    """
    from fluxapps.cli.new_app import NewApp, add_app

    wanted = NewApp(
        name=name, chart=chart, repository=repository, version=version, namespace=namespace, group=folder or "", url=url
    )
    add_app(ctx.ensure_object(Session).find_root(), wanted)


@app.command()
def check(
    ctx: typer.Context,
    stack: OptionalStack = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="For people, for programs, for a GitHub workflow.")
    ] = Format.TEXT,
    root: Root = None,  # noqa: ARG001 - its callback keeps it
) -> None:
    """Say all that is wrong with the files, of all stacks at once.

    Exit code 1 when there are errors; warnings alone are no failure.
    """
    from fluxapps.cli.check import check_stacks

    raise typer.Exit(check_stacks(ctx.ensure_object(Session).find_root(), stack, format_))


@app.command()
def render(
    ctx: typer.Context,
    stack: Stack,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where to. Default: deploy/<stack> (its git.path) in git delivery, else .fluxapps/rendered/<stack>.",
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 when something differs.")] = False,
    root: Root = None,  # noqa: ARG001 - its callback keeps it
) -> None:
    """Write the objects of a stack as files.

    In git delivery Flux reads them, once they are committed; in apply they are something to look at. Its own files
    alone are rewritten and removed, and none that somebody edited.
    """
    from fluxapps.cli.render import render_stack

    raise typer.Exit(render_stack(ctx.ensure_object(Session).find_root(), stack, out=out, check_only=check))


@app.command()
def schema(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to. Default: schemas in the repository.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 when something differs.")] = False,
    root: Root = None,  # noqa: ARG001 - its callback keeps it
) -> None:
    """Write JSON Schemas of app.yaml and the like, for editors."""
    from fluxapps.cli.schema import write_schemas

    root_or_none = None if out is not None else ctx.ensure_object(Session).find_root()
    raise typer.Exit(write_schemas(root_or_none, out, check_only=check))


@app.command("import")
def import_(  # noqa: PLR0913, PLR0917 - what there is to choose
    source: Annotated[Path, typer.Argument(metavar="DIR", help="The Flux repository that is to be brought in.")],
    stack: Annotated[
        str | None,
        typer.Option(
            "--stack",
            "-s",
            metavar="STACK",
            help="The stack's name; of several clusters, which one. Default: all, each called by its folder.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to write. Default: the current folder.", file_okay=False)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the whole report to a file: .txt, .json or .md.")
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Where in it Flux enters, the --path of flux bootstrap. Default: found out."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where Flux will read what is written. Default: as in the original."),
    ] = None,
    context: Annotated[
        str | None, typer.Option(metavar="NAME", help="The cluster's context in kubeconfig. Default: the stack's name.")
    ] = None,
    delivery: Annotated[
        Delivery, typer.Option(help="Who writes releases to the cluster: Flux, from Git, or Pulumi.")
    ] = Delivery.GIT,
    prove: Annotated[bool, typer.Option("--prove", help="Write nothing: only compare what is there already.")] = False,
    with_our_defaults: Annotated[
        bool, typer.Option("--with-our-defaults", help="Say too what our recommended settings would change.")
    ] = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Say too how a running cluster goes over to it, command by command.")
    ] = False,
) -> None:
    """Write an existing Flux repository as app files, proven the same.

    Exit code 1 when an object of the original isn't in what is written, or is another, and nobody knows why.
    """
    from fluxapps.cli.import_repository import Import, import_repository

    wanted = Import(
        source=source,
        out=out or Path(),
        stack=stack,
        entry=path,
        url=url,
        report=report,
        prove_only=prove,
        with_our_defaults=with_our_defaults,
        adopt=adopt,
        context=context,
        delivery=delivery.value,
    )
    raise typer.Exit(import_repository(wanted))


@app.command()
def lift(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of Flux's YAML, with all below it.")],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 when something is to be lifted.")
    ] = False,
) -> None:
    """Lift Flux's objects in YAML files to today's API versions.

    In place: comments and order stay, nothing else changes. Exit code 1 when something has to be lifted by hand.
    """
    from fluxapps.cli.lift import lift_folder

    raise typer.Exit(lift_folder(folder, check_only=check))
