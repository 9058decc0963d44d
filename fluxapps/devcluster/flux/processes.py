"""The further processes of a cluster that Flux is alive on, as command lines: what each is told, and why."""

import os
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from fluxapps.devcluster import control_plane
from fluxapps.devcluster.control_plane import CONTROLLER_MANAGER, Places
from fluxapps.devcluster.flux_crds import FLUX_NAMESPACE
from fluxapps.devcluster.ports import LOOPBACK

SCHEDULER = "kube-scheduler"
KWOK = "kwok"
HELM_CONTROLLER = "helm-controller"
KUSTOMIZE_CONTROLLER = "kustomize-controller"

PORTS = (HELM_CONTROLLER, KUSTOMIZE_CONTROLLER)
"""Those of the Flux controllers answer for their health only."""

_WORKLOADS = (
    "deployment",
    "replicaset",
    "statefulset",
    "daemonset",
    "job",
    "cronjob",
    "endpointslice",
    "pod-garbage-collector",
)
_STAGES = Path(__file__).with_name("stages.yaml")
_PATIENCE = 5
"""Seconds for one answer."""


def kube_controller_manager(places: Places) -> list[str]:
    """Return the controller manager's arguments: workloads get pods, besides what every local cluster needs."""
    return [
        *control_plane.kube_controller_manager(places),
        # Lists add up.
        f"--controllers={','.join(f'{name}-controller' for name in _WORKLOADS)}",
        "--concurrent-deployment-syncs=10",
    ]


def kube_scheduler(places: Places) -> list[str]:
    """Return the scheduler's arguments."""
    return [
        f"--kubeconfig={places.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]


def kwok(places: Places) -> list[str]:
    """Return KWOK's arguments; what it says of nodes and pods stands in ``stages.yaml``."""
    return [
        f"--kubeconfig={places.kubeconfig}",
        f"--config={_STAGES}",
        "--manage-all-nodes",
        "--cidr=10.1.0.0/16",
        "-v=WARN",
    ]


def helm_controller(places: Places) -> list[str]:
    """Return helm-controller's arguments; the cluster it gets by its environment."""
    return _flux(places, HELM_CONTROLLER)


def kustomize_controller(places: Places) -> list[str]:
    """Return kustomize-controller's arguments; the cluster it gets by its environment."""
    return _flux(places, KUSTOMIZE_CONTROLLER)


ARGUMENTS: dict[str, Callable[[Places], list[str]]] = {
    **control_plane.ARGUMENTS,
    CONTROLLER_MANAGER: kube_controller_manager,
    SCHEDULER: kube_scheduler,
    KWOK: kwok,
    KUSTOMIZE_CONTROLLER: kustomize_controller,
    HELM_CONTROLLER: helm_controller,
}
"""By program, in the order in which they start."""


def environment(places: Places) -> dict[str, str]:
    """Return the environment of all of them: Flux's controllers take a cluster from nowhere else."""
    return {**os.environ, "KUBECONFIG": str(places.kubeconfig), "RUNTIME_NAMESPACE": FLUX_NAMESPACE}


def is_healthy(port: int) -> bool:
    """Whether the controller that answers for its health at this port says that it is ready."""
    connection = HTTPConnection(LOOPBACK, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _flux(places: Places, name: str) -> list[str]:
    return [
        f"--health-addr={LOOPBACK}:{places.ports[name]}",
        # None.
        "--metrics-addr=0",
        # What waits for another is looked at again that often: 30 s by default.
        "--requeue-dependency=2s",
        "--interval-jitter-percentage=0",
        "--min-retry-delay=1s",
        "--concurrent=10",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--log-encoding=console",
    ]
