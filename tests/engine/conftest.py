"""What the engine tier shares: one real local cluster for the whole session. Missing programs fail, they never skip."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

import pytest
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient

from fluxapps.devcluster import Cluster
from tests.engine.fleet import WAYS, Fleet, Tools, Way, tools
from tests.engine.live import Live
from tests.engine.objects import Objects

_numbers = count(1)
"""Tests share the cluster: each of their stacks has a number in its name."""

Connect = Callable[[Cluster], AbstractContextManager[DynamicClient]]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster in a temporary folder; what a test makes in it, the test removes or names so that no other meets it."""
    with Cluster(tmp_path_factory.mktemp("cluster") / "dev", say=print) as started:
        yield started
    # Half a gigabyte a few runs later, otherwise.
    started.reset()


@pytest.fixture(scope="session")
def flux_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Such a cluster on which Flux is alive, with its own charts."""
    with Cluster(tmp_path_factory.mktemp("flux-cluster") / "dev", flux=True, say=print) as started:
        yield started
    started.reset()


@pytest.fixture
def connect(tmp_path: Path) -> Connect:
    """Opens a client for any kind of a cluster, which finds out anew what that cluster serves."""

    @contextmanager
    def opened(cluster: Cluster) -> Iterator[DynamicClient]:
        settings = client.Configuration()
        config.load_kube_config(str(cluster.kubeconfig), context=cluster.context, client_configuration=settings)
        with client.ApiClient(settings) as connection:
            yield DynamicClient(connection, cache_file=str(tmp_path / "discovery.json"))

    return opened


@pytest.fixture
def kubernetes_client(cluster: Cluster, connect: Connect) -> Iterator[DynamicClient]:
    """A client for any kind of the session's cluster."""
    with connect(cluster) as connected:
        yield connected


@pytest.fixture
def live(kubernetes_client: DynamicClient) -> Live:
    """The objects in the session's cluster."""
    return Live(kubernetes_client)


@pytest.fixture
def flux_live(flux_cluster: Cluster, connect: Connect) -> Iterator[Live]:
    """The objects in the session's cluster on which Flux is alive."""
    with connect(flux_cluster) as connected:
        yield Live(connected)


@pytest.fixture
def flux_objects(flux_cluster: Cluster, connect: Connect) -> Iterator[Objects]:
    """Objects of any kind in that cluster."""
    with connect(flux_cluster) as connected:
        yield Objects(connected)


@pytest.fixture(scope="session")
def pulumi_tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    """Pulumi with its plugins, for every stack of the session."""
    with tools(tmp_path_factory.mktemp("pulumi")) as found:
        yield found


@pytest.fixture(params=WAYS)
def fleet(request: pytest.FixtureRequest, pulumi_tools: Tools, tmp_path: Path, cluster: Cluster) -> Fleet:
    """A repository with one stack and no app yet; once for each way to run the program."""
    way: Way = request.param
    return Fleet(tmp_path, way, pulumi_tools, cluster, f"t{next(_numbers)}")


@pytest.fixture
def flux_fleet(pulumi_tools: Tools, tmp_path: Path, flux_cluster: Cluster) -> Callable[[Way], Fleet]:
    """Makes such repositories for the cluster on which Flux is alive; their chart repository is its own."""

    def made(way: Way) -> Fleet:
        name = f"t{next(_numbers)}"
        return Fleet(tmp_path / name, way, pulumi_tools, flux_cluster, name)

    return made
