"""What one provider of a program can reach: its cluster, and the kinds there."""

from collections.abc import Mapping
from typing import Any

from fluxapps.devcluster.standins.kubernetes_provider import shape
from fluxapps.devcluster.standins.kubernetes_provider.call import Call, OperationError
from fluxapps.devcluster.standins.kubernetes_provider.cluster import (
    Address,
    ApiError,
    Cluster,
    NoMatchError,
    UnreachableError,
)
from fluxapps.devcluster.standins.kubernetes_provider.settings import Settings

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

DELETE_UNREACHABLE_HELP = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)

# Modules of the real provider that hold no plain objects.
OTHER_MODULES = ("helm.sh/", "yaml/", "kustomize/")


class Reach:
    """A configured provider's cluster."""

    def __init__(self, settings: Settings, cluster: Cluster | None, namespace: str, unreachable: str) -> None:
        """Say what was found.

        Args:
            settings: The provider's arguments.
            cluster: Its API server, `None` when the arguments lead to none.
            namespace: For objects that say none.
            unreachable: Why the cluster cannot be used; empty when it can.
        """
        self.settings = settings
        self.namespace = namespace
        self.unreachable = unreachable
        self._cluster = cluster
        self._crds: dict[tuple[str, str], bool] = {}

    @property
    def cluster(self) -> Cluster:
        """The API server.

        Raises:
            OperationError: It cannot be used.
        """
        if self._cluster is None or self.unreachable:
            raise OperationError(f"configured Kubernetes cluster is unreachable: {self.unreachable}")
        return self._cluster

    def close(self) -> None:
        """Let go of kept connections."""
        if self._cluster is not None:
            self._cluster.close()

    def address(self, manifest: Mapping[str, Any], name: str = "") -> Address:
        """Return the address of an object, or with *name* of the object of that name beside it.

        Raises:
            NoMatchError: The server does not know the kind.
            ApiError: The server refused to say.
            UnreachableError: The server does not answer.
            OperationError: There is no cluster.
        """
        resource = self.cluster.resource(str(manifest.get("apiVersion")), str(manifest.get("kind")))
        return Address(resource, shape.namespace_of(manifest), name or shape.name_of(manifest))

    def knows(self, manifest: Mapping[str, Any]) -> bool:
        """Whether the cluster is there and knows the object's kind."""
        try:
            self.address(manifest)
        except (OperationError, NoMatchError, ApiError, UnreachableError):
            return False
        return True

    def expect(self, crd: Mapping[str, Any]) -> None:
        """Remember the kind that a CRD of the program will bring."""
        spec = crd.get("spec") or {}
        known = (str(spec.get("group")), str((spec.get("names") or {}).get("kind")))
        self._crds[known] = spec.get("scope") == "Namespaced"

    def namespaced(self, api_version: str, kind: str) -> bool:
        """Whether objects of a kind have a namespace; a kind that nobody knows yet is taken to have one."""
        group = api_version.rpartition("/")[0]
        if (api_version, kind) in CLUSTER_SCOPED:
            return False
        if (group, kind) in self._crds:
            return self._crds[group, kind]
        try:
            return self.cluster.resource(api_version, kind).namespaced
        except (OperationError, NoMatchError, ApiError, UnreachableError):
            return True


def kind_of(call: Call) -> tuple[str, str]:
    """Split a type token `kubernetes:<apiVersion>:<Kind>`, in which the core group is spelled out.

    Raises:
        OperationError: It is no kind of object.
    """
    package, _, rest = call.type.partition(":")
    version, _, kind = rest.rpartition(":")
    if package != "kubernetes" or version.count("/") != 1 or version.startswith(OTHER_MODULES):
        raise OperationError(f"{call.type}: this stand-in of the Kubernetes provider knows plain objects only")
    return version.removeprefix("core/"), kind
