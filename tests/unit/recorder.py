"""A mock engine that keeps what Pulumi's own mocks drop, and refuses what they let pass.

Kept: parents, dependencies, options, outputs. Refused: two resources of one URN, a call or a read that nobody expected.
A program is recorded in a context and an event loop of its own, without threads: recordings never see each other.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from google.protobuf import empty_pb2, json_format
from pulumi.runtime import mocks, set_all_config
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.rpc import UNKNOWN
from pulumi.runtime.stack import run_in_stack

STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One registered resource, as the engine would see it; numbers are floats."""

    urn: str
    type: str
    name: str
    parent: str
    """URN."""
    custom: bool
    inputs: dict[str, Any]
    depends_on: tuple[str, ...]
    """URNs, sorted."""
    provider: str
    """URN of its explicit provider, or nothing."""
    version: str
    protect: bool
    retain_on_delete: bool
    import_id: str
    timeouts: dict[str, str]

    @property
    def kind(self) -> str:
        return self.type.rpartition(":")[2]


@dataclass
class Recording:
    """What a program registered."""

    resources: dict[str, Recorded] = field(default_factory=dict)
    """By URN."""
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each component (and the stack) registered as its outputs, by URN; an unknown value is left out."""
    logged: list[str] = field(default_factory=list)
    """Warnings and worse."""

    @property
    def stack(self) -> str:
        return next(urn for urn in self.outputs if urn.split("::")[2] == STACK_TYPE)

    @property
    def exports(self) -> dict[str, Any]:
        return self.outputs[self.stack]

    def all(self, kind: str) -> list[Recorded]:
        """Return resources of *kind* (the last part of the type token), sorted by name."""
        return sorted((r for r in self.resources.values() if r.kind == kind), key=lambda r: r.name)

    def one(self, kind: str, name: str | None = None) -> Recorded:
        found = [r for r in self.all(kind) if name in (None, r.name)]
        assert len(found) == 1, f"{len(found)} of {kind} {name or ''}; there are {sorted(self.names())}"
        return found[0]

    def names(self) -> list[str]:
        return [f"{r.kind} {r.name}" for r in self.resources.values()]


class RecordingMonitor(mocks.MockMonitor):
    """The engine's side of registration: takes note, and answers what was asked for."""

    def __init__(self, *, preview: bool, statuses: Mapping[str, Any], stashed: Mapping[str, Any]) -> None:
        super().__init__(_NoCalls())
        self.recording = Recording()
        self.preview = preview
        self.statuses = statuses
        self.stashed = stashed

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        urn = self.make_urn(request.parent, request.type, request.name)
        if urn in self.recording.resources:
            raise AssertionError(f"two resources share {urn}")
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        recorded = Recorded(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs=json_format.MessageToDict(request.object),
            depends_on=tuple(sorted(request.dependencies)),
            provider=request.provider.rpartition("::")[0],
            version=request.version,
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            import_id=request.importId,
            timeouts={step.name: value for step, value in request.customTimeouts.ListFields()},
        )
        self.recording.resources[urn] = recorded
        state = request.object
        if status := self.statuses.get(f"{recorded.kind} {recorded.name}"):
            state.update({"status": status})
        if recorded.kind == "Stash":
            state.update({"output": self.stashed.get(recorded.name, recorded.inputs["input"])})
        return resource_pb2.RegisterResourceResponse(urn=urn, id=self._id(recorded), object=state)

    def _id(self, recorded: Recorded) -> str:
        if not recorded.custom or (self.preview and not recorded.type.startswith("pulumi:providers:")):
            return ""
        metadata = recorded.inputs.get("metadata", {})
        return "/".join(metadata[key] for key in ("namespace", "name") if key in metadata) or f"{recorded.name}-id"

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        values = json_format.MessageToDict(request.outputs)
        self.recording.outputs[request.urn] = {name: value for name, value in values.items() if value != UNKNOWN}
        return empty_pb2.Empty()


class RecordingEngine(mocks.MockEngine):
    """The engine's log; keeps warnings and worse."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(None)
        self.recording = recording

    def Log(self, request: Any) -> None:  # noqa: N802 - the SDK's name
        if request.severity >= engine_pb2.WARNING:
            self.recording.logged.append(request.message)


class _NoCalls(mocks.Mocks):
    """A call or a resource that came another way than the monitor's is a mistake."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"nobody expected a call of {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(f"nobody expected to read {args.typ} {args.name}")


class _Inline(ThreadPoolExecutor):
    """Runs what it is given at once: no threads, nothing left over."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as exc:  # noqa: BLE001 - handed to who waits for it, as an executor does
            done.set_exception(exc)
        return done


def record(  # noqa: PLR0913 - one for each thing an engine knows
    program: Callable[[], object],
    *,
    preview: bool = False,
    stack: str = "dev",
    config: Mapping[str, str] | None = None,
    statuses: Mapping[str, Any] | None = None,
    stashed: Mapping[str, Any] | None = None,
) -> Recording:
    """Run *program* against a mock engine and return what it registered.

    *statuses* says, by ``<kind> <logical name>``, what the cluster answers as an object's status; *stashed*, by logical
    name, what a Stash was made with by an earlier run. What the program raises is raised.
    """
    monitor = RecordingMonitor(preview=preview, statuses=statuses or {}, stashed=stashed or {})
    engine = RecordingEngine(monitor.recording)
    run_under(monitor, engine, program, preview=preview, stack=stack, config=config)
    return monitor.recording


def run_under(  # noqa: PLR0913 - one for each thing an engine knows
    monitor: mocks.MockMonitor,
    engine: mocks.MockEngine,
    program: Callable[[], object],
    *,
    preview: bool = False,
    stack: str = "dev",
    config: Mapping[str, str] | None = None,
) -> None:
    """Run *program* to its end against *monitor* and *engine*, in a context and an event loop of its own."""

    def run() -> None:
        loop = asyncio.new_event_loop()
        loop.set_default_executor(_Inline())
        try:
            # The SDK keeps its settings in context variables, set by constructing them.
            mocks.MockSettings(
                monitor=monitor,
                monitor_features=set(),
                engine=engine,
                project="fluxapps",
                stack=stack,
                dry_run=preview,
                organization="organization",
                root_directory=None,
                callbacks=None,
                outputs=set(),
                lock=Lock(),
                legacy_apply_enabled=False,
                package_refs={},
                base_providers_by_ref={},
            )
            set_all_config(dict(config or {}))
            loop.run_until_complete(run_in_stack(lambda: _ignore(program())))
        finally:
            set_all_config({})
            loop.close()

    Context().run(run)


def _ignore(_result: object) -> None:
    """Drop what a program returns: the SDK would await it."""
