"""Delete: an object, and what belongs to it, and wait until it is gone."""

from fluxapps.devcluster.standins.kubernetes_provider import field_managers, shape, waiting
from fluxapps.devcluster.standins.kubernetes_provider.call import Call, OperationError, PartialError, Properties
from fluxapps.devcluster.standins.kubernetes_provider.cluster import ApiError, NoMatchError, UnreachableError
from fluxapps.devcluster.standins.kubernetes_provider.reach import DELETE_UNREACHABLE_HELP, Reach

POLICY = "pulumi.com/deletionPropagationPolicy"
POLICIES = {"orphan": "Orphan", "background": "Background"}


def delete(reach: Reach, call: Call, identifier: str, state: Properties) -> None:
    """Delete an object; one that is gone already, or whose kind is, is no error.

    Raises:
        OperationError: The server refused, or cannot be asked.
        PartialError: It is still there after its timeout.
    """
    inputs, live = shape.parse_checkpoint(state)
    if reach.unreachable:
        call.warn(f"configured Kubernetes cluster is unreachable: {reach.unreachable}")
        if reach.settings.delete_unreachable:
            return
        raise OperationError(f"configured Kubernetes cluster is unreachable. {DELETE_UNREACHABLE_HELP}")
    try:
        address = reach.address(live, identifier.rpartition("/")[2])
        reach.cluster.delete(address, POLICIES.get(shape.annotation(inputs, POLICY).lower(), "Foreground"))
    except NoMatchError:
        return
    except (ApiError, UnreachableError) as error:
        if isinstance(error, ApiError) and error.not_found:
            return
        raise OperationError(str(error)) from error
    try:
        waiting.until_gone(waiting.Target(reach, call, live), inputs)
    except waiting.WaitError as error:
        finalizers = shape.metadata(error.live).get("finalizers") or []
        call.warn(f"finalizers might be preventing deletion ({', '.join(finalizers)})")
        kept = shape.checkpoint(
            inputs,
            error.live,
            state,
            api_version=str(state.get("__initialApiVersion") or ""),
            field_manager=field_managers.field_manager(state, inputs),
        )
        raise PartialError(str(error), shape.identifier(error.live), kept) from error
