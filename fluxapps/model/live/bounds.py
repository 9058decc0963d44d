"""How long a stack's objects may take to get Ready, by the timeouts that Flux itself keeps."""

from typing import Any

from fluxapps.model.declare.names import SOURCE
from fluxapps.model.durations import seconds
from fluxapps.model.live.dependencies import dependency
from fluxapps.model.live.scene import Cast
from fluxapps.model.objects import Manifest, ObjectId

_HELM_TIMEOUT = 300.0
"""Seconds that helm-controller gives an action unless told."""
_RETRY_INTERVAL = 300.0
_FETCH_TIMEOUT = 60.0
"""Seconds that source-controller gives a fetch unless told."""
_SHORTEST_TIMEOUT = 30.0
"""Seconds that kustomize-controller takes at least, and by which its default is shorter than the interval."""
_SLACK = 60.0
"""Seconds for what has no timeout in the spec: a source is fetched, a controller gets to it."""


def bounds(cast: Cast) -> dict[ObjectId, float]:
    """Return for each object that is waited for, how many seconds it may take, with all that it waits for itself.

    *cast* has its objects in order: each after those it depends on.
    """
    own = {identity: _own(cast, identity) for identity in cast.declared if identity.group != SOURCE}
    whole: dict[ObjectId, float] = {}
    for identity, declared in cast.declared.items():
        if identity.kind not in {"HelmRelease", "Kustomization"}:
            continue
        needed = [dependency(identity, one) for one in declared.manifest["spec"].get("dependsOn") or ()]
        if identity.kind == "Kustomization":
            needed += cast.releases.get(declared.app or "", ())
        elif (writer := cast.applied_by.get(identity)) is not None:
            # Applied once what its Kustomization depends on is Ready.
            spec = cast.declared[writer].manifest["spec"]
            needed += [dependency(writer, one) for one in spec.get("dependsOn") or ()]
        whole[identity] = own[identity] + max((whole.get(one, 0.0) for one in needed), default=0.0)
    fetched = max((_until_fetched(cast.declared[one].manifest) for one in cast.outdated), default=0.0)
    return {identity: fetched + whole[identity] for identity in cast.granted}


def _until_fetched(source: Manifest) -> float:
    spec = source["spec"]
    return (seconds(spec.get("interval")) or 0.0) + (seconds(spec.get("timeout")) or _FETCH_TIMEOUT)


def _own(cast: Cast, identity: ObjectId) -> float:
    manifest = cast.declared[identity].manifest
    if identity.kind == "HelmRelease":
        return _of_release(manifest, cast.granted.get(identity, 0))
    if identity.kind != "Kustomization":
        return 0.0
    spec = manifest["spec"]
    interval = seconds(spec.get("interval")) or 0.0
    timeout = max(_SHORTEST_TIMEOUT, seconds(spec.get("timeout")) or interval - _SHORTEST_TIMEOUT)
    again = seconds(spec.get("retryInterval")) or interval
    # A second try of what another's lateness made fail.
    return 2 * timeout + again + _SLACK


def _of_release(manifest: Manifest, granted: int) -> float:
    spec = manifest["spec"]
    common = seconds(spec.get("timeout")) or _HELM_TIMEOUT
    longest = max(_tries(spec.get(action) or {}, common, granted) for action in ("install", "upgrade"))
    tested = common if (spec.get("test") or {}).get("enable") else 0.0
    return longest + tested + _SLACK


def _tries(action: dict[str, Any], common: float, granted: int) -> float:
    """Return how many seconds the tries of *action* may take, each with what undoes it."""
    timeout = seconds(action.get("timeout")) or common
    strategy = action.get("strategy") or {}
    if strategy.get("name") == "RetryOnFailure":
        return (granted + 1) * timeout + granted * (seconds(strategy.get("retryInterval")) or _RETRY_INTERVAL)
    retries = max(0, int((action.get("remediation") or {}).get("retries") or 0))
    return (retries + 1) * (timeout + common)
