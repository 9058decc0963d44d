"""An operation of pulumi on the screen: a line per app; on a terminal with what is in work below them."""

import math
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.console import Group as Rows
from rich.live import Live
from rich.text import Text

from fluxapps.cli.app_change import Change, GroupChange
from fluxapps.cli.progress import Line, Progress, Told
from fluxapps.cli.pulumi_events import Event
from fluxapps.cli.screen import counted, harmless, print_sentence, screen

_IN_WORK_SHOWN = 8
"""So many apps in work are shown by name."""
_BETWEEN = 0.1
"""Seconds between two drawings of what is in work."""
_STATUS_EVERY = 10.0
"""Seconds between two lines of how things stand, where there is no terminal."""
_LINES_SHOWN = 40
"""On a terminal, so many apps get a line; then they are only counted, while failures go on being told."""
_STYLES = {
    Change.REMOVED: "red",
    Change.REINSTALLED: "bold red",
    Change.UPGRADED: "yellow",
    Change.CHANGED: "yellow",
    Change.ADOPTED: "cyan",
    Change.NEW: "green",
}
_FULL = "no space left on device"
"""What the system calls it when the state can't be written (ENOSPC)."""
_SUMMARY = (Change.NEW, Change.ADOPTED, Change.UPGRADED, Change.CHANGED, Change.REINSTALLED, Change.REMOVED)
_SEVERITIES = {"error": "bold red", "warning": "bold yellow"}
_PAST = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "import": "imported",
    "same": "unchanged",
}
"""Operations as pulumi's own summary calls them; others are steps of these."""


class ProgressScreen:
    """Shows an operation while it goes on. Use it in a ``with`` block, and hand it every event."""

    def __init__(self, total: int | None, *, planning: bool = False, told: set[Told] | None = None) -> None:
        """Begin.

        Args:
            total: How many apps there are; None where that isn't known.
            planning: Whether nothing is done, only said what would be.
            told: Messages that were told before, and aren't again; gets those that are told now.
        """
        self.progress = Progress(planning=planning, told=told)
        self._planning = planning
        self._total = total
        self._began = time.monotonic()
        self._drawn = 0.0
        self._told_status = ""
        self._status_told = self._began
        self._lines = 0
        self._hidden = 0
        self._interrupts = 0
        self._out = screen()
        self._err = screen(stderr=True) if not self._out.is_terminal else self._out
        self._live = (
            Live(console=self._out, get_renderable=self.rows, auto_refresh=False, transient=True)
            if self._out.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def hear(self, event: Event | None) -> None:
        """Take *event* in, and show what it changes; None: show that time goes by."""
        for line in () if event is None else self.progress.take(event):
            self._print(line)
        now = time.monotonic()
        if self._live is None:
            self._tell_status(now)
        elif now - self._drawn > _BETWEEN:
            self._drawn = now
            self._live.refresh()

    def interrupted(self) -> None:
        """Say what a Ctrl-C does."""
        self._interrupts += 1
        self.progress.status = (
            "interrupted: what is under way is brought to an end; Ctrl-C again to leave it undone"
            if self._interrupts == 1
            else "cancelled: the next run mends what this one left undone"
        )
        self._status_told = -math.inf

    def finish(self, verb: str, code: int) -> None:
        """Print what wasn't told yet, and the summary; *code* is pulumi's exit code."""
        for line in self.progress.end():
            self._print(line)
        if self._live is not None:
            self._live.stop()
        if self._hidden:
            self._out.print(f"  and {counted(self._hidden, 'app')} more, counted below")
        self._print_summary(verb, code, time.monotonic() - self._began)
        if any(_FULL in told.text for told in self.progress.told):
            self._err.print("  fix: make room on that disk, then run this again: what was made is found and taken over")

    def _tell_status(self, now: float) -> None:
        """Say how things stand where nothing can be drawn, now and then: a job of CI shows that it lives."""
        is_new = self.progress.status not in {"", self._told_status}
        if is_new and now - self._status_told > _STATUS_EVERY:
            self._told_status, self._status_told = self.progress.status, now
            self._out.print(harmless(self.progress.status))

    def _print_summary(self, verb: str, code: int, seconds: float) -> None:
        """Print what became of the apps, or would, and of the objects behind them."""
        progress = self.progress
        planned = self._planning
        summary = progress.summary
        if summary is None:
            return
        words: dict[str, int] = {}
        for change in (*_SUMMARY, Change.UNCHANGED):
            count = sum(one is change for name, one in progress.worst.items() if name not in progress.failed)
            word = f"to {change.planned}" if planned and change is not Change.UNCHANGED else change.done
            words[word] = words.get(word, 0) + count
        words["failed"] = len(progress.failed)
        apps = ", ".join(f"{count} {word}" for word, count in words.items() if count) or "none"
        past = {op: f"to {op}" for op in _PAST if op != "same"} | {"same": "unchanged"} if planned else _PAST
        objects = ", ".join(f"{count} {past[op]}" for op, count in summary.counts.items() if op in past and count)
        result = "interrupted" if self._interrupts else "failed" if code else "done"
        self._out.print(
            Text.assemble(
                (f"{verb} {result}", "bold green" if result == "done" else "bold red"),
                f" in {seconds:.0f} s; apps: {apps}",
            )
        )
        self._out.print(f"objects: {objects or 'none'}", style="dim")

    def _print(self, line: Line) -> None:
        if isinstance(line, Told):
            print_told(self._out if line.severity == "info" else self._err, line)
            return
        self._lines += 1
        if self._live is None or self._lines <= _LINES_SHOWN or line.uninstalled:
            self._out.print(text_of(line, planned=self._planning), soft_wrap=self._live is None)
        else:
            self._hidden += 1

    def rows(self) -> Rows:
        """Return what is in work, and how things stand."""
        progress = self.progress
        in_work = progress.in_work
        rows = [
            Text.assemble((" … ", "dim"), f"{group.name}  ", (harmless(what), "dim"), overflow="ellipsis", no_wrap=True)
            for group, what in list(in_work.items())[:_IN_WORK_SHOWN]
        ]
        if len(in_work) > _IN_WORK_SHOWN:
            rows.append(Text(f" … and {len(in_work) - _IN_WORK_SHOWN} more", "dim"))
        if progress.status:
            rows.append(Text(harmless(progress.status), "cyan", overflow="ellipsis", no_wrap=True))
        return Rows(*rows, Text(self._counts(len(in_work)), "dim"))

    def _counts(self, in_work: int) -> str:
        done = len(self.progress.worst)
        of = f" of {self._total}" if self._total is not None else ""
        failed = f", {len(self.progress.failed)} failed" if self.progress.failed else ""
        waiting = max(0, (self._total or 0) - done - in_work)
        return (
            f"{done}{of} apps done, {in_work} in work{f', {waiting} waiting' if waiting else ''}{failed}"
            f"  {time.monotonic() - self._began:.0f} s"
        )


def text_of(line: GroupChange, *, planned: bool = False) -> Text:
    """Return what is told of *line*: what happened, or what is going to."""
    change = line.change
    word = change.planned if planned else change.done
    details = line.details
    return Text.assemble(
        (f"{change.mark} {harmless(line.group.name)}", _STYLES.get(change, "")),
        f"  {word}" if line.group.is_app else " ",
        f"{':' if line.group.is_app else ''} {harmless(details)}" if details else "",
    )


def print_told(console: Console, told: Told) -> None:
    """Print a message of the program, a provider or the engine: a line of it is a line."""
    style = _SEVERITIES.get(told.severity)
    text = Text.assemble((told.severity, style), ": ", harmless(told.text)) if style else Text(harmless(told.text))
    for line in text.split("\n"):
        print_sentence(console, line)
