"""What a stack is made of once its layers are merged: settings, no Kubernetes objects yet."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from fluxapps.model.cluster import ClusterFields
from fluxapps.model.layers import Layer, Origin, origin
from fluxapps.model.sources import AppFolder, OtherFile, Sources
from fluxapps.model.strict import dotted
from fluxapps.model.yaml_file import FieldPath

Delivery = Literal["apply", "git"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A source of charts that fleet.yaml or the stack names."""

    name: str
    kind: str
    """HelmRepository, OCIRepository, GitRepository or Bucket."""
    url: str
    namespace: str
    spec: dict[str, Any]
    """Its spec, url included, as Flux spells it."""
    metadata: dict[str, Any]
    """Its own labels and annotations."""
    layers: tuple[Layer, ...]
    """Whose data is the map of repositories."""

    @property
    def is_template(self) -> bool:
        """Return whether releases make OCIRepositories of their own from it: one without ``ref``."""
        return self.kind == "OCIRepository" and "ref" not in self.spec

    @property
    def object_name(self) -> str:
        """Return the name of the object: the one that its metadata says, else the repository's."""
        return str(self.metadata.get("name") or self.name)

    def origin(self, *path: str | int) -> Origin | None:
        """Return where its field *path* was said, or else where it was named."""
        return origin(self.layers, (self.name, *path), (self.name,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """What fleet.yaml or the stack says of a namespace."""

    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    external: bool
    delete: bool
    layers: tuple[Layer, ...]

    def origin(self, *path: str | int) -> Origin | None:
        """Return where its field *path* was said, or else where it was named."""
        return origin(self.layers, (self.name, *path), (self.name,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One Helm release of an app."""

    app: str
    name: str
    """Name of the HelmRelease."""
    namespace: str
    chart: str | None
    repository: str | None
    version: str | None
    depends_on: tuple[str, ...]
    """Its own, not the app's."""
    values_in: Literal["configMap", "inline"]
    values: dict[str, Any] | None
    """Merged; None where no file says any."""
    values_layers: tuple[Layer, ...]
    """Of values, lowest first."""
    values_from: tuple[dict[str, Any], ...]
    values_name: str | None
    watch_values: bool
    """Whether a values ConfigMap of literal name carries Flux's watch label."""
    allow_reinstall: bool
    """Whether a change that makes Flux uninstall it and install it anew is meant."""
    spec: dict[str, Any]
    """``release``, merged with our defaults."""
    said: dict[str, Any]
    """``release`` as the files say it, without our defaults."""
    generated: frozenset[str]
    """Those of ``preset.GENERATED_RELEASE`` that are to be worked out."""
    key: str | None
    """Its key under ``releases``; None where the app is one release."""
    layers: tuple[Layer, ...]
    """Of the app, lowest first."""

    def origin(self, *path: str | int) -> Origin | None:
        """Return where its field *path* was said: under its key, or for all releases of the app."""
        own = () if self.key is None else (("releases", self.key, *path),)
        return origin(self.layers, *own, path)

    @property
    def release_namespace(self) -> str:
        """Return the namespace that the release is installed in."""
        target = self.spec.get("targetNamespace")
        return target if isinstance(target, str) else self.namespace

    @property
    def storage_namespace(self) -> str:
        """Return the namespace where Helm keeps the release's history."""
        storage = self.spec.get("storageNamespace")
        return storage if isinstance(storage, str) else self.namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app on this stack."""

    name: str
    source: AppFolder
    namespace: str | None
    """None: an app of plain YAML that names none."""
    enabled: bool
    depends_on: tuple[str, ...]
    """The app's own, as written."""
    releases: tuple[Release, ...]
    kustomization: dict[str, Any]
    """``kustomization``, merged with our defaults."""
    said_kustomization: dict[str, Any]
    """``kustomization`` as the files say it."""
    generated: frozenset[str]
    """Those of ``preset.GENERATED_KUSTOMIZATION`` that are to be worked out."""
    substitute_values: bool
    granted: int | None
    """Failed tries that are granted while ``up`` waits until it is Ready; None: ``up`` doesn't wait."""
    other: tuple[OtherFile, ...]
    """Other files that Flux reads on this stack: ``stacks/<another>/`` left out."""
    layers: tuple[Layer, ...]
    """Lowest first."""

    def origin(self, *path: str | int) -> Origin | None:
        """Return where its field *path* was said."""
        return origin(self.layers, path)

    @property
    def has_other_yaml(self) -> bool:
        """Return whether Flux has anything to apply from its folder."""
        return any(file.is_yaml for file in self.other)

    def dependencies(self) -> tuple[tuple[str, FieldPath], ...]:
        """Return every dependency that it or one of its releases names, as written, with the field that names it."""
        own = [(name, ("dependsOn", index)) for index, name in enumerate(self.depends_on)]
        for release in self.releases:
            if release.key is not None:
                own += [
                    (name, ("releases", release.key, "dependsOn", index))  # type: ignore[misc] # paths of any length
                    for index, name in enumerate(release.depends_on)
                ]
        return tuple(own)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """Where Flux reads this repository."""

    name: str
    """Of GitRepository and Kustomization of FluxSystem."""
    url: str
    branch: str
    path: str
    """Folder of the rendered tree."""
    pinned: bool
    """``follow: up``: the GitRepository names the commit."""
    spec: dict[str, Any]
    """Further fields of the GitRepository's spec."""
    metadata: dict[str, Any]
    kustomization: dict[str, Any]
    """Fields of the Kustomization beside it, laid over ours; a null deletes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitPin:
    """What moves the pinned commit: the last commit that touched one of these."""

    url: str
    branch: str
    include: tuple[str, ...]
    """Git pathspecs."""
    exclude: tuple[str, ...]
    """Git glob pathspecs, without their magic."""
    added: str
    """Git glob pathspec of files whose adding counts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fleet:
    """A stack, resolved."""

    sources: Sources
    project: str
    stack: str
    cluster: ClusterFields
    delivery: Delivery
    flux_namespace: str
    granted: int | None
    """As an app's that says nothing itself: it counts for what apps share."""
    preset: bool
    """Whether our recommended settings are the lowest layer."""
    git: GitSource | None
    repositories: dict[str, Repository]
    namespaces: dict[str, Namespace]
    """Those that a file says something of."""
    apps: tuple[App, ...]
    """Enabled ones, sorted by name."""
    disabled: tuple[App, ...]
    """The others."""
    layers: tuple[Layer, ...]
    """Of fleet.yaml and the stack's file."""

    def origin(self, *path: str | int) -> Origin | None:
        """Return where a field of fleet.yaml or of the stack's ``cluster`` was said."""
        return origin(self.layers, path)

    def app_named(self, name: str) -> App | None:
        """Return the enabled app called *name*."""
        return self._by_name.get(name)

    def app_dependencies(self, app: App) -> tuple[str, ...]:
        """Return the names of the enabled apps that *app* or one of its releases depends on."""
        return self._dependencies[app.name]

    def is_needed(self, app: str) -> bool:
        """Return whether another app depends on *app*."""
        return app in self._needed

    def is_needed_by_release(self, app: str) -> bool:
        """Return whether another app with a release depends on *app*."""
        return app in self._needed_by_release

    @cached_property
    def _by_name(self) -> dict[str, App]:
        return {app.name: app for app in self.apps}

    @cached_property
    def _dependencies(self) -> dict[str, tuple[str, ...]]:
        found = {}
        for app in self.apps:
            named = dict.fromkeys(name.partition("/")[0] for name, _ in app.dependencies())
            found[app.name] = tuple(name for name in named if name in self._by_name)
        return found

    @cached_property
    def _needed(self) -> frozenset[str]:
        return frozenset(name for app in self.apps for name in self._dependencies[app.name] if name != app.name)

    @cached_property
    def _needed_by_release(self) -> frozenset[str]:
        return frozenset(
            name for app in self.apps if app.releases for name in self._dependencies[app.name] if name != app.name
        )

    @property
    def git_path(self) -> str | None:
        """Return the folder of the rendered tree in git delivery; None in apply."""
        return self.git.path if self.git is not None and self.delivery == "git" else None

    @property
    def follows_branch(self) -> bool:
        """Return whether Flux itself follows a branch: nothing pins a commit, and no ``ref`` is said."""
        return self.git is not None and self.git_pin is None and "ref" not in self.git.spec

    @property
    def git_pin(self) -> GitPin | None:
        """Return what the pinned commit depends on; None where Flux follows by itself."""
        if self.git is None or not self.git.pinned or self.delivery == "git":
            return None
        return GitPin(
            url=self.git.url,
            branch=self.git.branch,
            include=("apps", "bootstrap"),
            exclude=(
                *SETTINGS_FILES,
                *(f"apps/**/stacks/{other}/**" for other in self.sources.stacks if other != self.stack),
            ),
            added="apps/**/app.yaml",
        )


SETTINGS_FILES = ("apps/**/app.yaml", "apps/**/values.yaml", "apps/**/values.*.yaml", "apps/**/values-*.yaml")
"""Our own files in apps' folders, as git and ``spec.ignore`` match them: Flux never reads them."""


def place(found: Origin | None, otherwise: str) -> dict[str, Any]:
    """Return the place fields of a Problem for *found*, or for the file *otherwise* as a whole."""
    if found is None:
        return {"file": otherwise}
    return {"file": found.file, "line": found.line, "column": found.column, "path": dotted(found.path)}
