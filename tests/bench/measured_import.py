"""Child process of the benchmark: what bringing a tree in takes, or libyaml for parsing that tree into Python objects.

``python -m tests.bench.measured_import ours|libyaml <tree>`` prints a JSON object; seconds are processor time.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import yaml

from fluxapps.cli.import_repository import put_files
from fluxapps.importing.proof import prove
from fluxapps.importing.repository import found_in, imported
from fluxapps.importing.said import Destination

STACK = "prod"
_PROJECT = b"name: bench\nruntime: python\n"


def ours(tree: Path) -> dict[str, float]:
    """Read the tree, say it, write it, read that again and prove it equal."""
    with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
        start = time.process_time()
        original, builder, clusters = found_in(tree, stack=STACK)
        found = imported(
            original, builder, clusters, project="bench", to=Destination(url="https://example.org/fleet.git")
        )
        put_files(Path(folder), {**found.files, "Pulumi.yaml": _PROJECT})
        ((cluster, said),) = found.stacks
        proof = prove(cluster, Path(folder), STACK, said)
        seconds = time.process_time() - start
    if proof.unexplained:
        raise SystemExit(f"the tree did not come in whole: {proof.unexplained[0]}")
    return {"seconds": seconds, "objects": proof.objects, "peak_mib": _peak_mib()}


def libyaml(tree: Path) -> dict[str, float]:
    """Parse the same files into Python objects, by PyYAML's bindings of libyaml."""
    paths = sorted(tree.rglob("*.yaml"))
    start = time.process_time()
    objects = [list(yaml.load_all(path.read_bytes(), yaml.CSafeLoader)) for path in paths]
    return {"seconds": time.process_time() - start, "objects": len(objects), "peak_mib": _peak_mib()}


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    measure = {"ours": ours, "libyaml": libyaml}[sys.argv[1]]
    sys.stdout.write(json.dumps(measure(Path(sys.argv[2]))))
