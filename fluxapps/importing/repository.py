"""A whole import: read, told apart into clusters, said, written as files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fluxapps.importing.clusters import Cluster, find_clusters
from fluxapps.importing.kustomize.build import Builder
from fluxapps.importing.kustomize.opaque import patch_files
from fluxapps.importing.original import Document, Original, read_original
from fluxapps.importing.said import Destination, StackSaid
from fluxapps.importing.stack import stack_said
from fluxapps.importing.variables import missing_sources, variables
from fluxapps.importing.written import repository_files
from fluxapps.model.collector import collector_paused
from fluxapps.model.objects import ObjectId
from fluxapps.model.problems import Problem
from fluxapps.model.sources import KUSTOMIZATION_NAMES


@dataclass(slots=True, eq=False)
class Imported:
    """A repository, in our words."""

    original: Original
    builder: Builder
    stacks: list[tuple[Cluster, StackSaid]]
    files: dict[str, bytes] = field(default_factory=dict)
    """By path from the new repository's root."""
    problems: list[Problem] = field(default_factory=list)
    """Faults of the original."""
    not_applied: list[str] = field(default_factory=list)
    """Files of Kubernetes objects that no Kustomization applies."""

    @property
    def lifted(self) -> list[Document]:
        """Return the objects that were of an API version of the past."""
        return [document for file in self.original.files for document in self.original.objects(file) if document.lifted]


@collector_paused
def found_in(root: Path, entry: str | None = None, stack: str | None = None) -> tuple[Original, Builder, list[Cluster]]:
    """Return the repository at *root*, and its clusters.

    Args:
        root: The repository that is to be brought in.
        entry: The folder where Flux enters; None: found out.
        stack: Names the cluster where there is one, chooses one where there are several; None: all of them, each
            called by its folder.
    """
    original = read_original(root)
    builder = Builder(original)
    clusters = find_clusters(original, builder, entry)
    if stack is not None:
        if len(clusters) > 1:
            clusters = [one for one in clusters if one.name == stack]
        for one in clusters:
            one.name = stack
    return original, builder, clusters


@collector_paused
def imported(  # noqa: PLR0913 - what there is to know
    original: Original,
    builder: Builder,
    clusters: list[Cluster],
    *,
    project: str,
    to: Destination,
    refused: Mapping[ObjectId, str] | None = None,
) -> Imported:
    """Return *clusters* of *original* in our words.

    Args:
        original: The repository.
        builder: Its builder.
        clusters: What it makes Flux apply.
        project: Name of the Pulumi project that it becomes part of.
        to: Where it will live.
        refused: Releases that the checks refuse as app files, and why: they stay other YAML.
    """
    unapplied = not_applied(original, clusters)
    found = Imported(original, builder, [], not_applied=unapplied)
    for number, cluster in enumerate(clusters):
        # What nothing applies is nobody's: the first stack has it, and it is enabled on none.
        spare = () if number else unapplied
        said = stack_said(original, cluster, to=to, refused=refused or {}, spare=spare)
        if "name" not in said.git and project in _names_of_flux(cluster, said):
            # Else it would be called as the project, as one of the original's is.
            said.git["name"] = f"{project}-stack"
        found.stacks.append((cluster, said))
    if found.stacks:
        found.files = repository_files(original, [said for _, said in found.stacks], project)
    problems = dict.fromkeys(original.problems)
    problems |= dict.fromkeys(builder.problems)
    data = {
        file for cluster in clusters for each in cluster.applied for one in each.objects for file in one.generated_from
    }
    for file, of_file in original.broken.items():
        # What a generator takes as it is need not be YAML, and a chart's templates aren't.
        if file not in data and not _is_in_chart(original, file):
            problems |= dict.fromkeys(of_file)
    for cluster, said in found.stacks:
        problems |= dict.fromkeys(said.problems)
        problems |= dict.fromkeys(variables(original, cluster))
        problems |= dict.fromkeys(missing_sources(cluster))
    found.problems = sorted(problems, key=lambda problem: problem.order)
    return found


def _names_of_flux(cluster: Cluster, said: StackSaid) -> set[str]:
    """Return what Kustomizations and GitRepositories of *cluster* are called, now and in our words."""
    every = (one for applied in cluster.applied for one in applied.objects)
    return {*said.apps, *(one.name for one in every if one.kind in ("Kustomization", "GitRepository"))}


def _is_in_chart(original: Original, file: str) -> bool:
    """Return whether *file* is a Helm chart's: its templates are no YAML."""
    folder = file
    while folder:
        folder = folder.rpartition("/")[0]
        if "Chart.yaml" in original.folders.get(folder, ()):
            return True
    return False


def not_applied(original: Original, clusters: Iterable[Cluster]) -> list[str]:
    """Return the files of Kubernetes objects in *original* that none of *clusters* applies."""
    applied: set[str] = set()
    for each in (each for cluster in clusters for each in cluster.applied):
        for one in each.objects:
            if one.document is not None:
                applied.add(one.document.file)
            applied |= set(one.generated_from)
        if each.built is not None and each.built.document is not None:
            applied.add(each.built.document.file)
    applied |= set(patch_files(original))
    return sorted(
        file
        for file in original.files
        if file not in applied
        and file.rpartition("/")[2] not in KUSTOMIZATION_NAMES
        and original.objects(file)
        and not _is_in_chart(original, file)
    )
