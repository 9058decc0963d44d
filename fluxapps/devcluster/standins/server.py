"""Serve one plugin over gRPC for as long as the process that started it lives.

What both stand-ins share: a loopback port of the kernel's choice, told on standard output, and an end as soon as
standard input closes. The starter holds the other end of that pipe, so a killed starter leaves no server behind.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

# The engine's own limit for one message (400 MiB), so that nothing that a real plugin takes is refused here.
MESSAGE_LIMIT = 400 * 1024 * 1024
OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ("grpc.so_reuseport", 0),
)


def serve(register: Callable[[grpc.Server], None], *, workers: int, stop: Callable[[], None]) -> None:
    """Serve until standard input closes.

    Args:
        register: Adds the servicer to the server.
        workers: How many calls may be under way at once; threads are only made when needed.
        stop: Ends what calls under way have started, before the process goes.
    """
    server = grpc.server(ThreadPoolExecutor(max_workers=workers), options=OPTIONS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while sys.stdin.buffer.read(4096):
        pass
    stop()
    server.stop(grace=None)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    # Calls that still wait for something in the cluster hold threads that an ordinary exit would wait for.
    os._exit(0)
