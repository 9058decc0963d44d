"""Options that several verbs have, and what shell completion knows of their values.

Completion asks the file system alone where it can: nobody waits for the model to load when pressing tab.
"""

from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated

import typer

from fluxapps.cli.session import LOCAL_CLUSTER, Session, nearest_root, stack_names


@unique
class Format(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def _use_root(ctx: typer.Context, start: Path | None) -> Path | None:
    if start is not None:
        ctx.ensure_object(Session).start = start
    return start


def _root(ctx: typer.Context) -> Path | None:
    start = ctx.params.get("root") or ctx.find_root().params.get("root")
    return nearest_root(Path(start or "").resolve())


def complete_stack(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the stacks that begin with *incomplete*, from the names of their files."""
    root = _root(ctx)
    return [name for name in (stack_names(root) if root else ()) if name.startswith(incomplete)]


def complete_group(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the folders below apps/ that group apps and begin with *incomplete*."""
    root = _root(ctx)
    if root is None:
        return []
    apps = root / "apps"
    folders = {group for file in apps.glob("**/app.yaml") for group in file.parent.relative_to(apps).parents}
    return sorted(name for group in folders if (name := group.as_posix()) != "." and name.startswith(incomplete))


def complete_repository(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the repositories of fleet.yaml that begin with *incomplete*; none when it can't be read."""
    from fluxapps.model.problems import ConfigError  # noqa: PLC0415 - other completions do without the model
    from fluxapps.model.yaml_file import read_yaml  # noqa: PLC0415

    root = _root(ctx)
    try:
        fleet = read_yaml(root, "fleet.yaml").value if root else None
    except ConfigError:
        return []
    repositories = fleet.get("repositories") if isinstance(fleet, dict) else None
    return sorted(name for name in repositories or () if name.startswith(incomplete))


def complete_process(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the local cluster's processes that begin with *incomplete*, from the names of their logs."""
    root = _root(ctx)
    logs = (root / LOCAL_CLUSTER / "logs").glob("*.log") if root else ()
    return sorted(log.stem for log in logs if log.stem.startswith(incomplete))


Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        "-C",
        metavar="DIR",
        help="The repository. Default: the nearest folder with a Pulumi.yaml.",
        callback=_use_root,
        file_okay=False,
    ),
]
Stack = Annotated[
    str,
    typer.Option("--stack", "-s", metavar="STACK", help="Which stack (one cluster).", autocompletion=complete_stack),
]
OptionalStack = Annotated[
    str | None,
    typer.Option("--stack", "-s", metavar="STACK", help="One stack. Default: all.", autocompletion=complete_stack),
]
PulumiArguments = Annotated[
    list[str] | None, typer.Argument(metavar="[-- ARGS...]", help="Further arguments of pulumi.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before changing the cluster.")]
