"""What the real Kubernetes provider does with a resource: check, diff, create, read, update, delete.

One `Provider` is one provider of a program: it has its own settings, and its own cluster.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime.proto import provider_pb2

from fluxapps.devcluster.standins import engine_log
from fluxapps.devcluster.standins.kubernetes_provider import diff, field_managers, shape, waiting
from fluxapps.devcluster.standins.kubernetes_provider.cluster import (
    ApiError,
    Cancellation,
    Cluster,
    NoMatchError,
    Resource,
    UnreachableError,
)
from fluxapps.devcluster.standins.kubernetes_provider.properties import has_unknown, with_secrets_of
from fluxapps.devcluster.standins.kubernetes_provider.settings import Settings

AUTONAMED = "pulumi.com/autonamed"
DELETION_POLICY = "pulumi.com/deletionPropagationPolicy"
CRD = "CustomResourceDefinition"

CLUSTER_SCOPED = {
    ("v1", "Namespace"),
    ("v1", "Node"),
    ("v1", "PersistentVolume"),
    ("apiextensions.k8s.io/v1", CRD),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("storage.k8s.io/v1", "StorageClass"),
}

# Pauses between tries to create what needs a kind or a namespace that isn't there yet.
RETRY_SECONDS = (1, 2, 4, 8, 16)

ALREADY_EXISTS_HELP = """

The resource already exists in the cluster. What can be done about it:

  - A Pulumi resource was renamed: give the new one an alias of the old, or deleteBeforeReplace.
  - Only some fields are to be managed: use a Patch resource (e.g. NamespacePatch).
  - The object is to be taken over: `pulumi import`, or the resource option `import_`.
  - Every existing object is to be taken over: set upsertExistingObjects on the provider."""

CONFLICT_HELP = """server-side apply field conflict detected: another field manager owns these fields with other values. \
Leave them out of the program, or take them over with the annotation pulumi.com/patchForce: "true" or the provider's \
enablePatchForce
The resource managed by field manager "{manager}" had an apply conflict: {error}"""

DELETE_UNREACHABLE_HELP = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)

Properties = dict[str, Any]


class OperationError(Exception):
    """An operation failed; the text is for the user."""


class PartialError(Exception):
    """An object was written, but isn't what it should be; the engine keeps *state* and the reason."""

    def __init__(self, message: str, identifier: str, state: Properties, inputs: Properties | None = None) -> None:
        super().__init__(message)
        self.identifier = identifier
        self.state = state
        self.inputs = inputs


@dataclass
class Call:
    """What comes with every operation on a resource."""

    urn: str
    log: engine_log.EngineLog
    timeout: float = 0.0
    preview: bool = False
    cancellation: Cancellation = field(default_factory=Cancellation)
    _shown: str = ""

    @property
    def type(self) -> str:
        """The resource's type token."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.split("::", 3)[3]

    def warn(self, message: str) -> None:
        """Show a warning that stays."""
        self.log.say(engine_log.WARNING, message, urn=self.urn)

    def show(self, message: str) -> None:
        """Show a line beside the resource; an empty one takes it away."""
        if message != self._shown:
            self._shown = message
            self.log.say(engine_log.INFO, message, urn=self.urn, ephemeral=True)


class Provider:
    """A configured provider."""

    def __init__(self, settings: Settings, cluster: Cluster | None, namespace: str, unreachable: str) -> None:
        """Make a provider.

        Args:
            settings: Its arguments.
            cluster: Its API server, `None` when the settings lead to none.
            namespace: For objects that say none.
            unreachable: Why the cluster cannot be used; empty when it can.
        """
        self._settings = settings
        self._cluster = cluster
        self._namespace = namespace
        self._unreachable = unreachable
        self._crds: dict[tuple[str, str], bool] = {}

    def check(self, call: Call, old: Properties, new: Properties, seed: bytes) -> tuple[Properties, list[str]]:
        """Complete a resource's inputs: name and namespace.

        Returns:
            The inputs, and the reasons why they cannot be taken.

        Raises:
            OperationError: This provider has no such resource.
        """
        if self._unreachable and self._settings.skip_update_unreachable:
            call.warn("Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...")
            return old, []
        api_version, kind = _type(call)
        wanted = shape.normalized(shape.manifest(new))
        if kind == f"{wanted.get('kind')}Patch":
            raise OperationError(f"{call.type}: this stand-in of the Kubernetes provider knows no Patch resources")
        if kind.endswith("List") and isinstance(wanted.get("items"), list):
            raise OperationError(
                "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be created "
                "directly. Use the underlying resource type instead"
            )
        meta = wanted.setdefault("metadata", {})
        failures = []
        if isinstance(meta, dict):
            if not meta.get("name"):
                if meta.get("generateName"):
                    failures.append("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
                else:
                    self._name(call, meta, shape.manifest(old), seed)
            if not meta.get("namespace") and self._namespaced(api_version, kind):
                meta["namespace"] = self._namespace
        if wanted.get("kind") == CRD and not has_unknown(wanted):
            spec = wanted.get("spec") or {}
            known = (spec.get("group"), (spec.get("names") or {}).get("kind"))
            self._crds[known] = spec.get("scope") == "Namespaced"
        return with_secrets_of(shape.renamed(wanted, shape.UNDERSCORED), new), failures

    def diff(self, call: Call, state: Properties, new: Properties, ignored: list[str]) -> Any:
        """Compare the last known object, cut to its inputs' shape, with the new inputs.

        Returns:
            The engine's DiffResponse.
        """
        old_inputs, live = shape.parse_checkpoint(state)
        wanted = shape.normalized(shape.manifest(new))
        have = shape.pruned(live, shape.normalized(old_inputs))
        have.setdefault("apiVersion", wanted.get("apiVersion"))
        have.setdefault("kind", wanted.get("kind"))
        shape.metadata(have).pop("resourceVersion", None)
        have_meta = have.setdefault("metadata", {})
        wanted_meta = wanted.setdefault("metadata", {})
        if isinstance(wanted_meta, dict):
            namespaced = self._namespaced(str(wanted.get("apiVersion")), str(wanted.get("kind")))
            for each in (have_meta, wanted_meta):
                if namespaced:
                    each["namespace"] = each.get("namespace") or "default"
                else:
                    each.pop("namespace", None)
            if wanted_meta.get("name"):
                have_meta["name"] = shape.name_of(live)
        replacing = diff.force_new(
            wanted,
            mutable_config_maps=self._settings.enable_config_map_mutable,
            mutable_secrets=self._settings.enable_secret_mutable,
        )
        changes = diff.detailed(diff.merge_patch(have, wanted), have, wanted, replacing)
        changes = {
            path: change
            for path, change in changes.items()
            if not any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in ignored)
        }
        replaced = [
            path
            for path, change in changes.items()
            if change.kind in diff.REPLACING.values() or (path == "metadata" and change.kind == diff.DELETE)
        ]
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=replaced,
            deleteBeforeReplace=bool(replaced) and self._keeps_name(wanted, live),
            detailedDiff=changes,
            hasDetailedDiff=True,
        )

    def create(self, call: Call, properties: Properties) -> tuple[str, Properties]:
        """Make an object, and wait for what its annotations ask for. In a preview the server only tries.

        Returns:
            Its id, empty in a preview, and its state.

        Raises:
            OperationError: It was not made.
            PartialError: It was made, but did not become ready.
        """
        inputs = shape.manifest(properties)
        if not call.preview:
            self._require_cluster()
        elif has_unknown(inputs) or not self._known(inputs):
            return "", properties
        manager = field_managers.field_manager({}, inputs)
        try:
            live = self._created(call, inputs, manager)
        except ApiError as error:
            if call.preview and (
                error.code == 403 or _already_exists(error) or _no_dry_run(error) or error.namespace_not_found
            ):  # noqa: PLR2004, E501
                return "", properties
            hint = ALREADY_EXISTS_HELP if _already_exists(error) else ""
            raise OperationError(
                f'resource "{call.urn}" was not successfully created by the Kubernetes API server: '
                f"{_explained(error, manager)}{hint}"
            ) from error
        except NoMatchError as error:
            raise OperationError(
                f'creation of resource "{call.urn}" with kind {inputs.get("apiVersion")}/{inputs.get("kind")} failed '
                "because the Kubernetes API server reported that the apiVersion for this resource does not exist. "
                f"Verify that any required CRDs have been created: {error}"
            ) from error
        version = str(inputs.get("apiVersion"))
        if call.preview:
            live.pop("status", None)
            return "", shape.checkpoint(inputs, live, properties, api_version=version, field_manager=manager)
        try:
            live = waiting.until_ready(self._target(call, live), inputs, live, call.timeout)
        except waiting.WaitError as error:
            state = shape.checkpoint(inputs, error.live, properties, api_version=version, field_manager=manager)
            raise PartialError(
                f'resource "{call.urn}" was successfully created, but the Kubernetes API server reported that it '
                f"failed to fully initialize or become live: {error}",
                shape.identifier(error.live),
                state,
            ) from error
        finally:
            call.show("")
        if inputs.get("kind") == CRD:
            self._server().forget()
        state = shape.checkpoint(inputs, live, properties, api_version=version, field_manager=manager)
        return shape.identifier(live), state

    def update(self, call: Call, state: Properties, properties: Properties, ignored: list[str]) -> Properties:
        """Apply an object's new inputs, and wait for what its annotations ask for.

        Returns:
            Its state.

        Raises:
            OperationError: It isn't there, or the server cannot be asked.
            PartialError: It was not changed, or did not become ready.
        """
        inputs = shape.normalized(shape.manifest(properties))
        if not call.preview:
            self._require_cluster()
        elif has_unknown(inputs) or not self._known(inputs):
            return properties
        old_inputs, old_live = shape.parse_checkpoint(state)
        before = field_managers.field_manager(state, old_inputs)
        manager = field_managers.field_manager(state, inputs)
        version = str(state.get("__initialApiVersion") or old_inputs.get("apiVersion"))
        name = shape.name_of(old_live)
        failure = ""
        try:
            live = self._applied(call, inputs, name, manager, [tuple(each.split(".")) for each in ignored])
            if not call.preview:
                live = waiting.until_ready(self._target(call, live), inputs, live, call.timeout)
        except NoMatchError as error:
            raise OperationError(
                f'update of resource "{call.urn}" failed because the Kubernetes API server reported that the '
                "apiVersion for this resource does not exist. Verify that any required CRDs have been created: "
                f"{error}"
            ) from error
        except (ApiError, UnreachableError, waiting.WaitError) as error:
            if call.preview and isinstance(error, ApiError) and error.code == 403:  # noqa: PLR2004 - HTTP
                return properties
            failure = _explained(error, manager)
            live = self._reread(call, inputs, name, failure)
        finally:
            call.show("")
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
            self._relinquish(live, before)
        return result

    def read(
        self, call: Call, identifier: str, state: Properties, given: Properties
    ) -> tuple[str, Properties, Properties]:
        """Read an object as it is, for a refresh or an import.

        Returns:
            Its id, state and inputs; an empty id when it isn't there.

        Raises:
            OperationError: The cluster cannot be asked.
        """
        if self._unreachable:
            call.warn(f"configured Kubernetes cluster is unreachable: {self._unreachable}")
            if self._settings.delete_unreachable:
                return "", {}, {}
            if self._settings.skip_update_unreachable:
                return identifier, state, given
            raise OperationError(f"failed to read resource state due to unreachable cluster. {DELETE_UNREACHABLE_HELP}")
        namespace, _, name = identifier.rpartition("/")
        inputs = shape.normalized(shape.manifest(given))
        imported = not inputs.get("kind")
        _, old_live = shape.parse_checkpoint(state)
        if imported:
            if old_live.get("kind"):
                imported = False
                inputs |= {"apiVersion": old_live["apiVersion"], "kind": old_live["kind"]}
            else:
                inputs["apiVersion"], inputs["kind"] = _type(call)
            meta = inputs.setdefault("metadata", {})
            meta.setdefault("name", name)
            if namespace:
                meta.setdefault("namespace", namespace)
        manager = field_managers.field_manager(state, inputs)
        version = str(state.get("__initialApiVersion") or inputs.get("apiVersion"))
        try:
            resource = self._resource(inputs)
            live = self._server().get(resource, namespace or shape.namespace_of(inputs), name)
        except NoMatchError:
            return "", {}, {}
        except ApiError as error:
            if error.not_found:
                return "", {}, {}
            raise OperationError(str(error)) from error
        live_inputs = shape.pruned(live, inputs)
        if imported:
            live_inputs = _as_inputs(live, live_inputs)
        marked = with_secrets_of(shape.renamed(live_inputs, shape.UNDERSCORED), given)
        checkpoint = shape.checkpoint(live_inputs, live, given, api_version=version, field_manager=manager)
        return identifier or shape.identifier(live), checkpoint, marked

    def delete(self, call: Call, identifier: str, state: Properties) -> None:
        """Delete an object, and wait until it is gone.

        Raises:
            OperationError: The server refused, or cannot be asked.
            PartialError: It is still there after its timeout.
        """
        inputs, live = shape.parse_checkpoint(state)
        if self._unreachable:
            call.warn(f"configured Kubernetes cluster is unreachable: {self._unreachable}")
            if self._settings.delete_unreachable:
                return
            raise OperationError(f"configured Kubernetes cluster is unreachable. {DELETE_UNREACHABLE_HELP}")
        policy = {"orphan": "Orphan", "background": "Background"}.get(
            shape.annotation(inputs, DELETION_POLICY).lower(), "Foreground"
        )
        name = identifier.rpartition("/")[2]
        try:
            resource = self._resource(live)
            self._server().delete(resource, shape.namespace_of(live), name, policy)
        except NoMatchError:
            return
        except ApiError as error:
            if error.not_found:
                return
            raise OperationError(str(error)) from error
        try:
            waiting.until_gone(self._target(call, live), inputs, live, call.timeout)
        except waiting.WaitError as error:
            finalizers = shape.metadata(error.live).get("finalizers") or []
            call.warn(f"finalizers might be preventing deletion ({', '.join(finalizers)})")
            kept = shape.checkpoint(
                live,
                error.live,
                state,
                api_version=str(state.get("__initialApiVersion") or ""),
                field_manager=field_managers.field_manager(state, inputs),
            )
            raise PartialError(str(error), shape.identifier(error.live), kept) from error
        finally:
            call.show("")

    def _server(self) -> Cluster:
        if self._cluster is None:
            raise OperationError(f"configured Kubernetes cluster is unreachable: {self._unreachable}")
        return self._cluster

    def _require_cluster(self) -> None:
        if self._unreachable:
            raise OperationError(f"configured Kubernetes cluster is unreachable: {self._unreachable}")

    def _resource(self, manifest: Mapping[str, Any]) -> Resource:
        return self._server().resource(_api_version(str(manifest.get("apiVersion"))), str(manifest.get("kind")))

    def _known(self, manifest: Mapping[str, Any]) -> bool:
        if self._unreachable:
            return False
        try:
            self._resource(manifest)
        except (NoMatchError, ApiError, UnreachableError):
            return False
        return True

    def _namespaced(self, api_version: str, kind: str) -> bool:
        if (api_version, kind) in CLUSTER_SCOPED:
            return False
        group = api_version.rpartition("/")[0]
        if (group, kind) in self._crds:
            return self._crds[group, kind]
        if self._unreachable:
            return True
        try:
            return self._server().resource(api_version, kind).namespaced
        except (NoMatchError, ApiError, UnreachableError):
            # Most kinds are; one that isn't is put right when it is created.
            return True

    def _name(self, call: Call, meta: dict[str, Any], old: shape.Object, seed: bytes) -> None:
        if shape.annotation(old, AUTONAMED) == "true":
            meta["name"] = shape.name_of(old)
        else:
            meta["name"] = f"{call.name}-{hashlib.sha256(seed or call.urn.encode()).hexdigest()[:8]}"
        annotations = meta.setdefault("annotations", {})
        if isinstance(annotations, dict):
            annotations[AUTONAMED] = "true"

    def _keeps_name(self, wanted: shape.Object, live: shape.Object) -> bool:
        """Whether a replacement gets in the way of what it replaces."""
        meta = shape.metadata(wanted)
        return (
            bool(meta.get("name"))
            and shape.annotation(wanted, AUTONAMED) != "true"
            and meta.get("name") == shape.name_of(live)
            and (meta.get("namespace") or "") == shape.namespace_of(live)
        )

    def _created(self, call: Call, inputs: shape.Object, manager: str) -> shape.Object:
        body = shape.compact(inputs)
        for attempt, pause in enumerate((*RETRY_SECONDS, None)):
            try:
                resource = self._resource(inputs)
                if self._settings.upsert_existing_objects:
                    return self._patched(call, resource, inputs, None, shape.name_of(inputs), manager)
                return self._server().create(
                    resource,
                    shape.namespace_of(inputs),
                    body,
                    manager=field_managers.CREATOR,
                    dry_run=call.preview,
                )
            except (ApiError, NoMatchError) as error:
                refused = isinstance(error, ApiError) and not error.not_found
                if refused or call.preview or pause is None or call.cancellation.cancelled:
                    raise
                call.show(f"Retry #{attempt}; creation failed: {error}")
                call.cancellation.sleep(pause)
            except UnreachableError as error:
                raise OperationError(
                    f'resource "{call.urn}" was not successfully created by the Kubernetes API server: {error}'
                ) from error
        raise AssertionError("the last try returns or raises")

    def _applied(
        self, call: Call, inputs: shape.Object, name: str, manager: str, ignored: list[tuple[str, ...]]
    ) -> shape.Object:
        resource = self._resource(inputs)
        namespace = shape.namespace_of(inputs)
        live = self._server().get(resource, namespace, name)
        if inputs.get("kind") == CRD and str(inputs.get("apiVersion")).startswith("apiextensions.k8s.io/"):
            # A CRD is written whole: versions that are gone have to go.
            meta = {**shape.metadata(inputs), "resourceVersion": live["metadata"]["resourceVersion"]}
            query = {"fieldManager": manager, **({"dryRun": "All"} if call.preview else {})}
            written = self._server().replace(
                resource, namespace, name, shape.compact({**inputs, "metadata": meta}), query
            )
            self._server().forget()
            return written
        entries = None if call.preview else field_managers.handed_over(live, manager)
        if entries is not None:
            steps = [
                {"op": "replace", "path": "/metadata/managedFields", "value": entries},
                {
                    "op": "replace",
                    "path": "/metadata/resourceVersion",
                    "value": live["metadata"]["resourceVersion"],
                },
            ]
            live = self._server().patch(
                resource,
                namespace,
                name,
                shape.compact(steps),
                form="application/json-patch+json",
                query={"fieldManager": field_managers.CREATOR},
            )
        field_managers.without_ignored(inputs, live, ignored, manager)
        return self._patched(call, resource, inputs, live, name, manager)

    def _patched(  # noqa: PLR0913 - one apply
        self,
        call: Call,
        resource: Resource,
        inputs: shape.Object,
        live: shape.Object | None,
        name: str,
        manager: str,
    ) -> shape.Object:
        forced = field_managers.force(inputs, live, always=self._settings.enable_patch_force, preview=call.preview)
        query = {"fieldManager": manager, "force": str(forced).lower(), **({"dryRun": "All"} if call.preview else {})}
        return self._server().patch(
            resource,
            shape.namespace_of(inputs),
            name,
            shape.compact(inputs),
            form="application/apply-patch+yaml",
            query=query,
        )

    def _reread(self, call: Call, inputs: shape.Object, name: str, failure: str) -> shape.Object:
        try:
            return self._server().get(self._resource(inputs), shape.namespace_of(inputs), name)
        except (ApiError, NoMatchError, UnreachableError) as error:
            raise OperationError(
                f'update of resource "{call.urn}" failed: {failure}\nunable to get cluster state: {error}'
            ) from error

    def _relinquish(self, live: shape.Object, manager: str) -> None:
        """Give up what an object's former manager owns, by an apply that says nothing."""
        minimal = {
            "apiVersion": live["apiVersion"],
            "kind": live["kind"],
            "metadata": {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]},
        }
        self._server().patch(
            self._resource(live),
            shape.namespace_of(live),
            shape.name_of(live),
            shape.compact(minimal),
            form="application/apply-patch+yaml",
            query={"fieldManager": manager},
        )

    def _target(self, call: Call, live: shape.Object) -> waiting.Target:
        return waiting.Target(
            cluster=self._server(),
            resource=self._resource(live),
            namespace=shape.namespace_of(live),
            name=shape.name_of(live),
            cancellation=call.cancellation,
            status=call.show,
        )


def _type(call: Call) -> tuple[str, str]:
    """Split a type token `kubernetes:<apiVersion>:<Kind>`; the core group is spelled out in it.

    Raises:
        OperationError: It is no kind of object.
    """
    package, _, rest = call.type.partition(":")
    version, _, kind = rest.rpartition(":")
    if package != "kubernetes" or version.count("/") != 1 or version.startswith(("helm.sh/", "yaml/", "kustomize/")):
        raise OperationError(f"{call.type}: this stand-in of the Kubernetes provider knows plain objects only")
    return _api_version(version), kind


def _api_version(version: str) -> str:
    return version.removeprefix("core/")


def _as_inputs(live: shape.Object, cut: shape.Object) -> shape.Object:
    """Take what an import found for inputs: all of a built-in object; of a custom one, which no schema describes, its
    identity only.
    """  # noqa: D205 - one sentence
    group = str(live.get("apiVersion")).rpartition("/")[0]
    if "." in group and not group.endswith(".k8s.io"):
        return cut
    return shape.normalized({key: value for key, value in live.items() if key != "status"})


def _already_exists(error: ApiError) -> bool:
    return error.reason == "AlreadyExists"


def _no_dry_run(error: ApiError) -> bool:
    return error.code == 400 and "does not support dry run" in str(error)  # noqa: PLR2004 - HTTP


def _explained(error: Exception, manager: str) -> str:
    if isinstance(error, ApiError) and error.reason == "Conflict":
        return CONFLICT_HELP.format(manager=manager, error=error)
    return str(error)
