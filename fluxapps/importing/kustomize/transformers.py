"""What a kustomization.yaml says of all its objects: namespace, labels, annotations, images, replicas."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from fluxapps.importing.kustomize.built import Built, UnbuildableError, entries, strings
from fluxapps.model.objects import Manifest

_WITH_PODS: Final = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Kinds that make pods, and where their template is."""
_SELECTING: Final = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
_SCALED: Final = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")


def transform(said: Manifest, objects: list[Built]) -> None:
    """Lay what *said*, a kustomization.yaml or a Flux Kustomization's spec, has for all objects over *objects*.

    Raises:
        UnbuildableError: It says something that isn't done here.
    """
    if namespace := said.get("namespace"):
        for one in objects:
            set_namespace(one, str(namespace))
        _subjects(objects, str(namespace))
    _rename(objects, str(said.get("namePrefix") or ""), str(said.get("nameSuffix") or ""))
    _annotate(objects, strings(said.get("commonAnnotations")))
    if labels := strings(said.get("commonLabels")):
        _labels(objects, labels, selectors=True, templates=True)
    for entry in _maps(said, "labels"):
        if entry.get("fields"):
            raise UnbuildableError("labels with fields of their own")
        selectors = entry.get("includeSelectors") is True
        templates = selectors or entry.get("includeTemplates") is True
        _labels(objects, strings(entry.get("pairs")), selectors=selectors, templates=templates)
    for image in _maps(said, "images"):
        _image(objects, image)
    for replicas in _maps(said, "replicas"):
        _scale(objects, replicas)


def _maps(said: Manifest, field: str) -> list[Manifest]:
    return [entry for entry in entries(said, field) if isinstance(entry, dict)]


def _rename(objects: Iterable[Built], prefix: str, suffix: str) -> None:
    if prefix or suffix:
        for one in objects:
            if one.kind not in ("Namespace", "CustomResourceDefinition", "APIService"):
                one.own("name")["metadata"]["name"] = f"{prefix}{one.name}{suffix}"


def _annotate(objects: Iterable[Built], annotations: dict[str, str]) -> None:
    if annotations:
        for one in objects:
            _lay(one, ("metadata", "annotations"), annotations)
            for template in _templates(one):
                _lay(one, (*template, "metadata", "annotations"), annotations)


def _scale(objects: Iterable[Built], replicas: Manifest) -> None:
    for one in objects:
        if one.kind in _SCALED and replicas.get("name") in (one.name, one.first_name):
            one.own("replicas").setdefault("spec", {})["replicas"] = replicas.get("count")


def set_namespace(one: Built, namespace: str, *, why: str = "namespace") -> None:
    """Put *one* into *namespace*; a Namespace gets its name by it. *why* says what changed it."""
    if one.kind == "Namespace" and not one.group:
        if one.name != namespace:
            one.own(why)["metadata"]["name"] = namespace
    elif one.is_namespaced and one.namespace != namespace:
        one.own(why)["metadata"]["namespace"] = namespace


def _subjects(objects: Iterable[Built], namespace: str) -> None:
    """Move the ServiceAccounts that bindings name, as kustomize does: ``default``, and those that moved with them."""
    moved = {
        (one.first_namespace, one.first_name)
        for one in objects
        if one.kind == "ServiceAccount" and one.namespace == namespace
    }
    for one in objects:
        if one.kind not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        for index, subject in enumerate(entries(one.manifest, "subjects")):
            if not isinstance(subject, dict) or subject.get("kind") != "ServiceAccount":
                continue
            named = (str(subject.get("namespace") or ""), str(subject.get("name")))
            follows = named[1] == "default" or named in moved
            if follows and subject.get("namespace") != namespace:
                one.own("namespace")["subjects"][index]["namespace"] = namespace


def _templates(one: Built) -> Iterator[tuple[str, ...]]:
    path = _WITH_PODS.get(one.kind)
    if path:
        if one.kind == "CronJob":
            yield ("spec", "jobTemplate")
        yield path


def _labels(objects: Iterable[Built], labels: dict[str, str], *, selectors: bool, templates: bool) -> None:
    for one in objects:
        _lay(one, ("metadata", "labels"), labels)
        if templates:
            for template in _templates(one):
                _lay(one, (*template, "metadata", "labels"), labels)
        if selectors:
            if one.kind in _SELECTING:
                _lay(one, ("spec", "selector", "matchLabels"), labels)
            elif one.kind in ("Service", "ReplicationController") and (
                one.kind != "Service" or (one.manifest.get("spec") or {}).get("selector")
            ):
                _lay(one, ("spec", "selector"), labels)


def _lay(one: Built, path: tuple[str, ...], over: dict[str, str]) -> None:
    inner: Any = one.own("labels")
    for part in path:
        below = inner.get(part)
        if not isinstance(below, dict):
            below = inner[part] = {}
        inner = below
    inner.update(over)


def _image(objects: Iterable[Built], image: Manifest) -> None:
    for one in objects:
        path = _WITH_PODS.get(one.kind)
        if path is None:
            continue
        pod: Any = one.manifest
        for part in path:
            pod = pod.get(part) if isinstance(pod, dict) else None
        spec = pod.get("spec") if isinstance(pod, dict) else None
        for field in ("containers", "initContainers"):
            for index, container in enumerate(entries(spec, field) if isinstance(spec, dict) else ()):
                current = container.get("image") if isinstance(container, dict) else None
                if isinstance(current, str) and (wanted := _retagged(current, image)) != current:
                    target: Any = one.own("images")
                    for part in (*path, "spec", field):
                        target = target[part]
                    target[index]["image"] = wanted


def _retagged(current: str, image: Manifest) -> str:
    rest, _, digest = current.partition("@")
    slash = rest.rfind("/")
    name, colon, tag = rest.partition(":") if slash < 0 else (rest, "", "")
    if slash >= 0:
        last, colon, tag = rest[slash:].partition(":")
        name = rest[:slash] + last
    if name != image.get("name"):
        return current
    name = str(image.get("newName") or name)
    if new_digest := image.get("digest"):
        return f"{name}@{new_digest}"
    if (new_tag := image.get("newTag")) is not None:
        return f"{name}:{new_tag}"
    return f"{name}{f':{tag}' if colon else ''}{f'@{digest}' if digest else ''}"
