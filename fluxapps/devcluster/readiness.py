"""What tells that a process does its work, beyond that it runs."""

from collections.abc import Callable, Mapping
from functools import partial

from fluxapps.devcluster.api import Api, Etcd, Probe
from fluxapps.devcluster.control_plane import API_SERVER, CONTROLLER_MANAGER, ETCD
from fluxapps.devcluster.credentials import Credentials
from fluxapps.devcluster.flux import node, processes


def readiness(name: str, ports: Mapping[str, int], credentials: Credentials) -> Callable[[], bool]:
    """Return what says whether a process is ready; of a few it can't be seen, and is always so.

    Args:
        name: The process.
        ports: Of the servers.
        credentials: Of the cluster.

    Raises:
        ClusterError: The API server, by which it would be seen, doesn't answer.
    """
    if name == ETCD:
        store = Etcd(ports[ETCD], credentials)
        return lambda: store.is_ready
    if name in processes.HEALTH:
        return partial(processes.is_healthy, ports[name])
    api = Api(ports[API_SERVER], credentials)
    if name == API_SERVER:
        return lambda: api.is_ready
    if name == CONTROLLER_MANAGER:
        probe = Probe(api)
        return lambda: probe.is_gone
    return partial(node.is_ready, api) if name == processes.KWOK else lambda: True
