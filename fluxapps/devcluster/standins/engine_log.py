"""Say something to the user through the engine that called a plugin."""

import contextlib
import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from fluxapps.devcluster.standins.server import OPTIONS

DEBUG = engine_pb2.DEBUG
INFO = engine_pb2.INFO
WARNING = engine_pb2.WARNING
ERROR = engine_pb2.ERROR


class EngineLog:
    """The log of one engine, by its address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    def say(
        self,
        severity: engine_pb2.LogSeverity.ValueType,
        message: str,
        *,
        urn: str = "",
        stream: int = 0,
        ephemeral: bool = False,
    ) -> None:
        """Send *message*; an engine that is gone is no error, there is nobody left to tell.

        Args:
            severity: One of this module's levels.
            message: What the user is to read.
            urn: The resource it is about; the stack when empty.
            stream: Lines of one stream are shown together.
            ephemeral: Show it in the progress line only.
        """
        request = engine_pb2.LogRequest(
            severity=severity, message=message, urn=urn, streamId=stream, ephemeral=ephemeral
        )
        with contextlib.suppress(grpc.RpcError, ValueError):
            self._engine().Log(request, timeout=30)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
                self._channel = None

    def _engine(self) -> engine_pb2_grpc.EngineStub:
        with self._lock:
            if self._channel is None:
                self._channel = grpc.insecure_channel(self.address, options=OPTIONS)
            return engine_pb2_grpc.EngineStub(self._channel)
