"""FluxBootstrap: what the apps of a cluster share.

Its objects outlive each single app; those of one app belong to that app's FluxHelmApp.
"""

from dataclasses import dataclass, field

import pulumi

from fluxapps.engine import Leaves
from fluxapps.model.objects import DeclaredObject, Role


@dataclass(frozen=True)
class FluxBootstrapArgs:
    """Inputs of :class:`FluxBootstrap`."""

    objects: tuple[DeclaredObject, ...]
    """Namespaces and the sources of ``fleet.yaml``, in order."""
    leaves: Leaves = field(default_factory=Leaves)
    """What was made so far; one for all components of a program."""


class FluxBootstrap(pulumi.ComponentResource):
    """Namespaces, and the repositories that host charts, shared by all apps of a cluster."""

    namespaces: pulumi.Output[list[str]]
    """The names of the Namespaces; known once they are in the cluster."""
    sources: pulumi.Output[list[str]]
    """``<namespace>/<name>`` of each chart repository."""

    def __init__(self, name: str, args: FluxBootstrapArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fluxapps:index:FluxBootstrap", name, {}, opts)
        made = args.leaves.make_all(args.objects, parent=self)
        self.namespaces = made.ids(Role.NAMESPACE)
        self.sources = made.ids(Role.SOURCE)
        self.register_outputs({"namespaces": self.namespaces, "sources": self.sources})
