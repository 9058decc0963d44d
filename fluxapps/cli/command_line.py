"""The command line: its verbs and their options, and how each way of failing ends.

What a verb does is in the module of its name, imported when it runs: help and completion load neither the model nor
rich, and nothing but the engine's own program ever loads pulumi.
"""
# ruff: noqa: PLC0415 - the verbs' modules are imported late, on purpose

import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fluxapps.cli import options
from fluxapps.cli.failure import CommandError
from fluxapps.cli.options import Format, OptionalStack, PulumiArguments, Root, Stack, Yes
from fluxapps.cli.session import Session

INTERNAL_FAULT = 70
"""EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130
PIPE_CLOSED = 1
"""As typer and rich have it."""

# Plain help: rich's boxes cost as much again as all the rest of a start.
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
new = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Add an app to the repository.")
app.add_typer(new, name="new")
dev = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A real local cluster with the apps on it.")
app.add_typer(dev, name="dev")


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"fluxapps {version('fluxapps')}")
        raise typer.Exit


@app.callback()
def fluxapps(
    ctx: typer.Context,
    root: Root = None,  # noqa: ARG001 - its callback keeps it
    debug: Annotated[bool, typer.Option("--debug", help="Show where an unexpected fault came up.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", help="Say the version.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """Run Helm apps on Kubernetes with Flux: one short file per app.

    Add an app (new app), see what is wrong with the files (check) and what they become (render), see what would change
    in the cluster (preview), and change it (up). Only preview, up and destroy need Pulumi and a cluster.
    """
    ctx.ensure_object(Session).debug = debug


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


@app.command()
def preview(ctx: typer.Context, stack: Stack, arguments: PulumiArguments = None, root: Root = None) -> None:  # noqa: ARG001
    """Say what `up` would change in the cluster.

    Runs `pulumi preview` on the repository's program.
    """
    _run_program(ctx, "preview", stack, arguments)


@app.command()
def up(
    ctx: typer.Context,
    stack: Stack,
    yes: Yes = False,
    arguments: PulumiArguments = None,
    root: Root = None,  # noqa: ARG001
) -> None:
    """Bring the apps to the cluster, once the files are checked.

    Runs `pulumi up` on the repository's program.
    """
    _run_program(ctx, "up", stack, arguments, yes=yes)


@app.command()
def destroy(
    ctx: typer.Context,
    stack: Stack,
    yes: Yes = False,
    arguments: PulumiArguments = None,
    root: Root = None,  # noqa: ARG001
) -> None:
    """Remove from the cluster what `up` brought there.

    Runs `pulumi destroy`. Namespaces, and the data in them, stay unless the files say `delete: true`.
    """
    _run_program(ctx, "destroy", stack, arguments, yes=yes)


@dev.command("up")
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


@dev.command("stop")
def dev_stop(ctx: typer.Context, root: Root = None) -> None:  # noqa: ARG001
    """End the local cluster; its data stay."""
    from fluxapps.cli.dev import stop

    stop(ctx.ensure_object(Session).find_root(), reset=False)


@dev.command("reset")
def dev_reset(ctx: typer.Context, root: Root = None) -> None:  # noqa: ARG001
    """End the local cluster and forget its data.

    Pulumi's state of it goes too.
    """
    from fluxapps.cli.dev import stop

    stop(ctx.ensure_object(Session).find_root(), reset=True)


@dev.command("env")
def dev_env(ctx: typer.Context, root: Root = None) -> None:  # noqa: ARG001
    """Print the local cluster's environment, for eval.

    In a shell: eval "$(fluxapps dev env)". pulumi and fluxapps then mean the local cluster, and Pulumi's state of it.
    """
    from fluxapps.cli.dev import environment

    typer.echo(environment(ctx.ensure_object(Session).find_root()))


@dev.command("kubeconfig")
def dev_kubeconfig(ctx: typer.Context, root: Root = None) -> None:  # noqa: ARG001
    """Print the path of the local cluster's kubeconfig."""
    from fluxapps.cli.dev import local_cluster

    typer.echo(os.path.relpath(local_cluster(ctx.ensure_object(Session).find_root()).kubeconfig))


def _run_program(ctx: typer.Context, verb: str, stack: str, arguments: list[str] | None, *, yes: bool = False) -> None:
    from fluxapps.cli.program import run_program

    raise typer.Exit(run_program(ctx.ensure_object(Session).find_root(), verb, stack, arguments or [], yes=yes))


def run(arguments: Sequence[str] | None) -> int:
    """Run the command line (default: the process's), say on the screen what fails, and return the exit code."""
    session = Session()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that can't show a character must not end the command.
            stream.reconfigure(errors="replace")
    try:
        try:
            app(arguments, prog_name="fluxapps", obj=session)
        finally:
            sys.stdout.flush()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain at exit that it can't be flushed either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort: nobody is shown a traceback unasked
        return _tell(error, session)
    return 0


def _tell(error: Exception, session: Session) -> int:
    """Say what ended the command, and return its exit code."""
    from fluxapps.cli.problems import Finding, print_findings, summary
    from fluxapps.cli.screen import print_error, screen
    from fluxapps.model.problems import ConfigError

    if isinstance(error, ConfigError):
        findings = [Finding(problem) for problem in error.problems]
        print_findings(screen(stderr=True), findings, session.root)
        typer.echo(f"\n{summary(findings)}: nothing was done", err=True)
    elif isinstance(error, CommandError):
        print_error(error.what, error.fix)
    elif isinstance(error, OSError) and error.filename is not None:
        print_error(f"{os.fsdecode(error.filename)}: {error.strerror}")
    else:
        if session.debug:
            sys.stderr.write("".join(traceback.format_exception(error)))
        again = "" if session.debug else " --debug"
        print_error(
            f"fluxapps itself failed: {type(error).__name__}: {error}",
            f"that is a bug, please report it, with all that `fluxapps{again} …` prints",
        )
        return INTERNAL_FAULT
    return 1
