"""docs/benchmarks.md: the table, and what it compares."""

import os
import platform
from collections.abc import Sequence

from fluxapps.devcluster.standins.session import PROVIDER
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
run of each counts. Python keeps compiled modules, ours as those of installed packages, whatever the environment says.

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
- **`up`, a no-change `up`, and `destroy`**: the same objects (a Namespace, a ConfigMap, a HelmRelease and a
  Kustomization for each app, and the sources), from start to end of the command, on a local cluster with API server and
  garbage collector, on which Flux does not run: what is measured is the deployment, not what Flux makes of it. All
  remove the Namespaces too. `fluxapps` is `fluxapps up|destroy --yes` as it comes. The bare program declares the
  objects with `pulumi_kubernetes`' own classes, flat, without components, checks or a look at the cluster; `pulumi`
  with its defaults runs it with checkpoints and its default parallelism, and is spared its preview (`--skip-preview`).
  With the same settings both programs run under `pulumi` without checkpoints, 64 operations at once, and the same
  requests a second. `kubectl` is `kubectl apply --server-side` and `kubectl delete --wait`. Requests are counted in the
  API server's audit log, those of Kubernetes' own controllers apart. By turns, the best of four at 10 apps and of two
  at 100; at 500, and of plain `pulumi` at any size, one run each. Plain `pulumi` has no row at 500 apps unless this is
  made by `make bench ALL=1`: it writes its whole state twice an object,
  which grows with the square of the apps.
- **`up` with `wait: ready`**: ten releases on a cluster that Flux is alive on; from the last HelmRelease's Ready to the
  end of `fluxapps up`, the longest of three. Kubernetes says the former in whole seconds, so the truth is up to one
  second less.
- {provider}
"""

_STANDIN = """\
The Kubernetes provider was a stand-in (`fluxapps/devcluster/standins`), a Python process that shares the cores with all
  else and costs every Pulumi run the same: against plain `pulumi` at least 2 times (`up`) and 1.5 times (`destroy`) as
  fast is promised then, with Pulumi's own provider 4 and 2.5 times."""
_OWN = "The Kubernetes provider was Pulumi's own."


def page(rows: Sequence[Row], *, files: int, few: int, many: int, standins: Sequence[str]) -> str:
    """Return the page.

    Args:
        rows: What was measured.
        files: How many `render` writes.
        few: The smaller number of apps compared.
        many: The larger.
        standins: What took the place of a plugin of Pulumi's.
    """
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    table = "\n".join([_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(row.cells) for row in rows)])
    explanation = EXPLANATION.format(
        files=f"{files:,}", few=f"{few:,}", many=f"{many:,}", provider=_STANDIN if PROVIDER in standins else _OWN
    )
    return f"{INTRODUCTION.format(machine=machine)}\n{table}\n{explanation}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
