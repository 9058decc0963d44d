"""The one resource class for every Kubernetes object, and the order between the objects of a program.

One class, because pulumi_kubernetes' typed ones cost half a second of import and know nothing of Flux's kinds, and its
CustomResource shows no status. Nothing here decides what is declared: a :class:`DeclaredObject` says it all.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import pulumi

from fluxapps.model.declare.names import PULUMI_MANAGER
from fluxapps.model.objects import DeclaredObject, Manifest, ObjectId, Role

WAIT_FOR = "pulumi.com/waitFor"
"""Annotation by which the provider waits for an object; without it a Flux object counts as made once it is accepted."""

FIELD_MANAGER = {"pulumi.com/patchFieldManager": f"{PULUMI_MANAGER}-fluxapps"}
"""Annotation by which every update of an object is written under one name.

Else the provider makes one up for each object and keeps it in the state: when the state is lost, what was written under
the old name is somebody else's, and the next change a conflict.
"""

SUSPEND = "spec.suspend"
"""What an operator sets to stop Flux for a while.

Pulumi takes over what kubectl has set, and an update then removes of it what the program doesn't say, unless it is told
to ignore that.
"""

_PROVIDER_PATIENCE = 600
"""Seconds that the provider waits for a deletion unless told."""


class _NoSearchForCycles:
    """Stands for what the SDK remembers of a resource's dependencies, and forgets it.

    Before every edge the SDK walks all that the dependency depends on, to refuse a cycle: recursive (a RecursionError
    at some 900 objects in a row) and quadratic. A leaf can only follow leaves made before it: there is none to find.
    """

    def __get__(self, leaf: object, owner: type | None = None) -> frozenset[pulumi.Resource]:
        return frozenset()

    def __set__(self, leaf: object, dependencies: object) -> None:
        """Forget *dependencies*."""


class KubernetesObject(pulumi.CustomResource):
    """One object of a cluster, kept by the Kubernetes provider under the type token that provider gives to its kind."""

    metadata: pulumi.Output[dict[str, Any]]
    """The object's metadata, as the cluster has it."""
    status: pulumi.Output[dict[str, Any]]
    """The object's status when it was last read; None for a kind that has none."""

    _direct_computed_dependencies = _NoSearchForCycles()

    def __init__(self, name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> None:
        if opts.version is None:
            opts.version = provider_version()
        super().__init__(type_token(manifest), name, {**manifest, "status": None}, opts)


class Made(tuple[tuple[Role, KubernetesObject], ...]):
    """What one component made, in order."""

    __slots__ = ()

    def ids(self, role: Role) -> pulumi.Output[list[str]]:
        """Return the ``<namespace>/<name>`` of each object of *role*, known once they are in the cluster."""
        return pulumi.Output.all(*(leaf.id for its_role, leaf in self if its_role is role))


class Leaves(Mapping[ObjectId, KubernetesObject]):
    """The objects made so far, by identity: what says "after this one" across components.

    Components of one program share one, so that an object waits for single objects and never for a whole component,
    whose every child would become an edge (quadratic, in time and in the state).
    """

    def __init__(self) -> None:
        self._made: dict[ObjectId, KubernetesObject] = {}

    def __getitem__(self, identity: ObjectId) -> KubernetesObject:
        return self._made[identity]

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def make_all(self, objects: Iterable[DeclaredObject], parent: pulumi.Resource) -> Made:
        """Register *objects* as children of *parent*, each after the objects it names; see :meth:`make`."""
        made = []
        for declared in objects:
            made.append((declared.role, self.make(declared, parent)))  # noqa: PERF401 - a comprehension is a stack frame more, and the SDK records every frame of every resource
        return Made(made)

    def make(self, declared: DeclaredObject, parent: pulumi.Resource) -> KubernetesObject:
        """Register *declared* as a child of *parent*, after the objects it names.

        Raises:
            ValueError: It comes twice, or before an object that it is to follow: faults of the program, not of files.
        """
        identity = declared.id
        if identity in self._made:
            raise ValueError(f"{identity} is declared twice")
        missing = [str(earlier) for earlier in declared.after if earlier not in self._made]
        if missing:
            raise ValueError(
                f"{identity} comes after {', '.join(missing)}, not declared yet: "
                "hand over objects in order, and one Leaves to all components"
            )
        leaf = KubernetesObject(
            declared.logical_name,
            _for_provider(declared),
            pulumi.ResourceOptions(
                parent=parent,
                depends_on=[self._made[earlier] for earlier in declared.after] or None,
                custom_timeouts=_timeouts(declared),
                retain_on_delete=declared.retain or None,
                ignore_changes=_operators(declared.manifest),
                import_=import_id(declared.manifest) if declared.adopt else None,
            ),
        )
        self._made[identity] = leaf
        return leaf


def register_promptly() -> None:
    """Let all that was declared start registering before the SDK waits for it; the last call of a program.

    The SDK waits one by one for registrations that have started, and for all other values by looking at every one of
    them whenever one is done, which is quadratic: 600 apps take half as long again without this. An SDK that has no
    :func:`pulumi.run` yet goes without.
    """
    if hasattr(pulumi, "run"):
        pulumi.run(_one_turn_of_the_loop)


async def _one_turn_of_the_loop() -> None:
    await asyncio.sleep(0)


def type_token(manifest: Manifest) -> str:
    """Return the provider's type token for the kind of *manifest*: ``kubernetes:core/v1:ConfigMap``."""
    api_version = manifest["apiVersion"]
    return f"kubernetes:{api_version if '/' in api_version else f'core/{api_version}'}:{manifest['kind']}"


def import_id(manifest: Manifest) -> str:
    """Return what the provider calls *manifest*: ``<namespace>/<name>``, or ``<name>`` for what has no namespace."""
    metadata = manifest["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else str(metadata["name"])


def _operators(manifest: Manifest) -> list[str] | None:
    """Return what an update leaves as an operator has set it."""
    return [SUSPEND] if "spec" in manifest and "suspend" not in manifest["spec"] else None


def _for_provider(declared: DeclaredObject) -> Manifest:
    """Return the manifest with what the provider is told by annotations."""
    metadata = declared.manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), **FIELD_MANAGER}
    if declared.wait_ready:
        annotations[WAIT_FOR] = "condition=Ready"
    return {**declared.manifest, "metadata": {**metadata, "annotations": annotations}}


def _timeouts(declared: DeclaredObject) -> pulumi.CustomTimeouts | None:
    """Return how long the provider waits, where that isn't its own ten minutes."""
    ready = f"{declared.wait_ready}s" if declared.wait_ready else None
    longer = declared.gone_within is not None and declared.gone_within > _PROVIDER_PATIENCE
    gone = f"{declared.gone_within}s" if longer else None
    return pulumi.CustomTimeouts(create=ready, update=ready, delete=gone) if ready or gone else None


@cache
def provider_version() -> str:
    """Return the version of the installed SDK, which asks for its own provider, as semver (``4.30.0-alpha.1``)."""
    found = version("pulumi_kubernetes")
    release = re.fullmatch(r"(\d+\.\d+\.\d+)(?:(a|b|rc)(\d+))?", found)
    if release is None:
        return found
    number, stage, count = release.groups()
    return f"{number}-{ {'a': 'alpha', 'b': 'beta', 'rc': 'rc'}[stage] }.{count}" if stage else number
