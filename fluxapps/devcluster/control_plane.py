"""The processes of a cluster, as command lines: what each is told, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fluxapps.devcluster import flux_crds
from fluxapps.devcluster.credentials import Credentials
from fluxapps.devcluster.ports import LOOPBACK

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
PEER = "etcd-peer"
"""Not a process: the second port that etcd insists on."""

PORTS = (ETCD, PEER, API_SERVER)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the processes of one cluster keep and find things."""

    folder: Path
    """The cluster's own."""
    data: Path
    """etcd's."""
    credentials: Credentials
    kubeconfig: Path
    ports: dict[str, int]


def etcd(places: Places) -> list[str]:
    """Return etcd's arguments: TLS both ways, since any local user could talk to a port on loopback."""
    client = f"https://{LOOPBACK}:{places.ports[ETCD]}"
    peer = f"https://{LOOPBACK}:{places.ports[PEER]}"
    secured = places.credentials
    return [
        f"--data-dir={places.data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--cert-file={secured.certificate}",
        f"--key-file={secured.key}",
        f"--trusted-ca-file={secured.authority}",
        "--client-cert-auth",
        f"--peer-cert-file={secured.certificate}",
        f"--peer-key-file={secured.key}",
        f"--peer-trusted-ca-file={secured.authority}",
        "--peer-client-cert-auth",
        # A killed process loses nothing by it, only a machine that loses power does; writes get many times faster.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def kube_apiserver(places: Places) -> list[str]:
    """Return the API server's arguments."""
    secured = places.credentials
    return [
        f"--etcd-servers=https://{LOOPBACK}:{places.ports[ETCD]}",
        f"--etcd-cafile={secured.authority}",
        f"--etcd-certfile={secured.certificate}",
        f"--etcd-keyfile={secured.key}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={places.ports[API_SERVER]}",
        f"--tls-cert-file={secured.certificate}",
        f"--tls-private-key-file={secured.key}",
        f"--service-account-key-file={secured.account_public_key}",
        f"--service-account-signing-key-file={secured.account_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--token-auth-file={secured.tokens}",
        "--authorization-mode=RBAC",
        # No pods run here that would need tokens, and nothing makes the accounts that the first asks for; nothing takes
        # back the taint by which the second keeps pods off a new node.
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
        # What only a server among several, or under load, needs; each costs time at the start.
        "--endpoint-reconciler-type=none",
        "--enable-priority-and-fairness=false",
        "--profiling=false",
        # A watch that lasts as long as its client must not hold up the end.
        "--shutdown-watch-termination-grace-period=0s",
    ]


def kube_controller_manager(places: Places) -> list[str]:
    """Return the controller manager's arguments; without it, foreground and namespace deletion hang."""
    return [
        f"--kubeconfig={places.kubeconfig}",
        "--controllers=namespace-controller,garbage-collector-controller,clusterrole-aggregation-controller",
        f"--service-account-private-key-file={places.credentials.account_key}",
        "--leader-elect=false",
        "--secure-port=0",
        "--concurrent-namespace-syncs=20",
        # The default of 20 requests a second would be the slowest part of a large destroy.
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--profiling=false",
    ]


ARGUMENTS: dict[str, Callable[[Places], list[str]]] = {
    ETCD: etcd,
    API_SERVER: kube_apiserver,
    CONTROLLER_MANAGER: kube_controller_manager,
}
"""By program, in the order in which they start."""


def fingerprint(version: str, arguments: list[str], places: Places) -> str:
    """Return what a running process must have been started as to be kept: version, arguments, and whom it talks to.

    Flux's version is among it, so that a newer one is installed by the next start.
    """
    return " ".join((version, *arguments, f"api={places.ports[API_SERVER]}", *flux_crds.versions()))
