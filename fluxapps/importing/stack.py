"""A cluster in our words: which app has what, and what is no app's."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from fluxapps.importing.applied import SOURCE_GROUP, SOURCES, Applied, is_moving, told_apart
from fluxapps.importing.apps import AppParts, app_said, own_config_maps, place_of, plain_secret
from fluxapps.importing.by_pulumi import made_by_flux, say_health
from fluxapps.importing.clusters import Cluster, in_depth
from fluxapps.importing.kustomizations import AppKustomizations
from fluxapps.importing.kustomize.built import Built, built
from fluxapps.importing.metadata import metadata_or_nothing
from fluxapps.importing.namespaces import say_namespaces, use_namespaces
from fluxapps.importing.original import Original
from fluxapps.importing.other import other_yaml
from fluxapps.importing.root import folder_of, is_of_flux, like_root, root_apps, root_fields
from fluxapps.importing.said import AppSaid, CannotSayError, Destination, Kept, Left, StackSaid
from fluxapps.importing.sources import SourceSaid, short, source_said
from fluxapps.model.checks.names import DNS_LABEL, RESERVED
from fluxapps.model.declare.names import HELM
from fluxapps.model.live.takeover import BOOTSTRAPPED
from fluxapps.model.objects import ObjectId
from fluxapps.model.problems import Problem, Severity

FLUX_NAMESPACE: Final = "flux-system"


def stack_said(
    original: Original, cluster: Cluster, *, to: Destination, refused: Mapping[ObjectId, str], spare: Sequence[str] = ()
) -> StackSaid:
    """Return *cluster* in our words.

    Args:
        original: The repository.
        cluster: What it applies; the stack is called as it is.
        to: Where it will live.
        refused: Releases that have to stay other YAML, and why.
        spare: Files that nothing applies: releases in them become apps that are not enabled.
    """
    return _Stack(original, cluster, to, refused).said(spare)


class _Stack:
    def __init__(self, original: Original, cluster: Cluster, to: Destination, refused: Mapping[ObjectId, str]) -> None:
        self.refused = refused
        self.original = original
        self.cluster = cluster
        self.root = cluster.root
        self.flux_namespace = _flux_namespace(cluster)
        self.stack = StackSaid(name=cluster.name, to=to, git={"url": to.url}, flux_namespace=self.flux_namespace)
        self.owned: dict[int, list[Built]] = defaultdict(list)
        """What each Kustomization applies and no deeper one does, without what moves."""
        self.moved: dict[ObjectId, Built] = {}
        self.sources: dict[tuple[str, str, str], SourceSaid] = {}
        self.by_id = {one.built.id: one for one in cluster.applied if one.built is not None}
        self.names: dict[ObjectId, str] = {}
        """Names of apps by their Kustomization."""

    def said(self, spare: Sequence[str]) -> StackSaid:
        """Return it all; *spare* are files that nothing applies."""
        self._share_out()
        self._name_apps()
        self._system()
        self._move_sources()
        said = say_namespaces(self.stack, self.moved.values(), self.owned[id(self.root)])
        self._apps()
        self._root_yaml()
        use_namespaces(self.stack, said, {namespace for _, namespace, _ in self.sources})
        self._spare_apps(spare)
        for applied in self.cluster.applied:
            self.stack.problems += applied.problems
        return self.stack

    def _share_out(self) -> None:
        """Give each object to one Kustomization: the deepest that applies it."""
        order = in_depth(self.cluster)
        first: dict[ObjectId, tuple[Applied, Built]] = {}
        for applied in order:
            moving = {id(one.document): one for one in applied.moving if one.document is not None}
            for one in applied.objects:
                if applied is self.root and self.cluster.is_bootstrapped and is_of_flux(one):
                    self._goes_on(one)
                    continue
                if is_moving(one):
                    effective = moving.get(id(one.document), one)
                    self.moved.setdefault(effective.id, effective)
                    continue
                identity = told_apart(one, applied.spec)
                holder, held = first.setdefault(identity, (applied, one))
                if holder is applied and held is one:
                    self.owned[id(applied)].append(one)
                elif holder is not applied:
                    self._applied_twice(one, held, holder, applied)

    def _applied_twice(self, one: Built, held: Built, holder: Applied, other: Applied) -> None:
        if other is self.root and _is_around(other, holder):
            return
        different = "" if held.manifest == one.manifest else ", with different content"
        what = f"{one.id} is applied by Kustomization {holder.name} and by {other.name or 'the root'}{different}"
        fix = f"keep it in one of them; here it stays with {holder.name}"
        self._warn("duplicate-object", what, one, fix)
        why = f"Kustomization {holder.name} applies it too: two writers of one object would fight over it"
        self.stack.left.append(Left(one.id, *place_of(one), why))

    def _name_apps(self) -> None:
        counted = Counter(one.name for one in self.cluster.applied if one is not self.root)
        taken: set[str] = set()
        for applied in self.cluster.applied:
            if applied is self.root or applied.built is None:
                continue
            name = applied.name
            if counted[name] > 1 or name in RESERVED or DNS_LABEL.fullmatch(name) is None:
                name = f"{applied.built.namespace}-{name}".lower().replace(".", "-").replace("_", "-")[:63].strip("-")
            number = 2
            base = name
            while name in taken:
                name, number = f"{base[:58]}-{number}", number + 1
            taken.add(name)
            self.names[applied.built.id] = name

    def _system(self) -> None:
        """Say where Flux reads the repository: the stack's ``git``."""
        git = self.stack.git
        reference = self.cluster.own
        found = None
        if reference is not None and reference[0] == "GitRepository":
            found = self.moved.pop(ObjectId(SOURCE_GROUP, *reference), None)
            if reference[2] != BOOTSTRAPPED:
                git["name"] = reference[2]
            elif found is not None:
                self._goes_on(found)
        if found is not None:
            self._reads_as(found)
        if self.root.manifest is not None:
            kustomization = root_fields(self.root)
            if kustomization:
                git["kustomization"] = kustomization
        if self.root.built is not None:
            self.moved.pop(self.root.built.id, None)
            if self.cluster.is_bootstrapped:
                self._goes_on(self.root.built)
            elif self.root.name != git.get("name"):
                why = "the Kustomization of the stack does what it did; it is called as the GitRepository is"
                self.stack.left.append(Left(self.root.built.id, *place_of(self.root.built), why))

    def _reads_as(self, one: Built) -> None:
        """Say of the stack's GitRepository what *one* says."""
        git = self.stack.git
        spec = {key: value for key, value in one.manifest.get("spec", {}).items() if value is not None}
        read = spec.pop("url", None)
        if read and not self.stack.to.is_new:
            git["url"] = read
        ref = spec.pop("ref", None)
        if isinstance(ref, dict) and set(ref) == {"branch"}:
            git["branch"] = ref["branch"]
        elif ref:
            git["ref"] = ref
        git |= spec
        if metadata := metadata_or_nothing(one.manifest["metadata"]):
            git["metadata"] = metadata

    def _goes_on(self, one: Built) -> None:
        """Leave *one* to `flux bootstrap`."""
        why = "`flux bootstrap`'s own goes on for Flux itself; the stack has its own beside it"
        left = Left(one.id, *place_of(one), why)
        self.stack.left.append(left)
        self.stack.bootstrapped.append(left)

    def _move_sources(self) -> None:
        """Say the sources that fleet.yaml has words for; the others stay with whoever applied them."""
        found = [one for one in self.moved.values() if one.kind in SOURCES]
        counted = Counter(one.name for one in found)
        for one in found:
            key = one.name
            if counted[key] > 1 and one.namespace != self.flux_namespace:
                key = f"{one.namespace}-{one.name}"
            try:
                said = source_said(one, key, self.flux_namespace)
            except CannotSayError as why:
                self._stays(one, str(why))
                continue
            if key in self.stack.repositories:
                self._stays(one, f"fleet.yaml has a repository '{key}' already")
                continue
            self.sources[one.kind, one.namespace, one.name] = said
            self.stack.repositories[key] = short(said.fields)

    def _stays(self, one: Built, why: str) -> None:
        """Leave *one*, of a kind that moves, with the Kustomization that applied it."""
        self.stack.kept.append(Kept(str(one.id), *place_of(one), why))
        owner = next((applied for applied in self.cluster.applied if self._has(applied, one)), self.root)
        self.owned[id(owner)].append(one)

    def _has(self, applied: Applied, one: Built) -> bool:
        return any(other is one or (one.document and other.document is one.document) for other in applied.moving)

    def _apps(self) -> None:
        config_maps = own_config_maps(self.cluster.applied, self.owned)
        kustomizations = AppKustomizations(self.flux_namespace, self.cluster.own, self.names, self._is_gone)
        for applied in self.cluster.applied:
            if applied is self.root or applied.built is None:
                continue
            objects = self.owned[id(applied)]
            if not objects and applied.is_ours:
                self._without_objects(applied)
                continue
            name = self.names[applied.built.id]
            parts = AppParts(self.original, name, objects, applied.path or "", self._refused_of(applied, objects))
            app = app_said(parts, self.sources, config_maps, self.stack)
            app.fields |= kustomizations.fields(applied, app)
            self._health(app, objects)
            self._broken_files(applied, app)
            if applied.built.document is not None:
                app.documents.insert(0, applied.built.document)
            self.stack.apps[app.name] = app

    def _refused_of(self, applied: Applied, objects: list[Built]) -> Mapping[ObjectId, str]:
        if self.stack.to.delivery == "git":
            return self.refused
        return {**made_by_flux(self.original, applied, objects), **self.refused}

    def _health(self, app: AppSaid, objects: list[Built]) -> None:
        said = app.fields.get("kustomization", {})
        if self.stack.to.delivery == "git" or not app.identities or said.get("wait") is not True:
            return
        releases = [one for one in objects if one.id in app.identities.values()]
        say_health(said, releases, [one for one in objects if one not in releases])

    def _without_objects(self, applied: Applied) -> None:
        assert applied.built is not None  # noqa: S101 - only roots are without; mypy can't know
        if applied.unbuildable:
            why = applied.unbuildable
        elif applied.moving:
            why = "it applied Kustomizations, Namespaces or sources alone, which the stack's own Kustomization applies"
        else:
            why = "it applies nothing that is not applied by another"
        self.stack.left.append(Left(applied.built.id, *place_of(applied.built), why))

    def _is_gone(self, identity: ObjectId) -> bool:
        if self.root.built is not None and identity == self.root.built.id:
            return False
        applied = self.by_id.get(identity)
        if applied is None:
            return False
        return not self.owned[id(applied)] and applied.is_ours

    def _root_yaml(self) -> None:
        """Share out what the root itself applies: apps of their own for releases, the rest is no app's."""
        objects = self.owned[id(self.root)]
        releases = [one for one in objects if one.kind == "HelmRelease" and one.group == HELM]
        config_maps = own_config_maps(self.cluster.applied, self.owned)
        for group in root_apps(objects, releases, self.root.path or ""):
            name = self._free_name(group)
            parts = AppParts(self.original, name, group, folder_of(group[0]), self.refused)
            app = app_said(parts, self.sources, config_maps, self.stack)
            app.fields["kustomization"] = like_root(self.root)
            self.stack.apps[name] = app
            taken = {id(one) for one in group}
            objects = [one for one in objects if id(one) not in taken]
        rest = other_yaml(self.original, objects, self.root.path or "", in_app=False)
        self.stack.bootstrap = rest.files
        self._not_copied(rest.secrets)

    def _spare_apps(self, files: Sequence[str]) -> None:
        """Say the releases in *files*, which nothing applies, as apps that are not enabled."""
        folders: dict[str, list[Built]] = defaultdict(list)
        for file in files:
            folders[file.rpartition("/")[0]] += [built(document) for document in self.original.objects(file)]
        for folder, found in folders.items():
            releases = [one for one in found if one.kind == "HelmRelease" and one.group == HELM]
            if not releases:
                continue
            group = [*releases, *(one for one in found if one not in releases and not is_moving(one))]
            name = self._free_name(releases)
            config_maps = {(one.namespace, one.name): one for one in group if one.kind == "ConfigMap"}
            parts = AppParts(self.original, name, group, folder, self.refused)
            app = app_said(parts, self.sources, config_maps, self.stack)
            app.fields["kustomization"] = like_root(self.root)
            app.enabled = False
            self.stack.apps[name] = app

    def _broken_files(self, applied: Applied, app: AppSaid) -> None:
        """Bring files along that can't be read, under names by which nobody reads them."""
        for file, problems in self.original.broken.items():
            inside = applied.path is not None and file.startswith(f"{applied.path}/")
            if applied.path is None or not inside or file not in self.original.met:
                continue
            text = self.original.content(file)
            # What can't be read may hold what must not be copied.
            if b"kind: Secret" not in text:
                app.other[f"{file[len(applied.path) + 1 :]}.broken"] = text
            why = f"it can't be read, so Flux applies nothing of its folder: {problems[0].what}"
            self.stack.kept.append(Kept(file, file, problems[0].line, why))

    def _free_name(self, group: list[Built]) -> str:
        name = group[0].name
        number = 2
        while name in self.stack.apps or name in RESERVED or DNS_LABEL.fullmatch(name) is None:
            name, number = f"{group[0].name[:58]}-{number}", number + 1
        return name

    def _not_copied(self, secrets: Iterable[Built]) -> None:
        self.stack.left += [plain_secret(one) for one in secrets]

    def _warn(self, code: str, what: str, one: Built, fix: str) -> None:
        file, line = place_of(one)
        problem = Problem(code=code, what=what, file=file or ".", line=line, fix=fix, severity=Severity.WARNING)
        self.stack.problems.append(problem)


def _flux_namespace(cluster: Cluster) -> str:
    if cluster.root.built is not None and cluster.root.built.namespace:
        return cluster.root.built.namespace
    named: Counter[str] = Counter()
    for applied in cluster.applied:
        if applied.built is not None:
            reference = applied.spec.get("sourceRef")
            named[str((reference or {}).get("namespace") or applied.built.namespace)] += 1
    return next((name for name, _ in named.most_common() if name), FLUX_NAMESPACE)


def _is_around(root: Applied, inner: Applied) -> bool:
    return not root.path or (inner.path or "").startswith(f"{root.path}/") or inner.path == root.path
