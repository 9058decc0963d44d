"""docs/benchmarks.md: the table, and what it compares."""

import os
import platform
from collections.abc import Sequence

from tests.bench.rows import COLUMNS, Row

INTRODUCTION = """\
# Benchmarks

Made by `make bench`, which measures all of it anew, prints this table, writes this page, and fails where a promise is
broken. Ratios are what counts; seconds are those of one machine ({machine}).
"""

EXPLANATION = """
## What is compared

The input is made up (`tests/bench/generated.py`): apps with values of twenty leaves and a namespace each, one chart
repository for ten of them, each third app depending on the one before, two stacks. It lies in memory (`/dev/shm`) where
there is room, so that a disk doesn't decide. Ours and theirs run by turns, each in a process of its own, and the best
run of each counts.

- **`check` and `render`, against `kustomize build`**: the time someone waits for the two commands, one after the other,
  start of Python included: `render` writes its tree of {files} files into an empty folder. `kustomize`, of the version
  that `fluxapps/devcluster/programs` pins, builds a copy of that tree in which each folder has a kustomization.yaml
  naming its files, and the root has one naming the folders; it writes one file.
- **Peak memory**: the most that the process held at once, of those runs.
- **Files to text, against libyaml**: load, resolve, check, declare and dump inside one process, in processor time.
  libyaml is asked for what can't be done without: to parse the same files, and to dump the same objects once. It is
  called through PyYAML (`CSafeLoader`, `CSafeDumper`), as a Python program does.
- **For each of {many} apps, against each of {few}**: the same, divided by the number of apps. Both after one run over a
  repository of a single app, so that what is read once isn't counted; and as often over {few} as makes {many}, so that
  both take long enough to meet the same disturbances.
- **Registering apps, against bare CustomResources**: a program of our components, as `__main__.py` has them, and a flat
  one that registers the same objects as `pulumi_kubernetes.apiextensions.CustomResource` with the same inputs,
  `depends_on` and provider, and no component; processor time. Both run under the same mocks, which give back what they
  are given and keep nothing.
- **`fluxapps --help`, against `import typer, rich`**: two processes, in processor time.
"""


def page(rows: Sequence[Row], *, files: int, few: int, many: int) -> str:
    """Return the page; *files* is how many `render` writes, *few* and *many* are the numbers of apps compared."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    table = "\n".join([_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(row.cells) for row in rows)])
    explanation = EXPLANATION.format(files=f"{files:,}", few=f"{few:,}", many=f"{many:,}")
    return f"{INTRODUCTION.format(machine=machine)}\n{table}\n{explanation}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
