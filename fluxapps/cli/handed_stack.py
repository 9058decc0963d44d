"""A stack and its cluster as attach and detach need them: what is declared, and leave to write."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluxapps.cli.failure import CommandError
from fluxapps.cli.stack_file import with_enabled
from fluxapps.engine.cluster import ClusterError
from fluxapps.engine.cluster_writer import ClusterWriter
from fluxapps.engine.given import OVERLAY, overlaid
from fluxapps.engine.kubeconfig import choose_cluster
from fluxapps.model import Fleet, check, load, resolve
from fluxapps.model.problems import did_you_mean, raise_errors
from fluxapps.model.sources import Sources
from fluxapps.model.yaml_file import parse_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedStack:
    """A stack whose apps change hands."""

    fleet: Fleet
    """With those apps switched on that are to be, whatever its file still says."""
    file: Path
    """The stack's."""
    text: str | None
    """What that file is to say; None where it says so already."""

    def write(self) -> None:
        """Write the stack's file, if it is to say something else."""
        if self.text is None:
            return
        staged = self.file.with_name(f".{self.file.name}.new")
        staged.write_bytes(self.text.encode())
        staged.chmod(self.file.stat().st_mode)
        staged.replace(self.file)

    def connected(self) -> ClusterWriter:
        """Return the stack's cluster; close it in the end.

        Raises:
            ConfigError: The files name no cluster that is there.
            CommandError: The cluster's credentials can't be used.
        """
        try:
            return ClusterWriter(choose_cluster(self.fleet, os.environ))
        except ClusterError as error:
            raise CommandError(error.what, error.fix) from error


def handed_stack(
    root: Path, stack: str, switched: Mapping[str, bool], environ: Mapping[str, str] = os.environ
) -> HandedStack:
    """Return *stack* of the repository at *root* with the apps in *switched* on or off; nothing is written yet.

    Args:
        root: The repository.
        stack: Which stack.
        switched: Whether an app is to be enabled, by its name; apps that no file has are left out.
        environ: Names what stands in for the real repositories.

    Raises:
        ConfigError: The files have errors, or would have.
        CommandError: The stack's file can't be edited.
    """
    sources = load(root)
    before = resolve(sources, stack, cluster=_cluster(sources, stack, environ, None))
    said = sources.stack_files[stack]
    file = root / said.file.file
    text = changed = file.read_bytes().decode()
    known = {app.name: app.enabled for app in (*before.apps, *before.disabled)}
    for app, enabled in switched.items():
        if known.get(app, enabled) != enabled:
            changed = with_enabled(changed, said.file.file, sources.project, app, enabled=enabled)
    if changed == text:
        return HandedStack(fleet=_sound(before), file=file, text=None)
    cluster = _below(parse_yaml(changed, said.file.file).value, said.prefix)
    fleet = resolve(sources, stack, cluster=_cluster(sources, stack, environ, cluster))
    return HandedStack(fleet=_sound(fleet), file=file, text=changed)


def unknown_app(app: str, fleet: Fleet) -> CommandError:
    """Return what to say of an *app* that no file has, and no cluster."""
    names = [one.name for one in (*fleet.apps, *fleet.disabled)]
    return CommandError(
        f"no app '{app}' in stack {fleet.stack}",
        did_you_mean(app, names, otherwise=f"there are: {', '.join(sorted(names)) or 'none'}"),
    )


def _cluster(
    sources: Sources, stack: str, environ: Mapping[str, str], cluster: dict[str, Any] | None
) -> dict[str, Any] | None:
    over, said = environ.get(OVERLAY), sources.stack_files.get(stack)
    if not over or said is None:
        return cluster
    return overlaid(said.cluster if cluster is None else cluster, sources.root, over)


def _below(value: Any, path: tuple[str | int, ...]) -> dict[str, Any]:
    for part in path:
        value = value[part]
    return value or {}


def _sound(fleet: Fleet) -> Fleet:
    problems = check(fleet)
    raise_errors(problems)
    return fleet
