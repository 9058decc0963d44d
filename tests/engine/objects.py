"""Objects of any kind in a cluster that Flux is alive on, and the manifests that tests of it apply there."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from fluxapps.devcluster import Cluster

Object = dict[str, Any]

SOURCE = "source.toolkit.fluxcd.io/v1"


class Objects:
    """The objects of a cluster."""

    def __init__(self, connection: DynamicClient) -> None:
        self._connection = connection

    def apply(self, manifest: Object) -> Object:
        metadata = manifest["metadata"]
        kind = self._connection.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        applied: Object = kind.server_side_apply(
            body=manifest,
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            field_manager="test",
            force_conflicts=True,
        ).to_dict()
        return applied

    def find(self, manifest: Object) -> Object | None:
        metadata = manifest["metadata"]
        kind = self._connection.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        try:
            found: Object = kind.get(name=metadata["name"], namespace=metadata.get("namespace")).to_dict()
        except NotFoundError:
            return None
        return found

    def ask_to_delete(self, manifest: Object) -> None:
        """Delete an object, without waiting for it."""
        metadata = manifest["metadata"]
        kind = self._connection.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        kind.delete(name=metadata["name"], namespace=metadata.get("namespace"))

    def delete(self, manifest: Object, within: float = 60) -> None:
        """Delete an object and wait until it is gone."""
        self.ask_to_delete(manifest)
        self.until_gone(manifest, within)

    def until_gone(self, manifest: Object, within: float = 60) -> None:
        """Wait until an object is gone."""
        deadline = time.monotonic() + within
        while (found := self.find(manifest)) is not None:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    def until(self, manifest: Object, is_so: Callable[[Object], bool], within: float = 90) -> Object:
        """Wait until an object is as wanted, and return it."""
        deadline = time.monotonic() + within
        while not ((found := self.find(manifest)) and is_so(found)):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found


class Repository:
    """A git repository in a folder, served to Flux."""

    def __init__(self, folder: Path, cluster: Cluster, name: str) -> None:
        folder.mkdir()
        self._folder = folder
        self._git("init", "--quiet", "--initial-branch=main")
        self.url = cluster.repository_url(name, folder)

    def commit(self, files: dict[str, str]) -> str:
        """Write files, empty ones are removed, and return the commit."""
        for path, text in files.items():
            file = self._folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if text:
                file.write_text(text, "utf-8")
            else:
                file.unlink()
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message=change")
        return self._git("rev-parse", "HEAD")

    def tag(self, name: str) -> None:
        self._git("tag", name)

    def _git(self, *arguments: str) -> str:
        named = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        command = ("git", "-C", str(self._folder), *named, *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603  our own


def pod_template(name: str, **spec: Any) -> Object:
    containers = [{"name": "main", "image": "registry.example.org/none"}]
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers, **spec}}


def source(kind: str, name: str, **spec: Any) -> Object:
    metadata = {"name": name, "namespace": "flux-system"}
    return {"apiVersion": SOURCE, "kind": kind, "metadata": metadata, "spec": {"interval": "1h", **spec}}


def git_repository(name: str, repository: Repository, **spec: Any) -> Object:
    return source("GitRepository", name, **{"url": repository.url, "ref": {"branch": "main"}, **spec})


def kustomization(name: str, path: str, **spec: Any) -> Object:
    usual = {"interval": "1h", "prune": True, "path": path, "deletionPolicy": "WaitForTermination", "timeout": "1m"}
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {**usual, "sourceRef": {"kind": "GitRepository", "name": name}, **spec},
    }


def helm_release(name: str, chart: str, repository: str, **spec: Any) -> Object:
    origin = {"kind": "HelmRepository", "name": repository, "namespace": "flux-system"}
    wanted = {"chart": chart, "version": spec.pop("version", "*"), "sourceRef": origin}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"interval": "1h", "timeout": "1m", "chart": {"spec": wanted}, **spec},
    }


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def ready(found: Object) -> Object:
    """Return the Ready condition, if it is of the present generation."""
    conditions: list[Object] = found.get("status", {}).get("conditions", [])
    generation = found["metadata"]["generation"]
    now = (entry for entry in conditions if entry["type"] == "Ready" and entry.get("observedGeneration") == generation)
    return next(now, {"status": "Unknown", "reason": "", "message": ""})


def is_ready(found: Object) -> bool:
    """Say whether Flux has made of an object what it says now, and has written down all that it knows of it.

    It writes the conditions first, and a release's history with the generation after them: stopped in between,
    helm-controller knows of no release, and uninstalls none.
    """
    written = found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]
    return bool(written and ready(found)["status"] == "True")


def is_failing(found: Object) -> bool:
    return bool(ready(found)["status"] == "False")


def says(told: str, found: Object) -> bool:
    return told in ready(found)["message"]
