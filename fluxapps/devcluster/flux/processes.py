"""The further processes of a cluster that Flux is alive on, as command lines: what each is told, and why."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from fluxapps.devcluster import control_plane
from fluxapps.devcluster.control_plane import API_SERVER, CONTROLLER_MANAGER, Places
from fluxapps.devcluster.flux import sealed_secrets
from fluxapps.devcluster.flux_crds import FLUX_NAMESPACE
from fluxapps.devcluster.ports import LOOPBACK
from fluxapps.devcluster.programs.lookup import TOOLS_VARIABLE, find_all
from fluxapps.devcluster.programs.table import PROGRAMS

SCHEDULER = "kube-scheduler"
KWOK = "kwok"
SOURCE_CONTROLLER = "source-controller"
HELM_CONTROLLER = "helm-controller"
KUSTOMIZE_CONTROLLER = "kustomize-controller"
GIT_SERVER = "git-server"
CHART_SERVER = "chart-server"
OPERATORS = "operators"
SEALED_SECRETS = sealed_secrets.PROGRAM
ARTIFACTS = "source-controller-artifacts"
"""Not a process: source-controller's second port, from which the others fetch."""

HEALTH = (GIT_SERVER, CHART_SERVER, SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER, HELM_CONTROLLER)
"""What says at its port that it is ready."""
PORTS = (*HEALTH, ARTIFACTS, SEALED_SECRETS)
REPOSITORIES = "git"
"""Folder of a cluster whose ``<name>.git`` the git server serves."""
CHARTS = "charts"
"""Folder of a cluster with Helm repositories, each a folder of charts."""
TEMPORARY = "tmp"
"""Folder of a cluster for what its controllers unpack."""

_WORKLOADS = (
    "deployment",
    "replicaset",
    "statefulset",
    "daemonset",
    "job",
    "cronjob",
    "endpointslice",
    "pod-garbage-collector",
    "persistentvolume-binder",
    "persistentvolume-protection",
    "persistentvolumeclaim-protection",
)
_STAGES = Path(__file__).with_name("stages.yaml")
_PACKAGE = "fluxapps.devcluster.flux"
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


def git_server(places: Places) -> list[str]:
    """Return the arguments of Python for the git server."""
    return _server(places, GIT_SERVER, REPOSITORIES)


def chart_server(places: Places) -> list[str]:
    """Return the arguments of Python for the chart server."""
    return _server(places, CHART_SERVER, CHARTS)


def operators(_places: Places) -> list[str]:
    """Return the arguments of Python for what does the work of operators; the cluster it gets by its environment."""
    return ["-m", f"{_PACKAGE}.operators"]


def sealed_secrets_controller(places: Places) -> list[str]:
    """Return the arguments of Python for what becomes the controller."""
    return [
        *("-m", f"{_PACKAGE}.sealed_secrets"),
        f"--folder={places.folder / 'sealing'}",
        f"--credentials={places.credentials.authority.parent}",
        f"--server-port={places.ports[API_SERVER]}",
        # Never another key than the one that everybody knows.
        "--key-renew-period=0",
        f"--listen-addr={LOOPBACK}:{places.ports[SEALED_SECRETS]}",
        # Whichever is free: nobody asks.
        f"--listen-metrics-addr={LOOPBACK}:0",
        "--kubeclient-qps=-1",
    ]


def source_controller(places: Places) -> list[str]:
    """Return source-controller's arguments, or those of Python for its stand-in, which takes the same."""
    address = f"{LOOPBACK}:{places.ports[ARTIFACTS]}"
    return [
        *(() if real_source_controller() else ("-m", f"{_PACKAGE}.source")),
        *_flux(places, SOURCE_CONTROLLER),
        f"--storage-path={places.folder / 'sources' / 'artifacts'}",
        f"--storage-addr={address}",
        f"--storage-adv-addr={address}",
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
    OPERATORS: operators,
    SEALED_SECRETS: sealed_secrets_controller,
    GIT_SERVER: git_server,
    CHART_SERVER: chart_server,
    SOURCE_CONTROLLER: source_controller,
    KUSTOMIZE_CONTROLLER: kustomize_controller,
    HELM_CONTROLLER: helm_controller,
}
"""By program, in the order in which they start."""


def real_source_controller() -> Path | None:
    """Return Flux's source-controller where it is in ``$FLUXAPPS_TOOLS`` or on PATH; it can't be built here."""
    for path in (os.environ.get(TOOLS_VARIABLE), os.environ.get("PATH")):
        if path and (found := shutil.which(SOURCE_CONTROLLER, path=path)):
            return Path(found).absolute()
    return None


def find_programs(names: Iterable[str], *, say: Callable[[str], None]) -> dict[str, Path]:
    """Return the programs of these processes; Python where they are a part of this package.

    Raises:
        ProgramError: One can't be had.
    """
    every = list(names)
    found = find_all([name for name in every if name in PROGRAMS], say=say)
    # What becomes the controller looks it up once more, where it is now.
    ours = {name: Path(sys.executable) for name in every if name not in PROGRAMS or name == SEALED_SECRETS}
    if SOURCE_CONTROLLER in ours and (real := real_source_controller()):
        ours[SOURCE_CONTROLLER] = real
    elif SOURCE_CONTROLLER in ours:
        say("STAND-IN: source-controller can't be had here; a stand-in of ours publishes artifacts")
    return {**found, **ours}


def version(name: str) -> str:
    """Return what tells one make of a process's program from another."""
    if name in PROGRAMS:
        return f"{PROGRAMS[name].version} {_own_digest()}" if name == SEALED_SECRETS else PROGRAMS[name].version
    if name == SOURCE_CONTROLLER and (real := real_source_controller()):
        return f"{real} {real.stat().st_mtime_ns}"
    return _own_digest()


def make_folders(places: Places) -> None:
    """Make the folders that the processes serve from."""
    for folder in (REPOSITORIES, CHARTS, "sources/artifacts", "sealing", TEMPORARY):
        (places.folder / folder).mkdir(parents=True, exist_ok=True)


def environment(places: Places) -> dict[str, str]:
    """Return the environment of all of them: Flux's controllers take a cluster from nowhere else.

    What they unpack lies in the cluster's folder: it goes with it after a kill too, and nobody tidies it up meanwhile.
    """
    return {
        **os.environ,
        "KUBECONFIG": str(places.kubeconfig),
        "RUNTIME_NAMESPACE": FLUX_NAMESPACE,
        "TMPDIR": str(places.folder / TEMPORARY),
    }


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


@cache
def _own_digest() -> str:
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _server(places: Places, name: str, folder: str) -> list[str]:
    module = f"{_PACKAGE}.{name.replace('-', '_')}"
    return ["-m", module, f"--port={places.ports[name]}", f"--folder={places.folder / folder}"]


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
