"""``fluxapps dev logs``: what the local cluster's processes write."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from fluxapps.cli.failure import CommandError
from fluxapps.cli.screen import harmless, screen
from fluxapps.cli.session import LOCAL_CLUSTER
from fluxapps.devcluster.logs import Logs, written
from fluxapps.model.problems import did_you_mean

_OF_EACH = 5
_OF_NAMED = 50
"""Lines at first, unless told."""


def show_logs(root: Path, names: Sequence[str], *, lines: int | None, follow: bool) -> None:
    """Print the last lines of the processes' logs, each after its process's name, those that wrote last at the end.

    Args:
        root: The repository.
        names: Of which processes; none: of all.
        lines: How many of each; None: few of all, more of those that were named.
        follow: Go on with what is written, until interrupted.

    Raises:
        CommandError: There is no such process, or no log.
    """
    folder = root / LOCAL_CLUSTER / "logs"
    known = written(folder)
    if not known:
        raise CommandError("the local cluster has not run yet: it has no logs", "fluxapps dev up")
    for name in names:
        if name not in known:
            fix = did_you_mean(name, known, otherwise=f"it has {', '.join(known)}")
            raise CommandError(f"the local cluster has no process '{name}'", fix)
    chosen = list(dict.fromkeys(names)) or known
    width = max(map(len, chosen))
    console, logs = screen(), Logs(folder, chosen)

    def tell(name: str, line: str) -> None:
        console.print(Text.assemble((f"{name:<{width}}", "cyan"), (" | ", "dim"), harmless(line)), soft_wrap=True)

    for said in logs.last(lines if lines is not None else _OF_NAMED if names else _OF_EACH):
        tell(*said)
    if follow:
        for said in logs.follow():
            tell(*said)
