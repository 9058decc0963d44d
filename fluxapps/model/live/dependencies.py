"""What keeps an object from being looked at by Flux: what it depends on."""

from fluxapps.model.live.condition import Live, is_ready
from fluxapps.model.live.health import Health, State, failed, progressing
from fluxapps.model.live.scene import Inquiry
from fluxapps.model.objects import ObjectId


def dependencies_health(inquiry: Inquiry, identity: ObjectId, one: Live) -> Health:
    """Return what keeps *identity* from being looked at: the failure of what it depends on, or its progress."""
    waiting = []
    for named in one["spec"].get("dependsOn") or ():
        other = dependency(identity, named)
        health = inquiry.of(other)
        if health.is_failure:
            return health
        found = inquiry.scene.find(other)
        if health.state is State.SUSPENDED and (found is None or not is_ready(found)):
            return failed(other, "is suspended and not Ready, and others depend on it")
        if health.state is State.PROGRESSING:
            waiting.append(other.name)
    return progressing(f"waits for {', '.join(waiting)}" if waiting else "what it depends on got Ready")


def dependency(identity: ObjectId, named: Live) -> ObjectId:
    """Return what *identity* means by *named*, an entry of its ``dependsOn``: the same kind, by default beside it."""
    return identity._replace(namespace=named.get("namespace") or identity.namespace, name=named["name"])
