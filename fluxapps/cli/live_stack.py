"""A stack and its cluster, as the verbs need them that look at what is there: nothing is written, no Pulumi is run."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fluxapps.cli.failure import CommandError
from fluxapps.engine.cluster import Cluster, ClusterError
from fluxapps.engine.given import OVERLAY, overlaid
from fluxapps.engine.kubeconfig import choose_cluster
from fluxapps.engine.lookup import Live, look_up
from fluxapps.engine.watch import judged
from fluxapps.model import DeclaredObject, Fleet, ObjectId, check, declare, load, resolve
from fluxapps.model.live.health import Health
from fluxapps.model.live.scene import Cast
from fluxapps.model.live.standing import AppStanding, delivered, is_late, standings
from fluxapps.model.problems import raise_errors


@dataclass(frozen=True, slots=True)
class LiveStack:
    """What a stack's files declare, and the cluster that it is for."""

    fleet: Fleet
    objects: tuple[DeclaredObject, ...]
    """All that is declared, whoever delivers it."""
    label: str
    """Value of the stack's label."""
    cluster: Cluster
    cast: Cast

    @classmethod
    def of(cls, fleet: Fleet, cluster: Cluster) -> "LiveStack":
        """Return *fleet*'s stack in *cluster*."""
        declared = declare(fleet)
        return cls(
            fleet=fleet, objects=delivered(declared), label=declared.label, cluster=cluster, cast=Cast.of(declared)
        )

    def look(self) -> dict[ObjectId, Live]:
        """Return what is in the cluster of it now.

        Raises:
            CommandError: The cluster can't be read.
        """
        try:
            return look_up(self.cluster, self.objects, self.label)
        except ClusterError as error:
            raise CommandError(error.what, error.fix) from error

    def standings(self) -> tuple[AppStanding, ...]:
        """Return how it stands now, an app an entry.

        Raises:
            CommandError: The cluster can't be read.
        """
        live = self.look()
        return standings(self.objects, live, self.judge(live))

    def judge(self, live: Mapping[ObjectId, Live]) -> dict[ObjectId, Health]:
        """Return how those of the declared objects stand that Flux says are not Ready, as `up` judges them.

        Args:
            live: What is in the cluster.

        Raises:
            CommandError: The cluster can't be read.
        """
        late = [one.id for one in self.objects if one.id in live and is_late(one.id, live[one.id])]
        there: dict[ObjectId, Live | None] = {**dict.fromkeys(one.id for one in self.objects), **live}
        try:
            return judged(self.cluster, self.cast, there, late)
        except ClusterError as error:
            raise CommandError(error.what, error.fix) from error


def live_stack(root: Path, stack: str, environ: Mapping[str, str] = os.environ) -> LiveStack:
    """Return *stack* of the repository at *root*, with its cluster to ask; close that in the end.

    Warnings about the files are other verbs' to tell.

    Raises:
        ConfigError: The files have errors, or name no cluster that is there.
        CommandError: The cluster's credentials can't be used.
    """
    fleet = fleet_as_given(root, stack, environ)
    problems = check(fleet)
    raise_errors(problems)
    try:
        return LiveStack.of(fleet, Cluster(choose_cluster(fleet, environ)))
    except ClusterError as error:
        raise CommandError(error.what, error.fix) from error


def fleet_as_given(root: Path, stack: str, environ: Mapping[str, str]) -> Fleet:
    """Return *stack* as the program resolves it in *environ*: with what stands in for the real repositories.

    Raises:
        ConfigError: The files can't be used.
    """
    return as_given(resolve(load(root), stack), environ)


def as_given(fleet: Fleet, environ: Mapping[str, str]) -> Fleet:
    """Return *fleet* as the program resolves it in *environ*.

    Raises:
        ConfigError: What *environ* names can't be used.
    """
    over = environ.get(OVERLAY)
    if not over:
        return fleet
    said = fleet.sources.stack_files[fleet.stack].cluster
    return resolve(fleet.sources, fleet.stack, cluster=overlaid(said, fleet.sources.root, over))
