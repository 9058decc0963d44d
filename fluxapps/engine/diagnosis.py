"""What is wrong with a stack in its cluster, and what to do about it: a problem for each thing, with its object.

Pure as far as it can be: what is there is handed in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fluxapps.engine.cluster import Cluster
from fluxapps.engine.refusals import file_of, reference_to
from fluxapps.model.declare.names import HELM, KUSTOMIZE
from fluxapps.model.live.drift import Difference
from fluxapps.model.live.edits import edits
from fluxapps.model.live.standing import AppStanding, ObjectStanding, Ready
from fluxapps.model.live.wording import in_few_words
from fluxapps.model.objects import ObjectId
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.resolved import Fleet

_FLUX_WORDS: Final = {
    "HelmRelease": "helmrelease",
    "Kustomization": "kustomization",
    "GitRepository": "source git",
    "HelmRepository": "source helm",
    "OCIRepository": "source oci",
}
"""What the ``flux`` command calls a kind."""

_CONTROLLERS: Final = {HELM: "helm-controller", KUSTOMIZE: "kustomize-controller"}
_SOURCES: Final = "source-controller"
_WAITS: Final = "DependencyNotReady"
"""Reason of what waits for another object, which has its own."""
_SHOWN: Final = 3
_FINALIZERS: Final = """'{"metadata":{"finalizers":null}}'"""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A stack as it stands in its cluster, looked at for what is wrong."""

    fleet: Fleet
    cluster: Cluster
    by_pulumi: frozenset[ObjectId]
    """What Pulumi delivers; the rest is Flux's, from Git."""

    def problems(self, apps: Sequence[AppStanding]) -> Iterator[Problem]:
        """Yield what is wrong with *apps*, besides who else writes their objects."""
        objects = [one for app in apps for one in app.objects]
        if not any(one.live is not None for one in objects):
            yield self._nothing_there()
            return
        for app in apps:
            yield from self._missing(app)
        for one in objects:
            if one.live is not None:
                yield from self._of_object(one)
        yield from self._unseen(objects)

    def _of_object(self, one: ObjectStanding) -> Iterator[Problem]:
        if one.going:
            yield self._going(one)
        elif one.declared is None:
            yield self._orphan(one)
        else:
            if one.suspended and one.declared.manifest["spec"].get("suspend") is not True:
                yield self._suspended(one)
            if one.drift and one.id not in self.by_pulumi:
                yield from self._drift_of_flux(one)
            if one.ready is Ready.NO:
                yield self._not_ready(one)

    def _nothing_there(self) -> Problem:
        return Problem(
            code="not-deployed",
            what=f"nothing of stack {self.fleet.stack} is in {self.cluster}",
            file=self._stack_file,
            fix=f"deploy it: fluxapps up --stack {self.fleet.stack}; if it was, this is another cluster",
        )

    def _missing(self, app: AppStanding) -> Iterator[Problem]:
        missing = [one for one in app.objects if one.declared is not None and one.live is None]
        if not missing or missing[0].declared is None:
            return
        if any(one.id in self.by_pulumi for one in missing):
            fix = f"fluxapps up --stack {self.fleet.stack}"
        else:
            fix = f"commit and push the rendered tree; then {self._flux('reconcile', self._top)} --with-source"
        whose = f" of app {app.app}" if app.app else ""
        yield Problem(
            code="missing-object",
            what=f"{_some(one.id for one in missing)}{whose} {'are' if len(missing) > 1 else 'is'} not there",
            file=file_of(self.fleet, missing[0].declared),
            fix=fix,
        )

    def _going(self, one: ObjectStanding) -> Problem:
        metadata = one.live["metadata"] if one.live is not None else {}
        waits = ", ".join(metadata.get("finalizers") or ()) or "nothing it names"
        give_up = f"kubectl {self.cluster.choice.flags} patch {reference_to(one.id)} --type=merge -p {_FINALIZERS}"
        left = "; what it installed then stays" if one.id.group.endswith("fluxcd.io") else ""
        return Problem(
            code="stuck-deletion",
            what=f"{one.id} is being deleted since {metadata.get('deletionTimestamp')}, and waits for {waits}",
            file=self._file(one),
            fix=f"see that {_controller(one.id)} runs, and what it says; to give up: {give_up}{left}",
        )

    def _orphan(self, one: ObjectStanding) -> Problem:
        if one.id.kind == "Namespace":
            return Problem(
                code="kept-namespace",
                severity=Severity.HINT,
                what=f"{one.id} was kept when what was in it went: it may hold volumes, and what others made",
                file=self._stack_file,
                fix=f"if nothing in it is needed: kubectl {self.cluster.choice.flags} delete {reference_to(one.id)}",
            )
        return Problem(
            code="orphan",
            severity=Severity.WARNING,
            what=f"{one.id} carries the label of stack {self.fleet.stack}, which doesn't declare it",
            file=self._stack_file,
            fix=f"fluxapps up --stack {self.fleet.stack} removes it; where its state doesn't know it (it was lost, or "
            f"the run that made it was killed): kubectl {self.cluster.choice.flags} delete {reference_to(one.id)}",
        )

    def _suspended(self, one: ObjectStanding) -> Problem:
        return Problem(
            code="suspended",
            severity=Severity.WARNING,
            what=f"{one.id} is suspended: Flux leaves it as it is until somebody resumes it",
            file=self._file(one),
            fix=self._flux("resume", one.id),
        )

    def _drift_of_flux(self, one: ObjectStanding) -> Iterator[Problem]:
        if one.declared is None or one.live is None:
            return
        found = edits(one.declared.manifest, one.live)
        by_hand = found.by_hand + found.by_others
        if by_hand:
            yield self._changed(one, by_hand, "was changed by hand", "Flux takes it back when it next applies Git: ")
        elif some := found.by_flux + found.unsure:
            yield self._changed(one, some, "is not what the files say", "commit and push the rendered tree; then ")

    def _changed(self, one: ObjectStanding, some: Sequence[Difference], how: str, fix: str) -> Problem:
        return Problem(
            code="drift",
            severity=Severity.WARNING,
            what=f"{one.id} {how}: {in_few_words(one.live or {}, some)}",
            file=self._file(one),
            fix=f"{fix}{self._flux('reconcile', self._top)} --with-source",
        )

    def _not_ready(self, one: ObjectStanding) -> Problem:
        said = " ".join(": ".join(filter(None, (one.reason, one.message))).split())
        return Problem(
            code="not-ready",
            severity=Severity.WARNING if one.reason == _WAITS else Severity.ERROR,
            what=f"{one.id} is not Ready: {said}" + (f"; because of {one.root}: {one.cause}" if one.root else ""),
            file=self._file(one),
            fix=f"flux events --for {one.id.kind}/{one.id.name} -n {one.id.namespace} {self.cluster.choice.flags}",
        )

    def _unseen(self, objects: Iterable[ObjectStanding]) -> Iterator[Problem]:
        unseen: dict[str, list[ObjectId]] = {}
        for one in objects:
            if one.ready is Ready.UNSEEN and not one.going:
                unseen.setdefault(_controller(one.id), []).append(one.id)
        for controller, ids in sorted(unseen.items()):
            yield Problem(
                code="no-controller",
                what=f"no controller has looked at {_some(ids)}",
                file=self._stack_file,
                fix=f"see that {controller} runs, and which namespaces it watches: "
                f"kubectl {self.cluster.choice.flags} get pods -n {self.fleet.flux_namespace}",
            )

    @property
    def _stack_file(self) -> str:
        return f"Pulumi.{self.fleet.stack}.yaml"

    @property
    def _top(self) -> ObjectId:
        """Return the Kustomization that applies all that Flux delivers of the stack."""
        name = self.fleet.git.name if self.fleet.git is not None else self.fleet.project
        return ObjectId(KUSTOMIZE, "Kustomization", self.fleet.flux_namespace, name)

    def _file(self, one: ObjectStanding) -> str:
        return self._stack_file if one.declared is None else file_of(self.fleet, one.declared)

    def _flux(self, verb: str, identity: ObjectId) -> str:
        word = _FLUX_WORDS[identity.kind]
        return f"flux {verb} {word} {identity.name} -n {identity.namespace} {self.cluster.choice.flags}"


def _controller(identity: ObjectId) -> str:
    if not identity.group.endswith("fluxcd.io"):
        return "kube-controller-manager"
    return _CONTROLLERS.get(identity.group, _SOURCES)


def _some(ids: Iterable[ObjectId]) -> str:
    names = [str(one) for one in ids]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
