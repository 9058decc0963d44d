"""The ResourceProvider contract over gRPC: decodes calls, hands them to the right `Provider`, encodes answers.

An engine that attaches to a running provider opens one connection for each provider of the program (and each for
preview and update), and says nowhere in a call which one it means; the connection's peer tells them apart.
"""

import importlib.metadata
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from fluxapps.devcluster.standins import engine_log
from fluxapps.devcluster.standins.engine_environ import environ_of
from fluxapps.devcluster.standins.kubernetes_provider.call import Call as _Call
from fluxapps.devcluster.standins.kubernetes_provider.call import OperationError, PartialError
from fluxapps.devcluster.standins.kubernetes_provider.cancellation import Cancellation
from fluxapps.devcluster.standins.kubernetes_provider.check import autoname, check
from fluxapps.devcluster.standins.kubernetes_provider.cluster import (
    ApiError,
    Cluster,
    NoMatchError,
    UnreachableError,
)
from fluxapps.devcluster.standins.kubernetes_provider.connection import connect
from fluxapps.devcluster.standins.kubernetes_provider.create import create
from fluxapps.devcluster.standins.kubernetes_provider.delete import delete
from fluxapps.devcluster.standins.kubernetes_provider.diff import diff
from fluxapps.devcluster.standins.kubernetes_provider.properties import from_struct, to_struct
from fluxapps.devcluster.standins.kubernetes_provider.reach import Reach
from fluxapps.devcluster.standins.kubernetes_provider.read import read
from fluxapps.devcluster.standins.kubernetes_provider.settings import (
    Settings,
    SettingsError,
    diff_settings,
    settings,
)
from fluxapps.devcluster.standins.kubernetes_provider.update import update

NO_CLIENT = """unable to load Kubernetes client configuration from kubeconfig file. Make sure you have set up the \
provider's kubeconfig and context:

 {error}"""

NOT_HERE = "this stand-in of the Kubernetes provider does not do it: install the real provider plugin"

CONFIG_PREFIX = "kubernetes:config:"


# Connections of engines that are gone are not told apart from quiet ones; this many are remembered.
SESSIONS = 64


@dataclass
class _Session:
    """What one connection of an engine has told."""

    log: engine_log.EngineLog
    reach: Reach | None = None
    under_way: set[Cancellation] = field(default_factory=set)

    def close(self) -> None:
        self.log.close()
        if self.reach is not None:
            self.reach.close()


class KubernetesProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The servicer."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End every wait."""
        with self._lock:
            cancellations = [each for session in self._sessions.values() for each in list(session.under_way)]
        for each in cancellations:
            each.cancel()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the contract's names
        """Learn where the engine listens."""
        self._session(context, request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

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
        try:
            settings(from_struct(request.news), environ_of(context.peer()))
        except SettingsError as error:
            failures = [provider_pb2.CheckFailure(reason=str(error))]
            return provider_pb2.CheckResponse(inputs=request.news, failures=failures)
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Say whether changed arguments mean another cluster."""
        with _Told(context):
            changed, replaces = diff_settings(from_struct(request.olds), from_struct(request.news))
            some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
            return provider_pb2.DiffResponse(changes=some if changed else none, diffs=changed, replaces=replaces)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Connect to the cluster; one that cannot be reached is an error only where it is needed."""
        arguments = from_struct(request.args)
        for key, value in request.variables.items():
            arguments.setdefault(key.removeprefix(CONFIG_PREFIX), value)
        with _Told(context):
            environ = environ_of(context.peer())
            self._session(context).reach = _configured(settings(arguments, environ), environ)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Complete inputs."""
        with self._call(request, context) as (reach, call):
            proposed = request.autonaming.proposed_name or autoname(call, request.randomSeed)
            inputs, failures = check(reach, call, from_struct(request.olds), from_struct(request.news), proposed)
            return provider_pb2.CheckResponse(
                inputs=to_struct(inputs), failures=[provider_pb2.CheckFailure(reason=each) for each in failures]
            )

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Compare state and inputs."""
        with self._call(request, context) as (reach, call):
            return diff(reach, call, from_struct(request.olds), from_struct(request.news))

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Make an object."""
        with self._call(request, context) as (reach, call):
            identifier, state = create(reach, call, from_struct(request.properties))
            return provider_pb2.CreateResponse(id=identifier, properties=to_struct(state))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Read an object."""
        with self._call(request, context) as (reach, call):
            state, given = from_struct(request.properties), from_struct(request.inputs)
            identifier, state, inputs = read(reach, call, request.id, state, given)
            if not identifier:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(id=identifier, properties=to_struct(state), inputs=to_struct(inputs))

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Change an object."""
        with self._call(request, context) as (reach, call):
            state = update(reach, call, from_struct(request.olds), from_struct(request.news))
            return provider_pb2.UpdateResponse(properties=to_struct(state))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Delete an object."""
        with self._call(request, context) as (reach, call):
            delete(reach, call, request.id, from_struct(request.properties))
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
            session = self._sessions.pop(peer, None)
            if session is None or (engine and session.log.address != engine):
                last = next(reversed(self._sessions.values()), None)
                # A connection that is made anew within a run says nothing of itself: it is the one used last.
                session = _Session(
                    engine_log.EngineLog(engine or (last.log.address if last else "")),
                    reach=last.reach if last and not engine else None,
                )
            # The one used last stands last.
            self._sessions[peer] = session
            idle = [each for each, kept in self._sessions.items() if not kept.under_way and each != peer]
            for each in idle[: max(len(self._sessions) - SESSIONS, 0)]:
                self._sessions.pop(each).close()
            return session

    def _call(self, request: Any, context: grpc.ServicerContext) -> "_Underway":
        session = self._session(context)
        if session.reach is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the provider was not configured")
            raise AssertionError("abort raises")
        call = _Call(
            urn=request.urn,
            log=session.log,
            timeout=getattr(request, "timeout", 0.0),
            preview=getattr(request, "preview", False),
            ignored=tuple(getattr(request, "ignoreChanges", ())),
        )
        # An engine that is gone waits for nothing.
        context.add_callback(call.cancellation.cancel)
        return _Underway(context, session, session.reach, call)


class _Told:
    """Turns what goes wrong inside its block into the status that an engine understands."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, PartialError):
            detail = provider_pb2.ErrorResourceInitFailed(
                id=error.identifier, properties=to_struct(error.state), reasons=[str(error)]
            )
            packed = any_pb2.Any()
            packed.Pack(detail)
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[packed])
            self._context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            self._context.abort(grpc.StatusCode.UNKNOWN, str(error))
        if isinstance(error, OperationError | SettingsError | ApiError | NoMatchError | UnreachableError):
            self._context.abort(grpc.StatusCode.UNKNOWN, str(error))


class _Underway(_Told):
    """An operation on a resource while it goes on."""

    def __init__(self, context: grpc.ServicerContext, session: _Session, reach: Reach, call: _Call) -> None:
        super().__init__(context)
        self._session = session
        self._operation = (reach, call)

    def __enter__(self) -> tuple[Reach, _Call]:  # type: ignore[override] # its block is given something
        self._session.under_way.add(self._operation[1].cancellation)
        return self._operation

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._session.under_way.discard(self._operation[1].cancellation)
        super().__exit__(kind, error, traceback)


def _configured(arguments: Settings, environ: Mapping[str, str]) -> Reach:
    try:
        connection, namespace = connect(arguments, environ)
    except SettingsError as error:
        return Reach(arguments, None, arguments.namespace or "default", NO_CLIENT.format(error=error))
    cluster = Cluster(connection, arguments.limits)
    try:
        cluster.check()
    except (UnreachableError, ApiError) as error:
        reason = f"unable to load schema information from the API server: {error}"
        return Reach(arguments, cluster, namespace, reason)
    return Reach(arguments, cluster, namespace, "")
