"""The command ``fluxapps``: checks, renders and runs what the model and the engine make of a repository."""

import gc
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``fluxapps`` with *arguments* (default: those of the process), and return its exit code.

    0: done. 1: the files have problems, something differs, or it can't be done; said on the screen. 2: wrong usage.
    70: a fault of fluxapps itself. 130: interrupted. ``up``, ``preview`` and ``destroy`` pass on pulumi's code.
    """
    from fluxapps.cli.command_line import run  # noqa: PLC0415 - so that importing the package costs nothing

    code = run(arguments)
    if arguments is None:
        # The process ends: walking all that it made in search of garbage takes a tenth of a short command.
        gc.freeze()
    return code
