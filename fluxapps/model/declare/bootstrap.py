"""What apps share: Namespaces, and fleet.yaml's sources of charts."""

from fluxapps.model.declare.manifests import manifest, with_metadata
from fluxapps.model.declare.names import PRUNE_DISABLED, SOURCE_API
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from fluxapps.model.resolved import Fleet


def declared_namespaces(fleet: Fleet) -> tuple[DeclaredObject, ...]:
    """Return the Namespaces of *fleet*, sorted: those its apps use and those its files say something of.

    Never ``default``, ``kube-*``, Flux's own and ``external`` ones.
    """
    used: set[str] = set()
    for release in (release for app in fleet.apps for release in app.releases):
        # Flux makes none of them: install.createNamespace is the user's to set, and then it is left to Helm.
        used |= {release.namespace, release.release_namespace, release.storage_namespace}
    for app in fleet.apps:
        # Into targetNamespace Flux puts the app's other YAML, and makes it no more than any other.
        metadata = app.kustomization.get("metadata")
        own = metadata.get("namespace") if isinstance(metadata, dict) else None
        names = (app.namespace, app.kustomization.get("targetNamespace"), own)
        used |= {name for name in names if isinstance(name, str)}
    used |= {repository.namespace for repository in fleet.repositories.values() if not repository.is_template}
    return tuple(_namespace(fleet, name) for name in sorted(used | set(fleet.namespaces)) if is_ours(fleet, name))


def is_ours(fleet: Fleet, namespace: str) -> bool:
    """Return whether we declare *namespace*."""
    said = fleet.namespaces.get(namespace)
    foreign = namespace in ("default", fleet.flux_namespace) or namespace.startswith("kube-")
    return not foreign and not (said is not None and said.external)


def namespace_ids(fleet: Fleet, *names: str | None) -> tuple[ObjectId, ...]:
    """Return the identities of those of the namespaces *names* that we declare."""
    ours = dict.fromkeys(name for name in names if name is not None and is_ours(fleet, name))
    return tuple(ObjectId("", "Namespace", "", name) for name in ours)


def _namespace(fleet: Fleet, name: str) -> DeclaredObject:
    said = fleet.namespaces.get(name)
    delete = said.delete if said is not None else bool(fleet.cluster.delete_namespaces)
    keep = PRUNE_DISABLED if fleet.preset and fleet.delivery == "git" and not delete else {}
    made = manifest(
        "v1",
        "Namespace",
        name,
        labels=said.labels if said else None,
        annotations={**keep, **(said.annotations if said else {})},
    )
    return DeclaredObject(manifest=made, role=Role.NAMESPACE, logical_name=name, retain=not delete)


def declared_sources(fleet: Fleet) -> tuple[DeclaredObject, ...]:
    """Return the sources that *fleet*'s files declare, sorted; OCIRepository templates are the releases'."""
    made = []
    for repository in sorted(fleet.repositories.values(), key=lambda one: (one.kind, one.name)):
        if repository.is_template:
            continue
        name, namespace = repository.object_name, repository.namespace
        source = manifest(SOURCE_API, repository.kind, name, namespace, spec=repository.spec)
        made.append(
            DeclaredObject(
                manifest=with_metadata(source, repository.metadata),
                role=Role.SOURCE,
                logical_name=f"{namespace}/{name}",
                after=namespace_ids(fleet, namespace),
            )
        )
    return tuple(made)
