"""Which processes a cluster has, kept in a file so that any later command knows them."""

import json
from pathlib import Path
from typing import TypedDict

from fluxapps.devcluster.process import Process

_Entry = TypedDict("_Entry", {"pid": int, "born": str, "as": str})


class Roster:
    """The processes that were started, by program, each with what it was started as."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def running(self) -> dict[str, Process]:
        """Return those that still run."""
        started = {name: Process(entry["pid"], entry["born"]) for name, entry in self._entries().items()}
        return {name: process for name, process in started.items() if process.is_running}

    def started_as(self, name: str) -> str:
        """Return what a program was started as; empty when it wasn't."""
        entry = self._entries().get(name)
        return entry["as"] if entry else ""

    def add(self, name: str, process: Process, *, started_as: str) -> None:
        """Keep a process that has just been started; it takes the place of an earlier one of the same program."""
        entry: _Entry = {"pid": process.pid, "born": process.born, "as": started_as}
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps({**self._entries(), name: entry}, indent=2) + "\n", "utf-8")
        partial.replace(self._file)

    def clear(self) -> None:
        """Forget all."""
        self._file.unlink(missing_ok=True)

    def _entries(self) -> dict[str, _Entry]:
        try:
            entries: dict[str, _Entry] = json.loads(self._file.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return entries
