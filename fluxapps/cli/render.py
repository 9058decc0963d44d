"""``fluxapps render``: the objects of a stack as files."""

import os
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from fluxapps.cli.failure import CommandError
from fluxapps.cli.screen import counted, print_error, screen
from fluxapps.cli.session import command_line
from fluxapps.cli.stack import WORKING, sound_fleet, tree_folder, tree_of
from fluxapps.model import Fleet
from fluxapps.model.tree import INDEX, TreeDifference, compare_tree, write_tree

_SHOWN = 20
"""Files that are named before the rest is only counted: git shows them all."""


def render_stack(root: Path, stack: str, *, out: Path | None, check_only: bool) -> int:
    """Write the tree of *stack*, or with *check_only* say how the folder differs; return the exit code.

    Args:
        root: The repository.
        stack: Which stack.
        out: The tree's folder; None: where its delivery wants it.
        check_only: Write nothing.

    Raises:
        ConfigError: The files have errors, or the folder holds what may not be overwritten.
        CommandError: The tree's folder leads out of the repository.
    """
    fleet = sound_fleet(root, stack)
    folder = out.absolute() if out is not None else own_folder(root, fleet)
    shown = os.path.relpath(folder)
    files = tree_of(fleet)
    if check_only:
        difference = compare_tree(folder, files, root=root)
        if not difference:
            typer.echo(f"{shown}: {counted(len(files), 'file')}, as rendered")
            return 0
        _print_changes(screen(), shown, difference)
        tell_difference(shown, difference, render_command(root, stack, out))
        return 1
    if out is None and fleet.git_path is None:
        _keep_from_git(root)
    done = write_tree(folder, files, root=root)
    written = len(done.missing) + len(done.differing)
    unchanged = len(files) - written
    if len(done.missing) < len(files) or done.superfluous:  # of a new tree there is nothing to single out
        _print_changes(screen(), shown, done)
    typer.echo(f"{shown}: {written} written, {len(done.superfluous)} removed, {unchanged} unchanged")
    return 0


def _keep_from_git(root: Path) -> None:
    """Have git ignore what is only to look at, in repositories whose .gitignore doesn't say so."""
    ignore = root / WORKING / ".gitignore"
    ignore.parent.mkdir(exist_ok=True)
    if not ignore.exists():
        ignore.write_text("*\n", "utf-8")


def own_folder(root: Path, fleet: Fleet) -> Path:
    """Return the folder where the tree of *fleet* belongs.

    Raises:
        CommandError: A symlink leads it out of the repository, where nothing is written unasked.
    """
    folder = root / tree_folder(fleet)
    if not folder.resolve().is_relative_to(root.resolve()):
        raise CommandError(
            f"{tree_folder(fleet)} leads out of the repository, to {folder.resolve()}",
            "remove the symlink, or name the folder with --out to write there on purpose",
        )
    return folder


def render_command(root: Path, stack: str, out: Path | None = None) -> str:
    """Return the command that renders *stack* of the repository at *root*."""
    return command_line(root, "render", "--stack", stack, *(("--out", str(out)) if out else ()))


def tell_difference(shown: str, difference: TreeDifference, command: str) -> None:
    """Say on stderr that the tree in *shown* isn't what is rendered, and what mends it."""
    if difference.edited or difference.foreign:
        fix = f"take back or move the files named above, then: {command}"
    else:
        fix = command
    print_error(f"{shown} is not what the files render to", fix)


def _print_changes(console: Console, shown: str, difference: TreeDifference) -> None:
    """Name what was or would be changed."""
    index = (INDEX,) if difference.index_stale and not (difference.missing or difference.differing) else ()
    kinds = (
        ("+", "green", difference.missing),
        ("~", "yellow", (*difference.differing, *index)),
        ("-", "red", difference.superfluous),
        ("! edited:", "bold red", difference.edited),
        ("! not fluxapps':", "bold red", difference.foreign),
    )
    lines = [(mark, style, path) for mark, style, paths in kinds for path in paths]
    refused = [line for line in lines if line[0].startswith("!")]
    others = [line for line in lines if not line[0].startswith("!")]
    for mark, style, path in (*others[:_SHOWN], *refused):
        console.print(Text.assemble((mark, style), " ", f"{shown}/{path}"), soft_wrap=True)
    if len(others) > _SHOWN:
        console.print(f"  and {len(others) - _SHOWN} more", soft_wrap=True)
