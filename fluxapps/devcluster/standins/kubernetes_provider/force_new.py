"""Fields whose change means a new object."""

from collections.abc import Mapping
from typing import Any

_SELECTOR = ("spec.selector",)
_CONTAINER_FIELDS = (
    *("args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports", "readinessProbe"),
    *("resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy"),
    *("tty", "volumeDevices", "volumeMounts", "workingDir"),
)
_POD_FIELDS = (
    *("affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "enableServiceLinks", "hostAliases"),
    *("hostIPC", "hostNetwork", "hostPID", "hostname", "imagePullSecrets", "nodeName", "nodeSelector", "overhead"),
    *("preemptionPolicy", "priority", "priorityClassName", "readinessGates", "restartPolicy", "runtimeClassName"),
    *("schedulerName", "securityContext", "serviceAccount", "serviceAccountName", "shareProcessNamespace"),
    *("subdomain", "terminationGracePeriodSeconds", "volumes"),
)
_VOLUME_FIELDS = (
    *("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker"),
    *("gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk"),
    *("portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"),
)

# No API server lets these change (pulumi-kubernetes: provider/pkg/provider/diff.go).
FORCE_NEW: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "PersistentVolume"): tuple(f"spec.{field}" for field in _VOLUME_FIELDS),
    ("", "PersistentVolumeClaim"): (
        *("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    ),
    ("", "Pod"): (
        *(f"spec.{field}" for field in _POD_FIELDS),
        *(f"spec.{each}.{field}" for each in ("containers", "initContainers") for field in _CONTAINER_FIELDS),
    ),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "StatefulSet"): (
        *("spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName"),
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}


def force_new(manifest: Mapping[str, Any], *, mutable_config_maps: bool, mutable_secrets: bool) -> list[str]:
    """List the fields of *manifest* whose change means a new object.

    Args:
        manifest: The object as the program wants it.
        mutable_config_maps: The provider's `enableConfigMapMutable`.
        mutable_secrets: The provider's `enableSecretMutable`.
    """
    group, _, _version = str(manifest.get("apiVersion", "")).rpartition("/")
    kind = str(manifest.get("kind", ""))
    fields = ["metadata.name", "metadata.namespace"]
    immutable = manifest.get("immutable") is True
    if (group, kind) == ("", "Secret"):
        replaced = immutable or not mutable_secrets
        return [*fields, "type", *(("stringData", "data") if replaced else ())]
    if (group, kind) == ("", "ConfigMap"):
        return [*fields, *(("binaryData", "data") if immutable or not mutable_config_maps else ())]
    return [*fields, *FORCE_NEW.get((group, kind), ())]
