"""The environment of the process at the other end of a connection, as Linux tells it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fluxapps.devcluster.standins.engine_environ import environ_of

CLIENT = """
import json, socket, sys
port, server = json.loads(sys.argv[1])
own = socket.create_server(("127.0.0.1", 0))
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
client.bind(("127.0.0.1", port))
client.connect(("127.0.0.1", server or own.getsockname()[1]))
print(client.getsockname()[1], flush=True)
sys.stdin.read()
"""
"""Connects from a port, of the system's choice if 0, to a server, its own if 0; and stays until its input ends."""

Client = Callable[[int, int, str], int]


@pytest.fixture
def client() -> Iterator[Client]:
    with ExitStack() as stack:

        def started(port: int, server: int, mark: str) -> int:
            process = stack.enter_context(
                subprocess.Popen(  # noqa: S603 - this Python
                    [sys.executable, "-c", CLIENT, json.dumps([port, server])],
                    env={**os.environ, "MARK": mark},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            assert process.stdout
            return int(process.stdout.readline())

        yield started


def test_the_one_that_is_connected_to_us(client: Client) -> None:
    """Not another one whose connection, to somewhere else, has the same port; tables list them in any order."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for turn in range(6):
            port = client(0, 0, "somebody else")
            assert client(port, server.getsockname()[1], f"ours {turn}") == port
            with server.accept()[0]:
                assert environ_of(f"ipv4:127.0.0.1:{port}")["MARK"] == f"ours {turn}"


@pytest.mark.parametrize("torn", ["twice", "not at all"])
def test_tables_that_change_while_they_are_read(client: Client, monkeypatch: pytest.MonkeyPatch, torn: str) -> None:
    """Lines are given twice then, or not at all; it was taken for a connection that nobody holds."""
    read = Path.read_text
    reads = 0

    def changing(file: Path, *encoding: str) -> str:
        nonlocal reads
        head, *rows = read(file, *encoding).splitlines()
        if file.name == "tcp" and torn == "twice":
            rows *= 2
        elif file.name == "tcp":
            reads += 1
            rows = rows if reads > 3 else []
        return "\n".join((head, *rows))

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = client(0, server.getsockname()[1], "ours")
        with server.accept()[0]:
            monkeypatch.setattr(Path, "read_text", changing)
            assert environ_of(f"ipv4:127.0.0.1:{port}")["MARK"] == "ours"


def test_our_own_where_nobody_is_connected(client: Client) -> None:
    port = client(0, 0, "somebody else")
    assert environ_of(f"ipv4:127.0.0.1:{port}") == dict(os.environ)
    assert environ_of("unix:") == dict(os.environ)
