"""Child process of the benchmark: what the model takes from files to text, or libyaml for its share of that.

``python -m tests.bench.measured_model ours|libyaml|parts <repository> [<repository to warm up with>]`` prints a JSON
object; seconds are processor time.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from fluxapps.model import check, declare, load, resolve, tree_files
from fluxapps.model.flux_schema import field_faults
from fluxapps.model.yaml_file import parse_yaml
from fluxapps.model.yaml_text import dump_manifest

STACK = "prod"


def ours(root: Path) -> dict[str, float]:
    """Load, resolve, check, declare, dump: what `fluxapps render` does but for writing the files."""
    start = time.process_time()
    fleet = resolve(load(root), STACK)
    problems = check(fleet)
    files = tree_files(fleet, declare(fleet))
    seconds = time.process_time() - start
    if problems:
        raise SystemExit(f"the made-up repository has problems: {problems[0]}")
    return {"seconds": seconds, "files": len(files)}


def libyaml(root: Path) -> dict[str, float]:
    """Parse the same files and dump the same objects, by PyYAML's bindings of libyaml."""
    objects = _objects(root)
    paths = sorted(root.rglob("*.yaml"))

    def both() -> None:
        _each(_parse, (path.read_bytes() for path in paths))
        _each(_dump, objects)

    return {"seconds": _took(both), "files": len(paths)}


def parts(root: Path) -> dict[str, float]:
    """Parse, dump and validate alone: libyaml's seconds, ours, and the microseconds one HelmRelease takes."""
    objects = _objects(root)
    texts = [path.read_text() for path in sorted(root.rglob("*.yaml"))]
    releases = [one for one in objects if one["kind"] == "HelmRelease"]
    field_faults(releases[0])
    # By turns, and the best of several: the machine is shared.
    rounds = [
        (
            _took(lambda: _each(_parse, texts)),
            _took(lambda: _each(lambda text: parse_yaml(text, "a.yaml"), texts)),
            _took(lambda: _each(_dump, objects)),
            _took(lambda: _each(dump_manifest, objects)),
            _took(lambda: _each(field_faults, releases)),
        )
        for _ in range(5)
    ]
    names = ("parse_libyaml", "parse", "dump_libyaml", "dump", "validate")
    best = dict(zip(names, map(min, *rounds), strict=True))
    return {**best, "release_us": best["validate"] / len(releases) * 1e6}


def _objects(root: Path) -> list[Any]:
    fleet = resolve(load(root), STACK)
    return [_parse(text) for text in tree_files(fleet, declare(fleet)).values()]


def _parse(text: bytes | str) -> Any:
    return yaml.load(text, yaml.CSafeLoader)


def _dump(manifest: Any) -> str:
    text: str = yaml.dump(manifest, Dumper=yaml.CSafeDumper)
    return text


def _each(work: Callable[[Any], object], items: Iterable[Any]) -> None:
    for item in items:
        work(item)


def _took(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    measure = {"ours": ours, "libyaml": libyaml, "parts": parts}[sys.argv[1]]
    for warm_up in sys.argv[3:]:
        measure(Path(warm_up))
    sys.stdout.write(json.dumps(measure(Path(sys.argv[2]))))
