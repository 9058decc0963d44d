"""A stand-in for Pulumi's Python language host, for a `pulumi` that has none.

Serves the LanguageRuntime contract as far as plain commands ask for it (up, preview, destroy, refresh, import, about,
stack, config). It installs nothing and generates no code.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from fluxapps.devcluster.standins import engine_log, server
from fluxapps.devcluster.standins.engine_environ import environ_of
from fluxapps.devcluster.standins.program import packages
from fluxapps.devcluster.standins.toolchain import Interpreter, ToolchainError, interpreter

RUN = Path(__file__).with_name("program") / "run.py"
PACKAGES = RUN.with_name("packages.py")

# Exit code by which a program says that the user has read the error already.
ALREADY_TOLD = 32

# What a program that is asked to stop may take for it.
GRACE_SECONDS = 5

# The engine shows lines of one stream together; each of a program's two outputs is one.
STDOUT_STREAM, STDERR_STREAM = 1_001, 1_002


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The servicer; one may serve several engines, one after the other or at once."""

    def __init__(self, without: frozenset[str] = frozenset()) -> None:
        """Make a host.

        Args:
            without: Packages whose provider is attached, and which the engine need not look for.
        """
        self._without = without
        self._engines: dict[str, str] = {}
        self._running: dict[subprocess.Popen[bytes], str] = {}
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Kill every program that still runs."""
        with self._lock:
            running = list(self._running)
        for program in running:
            _kill(program)

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Learn where the engine listens that this connection comes from."""
        with self._lock:
            self._engines[context.peer()] = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Say what this is."""
        return plugin_pb2.PluginInfo(version="0.0.0-standin")

    def Cancel(self, _request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Ask the connection's programs to stop."""
        with self._lock:
            running = [program for program, peer in self._running.items() if peer == context.peer()]
        for program in running:
            _interrupt(program)
        return empty_pb2.Empty()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """List the providers that packages in the program's environment ask for."""
        python = _interpreter(request.info, context)
        if python.executable == sys.executable:
            found = packages.packages()
        else:
            command = [python.executable, str(PACKAGES)]
            listed = subprocess.run(command, env=python.environ, capture_output=True, check=False)  # noqa: S603
            if listed.returncode:
                context.abort(grpc.StatusCode.INTERNAL, f"listing packages failed: {listed.stderr.decode()}")
            found = json.loads(listed.stdout)
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(kind="resource", **each)
                for each in found
                if each["name"] not in self._without
            ]
        )

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """List what is installed for the program, for `pulumi about`."""
        python = _interpreter(request.info, context)
        command = [python.executable, "-m", "pip", "list", "--format", "json"]
        if not request.transitiveDependencies:
            command.append("--not-required")
        listed = subprocess.run(command, env=python.environ, capture_output=True, check=False)  # noqa: S603
        if listed.returncode:
            context.abort(grpc.StatusCode.INTERNAL, f"`{' '.join(command)}` failed: {listed.stderr.decode()}")
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=packages.normalized(each["name"]), version=each["version"])
                for each in json.loads(listed.stdout)
            ]
        )

    def RuntimeOptionsPrompts(self, _request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Ask nothing: a project that this host runs says its options."""
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Say which Python runs programs."""
        python = _interpreter(request.info, context)
        command = [python.executable, "-c", "import platform; print(platform.python_version())"]
        asked = subprocess.run(command, env=python.environ, capture_output=True, check=False)  # noqa: S603
        return language_pb2.AboutResponse(
            executable=python.executable,
            version=asked.stdout.decode().strip(),
            metadata={"toolchain": python.toolchain, "host": "stand-in"},
        )

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Run the program to its end, and say how it ended."""
        python = _interpreter(request.info, context)
        with self._lock:
            engine = self._engines.get(context.peer()) or next(reversed(self._engines.values()), "")
        if not engine:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "Handshake must come before Run")
        log = engine_log.EngineLog(engine)
        # Closed by the system when this host dies, which ends the program.
        lifeline, held = os.pipe()
        try:
            program = subprocess.Popen(  # noqa: S603
                [python.executable, str(RUN)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=python.environ,
                pass_fds=(lifeline,),
                start_new_session=True,
            )
        except OSError as error:
            os.close(held)
            return language_pb2.RunResponse(error=f"could not start {python.executable}: {error}")
        finally:
            os.close(lifeline)
        with self._lock:
            self._running[program] = context.peer()
        # Called when the call is over, also because the engine is gone or gave up.
        ended: Future[None] = Future()
        if not context.add_callback(lambda: None if ended.done() else _interrupt(program)):
            _interrupt(program)
        try:
            outputs = [
                _forwarded(program.stdout, log, STDOUT_STREAM),
                _forwarded(program.stderr, log, STDERR_STREAM),
            ]
            with contextlib.suppress(BrokenPipeError), program.stdin or contextlib.nullcontext() as stdin:
                if stdin is not None:
                    stdin.write(_described(request, engine, lifeline))
            code = program.wait()
            ended.set_result(None)
            for output in outputs:
                # A process that the program left behind may hold its outputs open.
                output.join(GRACE_SECONDS)
        finally:
            with self._lock:
                self._running.pop(program, None)
            _kill(program)
            os.close(held)
            log.close()
        return _response(code)


def _described(request: Any, engine: str, lifeline: int) -> bytes:
    return json.dumps(
        {
            "lifeline": lifeline,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
            "directory": request.pwd or request.info.program_directory,
            "program": request.info.entry_point or ".",
            "args": list(request.args),
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "monitor": request.monitor_address,
            "engine": engine,
        }
    ).encode()


def _response(code: int) -> Any:
    if code == 0:
        return language_pb2.RunResponse()
    if code == ALREADY_TOLD:
        return language_pb2.RunResponse(bail=True)
    if code < 0:
        return language_pb2.RunResponse(error=f"program exited unexpectedly: signal: {signal.Signals(-code).name}")
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")


def _forwarded(output: IO[bytes] | None, log: engine_log.EngineLog, stream: int) -> threading.Thread:
    def forward() -> None:
        for line in output or ():
            if line.strip():
                log.say(engine_log.INFO, line.decode(errors="replace"), stream=stream)

    thread = threading.Thread(target=forward, daemon=True)
    thread.start()
    return thread


def _interpreter(info: Any, context: grpc.ServicerContext) -> Interpreter:
    options = json_format.MessageToDict(info.options)
    try:
        return interpreter(info.root_directory, info.program_directory, options, environ_of(context.peer()))
    except ToolchainError as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        raise


def _interrupt(program: "subprocess.Popen[bytes]") -> None:
    """Ask once, insist after the grace."""
    with contextlib.suppress(ProcessLookupError):
        program.send_signal(signal.SIGINT)
    insist = threading.Timer(GRACE_SECONDS, _kill, (program,))
    insist.daemon = True
    insist.start()


def _kill(program: "subprocess.Popen[bytes]") -> None:
    if program.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            program.kill()


def main() -> None:
    """Serve until the process that started this one is gone."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--without", action="append", default=[], metavar="PACKAGE")
    host = LanguageHost(frozenset(arguments.parse_args().without))
    server.serve(
        lambda to: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, to), workers=32, stop=host.stop
    )


if __name__ == "__main__":
    main()
