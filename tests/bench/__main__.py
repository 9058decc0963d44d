"""``make bench``: measure, print the table, write docs/benchmarks.md; exit code 1 where a promise is broken.

With ``ALL=1`` also what takes an hour.
"""

import os
import shutil
import sys
import tempfile
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fluxapps.devcluster.programs import find
from fluxapps.devcluster.standins import missing
from tests.bench.lifecycle import lifecycle_rows
from tests.bench.measurements import FEW, MANY, THOUSAND, TREE, Bench, all_rows
from tests.bench.page import page
from tests.bench.processes import PROJECT
from tests.bench.rows import COLUMNS, Row, Verdict

PAGE = PROJECT / "docs" / "benchmarks.md"
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ROOM = 1 << 29
"""Bytes that the made-up repositories take, amply."""
STYLES = {Verdict.HOLDS: "green", Verdict.BROKEN: "bold red", Verdict.INFORMATION: "dim"}


def main() -> int:
    """Run the benchmark and return its exit code."""
    # Else our own modules would be compiled by every process, and those of packages, which pip compiles, by none.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    progress = Console(stderr=True, highlight=False)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="fluxapps-bench-", dir=_place()) as folder:
        with progress.status("bench") as status:

            def say(what: str) -> None:
                status.update(f"bench: {what}")
                if not progress.is_terminal:
                    progress.print(f"bench: {what}", soft_wrap=True)

            bench = Bench(Path(folder), find("kustomize", say=say), say)
            for row in chain(all_rows(bench), lifecycle_rows(bench, everything="ALL" in os.environ)):
                rows.append(row)
                progress.print(f"  {row.what}: {row.ratio or row.ours}", style=STYLES[row.verdict], soft_wrap=True)
        files = sum(1 for path in (bench.repository(THOUSAND) / TREE).rglob("*.yaml"))
    standins = missing(find("pulumi", say=progress.print), project=PROJECT, environ=os.environ)
    staged = PAGE.with_name(f".{PAGE.name}.part")
    staged.write_text(page(rows, files=files, few=FEW, many=MANY, standins=standins))
    staged.replace(PAGE)
    _print(rows)
    broken = sum(row.verdict is Verdict.BROKEN for row in rows)
    progress.print(f"bench: {broken or 'no'} promise{'s' * (broken != 1)} broken; kept in {PAGE.relative_to(PROJECT)}")
    return int(broken > 0)


def _place() -> Path | None:
    """Return where files lie in memory, if there is room; None: where temporary files usually go."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else None


def _print(rows: list[Row]) -> None:
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*(cell.replace("`", "") for cell in row.cells), style=STYLES[row.verdict])
    # In a pipe a line of the table stays one.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


if __name__ == "__main__":
    sys.exit(main())
