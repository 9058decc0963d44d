"""A whole import: read, told apart into clusters, said, written as files."""

from dataclasses import dataclass, field
from pathlib import Path

from fluxapps.importing.clusters import Cluster, find_clusters
from fluxapps.importing.kustomize.build import Builder
from fluxapps.importing.original import Document, Original, read_original
from fluxapps.importing.said import StackSaid
from fluxapps.importing.stack import stack_said
from fluxapps.importing.written import repository_files
from fluxapps.model.collector import collector_paused
from fluxapps.model.problems import Problem


@dataclass(slots=True, eq=False)
class Imported:
    """A repository, in our words."""

    original: Original
    stacks: list[tuple[Cluster, StackSaid]]
    files: dict[str, bytes] = field(default_factory=dict)
    """By path from the new repository's root."""
    problems: list[Problem] = field(default_factory=list)
    """Faults of the original."""

    @property
    def lifted(self) -> list[Document]:
        """Return the objects that were of an API version of the past."""
        return [document for file in self.original.files for document in self.original.objects(file) if document.lifted]


@collector_paused
def imported(root: Path, *, project: str, stack: str | None, entry: str | None, url: str) -> Imported:
    """Return the repository at *root* in our words.

    Args:
        root: The repository that is to be brought in.
        project: Name of the Pulumi project that it becomes part of.
        stack: Names the stack where there is one cluster, chooses one where there are several; None: all of them, each
            called by its folder.
        entry: The folder where Flux enters; None: found out.
        url: Where Flux reads the repository, if nothing in it says so.
    """
    original = read_original(root)
    builder = Builder(original)
    clusters = find_clusters(original, builder, entry)
    if stack is not None:
        chosen = [one for one in clusters if one.name == stack]
        clusters = chosen or clusters[:1] if len(clusters) <= 1 or chosen else []
        for one in clusters:
            one.name = stack
    found = Imported(original, [(one, stack_said(original, one, one.name, url)) for one in clusters])
    if found.stacks:
        found.files = repository_files([said for _, said in found.stacks], project)
    problems = dict.fromkeys(original.problems)
    problems |= dict.fromkeys(builder.problems)
    for problems_of_file in original.broken.values():
        problems |= dict.fromkeys(problems_of_file)
    for _, said in found.stacks:
        problems |= dict.fromkeys(said.problems)
    found.problems = sorted(problems, key=lambda problem: problem.order)
    return found
