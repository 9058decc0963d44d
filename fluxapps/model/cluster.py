"""What ``<project>:cluster`` in ``Pulumi.<stack>.yaml`` may say: one cluster."""

from typing import Any, Literal

from pydantic import ConfigDict

from fluxapps.model.app import AppFields, Wait
from fluxapps.model.fleet import FleetFields
from fluxapps.model.strict import DnsLabel, Fields, Strict


class GitFields(Strict):
    """The stack's GitRepository: ours, and every other field of its spec as Flux spells it."""

    model_config = ConfigDict(extra="allow")

    url: str | None = None
    """Where Flux reads this repository."""
    branch: str | None = None
    """The branch Flux reads. Default: main."""
    ref: dict[str, Any] | None = None
    """Another reference than a branch, as Flux spells it (``{tag: v1}``); Flux then follows it by itself."""
    path: str | None = None
    """Folder of the rendered tree in git delivery. Default: ``deploy/<stack>``."""
    follow: Literal["up", "branch"] | None = None
    """``up``: other YAML changes with ``pulumi up`` (default in apply delivery); ``branch``: once pushed."""
    name: DnsLabel | None = None
    """Name of the GitRepository and of the Kustomization beside it. Default: the project's."""
    kustomization: Fields | None = None
    """Any field of the spec of the Kustomization beside it, as Flux spells it; a null takes one of ours away."""


class ClusterFields(FleetFields):
    """One cluster; ``repositories``, ``namespaces`` and ``defaults`` are laid over fleet.yaml's."""

    context: str | None = None
    """Context of the kubeconfig; never the current one."""
    kubeconfig: str | None = None
    """Path of a kubeconfig from the repository's root. Default: ``$KUBECONFIG``, then ``~/.kube/config``."""
    environment: DnsLabel | None = None
    """Its values layers are laid over values.yaml: ``values.<environment>.yaml``."""
    delivery: Literal["apply", "git"] | None = None
    """Who writes the apps' objects: Pulumi (``apply``, default), or Flux from Git (``git``)."""
    flux_namespace: DnsLabel | None = None
    """Flux's namespace. Default: flux-system."""
    wait: Wait | None = None
    """The same as ``wait`` under ``defaults``: for all apps of this cluster."""
    git: GitFields | None = None
    """Where Flux reads this repository; needed in git delivery, and for apps with other YAML."""
    apps: dict[DnsLabel, AppFields | None] | None = None
    """Fields of single apps on this cluster, by the app's name."""
    delete_namespaces: bool | None = None
    """``true``: namespaces go with their last app, data and all. Default: they stay."""
