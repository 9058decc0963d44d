"""FluxHelmApp: one app of a cluster.

In ``git`` delivery Flux itself makes these objects from the repository, and this component isn't declared.
"""

from dataclasses import dataclass, field

import pulumi

from fluxapps.engine import Leaves
from fluxapps.model.objects import DeclaredObject, Role


@dataclass(frozen=True)
class FluxHelmAppArgs:
    """Inputs of :class:`FluxHelmApp`."""

    objects: tuple[DeclaredObject, ...]
    """The app's objects in order: sources and values, then releases, last the Kustomization on its other YAML."""
    leaves: Leaves = field(default_factory=Leaves)
    """What was made so far; one for all components of a program, so that an app can follow the objects of another."""


class FluxHelmApp(pulumi.ComponentResource):
    """An app: its HelmReleases, the ConfigMaps that configure them, the Kustomization that applies its other YAML."""

    releases: pulumi.Output[list[str]]
    """``<namespace>/<name>`` of each HelmRelease; known once they are in the cluster."""
    kustomizations: pulumi.Output[list[str]]
    """``<namespace>/<name>`` of the app's Kustomization, if it has one."""

    def __init__(self, name: str, args: FluxHelmAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fluxapps:index:FluxHelmApp", name, {}, opts)
        made = args.leaves.make_all(args.objects, parent=self)
        self.releases = made.ids(Role.RELEASE)
        self.kustomizations = made.ids(Role.KUSTOMIZATION)
        self.register_outputs({"releases": self.releases, "kustomizations": self.kustomizations})
