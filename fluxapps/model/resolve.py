"""Resolve: lay the layers of one stack over each other.

Fields: our defaults < fleet.yaml's defaults < the stack's defaults < app.yaml < the stack's ``apps.<app>``.
Values: values.yaml (or ``values:``) < values.<environment>.yaml < values.<stack>.yaml < the stack's.
"""

from typing import Any

from fluxapps.model import preset
from fluxapps.model.cluster import ClusterFields
from fluxapps.model.layers import Layer, merge_fields, merge_values, merged_fields
from fluxapps.model.problems import ConfigError, Problem, did_you_mean
from fluxapps.model.resolved import App, Fleet, GitSource, Namespace, Release, Repository
from fluxapps.model.sources import AppFolder, Sources, StackFile
from fluxapps.model.strict import kind_of
from fluxapps.model.yaml_file import YamlFile

_APP_ONLY = ("name", "enabled", "kustomization", "releases", "substituteValues", "dependsOn", "preset", "values")
_MAKES_A_RELEASE = ("chart", "repository", "version", "releases")


def resolve(sources: Sources, stack: str, *, overlay: dict[str, Any] | None = None) -> Fleet:
    """Return *stack* of *sources*, resolved.

    *overlay* is a last layer of ``cluster``, which came by other ways than the stack's file.

    Raises:
        ConfigError: The stack isn't there, or a values file of it can't be read.
    """
    if stack not in sources.stack_files:
        fix = did_you_mean(stack, sources.stacks, otherwise=f"there are: {', '.join(sources.stacks) or 'none yet'}")
        raise ConfigError(
            [Problem(code="unknown-stack", what=f"no stack '{stack}'", file=f"Pulumi.{stack}.yaml", fix=fix)]
        )
    resolver = _Resolver(sources, sources.stack_files[stack], overlay or {})
    fleet = resolver.fleet()
    if resolver.problems:
        raise ConfigError(resolver.problems)
    return fleet


class _Resolver:
    def __init__(self, sources: Sources, stack_file: StackFile, overlay: dict[str, Any]) -> None:
        self.sources = sources
        self.stack = stack_file.stack
        self.problems: list[Problem] = []
        fleet = sources.fleet.value or {} if sources.fleet else {}
        self.layers = (
            Layer(fleet, sources.fleet),
            Layer(stack_file.cluster, stack_file.file, stack_file.prefix),
            Layer(overlay, stack_file.file, stack_file.prefix),
        )
        self.cluster = ClusterFields.model_validate(merge_fields(stack_file.cluster, overlay))
        self.defaults = self._below("defaults")
        self.preset = merged_fields(self.defaults).get("preset") != "none"
        self.environments = {name for name in (self.cluster.environment, self.stack) if name}

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
        # Fields of a GitRepository's own stay as written; a ref of its own is followed by Flux itself.
        spec = dict(fields.model_extra or {})
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
        )

    def _repositories(self, flux_namespace: str) -> dict[str, Repository]:
        layers = self._below("repositories")
        merged: dict[str, Any] = {}
        for layer in layers:
            for name, said in layer.data.items():
                fields = _source_of(said) if isinstance(said, str) else said
                below = merged.get(name, {})
                # Another kind is another source: fields of the old kind mean nothing to it.
                same_kind = fields is not None and fields.get("kind", below.get("kind")) == below.get("kind")
                merged = merge_fields(merged, {name: None} if not same_kind else {})
                merged = merge_fields(merged, {name: fields})
        return {name: self._repository(name, fields, flux_namespace, layers) for name, fields in merged.items()}

    def _repository(
        self, name: str, fields: dict[str, Any], flux_namespace: str, layers: tuple[Layer, ...]
    ) -> Repository:
        kind = fields.get("kind", "HelmRepository")
        spec = {key: value for key, value in fields.items() if key not in ("kind", "namespace", "metadata")}
        if self.preset and not (kind == "HelmRepository" and spec.get("type") == "oci"):
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
        named = dict.fromkeys(name for layer in layers for name in layer.data)
        merged = merged_fields(layers)
        return {
            name: Namespace(
                name=name,
                labels=fields.get("labels") or {},
                annotations=fields.get("annotations") or {},
                external=bool(fields.get("external")),
                delete=bool(fields.get("delete", self.cluster.delete_namespaces)),
                layers=layers,
            )
            for name in named
            if (fields := merged.get(name) or {}) is not None
        }

    def _app(self, source: AppFolder) -> App:
        layers = (*self.defaults, Layer(source.fields, source.file), *self._below("apps", source.name))
        merged = merged_fields(layers)
        own = merged_fields(layers[len(self.defaults) :])
        kustomization = merged.get("kustomization", {})
        keys: list[str | None] = [None] if any(key in own for key in _MAKES_A_RELEASE) else []
        if "releases" in own:
            keys = list(own["releases"])
        stack_folder = f"stacks/{self.stack}/"
        return App(
            name=source.name,
            source=source,
            namespace=merged.get("namespace") or (source.name if keys else None),
            enabled=merged.get("enabled", True),
            depends_on=tuple(merged.get("dependsOn", ())),
            releases=tuple(self._release(source, layers, merged, key) for key in keys),
            kustomization=merge_fields(
                preset.KUSTOMIZATION if self.preset else {}, _with_nulls(layers, "kustomization")
            ),
            said_kustomization=kustomization,
            substitute_values=merged.get("substituteValues", False),
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
        own = merged_app if key is None else merged_app["releases"].get(key) or {}
        merged = shared if key is None else merge_fields(shared, {k: v for k, v in own.items() if k != "values"})
        said = _with_nulls(layers, "release")
        if key is not None:
            said = _over(said, _with_nulls(layers, "releases", key, "release"))
        values_layers = self._values(source, layers, key)
        values: dict[str, Any] | None = None
        for layer in values_layers:
            values = merge_values(values or {}, layer.data)
        defaults = preset.release_defaults(said) if self.preset else {}
        return Release(
            app=source.name,
            name=key or source.name,
            namespace=merged.get("namespace") or source.name,
            chart=merged.get("chart"),
            repository=merged.get("repository"),
            version=merged.get("version"),
            depends_on=tuple(own.get("dependsOn", ())),
            values_in=merged.get("valuesIn", "configMap"),
            values=values,
            values_layers=values_layers,
            values_from=tuple(merged.get("valuesFrom", ())),
            values_name=merged.get("valuesName"),
            watch_values=self.preset,
            spec=merge_fields(defaults, said),
            said=merge_fields({}, said),
            key=key,
            layers=layers,
        )

    def _values(self, source: AppFolder, layers: tuple[Layer, ...], key: str | None) -> tuple[Layer, ...]:
        """Return the layers of values of one release, lowest first."""
        found: list[Layer] = []
        own, stack_layers = layers[: len(self.defaults) + 1], layers[len(self.defaults) + 1 :]
        for layer in own:
            found += _values_in(layer, key)
        names: list[str | None] = [None, self.cluster.environment, self.stack]
        for name in dict.fromkeys(names) if self.cluster.environment else (None, self.stack):
            for release in dict.fromkeys((None, key)):
                file = source.values.get((release, name))
                if file is not None and (read := self._read_values(file)) is not None:
                    found.append(Layer(read.value or {}, read))
        for layer in stack_layers:
            found += _values_in(layer, key)
        return tuple(found)

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


def _values_in(layer: Layer, key: str | None) -> list[Layer]:
    """Return what *layer* says of values: for all releases of the app, then for the release *key*."""
    found = []
    if isinstance(values := layer.data.get("values"), dict):
        found.append(Layer(values, layer.file, (*layer.prefix, "values")))
    release = (layer.data.get("releases") or {}).get(key) if key is not None else None
    if isinstance(release, dict) and isinstance(values := release.get("values"), dict):
        found.append(Layer(values, layer.file, (*layer.prefix, "releases", str(key), "values")))
    return found


def _with_nulls(layers: tuple[Layer, ...], *path: str) -> dict[str, Any]:
    """Return what *layers* say below *path*, with nulls kept: they delete our defaults, which come below."""
    merged: dict[str, Any] = {}
    for layer in layers:
        data: Any = layer.data
        for part in path:
            data = data.get(part) if isinstance(data, dict) else None
        if isinstance(data, dict):
            merged = _over(merged, data)
    return merged


def _over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    # Among layers of fields a null is carried up like a value; merge_fields then deletes by it.
    return merge_values(base, over)


def _source_of(url: str) -> dict[str, Any]:
    """Return the fields of a source that is said by its URL alone."""
    kind = {"kind": "HelmRepository", "url": url}
    return {**kind, "type": "oci"} if url.startswith("oci://") else kind
