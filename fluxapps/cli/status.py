"""``fluxapps status``: what is declared, what is there, and what Flux says of it, an app a line."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from fluxapps.cli.failure import CommandError
from fluxapps.cli.live_stack import LiveStack, live_stack
from fluxapps.cli.live_table import live_table, row, totals
from fluxapps.cli.screen import screen
from fluxapps.model.live.drift import ABSENT, Difference
from fluxapps.model.live.standing import AppStanding, ObjectStanding, Ready
from fluxapps.model.live.writers import writers_of

_PAUSE = 2.0
"""Seconds between two looks."""


def show_status(root: Path, stack: str, *, watch: bool, as_json: bool) -> int:
    """Print how *stack* of the repository at *root* stands, and return 0 where all is as declared and Ready, else 1.

    Args:
        root: The repository.
        stack: Which stack.
        watch: Go on until interrupted.
        as_json: For programs; with *watch*, an object a line whenever something changed.

    Raises:
        ConfigError: The files have errors, or name no cluster that is there.
        CommandError: The cluster can't be read.
    """
    looked_at = live_stack(root, stack)
    with looked_at.cluster:
        if watch:
            _watch(looked_at, as_json=as_json)  # until Ctrl-C
        found = looked_at.standings()
        if as_json:
            typer.echo(json.dumps(as_data(looked_at, found), indent=2, ensure_ascii=False))
        else:
            screen().print(live_table(looked_at, found))
        return int(not all(app.is_well for app in found))


def as_data(stack: LiveStack, apps: tuple[AppStanding, ...]) -> dict[str, Any]:
    """Return how *stack* stands, as docs/guides/operations.md says the JSON is."""
    return {
        "stack": stack.fleet.stack,
        "delivery": stack.fleet.delivery,
        "context": stack.cluster.choice.context,
        "server": stack.cluster.server,
        "well": all(app.is_well for app in apps),
        "apps": [_app(app) for app in apps],
    }


def _app(app: AppStanding) -> dict[str, Any]:
    worst = app.worst
    return {
        "app": app.app,
        "well": app.is_well,
        "declared": app.declared,
        "live": app.live,
        "undeclared": app.undeclared,
        "ready": _ready(app.ready),
        "reason": worst.reason if worst is not None else "",
        "revisions": list(app.revisions),
        "suspended": bool(app.suspended),
        "drift": app.drift,
        "objects": [_object(one) for one in app.objects],
    }


def _object(one: ObjectStanding) -> dict[str, Any]:
    return {
        "group": one.id.group,
        "kind": one.id.kind,
        "namespace": one.id.namespace,
        "name": one.id.name,
        "declared": one.declared is not None,
        "live": one.live is not None,
        "beingDeleted": one.going,
        "ready": _ready(one.ready),
        "reason": one.reason,
        "message": one.message,
        "root": None if one.root is None else {**one.root._asdict(), "message": one.cause},
        "revision": one.revision,
        "suspended": one.suspended,
        "drift": [_difference(each, one) for each in one.drift],
    }


def _difference(difference: Difference, one: ObjectStanding) -> dict[str, Any]:
    writers = writers_of(one.live, difference.path) if one.live is not None else ()
    return {
        "field": difference.field,
        "declared": difference.declared,
        "live": None if difference.live is ABSENT else difference.live,
        "managers": [writer.manager for writer in writers],
    }


def _ready(ready: Ready | None) -> str | None:
    return None if ready is None else {Ready.YES: "yes", Ready.NO: "no"}.get(ready, ready.name.lower())


def _watch(stack: LiveStack, *, as_json: bool) -> None:
    """Show *stack* until interrupted."""
    console = screen()
    if as_json:
        last = ""
        for found in _looks(stack, console):
            if (line := json.dumps(as_data(stack, found), ensure_ascii=False)) != last:
                typer.echo(line)
                sys.stdout.flush()
                last = line
    elif console.is_terminal:
        with Display(console=console, auto_refresh=False, vertical_overflow="crop") as display:
            for found in _looks(stack, console):
                display.update(live_table(stack, found), refresh=True)
    else:
        _print_changes(console, stack)


def _print_changes(console: Console, stack: LiveStack) -> None:
    """Print each app's line once, and again whenever it changed."""
    last: dict[str, str] = {}
    for found in _looks(stack, console):
        lines = {cells[0].plain: "  ".join(cell.plain for cell in cells) for cells in map(row, found)}
        changed = [line for app, line in lines.items() if last.get(app) != line]
        changed += [f"{app}  gone" for app in last if app not in lines]
        for line in changed:
            console.print(line)
        if changed:
            console.print(totals(found))
            sys.stdout.flush()
        last = lines


def _looks(stack: LiveStack, console: Console) -> Iterator[tuple[AppStanding, ...]]:
    """Yield how *stack* stands, again and again; a cluster that can't be read is said, and asked again."""
    told = ""
    while True:
        try:
            yield stack.standings()
            told = ""
        except CommandError as error:
            if error.what != told:
                console.print(Text(error.what, "red"))
                told = error.what
        time.sleep(_PAUSE)
