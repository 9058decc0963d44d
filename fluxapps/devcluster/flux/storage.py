"""Volumes for claims: a default StorageClass, and what its provisioner does of its own accord.

Binding is kube-controller-manager's; KWOK's pods ask nothing of a volume but that its claim is bound.
"""

import json
import sys
from http import HTTPStatus

from fluxapps.devcluster.api import Api
from fluxapps.devcluster.flux.kubernetes import Key, Kubernetes, Object, RequestError, collection

CLASS = "standard"
PROVISIONER = "fluxapps-devcluster/volumes"
_CHOSEN = "volume.kubernetes.io/storage-provisioner"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"


def install(api: Api) -> None:
    """Make the StorageClass that claims get which name none.

    Raises:
        ClusterError: The API server refuses it.
    """
    metadata = {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    manifest = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata}
    policy = {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}
    api.apply("/apis/storage.k8s.io/v1/storageclasses", {**manifest, "provisioner": PROVISIONER, **policy})


def provision(api: Kubernetes, claim: Object) -> None:
    """Make the volume of a claim that waits for one of ours."""
    metadata = claim["metadata"]
    ours = metadata.get("annotations", {}).get(_CHOSEN) == PROVISIONER
    if not ours or claim["spec"].get("volumeName") or metadata.get("deletionTimestamp"):
        return
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        # Named after the claim's own number: a second try makes no second one.
        "metadata": {"name": f"pvc-{metadata['uid']}", "annotations": {_PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            # Nothing is ever mounted.
            "hostPath": {"path": f"/nowhere/{metadata['uid']}"},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": claim["spec"]["storageClassName"],
            "volumeMode": claim["spec"]["volumeMode"],
        },
    }
    _done(api, "POST", collection("PersistentVolume"), volume, already=HTTPStatus.CONFLICT)


def release(api: Kubernetes, volume: Object) -> None:
    """Delete a volume of ours whose claim is gone."""
    ours = volume["metadata"].get("annotations", {}).get(_PROVISIONED_BY) == PROVISIONER
    deletes = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    if ours and deletes and volume.get("status", {}).get("phase") == "Released":
        path = Key("PersistentVolume", "", volume["metadata"]["name"]).path
        _done(api, "DELETE", path, {}, already=HTTPStatus.NOT_FOUND)


def _done(api: Kubernetes, method: str, path: str, body: Object, *, already: HTTPStatus) -> None:
    try:
        api.request(method, path, json.dumps(body).encode(), "application/json")
    except RequestError as reason:
        if reason.status != already:
            # The claim's next event, or the next list of all, tries again.
            sys.stderr.write(f"{reason}\n")
