"""What ``fluxapps destroy`` says before pulumi begins and after it has ended, and what ends it where nothing moves.

``fluxapps up`` removes too, at its end: there only what is held up is told.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import yaml

from fluxapps.cli.deletion_watch import PATIENCE, DeletionWatch
from fluxapps.cli.failure import CommandError
from fluxapps.cli.kept import Kept, KeptObject, kept
from fluxapps.cli.live_stack import fleet_as_given
from fluxapps.cli.others_objects import refuse_other_cluster, refuse_others
from fluxapps.cli.pruned import RemovedApps, remove_all
from fluxapps.cli.remains import Before, is_labelled, tell_held, tell_left, tell_remnants
from fluxapps.cli.screen import harmless, screen
from fluxapps.cli.session import PROJECT_FILE, command_line
from fluxapps.cli.state import State
from fluxapps.engine.cluster import Cluster, ClusterError
from fluxapps.engine.cluster_writer import ClusterWriter
from fluxapps.engine.departure import Found, belonging, examine, look
from fluxapps.engine.kubeconfig import ClusterChoice, choose_cluster, kept_cluster
from fluxapps.engine.pruning import Pruning
from fluxapps.engine.remnants import remnants
from fluxapps.model import ConfigError, Fleet
from fluxapps.model.declare.names import stack_label
from fluxapps.model.live.condition import Live
from fluxapps.model.live.departure import (
    Departure,
    HelmName,
    departure,
    helm_name,
    listed,
    outlasts_pruning,
    sentences,
)
from fluxapps.model.live.health import is_suspended
from fluxapps.model.objects import ObjectId

DELETE_UNREACHABLE = "PULUMI_K8S_DELETE_UNREACHABLE"
"""Variable by which the provider takes what it can't reach for deleted."""


@dataclass(kw_only=True)
class Removal:
    """One `destroy`, or the deletions of one `up`."""

    root: Path
    verb: str
    """up or destroy."""
    stack: str
    patience: float = PATIENCE
    """Seconds without progress after which pulumi is ended."""
    fleet: Fleet | None = None
    """The stack as its files say it; None where they weren't read."""
    aside: bool = False
    """Whether somebody else has the screen while pulumi runs, and shows :meth:`news`."""
    say: Callable[[str], None] = field(default_factory=lambda: _say)
    """Gets each line before pulumi runs and after."""
    _news: SimpleQueue[str] = field(default_factory=SimpleQueue)
    _kept: Kept | None = None
    _cluster: ClusterWriter | None = None
    _pruning: Pruning | None = None
    _found: Found | None = None
    _departing: Departure | None = None

    def around(self, run: Callable[[], int]) -> int:
        """Have *run* run pulumi, and return the exit code: what goes is said before, what remains after.

        Raises:
            CommandError: The stack can't be destroyed; nothing was changed.
        """
        self.before()
        with self.watched():
            code = run()
        return self.after(code)

    def news(self) -> Iterator[str]:
        """Yield what has to be said while pulumi runs, each line once."""
        while not self._news.empty():
            yield self._news.get()

    def before(self) -> None:
        """Say what `destroy` takes and leaves, having looked at the state and the cluster.

        Raises:
            CommandError: The cluster can't be reached, is another one than the stack's, or has others' objects where
                the stack's were. Nothing was changed.
        """
        if self.verb == "destroy":
            self._kept = self._read()
            if self._kept is None:
                return
        if (choice := self._choice()) is None:
            return
        try:
            self._cluster = ClusterWriter(choice)
            if self._kept is None:
                return
            refuse_other_cluster(self._cluster, self._kept, self.stack)
            self._found = look(self._cluster, self._label)
            refuse_others(self._cluster, self._kept, self._found, self._label, self.stack)
        except ClusterError as error:
            self._go_without_cluster(error)
            return
        self._announce(self._kept, self._found)

    def prune(self) -> int:
        """Remove in order what Git delivers and is to go, once that is wanted; return 0 where pulumi may go on.

        Raises:
            CommandError: It can't be begun; nothing was removed.
        """
        cluster, kept, fleet = self._cluster, self._kept, self.fleet
        if cluster is None or (self.verb != "destroy" and (fleet is None or fleet.delivery != "git")):
            return 0
        self._pruning = Pruning(cluster=cluster, label=self._label, say=self.say, patience=self.patience)
        try:
            if kept is not None:
                gone = remove_all(self._pruning, kept.objects)
            else:
                assert fleet is not None  # noqa: S101 - `up` has read the files
                removed = RemovedApps(
                    pruning=self._pruning, root=self.root, fleet=fleet, say=self.say, refuse=self._refuse_other_cluster
                )
                gone = removed.remove()
        except ClusterError as error:
            if not self._pruning.holds:
                raise CommandError(error.what, error.fix) from error
            gone = False
            self.say(f"{error.what}: {error.fix}")
        except KeyboardInterrupt:
            if not self._pruning.holds:
                raise
            gone = False
            self.say("interrupted")
        if not gone:
            self.say("what was to go after that is left as it is, and Flux applies nothing of this stack meanwhile")
            back = command_line(self.root, "up", "--stack", self.stack)
            instead = f"to have it all back instead: {back}"
            plain = f"to have Flux go on and remove the rest in no order: pulumi up --stack {self.stack}"
            self.say(instead if self.verb == "destroy" else plain)
        return int(not gone)

    def _read(self) -> Kept | None:
        """Return what the stack's state holds; None where it can't be read, which pulumi itself says better."""
        try:
            return kept(State.on_hand(self.root, self.stack).read())
        except (CommandError, ValueError) as error:
            self.say(f"what goes and what stays can't be said: {getattr(error, 'what', 'pulumi shows no state')}")
            return None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the deletions while pulumi runs inside the block."""
        if self._cluster is None:
            yield
            return
        say = self._news.put if self.aside else self.say
        with DeletionWatch(cluster=self._cluster, label=self._label, say=say, patience=self.patience):
            yield
        for line in self.news():
            self.say(line)

    def after(self, code: int) -> int:
        """Say what remains and how to clear it, and return the exit code: *code* is pulumi's."""
        if self._cluster is None or (self._kept is None and code == 0):
            return code
        try:
            pruning = self._pruning
            examined = examine(self._cluster, self._label, also=pruning.releases if pruning else ()).held
            examined += tuple(pruning.stuck) if pruning else ()
            tell_held(examined, self.say, command_line(self.root, self.verb, "--stack", self.stack))
            if self._kept is not None and (code == 0 or self._has_begun(self._cluster)):
                found, told = look(self._cluster, self._label), {one.id for one in examined}
                up = command_line(self.root, "up", "--stack", self.stack)
                left = tell_left(found, self._before, told, self.say, up)
                left |= tell_remnants(remnants(self._cluster, self._uninstalled(found)), found.kubectl, self.say)
                return code or int(bool(examined or left))
        except ClusterError as error:
            self.say(f"{error.what}: what remains there can't be told")
        finally:
            self._cluster.__exit__()
        return code

    @property
    def _label(self) -> str:
        said = yaml.safe_load((self.root / PROJECT_FILE).read_text("utf-8"))
        return stack_label(said["name"], self.stack)

    def _choice(self) -> ClusterChoice | None:
        """Return the cluster of the state, or of the files where there is no state; None where neither names one."""
        if self._kept is not None and self._kept.context:
            return kept_cluster(self.root, self._kept.context, self._kept.kubeconfig, os.environ)
        try:
            return choose_cluster(self.fleet or fleet_as_given(self.root, self.stack, os.environ), os.environ)
        except ConfigError as error:
            if self.verb == "destroy":
                self.say(f"the state names no cluster, and neither do the files: {error.problems[0].what}")
            return None

    def _refuse_other_cluster(self) -> None:
        kept = self._read()
        if self._cluster is not None and kept is not None:
            refuse_other_cluster(self._cluster, kept, self.stack)

    def _go_without_cluster(self, error: ClusterError) -> None:
        self._cluster = None
        if self._kept is not None and self._kept.objects and os.environ.get(DELETE_UNREACHABLE) != "true":
            again = command_line(self.root, "destroy", "--stack", self.stack)
            raise CommandError(
                f"{error.what.rstrip('.')}. Nothing was changed",
                f"{error.fix}; if that cluster is gone for good, forget it: {DELETE_UNREACHABLE}=true {again}",
            ) from error
        self.say(f"{error.what}: what remains there can't be told")

    def _announce(self, kept: Kept, found: Found) -> None:
        going = {one for one in found.objects if one in kept.objects or not is_labelled(found.objects[one])}
        namespaces = {one.name for one in found.objects if one.kind == "Namespace"}
        deleted = {one.id.name for one in kept.objects.values() if one.id.kind == "Namespace" and not one.retained}
        deleted |= {
            one.name
            for one, live in found.objects.items()
            if one.kind == "Namespace" and not is_labelled(live) and not outlasts_pruning(live["metadata"])
        }
        objects = {one: found.objects[one] for one in going}
        self._departing = departure(objects, found.claims, namespaces, deleted & namespaces, found.helm or ())
        for sentence in sentences(self._departing):
            self.say(f"destroy {sentence}")
        for why, releases in self._abandoned(kept, found).items():
            self.say(f"destroy leaves running {listed([str(one) for one in releases])}: {why}")
        for controller in sorted(name for name, runs in found.controllers.items() if not runs):
            self.say(f"{controller} does not run, and what needs it to clean up will not go: start it first")

    def _abandoned(self, kept: Kept, found: Found) -> dict[str, list[HelmName]]:
        """Return the Helm releases that nobody uninstalls any more, because their HelmReleases are gone already."""
        gone = [one.manifest for identity, one in kept.objects.items() if _is_gone_release(identity, found)]
        names = sorted({helm_name(one) for one in gone} & (found.helm or {}).keys())
        return {"the HelmRelease is gone already": names} if names else {}

    def _has_begun(self, cluster: Cluster) -> bool:
        """Return whether anything was removed: a run that failed, or was called off, before that changed nothing."""
        before = self._found.objects if self._found is not None else {}
        return belonging(cluster, self._label).keys() != before.keys()

    def _uninstalled(self, now: Found) -> list[Live]:
        """Return the HelmReleases that have gone, and their Helm releases with them."""
        before = self._found.objects if self._found is not None else {}
        releases = (live for one, live in before.items() if one.kind == "HelmRelease" and one not in now.objects)
        return [live for live in releases if not is_suspended(live) and helm_name(live) not in (now.helm or {})]

    @property
    def _before(self) -> Before:
        """Return what there was of the stack."""
        live = self._found.objects if self._found is not None else {}
        known: dict[ObjectId, KeptObject] = self._kept.objects if self._kept is not None else {}
        declared: dict[ObjectId, Live] = {identity: one.manifest for identity, one in known.items()}
        releases = [one for identity, one in {**declared, **live}.items() if identity.kind == "HelmRelease"]
        claims = self._departing.claims if self._departing is not None else ()
        return Before(
            kept=frozenset(known),
            namespaces=frozenset(one.name for one in live if one.kind == "Namespace"),
            releases={helm_name(one): one for one in releases},
            claims=frozenset(one.id for one in claims),
        )


def _is_gone_release(identity: ObjectId, found: Found) -> bool:
    return identity.kind == "HelmRelease" and identity not in found.objects


def _say(line: str) -> None:
    screen(stderr=True).print(harmless(line))
