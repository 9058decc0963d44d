"""Small repositories written for one test each."""

from collections.abc import Mapping
from pathlib import Path

from fluxapps.model import Declaration, Fleet, Problem, Severity, check, declare, load, resolve

GIT = 'git: {url: "https://example.org/fleet.git", branch: main}'

BASE = {
    "Pulumi.yaml": "name: fleet\nruntime: python\n",
    "Pulumi.dev.yaml": f"config:\n  fleet:cluster:\n    context: dev\n    {GIT}\n",
    "fleet.yaml": (
        "repositories:\n"
        "  podinfo: https://stefanprodan.github.io/podinfo\n"
        '  oci: {kind: OCIRepository, url: "oci://registry.example.org/charts"}\n'
    ),
    "apps/podinfo/app.yaml": "chart: podinfo\nrepository: podinfo\nversion: 6.x\n",
}


def repository(root: Path, files: Mapping[str, str | None]) -> Path:
    """Write :data:`BASE` with *files* laid over it (None: leave that one out) to *root*."""
    for path, text in {**BASE, **files}.items():
        if text is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    return root


def cluster(*lines: str) -> str:
    """Return a Pulumi.<stack>.yaml whose cluster says *lines*."""
    return "config:\n  fleet:cluster:\n" + "".join(f"    {line}\n" for line in lines)


def resolved(root: Path, files: Mapping[str, str | None] | None = None, stack: str = "dev") -> Fleet:
    """Return *stack* of the repository that *files* make."""
    return resolve(load(repository(root, files or {})), stack)


def declared(root: Path, files: Mapping[str, str | None] | None = None, stack: str = "dev") -> Declaration:
    """Return the objects of *stack* of the repository that *files* make, which must have no errors."""
    fleet = resolved(root, files, stack)
    assert errors(fleet) == []
    return declare(fleet)


def errors(fleet: Fleet) -> list[Problem]:
    """Return the errors of *fleet*."""
    return [problem for problem in check(fleet) if problem.severity is Severity.ERROR]
