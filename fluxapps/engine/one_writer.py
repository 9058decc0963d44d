"""Says who else writes what a stack declares: a Flux Kustomization, another HelmRelease, a person, another tool.

Where Pulumi's next write would be fought over, it is an error, so that nothing is written; else a warning.
"""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fluxapps.engine.cluster import Cluster, in_parallel
from fluxapps.engine.refusals import file_of, reference_to
from fluxapps.model.declare.names import HELM_RELEASE_API, KUSTOMIZATION_API, KUSTOMIZE, SSA_IGNORE
from fluxapps.model.live.drift import Live
from fluxapps.model.live.edits import edits
from fluxapps.model.live.helm_release import HelmId, helm_id
from fluxapps.model.live.inventory import inventory_of
from fluxapps.model.live.wording import in_few_words
from fluxapps.model.objects import DeclaredObject, ObjectId
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.resolved import Fleet

RESTORES: Final = "FLUXAPPS_RESTORES"
"""Environment variable by which who runs the program says that Pulumi looks at the cluster first, and restores."""

_OWNED_BY_NOBODY: Final = '[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]'
"""JSON patch after which Pulumi's update meets no conflict."""
_SUSPENDED: Final = '{"spec":{"suspend":true}}'


@dataclass(frozen=True, slots=True)
class Writers:
    """What in a cluster may write other people's objects."""

    kustomizations: Mapping[ObjectId, Live]
    releases: Mapping[ObjectId, Live]

    def copies(self) -> dict[ObjectId, ObjectId]:
        """Return the Kustomization in whose inventory an object is, for each object that is in one."""
        return {identity: name for name, each in sorted(self.kustomizations.items()) for identity in inventory_of(each)}


def writers_in(cluster: Cluster) -> Writers:
    """Return what in *cluster* may write other people's objects; a list for each of two kinds.

    Raises:
        ClusterError: The cluster can't be read.
    """
    kinds = ((KUSTOMIZATION_API, "Kustomization"), (HELM_RELEASE_API, "HelmRelease"))
    kustomizations, releases = in_parallel(lambda kind: cluster.objects_of(*kind), kinds)
    return Writers(kustomizations, releases)


def other_writers(
    objects: Collection[DeclaredObject],
    live: Mapping[ObjectId, Live],
    writers: Writers,
    cluster: Cluster,
    fleet: Fleet,
) -> Iterator[Problem]:
    """Yield who else writes *objects*, which Pulumi delivers.

    Args:
        objects: What Pulumi delivers.
        live: Those of them that are there, and whatever else carries the stack's label.
        writers: Who may.
        cluster: Named in what helps.
        fleet: The stack.
    """
    copies = writers.copies()
    others = _others(writers, live, {one.id for one in objects})
    for one in objects:
        if (found := live.get(one.id)) is not None:
            yield from _Found(one, found, copies.get(one.id), cluster, fleet).problems()
        if one.id.kind == "HelmRelease" and (other := others.get(helm_id(one.manifest))) is not None:
            yield _same_release(one, other, cluster, fleet)


def changed_by_hand(
    objects: Iterable[DeclaredObject], live: Mapping[ObjectId, Live], unlabelled: Collection[ObjectId], fleet: Fleet
) -> Iterator[Problem]:
    """Yield a warning for each of *objects* that a person has changed: Pulumi sees it once it is told to look.

    Args:
        objects: What Pulumi delivers.
        live: Those of them that are there.
        unlabelled: Those that lost the stack's label.
        fleet: The stack.
    """
    for one in objects:
        by_hand = edits(one.manifest, live[one.id]).by_hand if one.id in live else ()
        if by_hand or one.id in unlabelled:
            said = in_few_words(live[one.id], by_hand) if by_hand else "the stack's label is gone"
            yield Problem(
                code="drift",
                severity=Severity.WARNING,
                what=f"{one.id} was changed by hand: {said}",
                file=file_of(fleet, one),
                fix=f"fluxapps up --stack {fleet.stack} restores it, and so does pulumi up --refresh --skip-preview",
            )


@dataclass(frozen=True, slots=True)
class _Found:
    declared: DeclaredObject
    live: Live
    copy: ObjectId | None
    """The Kustomization in whose inventory it is."""
    cluster: Cluster
    fleet: Fleet

    def problems(self) -> Iterator[Problem]:
        """Yield what Flux, and other tools, do to it."""
        identity, found = self.declared.id, edits(self.declared.manifest, self.live)
        if self.copy is not None and not self._is_marked:
            said = f": {in_few_words(self.live, found.by_flux)}" if found.by_flux else ""
            yield Problem(
                code="flux-writes",
                what=f"{identity} is applied by {self._flux} too, which takes back what this stack writes{said}",
                file=self._file,
                fix=f"have Flux leave it alone: {self._mark} && {self._to_nobody}; then remove the copy from Git",
            )
            return
        if self.copy is not None:
            yield Problem(
                code="flux-copy",
                severity=Severity.WARNING,
                what=f"{identity} stands in what {self._flux} applies too, which leaves it alone: it is marked as ours",
                file=self._file,
                fix="remove the copy from Git: it does nothing",
            )
        if theirs := found.by_flux + found.by_others:
            owner = f"{self._flux} wrote" if found.by_flux else "another tool wrote"
            yield Problem(
                code="other-writer",
                what=f"{owner} fields of {identity} that Pulumi doesn't take over: {in_few_words(self.live, theirs)}",
                file=self._file,
                fix=f"see that it isn't written there any more, then make its fields nobody's: {self._to_nobody}",
            )

    @property
    def _file(self) -> str:
        return file_of(self.fleet, self.declared)

    @property
    def _is_marked(self) -> bool:
        """Return whether Flux leaves it alone; it takes a label for an annotation, and any case."""
        metadata = self.live["metadata"]
        said = {**metadata.get("labels", {}), **metadata.get("annotations", {})}
        return all(str(said.get(key, "")).lower() == value.lower() for key, value in SSA_IGNORE.items())

    @property
    def _flux(self) -> str:
        """Return the Kustomization that writes it, in words."""
        if self.copy is not None:
            return f"the {self.copy}"
        labels = self.live["metadata"].get("labels", {})
        name = labels.get(f"{KUSTOMIZE}/name")
        return f"the Kustomization {labels.get(f'{KUSTOMIZE}/namespace')}/{name}" if name else "a Kustomization"

    @property
    def _mark(self) -> str:
        (key, value), *_ = SSA_IGNORE.items()
        return _kubectl(self.cluster, "annotate", self.declared.id, "--overwrite", f"{key}={value}")

    @property
    def _to_nobody(self) -> str:
        return _kubectl(self.cluster, "patch", self.declared.id, "--type=json", "-p", _OWNED_BY_NOBODY)


def _others(writers: Writers, live: Mapping[ObjectId, Live], declared: set[ObjectId]) -> dict[HelmId, ObjectId]:
    """Return the HelmReleases that are none of this stack's and at work, by the Helm release that they make."""
    return {
        helm_id(one): name
        for name, one in writers.releases.items()
        if name not in live and name not in declared and one.get("spec", {}).get("suspend") is not True
    }


def _same_release(one: DeclaredObject, other: ObjectId, cluster: Cluster, fleet: Fleet) -> Problem:
    suspend = _kubectl(cluster, "patch", other, "--type=merge", "-p", _SUSPENDED)
    return Problem(
        code="release-taken",
        what=f"{other}, none of this stack's, makes the Helm release {helm_id(one.manifest)} of {one.id} too",
        file=file_of(fleet, one),
        fix="say another release: {releaseName: …}; to have this stack take it over as it runs: "
        f"fluxapps attach {one.app} --stack {fleet.stack}; or take the other one away without an uninstall: "
        f"{suspend} && {_kubectl(cluster, 'delete', other)}",
    )


def _kubectl(cluster: Cluster, verb: str, identity: ObjectId, *words: str) -> str:
    return " ".join(["kubectl", cluster.choice.flags, verb, reference_to(identity), *map(shlex.quote, words)])
