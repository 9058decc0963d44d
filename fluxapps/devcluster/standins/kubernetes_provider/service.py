"""The ResourceProvider contract over gRPC: decodes calls, hands them to the right `Provider`, encodes answers.

An engine that attaches to a running provider opens one connection for each provider of the program (and each for
preview and update), and says nowhere in a call which one it means; the connection's peer tells them apart.
"""

import contextlib
import importlib.metadata
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from fluxapps.devcluster.standins import engine_log
from fluxapps.devcluster.standins.kubernetes_provider.cluster import (
    ApiError,
    Cancellation,
    Cluster,
    NoMatchError,
    UnreachableError,
)
from fluxapps.devcluster.standins.kubernetes_provider.connection import connect
from fluxapps.devcluster.standins.kubernetes_provider.properties import from_struct, to_struct
from fluxapps.devcluster.standins.kubernetes_provider.provider import Call, OperationError, PartialError, Provider
from fluxapps.devcluster.standins.kubernetes_provider.settings import (
    Settings,
    SettingsError,
    diff_settings,
    settings,
)

NO_CLIENT = """unable to load Kubernetes client configuration from kubeconfig file. Make sure you have set up the \
provider's kubeconfig and context:

 {error}"""

NOT_HERE = "this stand-in of the Kubernetes provider does not do it: install the real provider plugin"

CONFIG_PREFIX = "kubernetes:config:"


@dataclass
class _Session:
    """What one connection of an engine has told."""

    log: engine_log.EngineLog
    provider: Provider | None = None
    under_way: set[Cancellation] = field(default_factory=set)  # compared by identity


class KubernetesProvider(provider_pb2_grpc.ResourceProviderServicer):  # type: ignore[misc] # generated, untyped
    """The servicer."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End every wait."""
        with self._lock:
            cancellations = [each for session in self._sessions.values() for each in session.under_way]
        for each in cancellations:
            each.cancel()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Learn where the engine listens."""
        self._session(context, request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False, supports_autonaming_configuration=False
        )

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Learn where the engine listens, from one that shakes no hands."""
        self._session(context, request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Give the version of the SDK beside this stand-in, which is the least that programs ask for."""
        try:
            version = importlib.metadata.version("pulumi-kubernetes")
        except importlib.metadata.PackageNotFoundError:
            version = ""
        return plugin_pb2.PluginInfo(version=version)

    def Cancel(self, _request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """End what this connection waits for."""
        with self._lock:
            session = self._sessions.get(context.peer())
            cancellations = list(session.under_way) if session else []
        for each in cancellations:
            each.cancel()
        return empty_pb2.Empty()

    def GetSchema(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Give the schema of a package without resources: programs bring their own SDK."""
        return provider_pb2.GetSchemaResponse(schema='{"name":"kubernetes","version":"0.0.0"}')

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refuse arguments that cannot be honoured."""
        arguments = from_struct(request.news)
        with _told(context):
            try:
                settings(arguments)
            except SettingsError as error:
                failures = [provider_pb2.CheckFailure(reason=str(error))]
                return provider_pb2.CheckResponse(inputs=request.news, failures=failures)
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Say whether changed arguments mean another cluster."""
        with _told(context):
            changed, replaces = diff_settings(from_struct(request.olds), from_struct(request.news))
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some if changed else none, diffs=changed, replaces=replaces)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Connect to the cluster; one that cannot be reached is an error only where it is needed."""
        arguments = from_struct(request.args)
        for key, value in request.variables.items():
            arguments.setdefault(key.removeprefix(CONFIG_PREFIX), value)
        with _told(context):
            provider = _configured(settings(arguments))
        session = self._session(context)
        session.provider = provider
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Complete inputs."""
        with self._call(request, context) as (provider, call):
            inputs, failures = provider.check(
                call, from_struct(request.olds), from_struct(request.news), request.randomSeed
            )
        return provider_pb2.CheckResponse(
            inputs=to_struct(inputs), failures=[provider_pb2.CheckFailure(reason=each) for each in failures]
        )

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Compare state and inputs."""
        with self._call(request, context) as (provider, call):
            return provider.diff(
                call, from_struct(request.olds), from_struct(request.news), list(request.ignoreChanges)
            )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Make an object."""
        with self._call(request, context) as (provider, call):
            identifier, state = provider.create(call, from_struct(request.properties))
        return provider_pb2.CreateResponse(id=identifier, properties=to_struct(state))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Read an object."""
        with self._call(request, context) as (provider, call):
            identifier, state, inputs = provider.read(
                call, request.id, from_struct(request.properties), from_struct(request.inputs)
            )
        if not identifier:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=identifier, properties=to_struct(state), inputs=to_struct(inputs))

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Change an object."""
        with self._call(request, context) as (provider, call):
            state = provider.update(
                call, from_struct(request.olds), from_struct(request.news), list(request.ignoreChanges)
            )
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Delete an object."""
        with self._call(request, context) as (provider, call):
            provider.delete(call, request.id, from_struct(request.properties))
        return empty_pb2.Empty()

    def Parameterize(self, _request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refuse."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"Parameterize: {NOT_HERE}")

    def Construct(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refuse."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.type}: {NOT_HERE}")

    def Call(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refuse."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.tok}: {NOT_HERE}")

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Refuse."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.tok}: {NOT_HERE}")

    def _session(self, context: grpc.ServicerContext, engine: str = "") -> _Session:
        peer = context.peer()
        with self._lock:
            session = self._sessions.get(peer)
            if session is None or (engine and session.log.address != engine):
                known = next(reversed(self._sessions.values()), None)
                # A connection made anew within a run says nothing of itself: it is the one that was configured last.
                provider = known.provider if known and not engine else None
                session = _Session(
                    engine_log.EngineLog(engine or (known.log.address if known else "")), provider=provider
                )
                self._sessions[peer] = session
            return session

    @contextlib.contextmanager
    def _call(self, request: Any, context: grpc.ServicerContext) -> Iterator[tuple[Provider, Call]]:
        session = self._session(context)
        if session.provider is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the provider was not configured")
            raise AssertionError("abort raises")
        call = Call(
            urn=request.urn,
            log=session.log,
            timeout=getattr(request, "timeout", 0.0),
            preview=getattr(request, "preview", False),
        )
        session.under_way.add(call.cancellation)
        # An engine that is gone waits for nothing.
        context.add_callback(call.cancellation.cancel)
        try:
            with _told(context):
                yield session.provider, call
        finally:
            session.under_way.discard(call.cancellation)


def _configured(arguments: Settings) -> Provider:
    try:
        connection, namespace = connect(arguments)
    except SettingsError as error:
        return Provider(arguments, None, arguments.namespace or "default", NO_CLIENT.format(error=error))
    cluster = Cluster(connection, arguments.limits)
    try:
        cluster.check()
    except (UnreachableError, ApiError) as error:
        reason = f"unable to load schema information from the API server: {error}"
        return Provider(arguments, cluster, namespace, reason)
    return Provider(arguments, cluster, namespace, "")


@contextlib.contextmanager
def _told(context: grpc.ServicerContext) -> Iterator[None]:
    """Turn what goes wrong into the status that an engine understands."""
    try:
        yield
    except PartialError as error:
        detail = provider_pb2.ErrorResourceInitFailed(
            id=error.identifier,
            properties=to_struct(error.state),
            inputs=to_struct(error.inputs) if error.inputs is not None else struct_pb2.Struct(),
            reasons=[str(error)],
        )
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[packed])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    except (OperationError, SettingsError, ApiError, NoMatchError, UnreachableError) as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
