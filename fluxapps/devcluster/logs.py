"""What the processes of a cluster have written, and what they write from now on."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

_POLL = 0.2
_TAIL = 256 * 1024
"""Bytes from the end that the last lines are looked for in."""
_SUFFIX = ".log"

Line = tuple[str, str]
"""Who wrote it, and the text."""


def written(folder: Path) -> list[str]:
    """Return the processes that have a log in a cluster's folder of logs."""
    return sorted(file.name.removesuffix(_SUFFIX) for file in folder.glob(f"*{_SUFFIX}"))


class Logs:
    """The logs of some processes; each line is told once."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        """Name them.

        Args:
            folder: Of a cluster's logs.
            names: Processes, whether they have a log already or not.
        """
        self._files = {name: folder / f"{name}{_SUFFIX}" for name in names}
        self._read: dict[str, tuple[int, int]] = {}
        """Of each file, which one it is, and how much of it was told."""

    def last(self, count: int) -> Iterator[Line]:
        """Return the last lines of each, that process last which wrote last."""
        there = {name: file for name, file in self._files.items() if file.exists()}
        for name in sorted(there, key=lambda name: there[name].stat().st_mtime):
            lines = self._new(name)
            yield from ((name, line) for line in lines[max(0, len(lines) - count) :])

    def follow(self) -> Iterator[Line]:
        """Return what is written after that, for ever, as it comes; a process started anew has a new file."""
        while True:
            for name in self._files:
                yield from ((name, line) for line in self._new(name))
            time.sleep(_POLL)

    def _new(self, name: str) -> list[str]:
        try:
            stream = self._files[name].open("rb")
        except FileNotFoundError:
            return []
        with stream:
            number = os.fstat(stream.fileno()).st_ino
            size = stream.seek(0, 2)
            known, position = self._read.get(name, (0, 0))
            is_first = name not in self._read
            if known != number:
                position = 0
            start = max(position, size - _TAIL) if is_first else position
            stream.seek(start)
            data = stream.read(size - start)
        # What has no end yet is told with its end.
        whole = data[: data.rfind(b"\n") + 1]
        self._read[name] = (number, start + len(whole))
        lines = whole.decode("utf-8", errors="replace").splitlines()
        # The first may have lost its beginning.
        return lines[1:] if is_first and start else lines
