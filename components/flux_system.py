"""FluxSystem: where Flux reads from, and the first Kustomization it reads.

It must not install Flux, and knows no setting: the objects come declared.
"""

from dataclasses import dataclass, field

import pulumi

from fluxapps.engine import Leaves
from fluxapps.model.objects import DeclaredObject, Role


@dataclass(frozen=True)
class FluxSystemArgs:
    """Inputs of :class:`FluxSystem`."""

    objects: tuple[DeclaredObject, ...]
    """The stack's GitRepository, then the Kustomization on its bootstrap folder; none where Git isn't needed."""
    leaves: Leaves = field(default_factory=Leaves)
    """What was made so far; one for all components of a program."""


class FluxSystem(pulumi.ComponentResource):
    """The stack's GitRepository, and the Kustomization that points Flux at ``bootstrap``."""

    sources: pulumi.Output[list[str]]
    """``<namespace>/<name>`` of the GitRepository, if there is one; known once it is in the cluster."""
    kustomizations: pulumi.Output[list[str]]
    """``<namespace>/<name>`` of the Kustomization, if there is one."""

    def __init__(self, name: str, args: FluxSystemArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fluxapps:index:FluxSystem", name, {}, opts)
        made = args.leaves.make_all(args.objects, parent=self)
        self.sources = made.ids(Role.SOURCE)
        self.kustomizations = made.ids(Role.KUSTOMIZATION)
        self.register_outputs({"sources": self.sources, "kustomizations": self.kustomizations})
