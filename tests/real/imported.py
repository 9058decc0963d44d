"""The published repositories, brought in as a user would: by ``fluxapps import``, into an empty folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fluxapps.importing.proof import Proof, prove
from fluxapps.importing.report import report
from fluxapps.importing.repository import Imported, found_in, imported
from fluxapps.importing.said import Destination
from fluxapps.importing.written import releases_of
from fluxapps.model import Problem, check, declare, load, resolve, tree_files
from tests.real.working_tree import CORPUS

STACK: Final = "home"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRepository:
    """One published repository, and what became of it."""

    name: str
    root: Path
    """Of what was written."""
    found: Imported
    proof: Proof
    checked: tuple[Problem, ...]
    rendered: dict[str, bytes]
    report: dict[str, Any]

    @property
    def releases(self) -> int:
        """Return how many HelmReleases the published repository has."""
        original = self.found.original
        return sum(
            document.manifest["kind"] == "HelmRelease" for file in original.files for document in original.objects(file)
        )

    @property
    def said(self) -> int:
        """Return how many of them app files say."""
        ((_, stack),) = self.found.stacks
        return sum(1 for app in stack.apps.values() for _ in releases_of(app.fields))


def names() -> list[str]:
    """Return the names of the published repositories."""
    return sorted(path.name for path in CORPUS.iterdir() if path.is_dir()) if CORPUS.is_dir() else []


def bring_in(name: str, root: Path, delivery: str = "git") -> ImportedRepository:
    """Bring the published repository *name* in, into *root*, to be delivered by *delivery*."""
    original, builder, clusters = found_in(CORPUS / name, stack=STACK)
    to = Destination(url="https://example.org/fleet.git", delivery=delivery)
    found = imported(original, builder, clusters, project="fleet", to=to)
    for path, content in {**found.files, "Pulumi.yaml": b"name: fleet\nruntime: python\n"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    ((cluster, said),) = found.stacks
    proof = prove(cluster, root, STACK, said)
    fleet = resolve(load(root), STACK)
    checked = tuple(check(fleet))
    return ImportedRepository(
        name=name,
        root=root,
        found=found,
        proof=proof,
        checked=checked,
        rendered=tree_files(fleet, declare(fleet)),
        report=report(found, [proof], checked),
    )
