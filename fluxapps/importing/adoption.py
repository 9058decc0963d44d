"""How a running cluster goes over to the imported repository, command by command, nothing reinstalled."""

import shlex
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from fluxapps.importing.applied import Applied
from fluxapps.importing.clusters import Cluster
from fluxapps.importing.original import Original, folder_of
from fluxapps.importing.root import is_of_flux
from fluxapps.importing.said import StackSaid
from fluxapps.model.live.takeover import BOOTSTRAPPED
from fluxapps.model.objects import ObjectId
from fluxapps.model.sources import APPS, BOOTSTRAP, KUSTOMIZATION_NAMES

_KUSTOMIZATIONS: Final = "kustomizations.kustomize.toolkit.fluxcd.io"
_SOURCES: Final = "gitrepositories.source.toolkit.fluxcd.io"
_STEP: Final = "# * "
_WITHIN: Final = "--timeout=5m"


def adoption_plan(original: Original, cluster: Cluster, said: StackSaid, others: Iterable[Cluster] = ()) -> list[str]:
    """Return the steps by which the stack *said* takes over what runs on *cluster*, a line or a command each.

    A Kustomization that goes is suspended first: then its removal deletes nothing of what it applied. So is
    `flux bootstrap`'s own, until its Git has what it goes on with, and nothing else.

    Args:
        original: The repository that the cluster is run from.
        cluster: What is in it for this cluster.
        said: What became of that.
        others: The repository's other clusters, which go on with their files.
    """
    kubectl = f"kubectl --context {shlex.quote(said.to.context or said.name)}"
    own = {one.id for one in said.bootstrapped}
    applied = {one.built.id for one in cluster.applied if one.built is not None}
    gone = sorted({one.id for one in said.left if one.id.kind == "Kustomization"} & applied - own)
    steps = [
        *_where(original, said),
        *_written(said),
        *_suspended(kubectl, [*_root(cluster, said), *gone]),
        "# * See what would be taken over, and which fields change; then take it over. Killed, run it again.",
        f"fluxapps attach --all --stack {said.name} --dry-run",
        f"fluxapps attach --all --stack {said.name}",
        *_deleted(kubectl, gone),
        *_given_back(kubectl, original, cluster, said, others),
    ]
    number = count(1)
    return [step.replace(_STEP, f"# {next(number)}. ", 1) if step.startswith(_STEP) else step for step in steps]


def _where(original: Original, said: StackSaid) -> Iterator[str]:
    """Yield what it means that nobody said where the new files will be."""
    if said.to.is_new:
        return
    yield f"# BEFORE YOU BEGIN: no --url was given, so these steps push the new files to {said.git['url']},"
    yield "#    which is where Flux reads the original, as far as anybody can tell."
    if taken := [name for name in (APPS, BOOTSTRAP) if name in original.folders]:
        there = " and ".join(f"{name}/" for name in taken)
        yield f"#    DON'T: the original has {there} there already, and the new files have a meaning for that name."
        if BOOTSTRAP in taken:
            yield "#    The stack would go on applying the old bootstrap/, and both would write the same objects."
        if APPS in taken:
            yield "#    fluxapps check refuses the old apps/, and Flux would apply the new files along with it."
    yield "#    Make a repository of its own for the new files, and import again with --url."


def _written(said: StackSaid) -> Iterator[str]:
    file = f"Pulumi.{said.name}.yaml"
    yield f"# * {file} names the cluster by its context, and where Flux reads this repository: {said.git['url']}."
    yield "#    Correct both; where that is not the original's, so is the Secret in git.secretRef."
    yield f"fluxapps check --stack {said.name}"
    yield "# * Commit and push to that repository."
    if said.to.delivery == "git":
        yield f"fluxapps render --stack {said.name}"
    yield "git add --all"
    yield f'git commit -m "Say {said.name} as app files" && git push'


def _root(cluster: Cluster, said: StackSaid) -> list[ObjectId]:
    if not cluster.is_bootstrapped:
        return []
    return [ObjectId("", "Kustomization", said.flux_namespace, BOOTSTRAPPED)]


def _suspended(kubectl: str, some: list[ObjectId]) -> Iterator[str]:
    if some:
        yield "# * Suspend who would fight over what is taken, or delete it. Nothing stops running by that."
    for one in some:
        yield f"{kubectl} -n {one.namespace} {_patched(one.name, suspend=True)}"


def _patched(name: str, *, suspend: bool) -> str:
    # kustomize-controller takes back what managers called kubectl* have set on an object that it applies: what is in
    # the middle of a reconciliation would go on.
    patch = f'{{"spec": {{"suspend": {str(suspend).lower()}}}}}'
    return f"patch {_KUSTOMIZATIONS} {name} --field-manager flux --type merge -p '{patch}'"


def _deleted(kubectl: str, gone: list[ObjectId]) -> Iterator[str]:
    if gone:
        yield "# * Remove the Kustomizations that nothing is left of. Suspended, they leave what they applied."
    for one in gone:
        yield f"{kubectl} -n {one.namespace} delete {_KUSTOMIZATIONS} {one.name} --ignore-not-found"


def _given_back(
    kubectl: str, original: Original, cluster: Cluster, said: StackSaid, others: Iterable[Cluster]
) -> Iterator[str]:
    """Yield how `flux bootstrap`'s own Kustomization goes on with Flux itself."""
    if not cluster.is_bootstrapped:
        return
    files = _moved(cluster.root) - {file for other in others for file in _moved(other.root)}
    namespace, git = said.flux_namespace, f"git -C {shlex.quote(str(original.root))}"
    yield "# * Remove what has moved from the original, so that Flux reads it there no more. What isn't named may stay:"
    yield "#    nothing reads it."
    for name in sorted(_naming(original, files)):
        yield f"#    Take it out of {name} too."
    if files:
        yield f"{git} rm -r --quiet -- {' '.join(map(shlex.quote, _folded(original, files)))}"
        yield f'{git} commit -m "Moved to {said.name}\'s app files" && {git} push'
    yield "# * When Flux has read that, let `flux bootstrap`'s own Kustomization go on: with Flux itself."
    source = f"{kubectl} -n {namespace}"
    yield f'{source} annotate --overwrite {_SOURCES} {BOOTSTRAPPED} reconcile.fluxcd.io/requestedAt="$(date +%s%N)"'
    if branch := said.git.get("branch"):
        revision = f"--for=jsonpath='{{.status.artifact.revision}}'={branch}@sha1:$({git} rev-parse HEAD)"
        yield f"{source} wait {_SOURCES} {BOOTSTRAPPED} {revision} {_WITHIN}"
    else:
        yield f"#    Look at its revision: {source} get {_SOURCES} {BOOTSTRAPPED}"
    yield f"{source} {_patched(BOOTSTRAPPED, suspend=False)}"


def _moved(root: Applied) -> set[str]:
    """Return the files that *root* itself applies, without `flux bootstrap`'s own."""
    own = {
        one.document.file
        for one in root.objects
        if one.document is not None and (is_of_flux(one) or one.name == BOOTSTRAPPED)
    }
    return {one.document.file for one in root.objects if one.document is not None} - own


def _naming(original: Original, files: set[str]) -> Iterator[str]:
    """Yield the kustomization.yaml files that may name *files*."""
    for folder in {above for file in files for above in _above(file)}:
        for name in KUSTOMIZATION_NAMES:
            if name in original.folders.get(folder, ()):
                yield f"{folder}/{name}".removeprefix("/")


def _above(file: str) -> Iterator[str]:
    while file:
        file = folder_of(file)
        yield file


def _folded(original: Original, files: set[str]) -> Iterator[str]:
    """Yield *files*, a folder in the place of all that is in it."""
    for folder in sorted({folder_of(file) for file in files}):
        inside = [file for file in files if folder_of(file) == folder]
        if folder and {file.rpartition("/")[2] for file in inside} == set(original.folders[folder]):
            yield folder
        else:
            yield from sorted(inside)
