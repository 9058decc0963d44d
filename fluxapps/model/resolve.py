"""Resolve: lay the layers of one stack over each other.

Fields: our defaults < fleet.yaml's defaults < the stack's defaults < app.yaml < the stack's ``apps.<app>``.
Values: values.yaml (or ``values:``) < values.<environment>.yaml < values.<stack>.yaml < the stack's.
"""

from dataclasses import replace
from typing import Any

from fluxapps.model import preset
from fluxapps.model.app import RELEASE_PLACE
from fluxapps.model.cluster import ClusterFields
from fluxapps.model.collector import collector_paused
from fluxapps.model.layers import Layer, merge_fields, merge_values, merged_fields
from fluxapps.model.problems import ConfigError, Problem, did_you_mean
from fluxapps.model.resolved import App, Fleet, GitSource, Namespace, Release, Repository
from fluxapps.model.sources import AppFolder, Sources, StackFile
from fluxapps.model.strict import kind_of
from fluxapps.model.yaml_file import YamlFile

_APP_ONLY = (
    "name",
    "enabled",
    "kustomization",
    "releases",
    "substituteValues",
    "dependsOn",
    "preset",
    "values",
    "wait",
)
_HELM_REPOSITORY = "HelmRepository"
_MAKES_A_RELEASE = ("chart", "repository", "version", "releases")


@collector_paused
def resolve(sources: Sources, stack: str, *, cluster: dict[str, Any] | None = None) -> Fleet:
    """Return *stack* of *sources*, resolved.

    *cluster* stands for what the stack's file says under ``cluster``, where Pulumi was given something else.

    Raises:
        ConfigError: The stack isn't there, or a values file of it can't be read.
    """
    if stack not in sources.stack_files:
        fix = did_you_mean(stack, sources.stacks, otherwise=f"there are: {', '.join(sources.stacks) or 'none yet'}")
        raise ConfigError(
            [Problem(code="unknown-stack", what=f"no stack '{stack}'", file=f"Pulumi.{stack}.yaml", fix=fix)]
        )
    stack_file = sources.stack_files[stack]
    if cluster is not None:
        stack_file = replace(stack_file, cluster=cluster)
    resolver = _Resolver(sources, stack_file)
    fleet = resolver.fleet()
    if resolver.problems:
        raise ConfigError(resolver.problems)
    return fleet


class _Resolver:
    def __init__(self, sources: Sources, stack_file: StackFile) -> None:
        self.sources = sources
        self.stack = stack_file.stack
        self.problems: list[Problem] = []
        fleet = sources.fleet.value or {} if sources.fleet else {}
        self.layers = (
            Layer(fleet, sources.fleet),
            Layer(stack_file.cluster, stack_file.file, stack_file.prefix),
        )
        self.cluster = ClusterFields.model_validate(stack_file.cluster)
        self.defaults = self._below("defaults")
        if self.cluster.wait is not None:
            # What the stack says for all its apps, where no default of its own says it too: the checks refuse that.
            stack = self.layers[-1]
            self.defaults = (*self.defaults, Layer({"wait": stack.data["wait"]}, stack.file, stack.prefix))
        self.preset = merged_fields(self.defaults).get("preset") != "none"

    def fleet(self) -> Fleet:
        apps = [self._app(source) for source in self.sources.apps]
        flux_namespace = self.cluster.flux_namespace or "flux-system"
        delivery = self.cluster.delivery or "apply"
        return Fleet(
            sources=self.sources,
            project=self.sources.project,
            stack=self.stack,
            cluster=self.cluster,
            delivery=delivery,
            flux_namespace=flux_namespace,
            granted=_granted(merged_fields(self.defaults).get("wait")),
            preset=self.preset,
            git=self._git(delivery),
            repositories=self._repositories(flux_namespace),
            namespaces=self._namespaces(),
            apps=tuple(sorted((app for app in apps if app.enabled), key=lambda app: app.name)),
            disabled=tuple(app for app in apps if not app.enabled),
            layers=self.layers,
        )

    def _below(self, *path: str) -> tuple[Layer, ...]:
        """Return the layers of fleet.yaml and the stack's file that say *path*, as layers of what is below it."""
        found = []
        for layer in self.layers:
            data: Any = layer.data
            for part in path:
                data = data.get(part) if isinstance(data, dict) else None
            if isinstance(data, dict):
                found.append(Layer(data, layer.file, (*layer.prefix, *path)))
        return tuple(found)

    def _git(self, delivery: str) -> GitSource | None:
        fields = self.cluster.git
        if fields is None or fields.url is None:
            return None
        # Fields of a GitRepository's own stay as written, a null is none; a ref of its own is followed by Flux itself.
        spec = merge_fields({}, fields.model_extra or {})
        metadata = spec.pop("metadata", None) or {}
        if fields.ref is not None:
            spec["ref"] = fields.ref
        return GitSource(
            name=fields.name or self.sources.project,
            url=fields.url,
            branch=fields.branch or "main",
            path=(fields.path or f"deploy/{self.stack}").removeprefix("./").rstrip("/"),
            pinned=delivery == "apply" and fields.ref is None and fields.follow != "branch",
            spec=spec,
            metadata=metadata,
            kustomization=fields.kustomization or {},
        )

    def _repositories(self, flux_namespace: str) -> dict[str, Repository]:
        layers = self._below("repositories")
        shared = merged_fields(self.defaults).get("source") or {}
        merged: dict[str, Any] = {}
        for layer in layers:
            for name, said in layer.data.items():
                merged.setdefault(name, shared)
                fields = _source_of(said) if isinstance(said, str) else said
                kind = merged.get(name, {}).get("kind", _HELM_REPOSITORY)
                if fields is None or fields.get("kind", kind) != kind:
                    # Another kind is another source: fields of the old kind mean nothing to it.
                    merged = {**merged, name: shared}
                merged = merge_fields(merged, {name: fields})
        return {name: self._repository(name, fields, flux_namespace, layers) for name, fields in merged.items()}

    def _repository(
        self, name: str, fields: dict[str, Any], flux_namespace: str, layers: tuple[Layer, ...]
    ) -> Repository:
        kind = fields.get("kind", _HELM_REPOSITORY)
        spec = {key: value for key, value in fields.items() if key not in ("kind", "namespace", "metadata")}
        if self.preset and not (kind == _HELM_REPOSITORY and spec.get("type") == "oci"):
            spec.setdefault("interval", preset.SOURCE_INTERVAL)
        return Repository(
            name=name,
            kind=kind,
            url=spec.get("url") or "",
            namespace=fields.get("namespace") or flux_namespace,
            spec=spec,
            metadata=fields.get("metadata") or {},
            layers=layers,
        )

    def _namespaces(self) -> dict[str, Namespace]:
        layers = self._below("namespaces")
        merged: dict[str, dict[str, Any]] = {}
        for layer in layers:
            for name, fields in layer.data.items():
                if fields is None and merged.pop(name, None) is not None:
                    continue
                # Said without any field, it is one to declare all the same.
                merged[name] = merge_fields(merged.get(name, {}), fields or {})
        return {
            name: Namespace(
                name=name,
                labels=fields.get("labels") or {},
                annotations=fields.get("annotations") or {},
                external=bool(fields.get("external")),
                delete=bool(fields.get("delete", self.cluster.delete_namespaces)),
                layers=layers,
            )
            for name, fields in merged.items()
        }

    def _app(self, source: AppFolder) -> App:
        layers = (*self.defaults, Layer(source.fields, source.file), *self._below("apps", source.name))
        merged = merged_fields(layers)
        own = merged_fields(layers[len(self.defaults) :])
        keys: list[str | None] = [None] if any(key in own for key in _MAKES_A_RELEASE) else []
        if "releases" in own:
            keys = list(own["releases"])
        stack_folder = f"stacks/{self.stack}/"
        releases = tuple(self._release(source, layers, merged, key) for key in keys)
        kustomization = _Layered([layer.data.get("kustomization") for layer in layers])
        own_namespace = source.name if any(release.namespace == source.name for release in releases) else None
        return App(
            name=source.name,
            source=source,
            namespace=merged.get("namespace") or own_namespace,
            enabled=merged.get("enabled", True),
            depends_on=tuple(merged.get("dependsOn", ())),
            releases=releases,
            kustomization=kustomization.over(preset.KUSTOMIZATION if self.preset else {}),
            said_kustomization=kustomization.over({}),
            generated=kustomization.left_of(preset.GENERATED_KUSTOMIZATION) if self.preset else frozenset(),
            substitute_values=merged.get("substituteValues", False),
            granted=_granted(merged.get("wait")),
            other=tuple(
                file
                for file in source.other
                if not file.path.startswith("stacks/") or file.path.startswith(stack_folder)
            ),
            layers=layers,
        )

    def _release(
        self, source: AppFolder, layers: tuple[Layer, ...], merged_app: dict[str, Any], key: str | None
    ) -> Release:
        shared = {name: value for name, value in merged_app.items() if name not in _APP_ONLY}
        own_layers = [_below(layer.data, "releases", key) for layer in layers] if key is not None else []
        own = merged_app if key is None else merged_app["releases"].get(key) or {}
        merged = shared
        for said_here in own_layers:
            # Layer by layer, so that a null deletes what the app's releases share.
            merged = merge_fields(merged, {name: value for name, value in said_here.items() if name not in _APP_ONLY})
        fields = _Layered(
            [layer.data.get("release") for layer in layers] + [said_here.get("release") for said_here in own_layers]
        )
        said = fields.over({})
        values_layers = self._values(source, layers, key)
        values: dict[str, Any] | None = None
        for layer in values_layers:
            values = merge_values(values or {}, layer.data)
        defaults = preset.release_defaults(said) if self.preset else {}
        return Release(
            app=source.name,
            name=_said_name(said) or key or source.name,
            namespace=merged.get("namespace") or source.name,
            chart=merged.get("chart"),
            repository=merged.get("repository"),
            version=merged.get("version"),
            depends_on=tuple(own.get("dependsOn", ())),
            values_in=merged.get("valuesIn", "configMap"),
            values=values,
            values_layers=values_layers,
            values_from=tuple(merged.get("valuesFrom", ())),
            values_name=_values_name(merged.get("valuesName"), _said_name(said) or key or source.name),
            watch_values=self.preset,
            allow_reinstall=merged.get("allowReinstall", False),
            spec=fields.over(defaults),
            said=said,
            generated=fields.left_of(preset.GENERATED_RELEASE) if self.preset else frozenset(),
            key=key,
            layers=layers,
        )

    def _values(self, source: AppFolder, layers: tuple[Layer, ...], key: str | None) -> tuple[Layer, ...]:
        """Return the layers of values of one release, lowest first."""
        found: list[Layer] = []
        app_layers, stack_layers = layers[: len(self.defaults) + 1], layers[len(self.defaults) + 1 :]
        # In each, what all releases of the app share first: a release's own wins.
        shared_then_own = dict.fromkeys((None, key))
        for release in shared_then_own:
            found += [said for layer in app_layers if (said := _values_in(layer, release)) is not None]
            found += self._values_file(source, release, None)
        for name in dict.fromkeys((self.cluster.environment, self.stack)):
            if name is not None:
                for release in shared_then_own:
                    found += self._values_file(source, release, name)
        for layer in stack_layers:
            found += [said for release in shared_then_own if (said := _values_in(layer, release)) is not None]
        return tuple(found)

    def _values_file(self, source: AppFolder, release: str | None, layer: str | None) -> list[Layer]:
        """Return the values file of *release* (None: of all) for *layer* (None: of all), if there is one."""
        file = source.values.get((release, layer))
        if file is None or (read := self._read_values(file)) is None:
            return []
        return [Layer(read.value or {}, read)]

    def _read_values(self, file: str) -> YamlFile | None:
        try:
            read = self.sources.read(file)
        except ConfigError as error:
            if not any(problem in self.problems for problem in error.problems):
                self.problems += error.problems
            return None
        if len(read.documents) > 1:
            what, line = f"{file} has {len(read.documents)} documents, Helm reads one", read.documents[1].line
            self.problems.append(Problem(code="several-documents", what=what, file=file, line=line, fix="keep one"))
            return None
        if read.value is not None and not isinstance(read.value, dict):
            what = f"values are {kind_of(read.value)}, but a map is wanted"
            self.problems.append(
                Problem(code="wrong-type", what=what, file=file, line=1, fix="write name: value lines")
            )
            return None
        return read


def _said_name(said: dict[str, Any]) -> str | None:
    """Return the name that *said*, a ``release``, gives its object by itself."""
    metadata = said.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def _values_name(said: str | None, release: str) -> str | None:
    """Return the literal name of a values ConfigMap: in defaults it may be made of the release's."""
    return said.replace(RELEASE_PLACE, release) if said is not None else None


def _values_in(layer: Layer, release: str | None) -> Layer | None:
    """Return what *layer* says of the values of *release* (None: of all releases of the app)."""
    path = ("values",) if release is None else ("releases", release, "values")
    said = _below(layer.data, *path)
    return Layer(said, layer.file, (*layer.prefix, *path)) if said else None


def _below(data: Any, *path: str) -> dict[str, Any]:
    """Return the map at *path* in *data*; an empty one where there is none."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _granted(wait: Any) -> int | None:
    """Return how many failed tries *wait* grants; None where it says not to wait."""
    return {None: None, "none": None, "ready": 0}[wait] if not isinstance(wait, dict) else int(wait["tries"])


class _Layered:
    """What the layers say of one group of fields, lowest first, over defaults that come below all of them."""

    def __init__(self, said: list[Any]) -> None:
        self._said = [one for one in said if isinstance(one, dict)]

    def over(self, defaults: dict[str, Any]) -> dict[str, Any]:
        """Return the fields, layer by layer: a null deletes what is below it, and what is above it comes anew."""
        merged = defaults
        for one in self._said:
            merged = merge_fields(merged, one)
        return merged

    def left_of(self, fields: frozenset[str]) -> frozenset[str]:
        """Return those of *fields* that no layer says, not even by a null."""
        return fields.difference(*self._said)


def _source_of(url: str) -> dict[str, Any]:
    """Return the fields of a source that is said by its URL alone."""
    # Over a map, it leaves the other fields (a secretRef) as they are; a null deletes the type.
    return {"kind": _HELM_REPOSITORY, "url": url, "type": "oci" if url.startswith("oci://") else None}
