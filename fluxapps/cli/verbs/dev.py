"""Verbs about the local cluster."""
# ruff: noqa: PLC0415 - what a verb does is imported late, on purpose

import os
from typing import Annotated

import typer

from fluxapps.cli.options import Root, Stack, Yes, complete_process
from fluxapps.cli.session import Session

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A real local cluster with the apps on it.")


@app.command("up")
def dev_up(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: typer.Context,
    stack: Stack = "dev",
    context: Annotated[
        str | None, typer.Option("--context", help="A kube context of yours, instead of the local cluster.")
    ] = None,
    yes: Yes = False,
    lean: Annotated[bool, typer.Option("--lean", help="Without Flux: its kinds alone, nothing runs.")] = False,
    root: Root = None,  # noqa: ARG001
) -> None:
    """Start the local cluster and bring the apps there.

    Its programs are found, unpacked or built first. Pulumi's state of it lies in .fluxapps/, beside the cluster's.
    """
    from fluxapps.cli.dev import bring_up

    raise typer.Exit(bring_up(ctx.ensure_object(Session).find_root(), stack, context, yes=yes, flux=not lean))


@app.command("stop")
def dev_stop(ctx: typer.Context, root: Root = None) -> None:  # noqa: ARG001
    """End the local cluster; its data stay."""
    from fluxapps.cli.dev import stop

    stop(ctx.ensure_object(Session).find_root(), reset=False)


@app.command("reset")
def dev_reset(ctx: typer.Context, root: Root = None) -> None:  # noqa: ARG001
    """End the local cluster and forget its data.

    Pulumi's state of it goes too.
    """
    from fluxapps.cli.dev import stop

    stop(ctx.ensure_object(Session).find_root(), reset=True)


@app.command("logs")
def dev_logs(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Processes. Default: all.", autocompletion=complete_process, show_default=False
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what they write, until Ctrl-C.")] = False,
    lines: Annotated[
        int | None,
        typer.Option("--lines", "-n", min=0, help="Of each, at first. Default: 50 of those named, 5 of all."),
    ] = None,
    root: Root = None,  # noqa: ARG001
) -> None:
    """Print what the local cluster's processes wrote last.

    The process that wrote last comes last.
    """
    from fluxapps.cli.dev_logs import show_logs

    show_logs(ctx.ensure_object(Session).find_root(), names or (), lines=lines, follow=follow)


@app.command("env")
def dev_env(ctx: typer.Context, root: Root = None) -> None:  # noqa: ARG001
    """Print the local cluster's environment, for eval.

    In a shell: eval "$(fluxapps dev env)". pulumi and fluxapps then mean the local cluster, and Pulumi's state of it.
    """
    from fluxapps.cli.dev import environment

    typer.echo(environment(ctx.ensure_object(Session).find_root()))


@app.command("kubeconfig")
def dev_kubeconfig(ctx: typer.Context, root: Root = None) -> None:  # noqa: ARG001
    """Print the path of the local cluster's kubeconfig."""
    from fluxapps.cli.dev import local_cluster

    typer.echo(os.path.relpath(local_cluster(ctx.ensure_object(Session).find_root()).kubeconfig))
