"""What is measured, how often, and against what.

Ours and theirs run by turns, so that whatever else the machine does hits both, and the best run of each counts.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.generated import write_repository
from tests.bench.processes import COMMANDS, Cost, measured, run
from tests.bench.rows import Row, at_most, faster, information, within

STACK = "prod"
TREE = f"deploy/{STACK}"
FEW, THOUSAND, MANY = 500, 1_000, 4_000
REGISTERED = {100: 5, 2_000: 2}
"""How many apps are registered, and how many times."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements share."""

    folder: Path
    """Empty at first; the made-up repositories are written here."""
    kustomize: Path
    say: Say
    """Told what runs next."""

    def repository(self, apps: int) -> Path:
        """Return the made-up repository of *apps* apps, written when first asked for."""
        root = self.folder / f"apps-{apps}"
        if not root.exists():
            self.say(f"writing a repository of {apps:,} apps")
            root.mkdir()
            write_repository(root, apps)
        return root

    def tree(self, apps: int) -> Path:
        """Return a Git repository's worth of Flux YAML of *apps* apps, in the seed's layout, made when first asked."""
        root = self.folder / f"tree-{apps}"
        if not root.exists():
            self.say(f"writing a tree of {apps:,} apps")
            run(COMMANDS / "fluxapps", "render", "--stack", STACK, "--out", root / TREE, folder=self.repository(apps))
        return root


def all_rows(bench: Bench) -> Iterator[Row]:
    """Yield each row once it is measured."""
    yield from _help(bench)
    yield from _model(bench)
    yield from _import(bench)
    yield from _registration(bench)
    yield from _processes(bench)


def _help(bench: Bench) -> Iterator[Row]:
    ours: list[float] = []
    theirs: list[float] = []
    for _ in _turns(bench, "fluxapps --help, and importing typer and rich", 12):
        ours.append(run(COMMANDS / "fluxapps", "--help").processor)
        theirs.append(run(sys.executable, "-c", "import typer, rich").processor)
    yield at_most("`fluxapps --help`, against `import typer, rich`", min(ours) * 1e3, min(theirs) * 1e3, 2, unit="ms")


def _model(bench: Bench) -> Iterator[Row]:
    ours, theirs, few, many = [], [], [], []
    tiny = bench.repository(1)
    for _ in _turns(bench, f"files to text, and libyaml on the same, {THOUSAND:,} apps", 6):
        ours.append(measured("measured_model", "ours", bench.repository(THOUSAND))["seconds"])
        theirs.append(measured("measured_model", "libyaml", bench.repository(THOUSAND))["seconds"])
    yield at_most(f"files to text, {THOUSAND:,} apps, against libyaml's parse and dump", min(ours), min(theirs), 1.5)
    for _ in _turns(bench, f"files to text, {FEW:,} and {MANY:,} apps", 4):
        # As many apps in both: the best of short runs would be luckier than the best of long ones.
        runs = [measured("measured_model", "ours", bench.repository(FEW), tiny) for _ in range(MANY // FEW)]
        few.append(sum(one["seconds"] for one in runs))
        many.append(measured("measured_model", "ours", bench.repository(MANY), tiny)["seconds"])
    per_app = f"files to text, for each of {MANY:,} apps, against each of {FEW:,}"
    yield at_most(per_app, min(many) / MANY * 1e3, min(few) / MANY * 1e3, 1.2, unit="ms")
    bench.say("parsing, dumping and checking alone")
    parts = measured("measured_model", "parts", bench.repository(THOUSAND))
    yield at_most("of it, parsing", parts["parse"], parts["parse_libyaml"], None)
    yield at_most("of it, dumping", parts["dump"], parts["dump_libyaml"], None)
    yield information("of it, Flux's schema and rules, for each HelmRelease", parts["release_us"], "µs")


def _import(bench: Bench) -> Iterator[Row]:
    trees = {apps: bench.tree(apps) for apps in (FEW, THOUSAND)}
    ours, theirs, few = [], [], []
    for _ in _turns(bench, f"bringing a tree of {THOUSAND:,} apps in, and libyaml on the same", 8):
        ours.append(measured("measured_import", "ours", trees[THOUSAND]))
        theirs.append(measured("measured_import", "libyaml", trees[THOUSAND])["seconds"])
        few.append(measured("measured_import", "ours", trees[FEW]))
    what = f"bringing a tree of {THOUSAND:,} apps in and proving it equal, against libyaml's parse of it"
    yield at_most(what, min(one["seconds"] for one in ours), min(theirs), 3)
    peaks = [min(one["peak_mib"] for one in runs) for runs in (ours, few)]
    what = f"peak memory of that, of {THOUSAND:,} apps, against {FEW:,}"
    yield at_most(what, peaks[0], peaks[1], THOUSAND / FEW, unit="MiB")


def _registration(bench: Bench) -> Iterator[Row]:
    for apps, times in REGISTERED.items():
        ours, theirs = [], []
        for _ in _turns(bench, f"registering {apps:,} apps under mocks, and bare CustomResources", times):
            ours.append(measured("measured_registration", "components", str(apps))["seconds"])
            theirs.append(measured("measured_registration", "bare", str(apps))["seconds"])
        yield at_most(f"registering {apps:,} apps, against bare CustomResources", min(ours), min(theirs), 1.3)


def _processes(bench: Bench) -> Iterator[Row]:
    root = bench.repository(THOUSAND)
    checks: list[Cost] = []
    renders: list[Cost] = []
    builds: list[Cost] = []
    copy = bench.folder / "copy"
    for turn in _turns(bench, f"check and render, and kustomize build (up to a minute), {THOUSAND:,} apps", 2):
        shutil.rmtree(root / "deploy", ignore_errors=True)
        checks.append(run(COMMANDS / "fluxapps", "check", "--stack", STACK, folder=root))
        renders.append(run(COMMANDS / "fluxapps", "render", "--stack", STACK, folder=root))
        if turn == 0:
            shutil.copytree(root / TREE, copy)
            write_kustomizations(copy)
        builds.append(run(bench.kustomize, "build", copy, "-o", bench.folder / "built.yaml"))
    check, render = _best(checks), _best(renders)
    ours, build = check.seconds + render.seconds, _best(builds)
    yield faster(
        f"`fluxapps check` and `render`, {THOUSAND:,} apps, against `kustomize build`", ours, build.seconds, 10
    )
    yield information("of it, `check`", check.seconds, "s")
    yield information("of it, `render`", render.seconds, "s")
    yield within(f"peak memory of `check`, {THOUSAND:,} apps", max(one.peak_mib for one in checks), 150, "MiB")
    yield within(f"peak memory of `render`, {THOUSAND:,} apps", max(one.peak_mib for one in renders), 150, "MiB")


def write_kustomizations(top: Path) -> None:
    """Write a kustomization.yaml into each folder below *top* that has YAML, and one at *top* naming those folders."""
    folders = []
    for folder, _, files in os.walk(top):
        names = sorted(name for name in files if name.endswith(".yaml"))
        if names:
            folders.append(os.path.relpath(folder, top))
            _name_resources(Path(folder), names)
    _name_resources(top, sorted(folders))


def _name_resources(folder: Path, names: list[str]) -> None:
    text = "".join(f"  - {name}\n" for name in names)
    (folder / "kustomization.yaml").write_text(f"resources:\n{text}")


def _turns(bench: Bench, what: str, times: int) -> Iterator[int]:
    for turn in range(times):
        bench.say(f"{what}: {turn + 1} of {times}")
        yield turn


def _best(costs: list[Cost]) -> Cost:
    return min(costs, key=lambda cost: cost.seconds)
