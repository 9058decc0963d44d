"""One run of the program: what it is for, what it declares, in which cluster, and what it says at the end.

``__main__.py`` is the only program, whoever runs it; all that must be known before anything is registered happens in
:meth:`Run.declare`, and all that is wrong comes out of it as one error.
"""

import gc
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pulumi

from fluxapps import model
from fluxapps.engine.adoption import Survey, survey
from fluxapps.engine.branch_head import outdated
from fluxapps.engine.cluster import Cluster, ClusterError
from fluxapps.engine.cluster_guard import ClusterIdentity, refuse_other_cluster
from fluxapps.engine.departure import removals
from fluxapps.engine.flux_guard import flux_problems
from fluxapps.engine.gate import Gate
from fluxapps.engine.given import OVERLAY, differing, overlaid, reconciled
from fluxapps.engine.gone import tell_gone
from fluxapps.engine.hold import end_removal
from fluxapps.engine.kubeconfig import ClusterChoice, choose_cluster
from fluxapps.engine.one_writer import RESTORES, changed_by_hand, other_writers, writers_in
from fluxapps.engine.provider import KubernetesProvider
from fluxapps.engine.refusals import delivery_changed, obstacles
from fluxapps.engine.release_guard import release_problems, yaml_problems
from fluxapps.engine.report import line, report
from fluxapps.engine.resource import Leaves, register_promptly
from fluxapps.engine.worktree import pinned_commit, unpushed_tree
from fluxapps.model.cluster import ClusterFields
from fluxapps.model.problems import ConfigError, Problem, Severity
from fluxapps.model.strict import validate
from fluxapps.model.tree import compare_tree

_COLLECTED_EVERY = 50_000
"""New objects of Python's between two searches for garbage."""
PROVIDER = "kubernetes"
"""Logical name of the stack's provider."""


class Run:
    """A stack, and the cluster it is for."""

    leaves: Leaves
    """What was made so far; the components share it."""

    def __init__(self, root: Path, project: str, stack: str, environ: Mapping[str, str]) -> None:
        self.root = root
        self.project = project
        self.stack = stack
        self.leaves = Leaves()
        self._environ = environ
        self._cluster: tuple[ClusterChoice, ClusterIdentity] | None = None
        self._declared: model.Declaration | None = None
        self._gate: Gate | None = None
        self._missing: list[model.DeclaredObject] = []

    @classmethod
    def current(cls) -> "Run":
        """Return the run that Pulumi started: its project and stack, and the working tree the program lies in."""
        return cls(Path.cwd(), pulumi.get_project(), pulumi.get_stack(), os.environ)

    def declare(self) -> model.Declaration:
        """Read the files and the cluster, and return what Pulumi is to register.

        Nothing is written before it returns, but for the UID of the cluster in the stack's state.

        Raises:
            pulumi.RunError: With all that is wrong in the files; else with all that stands in the way in the cluster.
        """
        fleet, problems = self._fleet()
        commit = None
        if fleet.git_pin is not None:
            pinned = pinned_commit(self.root, fleet.git_pin, self._stack_file)
            commit = pinned.commit
            problems += _in_preview_only_remarks(pinned.problems)
        self._tell(problems, "can't be deployed")
        whole = model.declare(fleet, commit)
        self._tell(self._stale_tree(fleet, whole), "can't be deployed")
        self._tell(self._unpushed_tree(fleet), "can't be deployed")
        self._declared = self._on_cluster(fleet, whole)
        # What is registered from here on lives to the end: looking for garbage in it finds none, and costs a sixth.
        gc.set_threshold(_COLLECTED_EVERY)
        return self._declared

    @cached_property
    def options(self) -> pulumi.ResourceOptions:
        """Return the options of every component: the stack's provider, made when first asked for."""
        if self._cluster is None or self._declared is None:
            raise RuntimeError("the cluster is known once Run.declare() has returned")
        choice, identity = self._cluster
        provider = KubernetesProvider(PROVIDER, choice, len(self._declared.objects()), identity.identifier)
        return pulumi.ResourceOptions(providers=[provider])

    def finish(self) -> None:
        """Export what a person wants to see after ``up``, and wait for what is to be Ready; the last statement."""
        if self._declared is None:
            raise RuntimeError("there is nothing to finish before Run.declare()")
        for name, value in self._declared.outputs.items():
            pulumi.export(name, value)
        if self._gate is not None:
            self._gate.follow(self._declared.objects(), self.leaves)
        tell_gone(self.leaves, self._missing, self.stack)
        register_promptly()

    @property
    def _stack_file(self) -> str:
        return f"Pulumi.{self.stack}.yaml"

    def _fleet(self) -> tuple[model.Fleet, list[Problem]]:
        """Return the stack, and what its files make one say."""
        try:
            sources = model.load(self.root)
            given = self._given(sources)
            fleet = model.resolve(sources, self.stack, cluster=given)
        except ConfigError as exc:
            raise pulumi.RunError(self._report("can't be deployed", exc.problems)) from None
        return fleet, list(dict.fromkeys([*sources.problems, *model.check(fleet)]))

    def _given(self, sources: model.Sources) -> dict[str, Any] | None:
        """Return ``cluster`` as Pulumi was given it; None where that is what the stack's file says.

        Raises:
            ConfigError: It can't be one.
        """
        given = pulumi.Config(self.project).get_object("cluster")
        said = sources.stack_files.get(self.stack)
        if said is None or not isinstance(given, dict):
            return None
        over = self._environ.get(OVERLAY)
        if over:
            given = overlaid(given, self.root, over)
        meant = reconciled(said.cluster, given)
        fields = differing(said.cluster, meant)
        if not fields:
            return None
        if problems := validate(ClusterFields, meant, said.file, said.prefix):
            raise ConfigError(replace(one, what=f"given otherwise than by this file: {one.what}") for one in problems)
        way = f"{over}, named by ${OVERLAY}" if over else "--config-file or Pulumi.yaml"
        pulumi.log.warn(
            f"{self._stack_file}: {', '.join(fields)} of {self.project}:cluster came by {way}, "
            "and counts instead of what the file says"
        )
        return meant

    def _stale_tree(self, fleet: model.Fleet, whole: model.Declaration) -> list[Problem]:
        """Return a problem where Flux would apply another tree than the files mean (``git`` delivery)."""
        if fleet.git_path is None:
            return []
        try:
            difference = compare_tree(self.root / fleet.git_path, model.tree_files(fleet, whole), root=self.root)
        except ConfigError as exc:
            return list(exc.problems)
        if not difference:
            return []
        files = len({*difference.missing, *difference.differing, *difference.superfluous, *difference.edited})
        stale = Problem(
            code="tree-stale",
            what=f"the rendered tree is not what the files say ({files or 'its index'} to mend)",
            file=fleet.git_path,
            fix=f"fluxapps render --stack {self.stack}, commit and push",
        )
        return _in_preview_only_remarks((stale,))

    def _unpushed_tree(self, fleet: model.Fleet) -> list[Problem]:
        """Return a warning where Flux would go on with the tree before (``git`` delivery)."""
        if fleet.git_path is None or fleet.git is None or not fleet.follows_branch:
            return []
        git = fleet.git
        return list(unpushed_tree(self.root, git.url, git.branch, fleet.git_path, self._stack_file))

    def _on_cluster(self, fleet: model.Fleet, whole: model.Declaration) -> model.Declaration:
        """Return what Pulumi delivers of *whole*, with what is in the cluster already marked to be taken over.

        Raises:
            pulumi.RunError: The cluster isn't there, lacks Flux, has others' objects in the way, or is another one.
        """
        declared = whole.for_pulumi()
        try:
            choice = choose_cluster(fleet, self._environ)
            with Cluster(choice) as cluster:
                uid = cluster.uid()
                problems = flux_problems(cluster, whole.objects(), self._stack_file)
                problems += delivery_changed(cluster, fleet, declared.label)
                found = survey(cluster, declared.objects(), declared.label)
                problems += [] if _errors(problems) else removals(cluster, fleet, found)
                writers = writers_in(cluster)
        except ConfigError as exc:
            raise pulumi.RunError(self._report("can't be deployed", exc.problems)) from None
        except ClusterError as exc:
            raise self._refused_by_cluster(exc) from None
        problems += obstacles(found, cluster, fleet, declared.objects(), declared.label)
        problems += other_writers(declared.objects(), found.live, writers, cluster, fleet)
        problems += release_problems(fleet, whole.objects(), found, writers.releases)
        problems += yaml_problems(fleet, found)
        if RESTORES not in self._environ:
            problems += changed_by_hand(declared.objects(), found.live, found.unlabelled, fleet)
            # Where nothing is there, nothing was deployed yet.
            missing = found.missing if found.ours else ()
            self._missing = [one for one in declared.objects() if one.id in missing]
        self._tell(problems, f"can't be deployed to {cluster}", _hint(found, self.stack))
        if not pulumi.runtime.is_dry_run():
            self._end_removal(choice, found)
        if Gate.is_needed(whole) and not pulumi.runtime.is_dry_run():
            stays = () if fleet.cluster.delete_namespaces else ("Namespace",)
            left = [one for one in found.left if one.kind not in stays]
            self._gate = Gate(choice, whole, left, outdated(self.root, fleet, found.live))
            self._gate.open()
        self._cluster = (choice, refuse_other_cluster(cluster, uid, self.stack, self.project))
        return _with_objects(declared, found.adopted)

    def _end_removal(self, choice: ClusterChoice, found: Survey) -> None:
        """End what a removal of the stack's apps left that was killed, or given up.

        Raises:
            pulumi.RunError: The cluster refuses it.
        """
        try:
            ended = end_removal(choice, found.live)
        except ClusterError as exc:
            raise self._refused_by_cluster(exc) from None
        if ended:
            names = ", ".join(map(str, ended))
            pulumi.log.info(f"a removal of this stack's apps did not end: {names} applies again")

    def _refused_by_cluster(self, exc: ClusterError) -> pulumi.RunError:
        problem = Problem(code="cluster", what=exc.what, file=self._stack_file, fix=exc.fix)
        return pulumi.RunError(self._report("can't be deployed", (problem,)))

    def _tell(self, problems: list[Problem], verb: str, hint: str = "") -> None:
        """Log warnings; raise when there are errors."""
        errors = _errors(problems)
        if errors:
            raise pulumi.RunError(self._report(verb, problems) + hint)
        for problem in problems:
            if problem.severity is Severity.WARNING:
                pulumi.log.warn(line(problem))

    def _report(self, verb: str, problems: list[Problem] | tuple[Problem, ...]) -> str:
        count = len(_errors(problems))
        return report(f"stack '{self.stack}' {verb}: {count} problem{'s' * (count != 1)}", problems)


def _errors(problems: list[Problem] | tuple[Problem, ...]) -> list[Problem]:
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def _in_preview_only_remarks(problems: tuple[Problem, ...]) -> list[Problem]:
    if not pulumi.runtime.is_dry_run():
        return list(problems)
    return [replace(one, severity=Severity.WARNING) for one in problems]


def _hint(found: Survey, stack: str) -> str:
    """Return what to think of where nothing of the stack is in the cluster: it may be the wrong one."""
    if found.ours:
        return ""
    return f"\nNothing of stack '{stack}' is in this cluster yet; if it was deployed before, this is another cluster."


def _with_objects(
    declared: model.Declaration,
    change: Callable[[tuple[model.DeclaredObject, ...]], tuple[model.DeclaredObject, ...]],
) -> model.Declaration:
    return replace(
        declared,
        system=change(declared.system),
        bootstrap=change(declared.bootstrap),
        apps=tuple(replace(app, objects=change(app.objects)) for app in declared.apps),
    )
