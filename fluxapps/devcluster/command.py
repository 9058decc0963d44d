"""The command line of the local cluster."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from fluxapps.devcluster.cluster import Cluster
from fluxapps.devcluster.control_plane import ARGUMENTS
from fluxapps.devcluster.errors import DevclusterError
from fluxapps.devcluster.flux import processes
from fluxapps.devcluster.programs import PROGRAMS, find_all
from fluxapps.devcluster.programs.lookup import at_hand
from fluxapps.devcluster.programs.ready_built import TOOLCHAIN, is_there

FOLDER = Path(".fluxapps/dev")
"""Where a repository's local cluster is, from its root; git-ignored."""
NEEDED = (*(name for name in processes.ARGUMENTS if name in PROGRAMS), "pulumi")
"""What ``make up`` and ``make test`` need."""
_WIDEST = max(map(len, PROGRAMS))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True)
    try:
        run: Callable[[argparse.Namespace, Console], int] = options.run
        return run(options, out)
    except DevclusterError as error:
        problem = Console(stderr=True, highlight=False, soft_wrap=True)
        problem.print("error:", style="bold red", end=" ")
        problem.print(error.what, markup=False)
        if error.fix:
            problem.print("  fix:", style="bold green", end=" ")
            problem.print(error.fix, markup=False)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fluxapps.devcluster",
        description="A real local Kubernetes API with Flux's kinds: etcd, kube-apiserver, kube-controller-manager.",
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the cluster's state (default: %(default)s)")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, purpose in (
        ("up", _up, "start the cluster, or what of it doesn't run"),
        ("down", _down, "end its processes and keep its data"),
        ("reset", _reset, "end its processes and remove its data and Pulumi's state"),
        ("status", _status, "say what runs; exit code 1 when not all of it does"),
        ("kubeconfig", _kubeconfig, "print the path of its kubeconfig"),
    ):
        verb = verbs.add_parser(name, help=purpose, description=purpose)
        verb.set_defaults(run=run, flux=False)
        if run is _up:
            verb.add_argument("--flux", action="store_true", help="with Flux's controllers, charts, and pods by KWOK")
    purpose = "fetch or build the programs that it is made of"
    verb = verbs.add_parser("programs", help=purpose, description=purpose)
    verb.set_defaults(run=_programs)
    verb.add_argument("names", nargs="*", metavar="NAME", help=f"default: {' '.join(NEEDED)}")
    verb.add_argument("--list", action="store_true", help="only say which there are and where they are")
    return parser


def _cluster(options: argparse.Namespace, out: Console) -> Cluster:
    return Cluster(options.folder, flux=options.flux, say=lambda line: out.print(f"cluster: {line}", markup=False))


def _up(options: argparse.Namespace, out: Console) -> int:
    cluster = _cluster(options, out)
    if not cluster.start():
        out.print(f"cluster: up at {cluster.server}", markup=False)
    out.print(f"cluster: context {cluster.context} in {_shown(cluster.kubeconfig)}", markup=False)
    if options.flux:
        out.print(f"cluster: charts at {cluster.charts_url} (STAND-INS of the shipped fleet's)", markup=False)
    return 0


def _down(options: argparse.Namespace, out: Console) -> int:
    cluster = _cluster(options, out)
    names = list(cluster.pids)
    cluster.stop()
    out.print(f"cluster: ended {', '.join(names)}" if names else "cluster: it was down already", markup=False)
    return 0


def _reset(options: argparse.Namespace, out: Console) -> int:
    cluster = _cluster(options, out)
    cluster.reset()
    out.print(f"cluster: {_shown(cluster.folder)} is removed", markup=False)
    return 0


def _status(options: argparse.Namespace, out: Console) -> int:
    cluster = _cluster(options, out)
    pids = cluster.pids
    for name in (name for name in processes.ARGUMENTS if name in ARGUMENTS or name in pids):
        state = f"pid {pids[name]}" if name in pids else "down"
        port = f"port {cluster.ports[name]}" if name in cluster.ports else ""
        out.print(f"{name:<{_WIDEST}}  {state:<12}  {port}".rstrip())
    ready = cluster.is_ready
    out.print(f"ready at {cluster.server}" if ready else "not ready", style="green" if ready else "red")
    out.print(
        f"context {cluster.context} in {_shown(cluster.kubeconfig)}, logs in {_shown(cluster.logs)}", markup=False
    )
    return 0 if ready else 1


def _kubeconfig(options: argparse.Namespace, out: Console) -> int:
    cluster = _cluster(options, out)
    if not cluster.kubeconfig.exists():
        raise DevclusterError("there is no local cluster", fix="python -m fluxapps.devcluster up")
    sys.stdout.write(f"{cluster.kubeconfig}\n")
    return 0


def _programs(options: argparse.Namespace, out: Console) -> int:
    if options.list:
        for program in PROGRAMS.values():
            found = at_hand(program, note=lambda _: None)
            to_do = "ready-built" if is_there(program, TOOLCHAIN) else f"about {program.minutes:g} min to build"
            where = f"{found.source}: {found.path}" if found else f"not yet; {to_do}"
            out.print(f"{program.name:<{_WIDEST}}  {program.version:<8}  {where}", markup=False)
        return 0
    started = time.monotonic()
    names = options.names or NEEDED
    find_all(names, say=lambda line: out.print(line, markup=False))
    out.print(f"programs: {len(names)} at hand after {time.monotonic() - started:.1f} s", markup=False)
    return 0


def _shown(path: Path) -> str:
    """Return a path as short as it can be said from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
