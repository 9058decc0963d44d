"""The table of how a stack stands in its cluster, an app a line; below it what is wrong, an object a line."""

from collections.abc import Iterable, Sequence
from itertools import islice

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from fluxapps.cli.live_stack import LiveStack
from fluxapps.cli.screen import counted, harmless
from fluxapps.engine.cluster import Cluster
from fluxapps.model import Fleet
from fluxapps.model.live.standing import AppStanding, ObjectStanding, Ready
from fluxapps.model.live.wording import in_words

SHARED = "(shared)"
"""The line of what apps share: no app can be called so."""

_COLUMNS = ("App", "Declared", "Live", "Ready", "Revision", "Drift")
_READY = {
    Ready.YES: ("yes", "green"),
    Ready.NO: ("no", "red"),
    Ready.PROGRESSING: ("not yet", "yellow"),
    Ready.UNSEEN: ("unseen", "yellow"),
}
_MOST_TOLD = 20
"""Objects that are told of below the table."""


def print_live(console: Console, cluster: Cluster, fleet: Fleet) -> None:
    """Print how *fleet*'s stack stands in *cluster* now.

    Raises:
        CommandError: The cluster can't be read.
    """
    stack = LiveStack.of(fleet, cluster)
    console.print()
    console.print(live_table(stack, stack.standings()))


def live_table(stack: LiveStack, apps: Sequence[AppStanding]) -> RenderableType:
    """Return the table of *apps*, what is wrong with them, and a line of totals."""
    title = f"Stack {stack.fleet.stack} in {stack.cluster.server}"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for app in apps:
        table.add_row(*row(app))
    return Group(table, *_troubles(apps), totals(apps))


def row(app: AppStanding) -> tuple[Text, ...]:
    """Return the cells of *app*'s line."""
    return (
        Text(harmless(app.app or SHARED), "" if app.app else "dim"),
        _declared(app),
        _live(app),
        _ready(app),
        Text(", ".join(map(harmless, app.revisions)) or "-"),
        _drift(app),
    )


def totals(apps: Sequence[AppStanding]) -> Text:
    """Return ``8 apps: 7 well, 1 not Ready; 47 objects, 1 drifted field``."""
    named = [app for app in apps if app.app is not None]
    not_ready = sum(app.ready not in {None, Ready.YES} for app in named)
    counts = {
        "as declared and Ready": sum(app.is_well for app in named),
        "not Ready": not_ready,
        "drifted": sum(bool(app.drift) for app in named),
        "with something missing": sum(app.live < app.declared for app in named),
        "with something suspended": sum(bool(app.suspended) for app in named),
        "with something not declared": sum(bool(app.undeclared) for app in named),
    }
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return Text(f"{counted(len(named), 'app')}{': ' if said else ''}{said}")


def _declared(app: AppStanding) -> Text:
    if not app.declared:
        return Text("-", "dim")
    if app.app is None:
        return Text(counted(app.declared, "object"), "dim")
    return Text(harmless(", ".join(app.charts)) or "plain YAML")


def _live(app: AppStanding) -> Text:
    if app.undeclared:
        return Text(f"{app.live}/{app.declared} +{app.undeclared}", "yellow")
    return Text(f"{app.live}/{app.declared}", "red" if app.live < app.declared else "")


def _ready(app: AppStanding) -> Text:
    if app.suspended:
        return Text("suspended", "yellow")
    if app.ready is None:
        return Text("-", "dim")
    word, style = _READY[app.ready]
    worst = app.worst
    return Text(f"{word}: {harmless(worst.reason)}" if worst is not None and worst.reason else word, style)


def _drift(app: AppStanding) -> Text:
    return Text(counted(app.drift, "field"), "yellow") if app.drift else Text("-", "dim")


def _troubles(apps: Iterable[AppStanding]) -> Iterable[Text]:
    """Yield a line for each thing that is wrong, and an empty one in the end."""
    told = [line for app in apps for one in app.objects if not one.is_well for line in _trouble(one)]
    yield from islice(told, _MOST_TOLD)
    if len(told) > _MOST_TOLD:
        yield Text(f"and {len(told) - _MOST_TOLD} more: --json says all")
    if told:
        yield Text()


def _trouble(one: ObjectStanding) -> Iterable[Text]:
    name = Text(harmless(str(one.id)), "bold")
    if one.live is None:
        yield Text.assemble(name, " is not there")
        return
    if one.declared is None:
        yield Text.assemble(name, " carries the stack's label and is not declared")
    if one.going:
        yield Text.assemble(name, " is being deleted")
    if one.suspended:
        yield Text.assemble(name, " is suspended")
    for each in one.drift:
        yield Text.assemble(name, f": {harmless(in_words(one.live, each))}")
    if one.ready not in {None, Ready.YES}:
        said = ": ".join(filter(None, (one.reason, one.message)))
        because = f"; because of {one.root}: {one.cause}" if one.root is not None else ""
        yield Text.assemble(name, f": {harmless(' '.join(f'{said}{because}'.split()))}")
