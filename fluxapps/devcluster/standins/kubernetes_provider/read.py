"""Read: an object as it is, for a refresh or an import."""

from fluxapps.devcluster.standins.kubernetes_provider import field_managers, shape
from fluxapps.devcluster.standins.kubernetes_provider.call import Call, OperationError, Properties
from fluxapps.devcluster.standins.kubernetes_provider.cluster import ApiError, NoMatchError, UnreachableError
from fluxapps.devcluster.standins.kubernetes_provider.properties import with_secrets_of
from fluxapps.devcluster.standins.kubernetes_provider.reach import DELETE_UNREACHABLE_HELP, Reach, kind_of

Found = tuple[str, Properties, Properties]
"""An object's id, state and inputs; the id is empty when it isn't there."""

NOT_THERE: Found = ("", {}, {})


def read(reach: Reach, call: Call, identifier: str, state: Properties, given: Properties) -> Found:
    """Read an object.

    Args:
        reach: The provider's cluster.
        call: The operation.
        identifier: `namespace/name`, or `name`.
        state: What is known of it; empty at an import.
        given: Its inputs; empty at an import.

    Returns:
        What was found.

    Raises:
        OperationError: The cluster cannot be asked.
    """
    if reach.unreachable:
        return _unreachable(reach, call, (identifier, state, given))
    namespace, _, name = identifier.rpartition("/")
    inputs = shape.normalized(shape.manifest(given))
    _, old_live = shape.parse_checkpoint(state)
    imported = not inputs.get("kind") and not old_live.get("kind")
    if not inputs.get("kind"):
        known = (old_live["apiVersion"], old_live["kind"]) if old_live.get("kind") else kind_of(call)
        inputs["apiVersion"], inputs["kind"] = known
        meta = inputs.setdefault("metadata", {})
        meta.setdefault("name", name)
        if namespace:
            meta.setdefault("namespace", namespace)
    try:
        live = reach.cluster.get(reach.address(inputs, name))
    except NoMatchError:
        # Where its kind is gone, so is it.
        return NOT_THERE
    except (ApiError, UnreachableError) as error:
        if isinstance(error, ApiError) and error.not_found:
            return NOT_THERE
        raise OperationError(str(error)) from error
    live_inputs = shape.pruned(live, inputs)
    if imported:
        live_inputs = _as_inputs(live, live_inputs)
    checkpoint = shape.checkpoint(
        live_inputs,
        live,
        given,
        api_version=str(state.get("__initialApiVersion") or inputs["apiVersion"]),
        field_manager=field_managers.field_manager(state, inputs),
    )
    return identifier, checkpoint, with_secrets_of(shape.renamed(live_inputs, shape.UNDERSCORED), given)


def _unreachable(reach: Reach, call: Call, kept: Found) -> Found:
    call.warn(f"configured Kubernetes cluster is unreachable: {reach.unreachable}")
    if reach.settings.delete_unreachable:
        return NOT_THERE
    if reach.settings.skip_update_unreachable:
        return kept
    raise OperationError(f"failed to read resource state due to unreachable cluster. {DELETE_UNREACHABLE_HELP}")


def _as_inputs(live: shape.Object, identity: shape.Object) -> shape.Object:
    """Choose what of an imported object counts as inputs.

    Of a built-in object all but its status, as the SDK's schema has it; of a custom one, which that schema does not
    have, its identity only.
    """
    group = str(live.get("apiVersion")).rpartition("/")[0]
    if "." in group and not group.endswith(".k8s.io"):
        return identity
    return shape.normalized({key: value for key, value in live.items() if key != "status"})
