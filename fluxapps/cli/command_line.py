"""The command line as a whole, and how each way of failing ends.

What a verb does is imported when it runs: help and completion load neither the model nor rich, and nothing but the
engine's own program ever loads pulumi.
"""
# ruff: noqa: PLC0415 - what few runs need is imported late, on purpose

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from fluxapps.cli.failure import CommandError
from fluxapps.cli.options import Root
from fluxapps.cli.session import Session
from fluxapps.cli.verbs import deploy, dev, files

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
app.add_typer(files.app)
app.add_typer(deploy.app)
app.add_typer(dev.app, name="dev")


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
