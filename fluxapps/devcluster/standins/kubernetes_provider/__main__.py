"""Serve the provider until the process that started it is gone."""

from pulumi.runtime.proto import provider_pb2_grpc

from fluxapps.devcluster.standins import server
from fluxapps.devcluster.standins.kubernetes_provider.service import KubernetesProvider

# An operation that waits holds a worker, and engines are run with up to some hundred at once.
WORKERS = 512

if __name__ == "__main__":
    provider = KubernetesProvider()
    server.serve(
        lambda to: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, to),
        workers=WORKERS,
        stop=provider.stop,
    )
