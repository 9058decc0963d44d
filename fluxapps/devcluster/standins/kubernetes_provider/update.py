"""Update: apply an object's new inputs, and wait for what its annotations ask for."""

from http import HTTPStatus

from fluxapps.devcluster.standins.kubernetes_provider import field_managers, shape, waiting
from fluxapps.devcluster.standins.kubernetes_provider.call import Call, OperationError, PartialError, Properties
from fluxapps.devcluster.standins.kubernetes_provider.cluster import (
    Address,
    ApiError,
    ApplyConflictError,
    NoMatchError,
    UnreachableError,
)
from fluxapps.devcluster.standins.kubernetes_provider.properties import has_unknown
from fluxapps.devcluster.standins.kubernetes_provider.reach import CRD, Reach

CONFLICT_HELP = (
    "server-side apply field conflict detected: another field manager owns these fields with other values. Leave them "
    'out of the program, or take them over with the annotation pulumi.com/patchForce: "true" or the provider\'s '
    'enablePatchForce\nThe resource managed by field manager "{manager}" had an apply conflict: {error}'
)


def update(reach: Reach, call: Call, state: Properties, properties: Properties) -> Properties:
    """Apply an object's new inputs; in a preview the server only tries.

    Returns:
        Its state.

    Raises:
        OperationError: It isn't there, or the server cannot be asked.
        PartialError: It was not changed, or did not become ready.
    """
    inputs = shape.normalized(shape.manifest(properties))
    if call.preview and (has_unknown(inputs) or not reach.knows(inputs)):
        return properties
    old_inputs, old_live = shape.parse_checkpoint(state)
    before = field_managers.field_manager(state, old_inputs)
    manager = field_managers.field_manager(state, inputs)
    failure = ""
    try:
        address = reach.address(inputs, shape.name_of(old_live))
        live = _applied(reach, call, address, inputs, manager)
        if not call.preview:
            live = waiting.until_ready(waiting.Target(reach, call, live), inputs)
    except NoMatchError as error:
        raise OperationError(
            f'update of resource "{call.urn}" failed because the Kubernetes API server reported that the apiVersion '
            f"for this resource does not exist. Verify that any required CRDs have been created: {error}"
        ) from error
    except (ApiError, UnreachableError, waiting.WaitError) as error:
        if call.preview and isinstance(error, ApiError) and error.code == HTTPStatus.FORBIDDEN:
            return properties
        failure = explained(error, manager)
        live = _reread(reach, call, old_live, failure)
    version = str(state.get("__initialApiVersion") or old_inputs.get("apiVersion"))
    result = shape.checkpoint(inputs, live, properties, api_version=version, field_manager=manager)
    if failure:
        identifier = shape.identifier(live)
        raise PartialError(
            f'the Kubernetes API server reported that "{identifier}" failed to fully initialize or become live: '
            f"{failure}",
            identifier,
            result,
        )
    if not call.preview and before != manager:
        _relinquish(reach, live, before)
    return result


def explained(error: Exception, manager: str) -> str:
    """Say what went wrong; of an apply's conflict also what can be done about it (the real one: `handleSSAErr`)."""
    if isinstance(error, ApplyConflictError):
        return CONFLICT_HELP.format(manager=manager, error=error)
    return str(error)


def _applied(reach: Reach, call: Call, address: Address, inputs: shape.Object, manager: str) -> shape.Object:
    live = reach.cluster.get(address)
    if inputs.get("kind") == CRD and str(inputs.get("apiVersion")).startswith("apiextensions.k8s.io/"):
        # A CRD is written whole: versions that are gone have to go.
        version = live["metadata"]["resourceVersion"]
        whole = {**inputs, "metadata": {**shape.metadata(inputs), "resourceVersion": version}}
        reach.cluster.forget()
        return reach.cluster.replace(address, whole, {"fieldManager": manager, **call.dry_run})
    entries = None if call.preview else field_managers.handed_over(live, manager)
    if entries is not None:
        # Without the version it was read at, as the real one: a status written meanwhile is no conflict.
        live = reach.cluster.patch(address, [{"op": "replace", "path": "/metadata/managedFields", "value": entries}])
    field_managers.without_ignored(inputs, live, [tuple(each.split(".")) for each in call.ignored], manager)
    forced = field_managers.force(inputs, live, always=reach.settings.enable_patch_force, preview=call.preview)
    query = {"fieldManager": manager, "force": str(forced).lower(), **call.dry_run}
    return reach.cluster.apply(address, inputs, query)


def _reread(reach: Reach, call: Call, old_live: shape.Object, failure: str) -> shape.Object:
    try:
        return reach.cluster.get(reach.address(old_live))
    except (ApiError, NoMatchError, UnreachableError) as error:
        raise OperationError(
            f'update of resource "{call.urn}" failed: {failure}\nunable to get cluster state: {error}'
        ) from error


def _relinquish(reach: Reach, live: shape.Object, manager: str) -> None:
    """Give up what an object's former manager owns, by an apply that says nothing."""
    identity = {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}
    minimal = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": identity}
    reach.cluster.apply(reach.address(live), minimal, {"fieldManager": manager})
