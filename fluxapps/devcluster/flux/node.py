"""The one node that pods are bound to; KWOK plays its kubelet."""

from typing import Any

from fluxapps.devcluster.api import Api

NAME = "kwok"
_COLLECTION = "/api/v1/nodes"


def install(api: Api) -> None:
    """Make the node.

    Raises:
        ClusterError: The API server refuses it.
    """
    metadata = {
        "name": NAME,
        "labels": {"kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
    }
    api.apply(_COLLECTION, {"apiVersion": "v1", "kind": "Node", "metadata": metadata})


def is_ready(api: Api) -> bool:
    """Whether KWOK has taken the node.

    Raises:
        ClusterError: The API server doesn't answer.
    """
    conditions: list[dict[str, Any]] = api.get(f"{_COLLECTION}/{NAME}").get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
