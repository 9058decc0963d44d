"""How a stack stands in its cluster: each object as it is declared and as it is there, and each app as the worst of it.

The whole is plain data: a table, JSON and findings are made of it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, unique

from fluxapps.model.declare.declaration import Declaration
from fluxapps.model.declare.names import APP_LABEL
from fluxapps.model.live.condition import is_ready, ready_condition
from fluxapps.model.live.drift import Difference, Live, differences
from fluxapps.model.live.health import Health, is_suspended
from fluxapps.model.objects import DeclaredObject, Manifest, ObjectId

_SHA = re.compile(r"@sha(?:1|256):([0-9a-f]{7})[0-9a-f]*")
_STATIC = "oci"
"""A HelmRepository of this type gets no status: nothing is to be fetched of it."""


@unique
class Ready(IntEnum):
    """What Flux says of an object, the worse the less."""

    NO = 0
    UNSEEN = 1
    """No controller has said anything of it as it is now."""
    PROGRESSING = 2
    YES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStanding:
    """One object, declared or there or both."""

    id: ObjectId
    declared: DeclaredObject | None
    """None for what carries the stack's label and isn't declared."""
    live: Live | None
    """None for what is declared and isn't there."""
    ready: Ready | None
    """None for what has no readiness (ConfigMaps), isn't there, or is suspended: Flux doesn't look at it then."""
    reason: str
    """Flux's word for why it isn't Ready: ``InstallFailed``."""
    message: str
    """Flux's sentence for it."""
    root: ObjectId | None
    """Whose trouble keeps it from being Ready, where that is another object's."""
    cause: str
    """What Flux says of the root."""
    revision: str
    """What is deployed: the chart's version, or the commit that was applied, shortened; "" where nothing is."""
    suspended: bool
    going: bool
    """It is being deleted."""
    drift: tuple[Difference, ...]

    @property
    def is_well(self) -> bool:
        """Return whether it is there as declared, and Ready where it has a readiness."""
        if self.declared is None or self.live is None:
            return self.is_kept
        # What the files suspend, is as declared.
        held = self.suspended and self.declared.manifest["spec"].get("suspend") is not True
        return not (self.going or self.drift or held) and self.ready in {None, Ready.YES}

    @property
    def is_kept(self) -> bool:
        """Return whether it is a namespace that stays when what was in it goes, as the files want it."""
        return self.declared is None and self.id.kind == "Namespace" and not self.going


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStanding:
    """One app, or what apps share."""

    app: str | None
    """None for what apps share: namespaces, sources, where Flux reads the repository."""
    objects: tuple[ObjectStanding, ...]

    @property
    def declared(self) -> int:
        """Return how many objects are declared."""
        return sum(one.declared is not None for one in self.objects)

    @property
    def live(self) -> int:
        """Return how many of the declared ones are there."""
        return sum(one.declared is not None and one.live is not None for one in self.objects)

    @property
    def undeclared(self) -> int:
        """Return how many are there that aren't declared, and don't stay on purpose."""
        return sum(one.declared is None and not one.is_kept for one in self.objects)

    @property
    def charts(self) -> tuple[str, ...]:
        """Return the charts that are declared, each with its version or range: ``podinfo 6.x``."""
        manifests = [one.declared.manifest for one in self.objects if one.declared is not None]
        return tuple(_chart(one, manifests) for one in manifests if one["kind"] == "HelmRelease")

    @property
    def ready(self) -> Ready | None:
        """Return the worst of what Flux says of its objects; None where it says nothing of any."""
        return min((one.ready for one in self.objects if one.ready is not None), default=None)

    @property
    def worst(self) -> ObjectStanding | None:
        """Return the object that keeps it from being Ready; None where it is."""
        found = [one for one in self.objects if one.ready not in {None, Ready.YES}]
        return min(found, key=lambda one: one.ready or Ready.NO, default=None)

    @property
    def revisions(self) -> tuple[str, ...]:
        """Return what is deployed of it, each once: versions of charts, then commits."""
        return tuple(dict.fromkeys(one.revision for one in self.objects if one.revision))

    @property
    def suspended(self) -> tuple[ObjectId, ...]:
        """Return what an operator has suspended."""
        return tuple(one.id for one in self.objects if one.suspended)

    @property
    def drift(self) -> int:
        """Return how many declared fields differ in the cluster."""
        return sum(len(one.drift) for one in self.objects)

    @property
    def is_well(self) -> bool:
        """Return whether all of it is there as declared, and Ready."""
        return all(one.is_well for one in self.objects)


def delivered(declaration: Declaration) -> tuple[DeclaredObject, ...]:
    """Return all objects of *declaration* as they come to be in the cluster: what Pulumi delivers, with our marks."""
    ours = {one.id: one for one in declaration.for_pulumi().objects()}
    return tuple(ours.get(one.id, one) for one in declaration.objects())


def is_late(identity: ObjectId, live: Live) -> bool:
    """Return whether a controller says that it isn't Ready."""
    return not is_suspended(live) and _readiness(identity, live)[0] in {Ready.NO, Ready.PROGRESSING}


def standings(
    objects: Iterable[DeclaredObject], live: Mapping[ObjectId, Live], healths: Mapping[ObjectId, Health]
) -> tuple[AppStanding, ...]:
    """Return how each app stands, sorted by name, what apps share first.

    Args:
        objects: What is declared, as :func:`delivered` has it.
        live: What is in the cluster: the declared objects that are there, and others that carry the stack's label.
        healths: How those stand that are late.
    """
    apps: dict[str | None, list[ObjectStanding]] = {}
    declared = {one.id: one for one in objects}
    for one in declared.values():
        apps.setdefault(one.app, []).append(_standing(one.id, one, live.get(one.id), healths.get(one.id)))
    for identity in sorted(live.keys() - declared.keys()):
        found = live[identity]
        app = found["metadata"].get("labels", {}).get(APP_LABEL)
        apps.setdefault(app, []).append(_standing(identity, None, found, None))
    return tuple(
        AppStanding(app=app, objects=tuple(apps[app])) for app in sorted(apps, key=lambda app: (app is not None, app))
    )


def _standing(
    identity: ObjectId, declared: DeclaredObject | None, live: Live | None, health: Health | None
) -> ObjectStanding:
    suspended = live is not None and is_suspended(live)
    ready, reason, message = (None, "", "") if suspended else _readiness(identity, live)
    is_anothers = health is not None and health.root not in {None, identity}
    return ObjectStanding(
        id=identity,
        declared=declared,
        live=live,
        ready=ready,
        reason=reason,
        message=message,
        root=health.root if health is not None and is_anothers else None,
        cause=health.why if health is not None and is_anothers else "",
        revision="" if live is None else _revision(live),
        suspended=suspended,
        going=live is not None and "deletionTimestamp" in live["metadata"],
        drift=() if declared is None or live is None else differences(declared.manifest, live),
    )


def _readiness(identity: ObjectId, live: Live | None) -> tuple[Ready | None, str, str]:
    if live is None or not identity.group.endswith("fluxcd.io") or live.get("spec", {}).get("type") == _STATIC:
        return None, "", ""
    said = ready_condition(live)
    if said is None:
        return Ready.UNSEEN, "", "no controller has looked at it yet"
    if is_ready(live):
        return Ready.YES, "", ""
    reason, message = str(said.get("reason", "")), str(said.get("message", ""))
    if said["status"] == "False":
        return Ready.NO, reason, message
    if said["status"] == "True":
        return Ready.PROGRESSING, "", "Flux has not got to its latest change yet"
    return Ready.PROGRESSING, reason, message


def _chart(release: Manifest, beside: list[Manifest]) -> str:
    """Return the chart of *release* and its version, which stand in a source of the app where it names one."""
    reference = release["spec"].get("chartRef")
    if reference is None:
        chart = release["spec"]["chart"]["spec"]
        return f"{chart['chart']} {chart.get('version', '')}".rstrip()
    called = (reference["kind"], reference["name"])
    for source in beside:
        if (source["kind"], source["metadata"]["name"]) == called:
            version = " ".join(str(each) for each in source["spec"].get("ref", {}).values())
            return f"{source['spec']['url'].rpartition('/')[2]} {version}".rstrip()
    return " ".join(called)


def _revision(live: Live) -> str:
    status = live.get("status", {})
    if live["kind"] == "HelmRelease":
        history = status.get("history") or ()
        return next((str(one["chartVersion"]) for one in history if one.get("status") == "deployed"), "")
    if live["kind"] == "Kustomization":
        return short_revision(str(status.get("lastAppliedRevision") or ""))
    return ""


def short_revision(revision: str) -> str:
    """Return *revision* as people say it: ``main@1a2b3c4`` of ``main@sha1:1a2b3c4d…``."""
    return _SHA.sub(r"@\1", revision)
