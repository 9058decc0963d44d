"""``fluxapps detach``: takes apps out of Pulumi's hands, and leaves all of them running.

State, live marks, file, in this order: a killed run never leaves the state with an app that the file has no more, which
the next ``up`` would uninstall. Until the file says so, an ``up`` refuses the app as somebody else's.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import typer

from fluxapps.cli.backend import Backend
from fluxapps.cli.confirm import confirmed
from fluxapps.cli.failure import CommandError
from fluxapps.cli.handed_stack import HandedStack, handed_stack, unknown_app
from fluxapps.cli.screen import counted
from fluxapps.cli.session import command_line
from fluxapps.cli.state import State
from fluxapps.engine.cluster import ClusterError
from fluxapps.engine.handover import let_go
from fluxapps.engine.handover_state import object_of, without
from fluxapps.engine.lookup import labelled
from fluxapps.model import Fleet, ObjectId, declare, load, resolve
from fluxapps.model.declare.names import APP_LABEL, STACK_LABEL, stack_label

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Going:
    """What Pulumi is to have no more."""

    label: str
    apps: frozenset[str] | None
    """None: all but where Flux reads the repository."""
    objects: frozenset[ObjectId]
    """What apps share and only these need; with ``apps`` None, what stays."""

    def has(self, identity: ObjectId, labels: Mapping[str, str]) -> bool:
        """Return whether the object *identity*, which carries *labels*, is of it."""
        if labels.get(STACK_LABEL) != self.label:
            return False
        if self.apps is None:
            return identity not in self.objects
        return labels.get(APP_LABEL) in self.apps or identity in self.objects


def detach(root: Path, stack: str, apps: Collection[str], *, everything: bool, yes: bool) -> int:
    """Take *apps* of *stack* out of Pulumi's hands, and return the exit code.

    Args:
        root: The repository.
        stack: Which stack.
        apps: The apps' names.
        everything: All of the stack, but for where Flux reads the repository.
        yes: Don't ask.

    Raises:
        ConfigError: The files have errors, or would have.
        CommandError: It can't be done; what was done by then harms nothing.
    """
    fleet = resolve(load(root), stack)
    if fleet.delivery == "git":
        raise CommandError(
            f"stack {stack} is delivered by Git: its apps are in Flux's hands, not in Pulumi's",
            "remove `prune` from what Flux applies, or suspend it, to keep an app that is taken out of Git",
        )
    _refuse_needed(fleet, apps)
    after = handed_stack(root, stack, {} if everything else dict.fromkeys(apps, False))
    going = _going(fleet, after.fleet, None if everything else frozenset(apps))
    with after.connected() as cluster:
        try:
            live = [one for identity, one in labelled(cluster, going.label).items() if _is_going(going, identity, one)]
            _refuse_unknown(fleet, apps, live)
            _say(going, live, after, stack)
            if not confirmed(
                f"detach from stack {stack}", yes, command_line(root, *_words(apps), "--stack", stack, "--yes")
            ):
                return 1
            Backend(root, os.environ).make_ready(stack, partial(typer.echo, err=True), to_change=True)
            dropped = _drop(State.on_hand(root, stack), going)
            let_go(cluster, live)
        except ClusterError as error:
            raise CommandError(error.what, error.fix) from error
    after.write()
    typer.echo(
        f"detached: {counted(dropped, 'object')} out of Pulumi's state, {counted(len(live), 'object')} let go of"
    )
    return 0


def _words(apps: Collection[str]) -> tuple[str, ...]:
    return ("detach", *(apps or ("--all",)))


def _going(before: Fleet, after: Fleet, apps: frozenset[str] | None) -> _Going:
    label = stack_label(before.project, before.stack)
    if apps is None:
        return _Going(label=label, apps=None, objects=frozenset(one.id for one in declare(before).system))
    # What is declared without the apps stays: shared namespaces, sources.
    shared = {one.id for one in declare(before).bootstrap} - {one.id for one in declare(after).bootstrap}
    return _Going(label=label, apps=apps, objects=frozenset(shared))


def _is_going(going: _Going, identity: ObjectId, live: Object) -> bool:
    return going.has(identity, live["metadata"].get("labels", {}))


def _drop(state: State, going: _Going) -> int:
    """Take it out of the state, and return how many objects that were."""

    def is_gone(resource: Object) -> bool:
        identity = object_of(resource)
        return identity is not None and going.has(identity, resource["inputs"]["metadata"].get("labels", {}))

    changed, count = without(state.read(), is_gone)
    if count:
        state.write(changed)
    return count


def _refuse_needed(fleet: Fleet, apps: Collection[str]) -> None:
    """Refuse apps that others, which stay, depend on.

    Raises:
        CommandError: There are such.
    """
    needing = {
        app.name: [name for name in fleet.app_dependencies(app) if name in apps]
        for app in fleet.apps
        if app.name not in apps
    }
    lines = [f"{app} needs {', '.join(names)}" for app, names in needing.items() if names]
    if apps and lines:
        raise CommandError(
            f"apps that stay depend on what is to be detached: {'; '.join(lines)}",
            f"name {' '.join(app for app, names in needing.items() if names)} too, or change their dependsOn",
        )


def _refuse_unknown(fleet: Fleet, apps: Collection[str], live: Collection[Object]) -> None:
    known = {app.name for app in (*fleet.apps, *fleet.disabled)}
    known |= {one["metadata"].get("labels", {}).get(APP_LABEL) for one in live}
    for app in apps:
        if app not in known:
            raise unknown_app(app, fleet)


def _say(going: _Going, live: Collection[Object], after: HandedStack, stack: str) -> None:
    """Say what is to be done, and what stays."""
    typer.echo(f"Out of Pulumi's state and without the marks of stack {stack} from now on; all of it goes on running:")
    for one in sorted(f"{one['kind']} {_place(one)}" for one in live):
        typer.echo(f"  {one}")
    if after.text is not None:
        typer.echo(f"{after.file.name} then says of each app: enabled: false")
    system = declare(after.fleet).system
    if system and going.apps != frozenset():
        typer.echo(f"Kustomizations that stay still read {system[0].id}, which is the stack's: while it is there, Flux")
        typer.echo("goes on applying the apps' own YAML from it.")
    if going.apps is None:
        typer.echo("Until the stack says `delivery: git`, or `fluxapps attach --all` takes them back, `up` is refused.")


def _place(one: Object) -> str:
    metadata = one["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
