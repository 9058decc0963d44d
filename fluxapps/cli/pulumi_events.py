"""What pulumi says while it works, read from its stream of events (``--json``; apitype.EngineEvent).

Only what is shown to somebody is read; every other event, and every other field, is left alone.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from functools import partial
from typing import Any

STREAMED_PREVIEW = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW"
"""Of pulumi's environment: without it `preview --json` says nothing before it ends, and then something else."""

_NO_NEWS = "program exited with non-zero exit code"
"""What pulumi says beside an error of the program, which that has told already."""
_ONE_ERROR = "1 error occurred:\n\t* "
"""How providers begin a list of errors that has one."""


@unique
class Stage(StrEnum):
    """How far one operation is."""

    STARTED = "resourcePreEvent"
    DONE = "resOutputsEvent"
    FAILED = "resOpFailedEvent"


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on one resource."""

    stage: Stage
    op: str
    """As pulumi calls it: create, update, delete, same, import, replace, create-replacement, delete-replaced…"""
    urn: str
    kind: str
    """Of a Kubernetes object: HelmRelease; of everything else its whole type."""
    name: str
    """Its logical name; of a Kubernetes object ``<namespace>/<name>``, or ``<name>``."""
    parent: str
    """The URN of the component that it belongs to; "" for the stack."""
    retained: bool = False
    """Whether it stays where it is when the stack lets it go."""
    changed: tuple[str, ...] = ()
    """Paths of what an update or a replacement changes."""
    old: Mapping[str, Any] = field(default_factory=dict)
    """What the program said of it before; {} for something new."""
    new: Mapping[str, Any] = field(default_factory=dict)
    """What the program says of it now; {} for something that goes."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something that the program, a provider or the engine says."""

    severity: str
    """info, info#err, warning or error."""
    text: str
    urn: str = ""
    """Which resource it is about, if one."""
    passing: bool = False
    """Whether it says how things stand and counts until the next such message only."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of an operation."""

    counts: Mapping[str, int]
    """How many resources had which operation."""
    result: str
    """succeeded, failed or canceled."""


Event = Step | Message | Summary


def read_event(line: str) -> Event | None:
    """Return what *line* of the stream says; None where it is nothing to show.

    Raises:
        ValueError: It is no event.
    """
    said = json.loads(line)
    if not isinstance(said, dict):
        raise ValueError("an event is a JSON object")  # noqa: TRY004 - of the text, as json's own errors are
    return next((read(said[kind]) for kind, read in _READ.items() if said.get(kind) is not None), None)


def name_of(urn: str) -> str:
    """Return the logical name in *urn*."""
    return urn.rpartition("::")[2]


def type_of(urn: str) -> str:
    """Return the type of the resource that *urn* names, without those of its parents."""
    return urn.split("::")[2].rpartition("$")[2] if urn.count("::") > 1 else ""


def _step(stage: Stage, event: dict[str, Any]) -> Step:
    said = event["metadata"]
    old, new = said.get("old") or {}, said.get("new") or {}
    state = new or old
    kind = said["type"]
    return Step(
        stage=stage,
        op=said["op"],
        urn=said["urn"],
        kind=kind.rpartition(":")[2] if kind.startswith("kubernetes:") else kind,
        name=name_of(said["urn"]),
        parent=state.get("parent") or "",
        # Only the state before says what becomes of an object that goes.
        retained=bool((old or new).get("retainOnDelete")),
        changed=tuple(said.get("detailedDiff") or said.get("diffs") or ()),
        old=old.get("inputs") or {},
        new=new.get("inputs") or {},
    )


def _message(said: dict[str, Any]) -> Message | None:
    severity = said["severity"]
    text = said["message"].strip().removeprefix(_ONE_ERROR).expandtabs(2)
    passing = bool(said.get("ephemeral"))
    if severity == "debug" or (not text and not passing):
        return None
    if severity == "error" and _NO_NEWS in text:
        return None
    return Message(severity, text, said.get("urn", ""), passing)


def _of_policy(said: dict[str, Any]) -> Message:
    severity = "error" if said.get("enforcementLevel") == "mandatory" else "warning"
    return Message(severity, f"{said['policyName']}: {said['message'].strip()}", said.get("resourceUrn", ""))


def _of_stdout(said: dict[str, Any]) -> Message | None:
    text = said["message"].strip()
    return Message("info", text) if text else None


_READ: Mapping[str, Callable[[dict[str, Any]], Event | None]] = {
    **{stage: partial(_step, stage) for stage in Stage},
    "diagnosticEvent": _message,
    "stdoutEvent": _of_stdout,
    "policyEvent": _of_policy,
    "progressEvent": lambda said: Message("info", said["message"].strip(), passing=True),
    "errorEvent": lambda said: Message("error", said["error"].strip()),
    "summaryEvent": lambda said: Summary(said.get("resourceChanges") or {}, said.get("result", "")),
}
