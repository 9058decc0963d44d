"""Create: make an object, and wait for what its annotations ask for."""

from http import HTTPStatus

from fluxapps.devcluster.standins.kubernetes_provider import field_managers, shape, waiting
from fluxapps.devcluster.standins.kubernetes_provider.call import Call, OperationError, PartialError, Properties
from fluxapps.devcluster.standins.kubernetes_provider.cluster import Address, ApiError, NoMatchError, UnreachableError
from fluxapps.devcluster.standins.kubernetes_provider.properties import has_unknown
from fluxapps.devcluster.standins.kubernetes_provider.reach import CRD, Reach
from fluxapps.devcluster.standins.kubernetes_provider.update import explained

# Pauses between tries to create what needs a kind or a namespace that isn't there yet.
RETRY_SECONDS = (1, 2, 4, 8, 16)

ALREADY_EXISTS_HELP = """

The resource already exists in the cluster. What can be done about it:

  - A Pulumi resource was renamed: give the new one an alias of the old, or deleteBeforeReplace.
  - Only some fields are to be managed: use a Patch resource (e.g. NamespacePatch).
  - The object is to be taken over: `pulumi import`, or the resource option `import_`.
  - Every existing object is to be taken over: set upsertExistingObjects on the provider."""


def create(reach: Reach, call: Call, properties: Properties) -> tuple[str, Properties]:
    """Make an object; in a preview the server only tries, and what it cannot try is taken as it is.

    Returns:
        Its id, empty in a preview, and its state.

    Raises:
        OperationError: It was not made.
        PartialError: It was made, but did not become ready.
    """
    inputs = shape.manifest(properties)
    if call.preview and (has_unknown(inputs) or not reach.knows(inputs)):
        return "", properties
    manager = field_managers.field_manager({}, inputs)
    try:
        live = _created(reach, call, inputs, manager)
    except (ApiError, UnreachableError) as error:
        if call.preview and isinstance(error, ApiError) and _says_nothing(error):
            return "", properties
        hint = ALREADY_EXISTS_HELP if isinstance(error, ApiError) and error.reason == "AlreadyExists" else ""
        raise OperationError(
            f'resource "{call.urn}" was not successfully created by the Kubernetes API server: '
            f"{explained(error, manager)}{hint}"
        ) from error
    except NoMatchError as error:
        raise OperationError(
            f'creation of resource "{call.urn}" with kind {inputs.get("apiVersion")}/{inputs.get("kind")} failed '
            "because the Kubernetes API server reported that the apiVersion for this resource does not exist. "
            f"Verify that any required CRDs have been created: {error}"
        ) from error

    def state(live: shape.Object) -> Properties:
        version = str(inputs.get("apiVersion"))
        return shape.checkpoint(inputs, live, properties, api_version=version, field_manager=manager)

    if call.preview:
        live.pop("status", None)
        return "", state(live)
    if inputs.get("kind") == CRD:
        reach.cluster.forget()
    try:
        live = waiting.until_ready(waiting.Target(reach, call, live), inputs)
    except waiting.WaitError as error:
        raise PartialError(
            f'resource "{call.urn}" was successfully created, but the Kubernetes API server reported that it '
            f"failed to fully initialize or become live: {error}",
            shape.identifier(error.live),
            state(error.live),
        ) from error
    return shape.identifier(live), state(live)


def _created(reach: Reach, call: Call, inputs: shape.Object, manager: str) -> shape.Object:
    for attempt, pause in enumerate((*RETRY_SECONDS, None)):
        try:
            address = reach.address(inputs)
            if reach.settings.upsert_existing_objects:
                forced = field_managers.force(
                    inputs, None, always=reach.settings.enable_patch_force, preview=call.preview
                )
                query = {"fieldManager": manager, "force": str(forced).lower(), **call.dry_run}
                return reach.cluster.apply(address, inputs, query)
            beside = Address(address.resource, address.namespace)
            return reach.cluster.create(beside, inputs, {"fieldManager": field_managers.CREATOR, **call.dry_run})
        except (ApiError, NoMatchError) as error:
            refused = isinstance(error, ApiError) and not error.not_found
            if refused or call.preview or pause is None:
                raise
            call.show(f"Retry #{attempt}; creation failed: {error}")
            if call.cancellation.sleep(pause):
                raise
    raise AssertionError("the last try returns or raises")


def _says_nothing(error: ApiError) -> bool:
    """Whether a server's refusal to try says nothing of what the update will do.

    The object may be replaced in the same update, its namespace made in it, and who may only preview is told nothing.
    """
    return (
        error.code == HTTPStatus.FORBIDDEN
        or error.namespace_not_found
        or error.reason == "AlreadyExists"
        or "does not support dry run" in str(error)
    )
