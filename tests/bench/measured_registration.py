"""Child process of the benchmark: what it costs to register a fleet's objects under mocks.

``python -m tests.bench.measured_registration components|bare <apps>`` prints a JSON object. ``components`` registers as
our program does, ``bare`` the same objects as plain CustomResources of pulumi_kubernetes in a flat program: the same
inputs, dependencies and provider. The mocks answer with what they are given and keep nothing, so that they cost little
of what is compared.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi_kubernetes.apiextensions import CustomResource

from components import FluxBootstrap, FluxBootstrapArgs, FluxHelmApp, FluxHelmAppArgs, FluxSystem, FluxSystemArgs
from fluxapps.engine import Leaves, register_promptly
from fluxapps.engine.kubeconfig import ClusterChoice
from fluxapps.engine.provider import KubernetesProvider
from fluxapps.model import Declaration, DeclaredObject, ObjectId, declare, load, resolve
from tests.bench.generated import write_repository
from tests.unit.recorder import run_under


class EchoMonitor(mocks.MockMonitor):
    """Takes every registration, and answers with its own inputs."""

    def __init__(self) -> None:
        super().__init__(_Nothing())
        self.registered = 0

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        self.registered += 1
        urn = self.make_urn(request.parent, request.type, request.name)
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=request.name if request.custom else "", object=request.object
        )

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: ARG002, N802 - the SDK's name
        return empty_pb2.Empty()


class _Nothing(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"nobody expected a call of {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(f"nobody expected to read {args.typ} {args.name}")


def through_components(declaration: Declaration) -> None:
    """Register as ``__main__.py`` does."""
    leaves = Leaves()
    options = pulumi.ResourceOptions(providers=[_provider(declaration)])
    FluxSystem("flux-system", FluxSystemArgs(declaration.system, leaves), options)
    FluxBootstrap("bootstrap", FluxBootstrapArgs(declaration.bootstrap, leaves), options)
    for app in declaration.apps:
        FluxHelmApp(app.name, FluxHelmAppArgs(app.objects, leaves), options)
    register_promptly()


def bare(declaration: Declaration) -> None:
    """Register the same objects, and nothing else."""
    provider = _provider(declaration)
    made: dict[ObjectId, pulumi.Resource] = {}
    for one in declaration.objects():
        options = pulumi.ResourceOptions(provider=provider, depends_on=[made[before] for before in one.after])
        made[one.id] = _custom_resource(one, options)


def _custom_resource(declared: DeclaredObject, options: pulumi.ResourceOptions) -> pulumi.Resource:
    manifest = dict(declared.manifest)
    api_version, kind, metadata = (manifest.pop(key) for key in ("apiVersion", "kind", "metadata"))
    # A CustomResource takes nothing else than a spec: a ConfigMap's data goes there.
    spec = manifest.get("spec") or manifest or None
    return CustomResource(
        declared.logical_name, api_version=api_version, kind=kind, metadata=metadata, spec=spec, opts=options
    )


def _provider(declaration: Declaration) -> pulumi.ProviderResource:
    choice = ClusterChoice(context="dev", files=(), kubeconfig=None)
    return KubernetesProvider("kubernetes", choice, len(declaration.objects()))


WAYS: dict[str, Callable[[Declaration], None]] = {"components": through_components, "bare": bare}


def measured(way: str, apps: int) -> dict[str, float]:
    """Return the processor time from the program's first line to the last answer, and what was registered."""
    with tempfile.TemporaryDirectory() as folder:
        write_repository(Path(folder), apps)
        wanted = declare(resolve(load(Path(folder)), "dev")).for_pulumi()
    monitor = EchoMonitor()
    start = time.process_time()
    run_under(monitor, mocks.MockEngine(None), lambda: WAYS[way](wanted))
    seconds = time.process_time() - start
    return {"seconds": seconds, "objects": len(wanted.objects()), "registered": monitor.registered}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(sys.argv[1], int(sys.argv[2]))))
