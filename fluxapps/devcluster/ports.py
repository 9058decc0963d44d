"""Loopback ports: chosen once, kept in a file, chosen anew only where somebody else has taken one."""

import json
import random
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

from fluxapps.devcluster.errors import ClusterError

LOOPBACK = "127.0.0.1"
# Below the range that systems hand out for outgoing connections (32768 on Linux, 49152 elsewhere), so that a port isn't
# taken by chance while its server is down.
_RANGE = range(20_000, 32_000)
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As servers do, or a port whose connections have only just closed would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(kept: Path, names: Iterable[str], *, running: Iterable[str], say: Callable[[str], None]) -> dict[str, int]:
    """Return a port for each name, and keep them in the file *kept*.

    Args:
        kept: ``ports.json``; ports in it stay as they are while they are free or ours.
        names: What needs a port.
        running: Names whose own process listens at the moment.
        say: Told when a port had to be chosen anew.

    Raises:
        ClusterError: No port is free.
    """
    known: dict[str, int] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    ours = set(running)
    ports: dict[str, int] = {}
    for name in names:
        port = known.get(name)
        if port is not None and (name in ours or is_free(port)):
            ports[name] = port
            continue
        ports[name] = _free({*known.values(), *ports.values()})
        if port is not None:
            say(f"{name}: port {port} has been taken by another program; it is {ports[name]} from now on")
    if ports != known:
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(ports, indent=2) + "\n", "utf-8")
        partial.replace(kept)
    return ports


def _free(taken: set[int]) -> int:
    for _ in range(_TRIES):
        port = random.choice(_RANGE)  # noqa: S311  spreads clusters apart; nothing is kept secret by it
        if port not in taken and is_free(port):
            return port
    raise ClusterError(f"no free port found between {_RANGE.start} and {_RANGE.stop}", fix="end some local servers")
