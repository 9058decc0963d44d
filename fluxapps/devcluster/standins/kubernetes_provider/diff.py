"""What an update would change, and what of it means a new object."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi.runtime.proto import provider_pb2

from fluxapps.devcluster.standins.kubernetes_provider.properties import Unknown

ADD = provider_pb2.PropertyDiff.ADD
DELETE = provider_pb2.PropertyDiff.DELETE
UPDATE = provider_pb2.PropertyDiff.UPDATE
REPLACING = {
    ADD: provider_pb2.PropertyDiff.ADD_REPLACE,
    DELETE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    UPDATE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}

Path = tuple[str | int, ...]


class _Missing:
    """No value, where `None` is one."""


MISSING = _Missing()

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

# Fields that no API server lets change, so that a change of one means a new object.
FORCE_NEW: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "PersistentVolume"): tuple(f"spec.{field}" for field in _VOLUME_FIELDS),
    ("", "PersistentVolumeClaim"): (
        *("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    ),
    ("", "Pod"): (
        *(f"spec.{field}" for field in _POD_FIELDS),
        *(f"spec.{each}[*].{field}" for each in ("containers", "initContainers") for field in _CONTAINER_FIELDS),
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


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Make the JSON merge patch (RFC 7386) from *old* to *new*, with unknown values as null."""
    patch: dict[str, Any] = {}
    for key, wanted in new.items():
        have = old.get(key, MISSING)
        if isinstance(wanted, dict) and isinstance(have, dict):
            if below := merge_patch(have, wanted):
                patch[key] = below
        elif isinstance(have, _Missing) or not _same(have, wanted):
            patch[key] = None if isinstance(wanted, Unknown) else wanted
    patch.update((key, None) for key in old if key not in new)
    return patch


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: 1 and 1.0 are one number, but True is none."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def detailed(
    patch: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any], replacing: Iterable[str]
) -> dict[str, Any]:
    """Say each change of *patch* by its path, as a Pulumi PropertyDiff.

    Args:
        patch: The merge patch from *old* to *new*.
        old: The live object, cut to the old inputs' shape.
        new: The new inputs.
        replacing: Fields whose change means a new object.
    """
    found: dict[str, Any] = {}
    _map(found, (), patch, old, new, [tuple(each.split(".")) for each in replacing], in_list=False)
    return found


def _map(  # noqa: PLR0913 - a recursion over four trees
    found: dict[str, Any],
    path: Path,
    patch: Mapping[str, Any],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    replacing: list[tuple[str, ...]],
    *,
    in_list: bool,
) -> None:
    for key, value in patch.items():
        _value(found, (*path, key), value, old.get(key, MISSING), new.get(key, MISSING), replacing, in_list=in_list)
    if in_list:
        # A merge patch replaces lists whole: what went from one of its items is not in it.
        for key in old:
            if key not in patch:
                _value(found, (*path, key), None, old[key], new.get(key, MISSING), replacing, in_list=in_list)


def _value(  # noqa: PLR0913 - as above
    found: dict[str, Any],
    path: Path,
    value: Any,
    old: Any,
    new: Any,
    replacing: list[tuple[str, ...]],
    *,
    in_list: bool,
) -> None:
    if isinstance(new, _Missing) and (value is not None or isinstance(old, _Missing)):
        return
    if value is None and isinstance(new, Unknown):
        kind = ADD if isinstance(old, _Missing) else UPDATE
    elif value is None:
        kind = DELETE
    elif isinstance(old, _Missing):
        kind = ADD
    elif isinstance(value, dict) and isinstance(old, dict):
        _map(found, path, value, old, new if isinstance(new, dict) else {}, replacing, in_list=in_list)
        return
    elif isinstance(value, list) and isinstance(old, list):
        _list(found, path, value, old, new if isinstance(new, list) else [], replacing)
        return
    elif _same(value, old):
        return
    else:
        kind = UPDATE
    if any(_covers(field, path, value) for field in replacing):
        kind = REPLACING[kind]
    found[_spelled(path)] = provider_pb2.PropertyDiff(kind=kind, inputDiff=kind in (DELETE, REPLACING[DELETE]))


def _list(  # noqa: PLR0913 - as above
    found: dict[str, Any],
    path: Path,
    value: list[Any],
    old: list[Any],
    new: list[Any],
    replacing: list[tuple[str, ...]],
) -> None:
    for index in range(max(len(value), len(old))):
        _value(
            found,
            (*path, index),
            value[index] if index < len(value) else None,
            old[index] if index < len(old) else MISSING,
            new[index] if index < len(new) else None,
            replacing,
            in_list=True,
        )


def _covers(field: tuple[str, ...], path: Path, value: Any) -> bool:
    """Whether *field* is at, above or below *path*, below meaning that *value* has it."""
    steps: list[str] = []
    for step in path:
        if isinstance(step, str):
            steps.append(step)
        elif steps:
            steps[-1] += "[*]"
    plain = [step.removesuffix("[*]") for step in steps]
    wanted = [step.removesuffix("[*]") for step in field]
    shared = min(len(plain), len(wanted))
    if plain[:shared] != wanted[:shared]:
        return False
    return _has(value, wanted[shared:])


def _has(value: Any, below: list[str]) -> bool:
    if not below:
        return True
    if isinstance(value, list):
        return any(_has(each, below) for each in value)
    return isinstance(value, dict) and below[0] in value and _has(value[below[0]], below[1:])


def _spelled(path: Path) -> str:
    """Spell a path as Pulumi's property paths are: `spec.list[0]["dotted.key"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(character in step for character in '."[]'):
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{step}" if text else step
    return text
