"""Pulumi as a process: on the terminal as it is, or with its events read one by one."""

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import Popen
from typing import IO

from fluxapps.cli.pulumi_events import STREAMED_PREVIEW, Event, Message, read_event
from fluxapps.devcluster.foreground import run_in_foreground

PARALLEL = 64
"""Operations at once: most of the time is waiting for the cluster."""

_TICK = 0.1
"""Seconds after which the screen is drawn anew though nothing was said."""


@dataclass(frozen=True, kw_only=True)
class Pulumi:
    """The pulumi on hand, about one stack of one repository."""

    program: Path
    env: Mapping[str, str]
    root: Path
    stack: str
    attended: bool
    """Whether somebody sits at a terminal."""
    in_preview: Mapping[str, str] = field(default_factory=dict)
    """Of its environment in a preview, and in a run whose preview pulumi makes by itself."""

    def on_terminal(self, *words: str) -> int:
        """Run a command with our streams, and return its exit code."""
        return run_in_foreground([str(self.program), *words], self.env, self.root)

    def plain(self, verb: str, arguments: Sequence[str], *, yes: bool) -> int:
        """Run *verb* on the stack with pulumi's own display, and return its exit code."""
        flags = _quick(arguments)
        if yes and verb != "preview":
            flags.append("--yes")
        if not self.attended:
            flags.append("--non-interactive")
        if os.environ.get("NO_COLOR"):
            flags += ["--color", "never"]
        command = [str(self.program), verb, "--stack", self.stack, *flags, *arguments]
        return run_in_foreground(command, {**self.env, **self.in_preview}, self.root)

    def heard(
        self,
        verb: str,
        arguments: Sequence[str],
        hear: Callable[[Event | None], None],
        on_interrupt: Callable[[], None] = lambda: None,
    ) -> int:
        """Run *verb* on the stack, which asks nothing, and return its exit code.

        Args:
            verb: up, preview or destroy.
            arguments: Passed on; they must make pulumi ask nothing and leave its display alone.
            hear: Gets each event, and None every now and then between them.
            on_interrupt: Called at each Ctrl-C, which pulumi gets too.
        """
        flags = [*_quick(arguments), "--json", "--non-interactive", "--color", "never"]
        return run_in_foreground(
            [str(self.program), verb, "--stack", self.stack, *flags, *arguments],
            {**self.env, **(self.in_preview if verb == "preview" else {}), STREAMED_PREVIEW: "true"},
            self.root,
            listen=lambda child: _listen(child, hear),
            on_interrupt=on_interrupt,
        )


def _quick(arguments: Sequence[str]) -> list[str]:
    chosen = any(each.startswith(("--parallel", "-p")) for each in arguments)
    return [] if chosen else ["--parallel", str(PARALLEL)]


def _listen(child: Popen[bytes], hear: Callable[[Event | None], None]) -> None:
    # The streams are read to their ends whatever becomes of us: pulumi must never wait for somebody to read.
    said: SimpleQueue[Event | None] = SimpleQueue()
    readers = [
        threading.Thread(target=_read, args=(stream, read, said), daemon=True)
        for stream, read in ((child.stdout, _of_stdout), (child.stderr, _of_stderr))
    ]
    for reader in readers:
        reader.start()
    ended = 0
    while ended < len(readers):
        try:
            event = said.get(timeout=_TICK)
        except Empty:
            hear(None)
            continue
        if event is None:
            ended += 1
        else:
            hear(event)


def _read(stream: IO[bytes] | None, read: Callable[[str], Event | None], said: "SimpleQueue[Event | None]") -> None:
    try:
        for line in stream or ():
            event = read(line.decode("utf-8", "replace").rstrip())
            if event is not None:
                said.put(event)
    finally:
        said.put(None)


def _of_stdout(line: str) -> Event | None:
    try:
        return read_event(line) if line else None
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not of the stream, or of one that we don't know: shown as it is.
        return Message("info", line)


def _of_stderr(line: str) -> Event | None:
    severity, separator, text = line.partition(": ")
    if separator and severity in {"error", "warning"}:
        return Message(severity, text)
    return Message("info#err", line) if line.strip() else None


def is_attended() -> bool:
    """Return whether somebody sits at a terminal who can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
