"""Running another program in our place: its output is ours, signals reach it, and its exit code becomes ours."""

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

INTERRUPTED = 130
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def run_in_foreground(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    *,
    listen: "Callable[[subprocess.Popen[bytes]], None] | None" = None,
    on_interrupt: Callable[[], None] = lambda: None,
) -> int:
    """Run *command* in *folder* (default: ours) to its end, and return its exit code.

    A Ctrl-C reaches it from the terminal, which has it end in order; the code is then 130. What else would end us is
    passed on to it, and a signal that ends it makes 128 and its number, as in a shell.

    Args:
        command: What to run.
        environment: All of it.
        folder: Where.
        listen: Reads what it writes, both streams to their ends; it is then asked nothing either. Default: the streams
            are ours.
        on_interrupt: Called at each Ctrl-C.
    """
    interrupted = False
    waiting: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def note_interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        on_interrupt()

    def forward(number: int, _frame: FrameType | None) -> None:
        if child is None:
            # It may run already, and we not know of it yet.
            waiting.append(number)
        else:
            child.send_signal(number)

    # Handlers, not SIG_IGN, which the command would inherit.
    handlers = {signal.SIGINT: note_interrupt, **dict.fromkeys(_FORWARDED, forward)}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        stdin, stream = (None, None) if listen is None else (subprocess.DEVNULL, subprocess.PIPE)
        with subprocess.Popen(  # noqa: S603 - as the caller says
            command, cwd=folder, env=dict(environment), stdin=stdin, stdout=stream, stderr=stream
        ) as child:
            for number in waiting:
                child.send_signal(number)
            if listen is not None:
                listen(child)
            code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if interrupted and code:
        return INTERRUPTED
    return code if code >= 0 else 128 - code
