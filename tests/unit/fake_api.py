"""A Kubernetes API as far as the program reads one before it declares anything: an HTTP server in this process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from fluxapps.engine.cluster import collection_path
from fluxapps.model.flux_schema import API_VERSIONS, FLUX_VERSION

UID = "4c1fa1b2-0000-4000-8000-000000000001"
TOKEN = "a-token"  # noqa: S105 - of this server alone


class FakeApi:
    """Objects by path, and what was asked for."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.failures: dict[str, tuple[int, str]] = {}
        """By a part of the path: status and message."""
        self.address = ""
        self.add(manifest("v1", "Namespace", "kube-system", uid=UID))

    def add(self, made: dict[str, Any]) -> None:
        metadata = made["metadata"]
        namespace = metadata.get("namespace", "")
        self.objects[f"{collection_path(made['apiVersion'], made['kind'], namespace)}/{metadata['name']}"] = made

    def install_flux(self, version: str | None = FLUX_VERSION, *, without: tuple[str, ...] = ()) -> None:
        """Add Flux's CRDs; those in *without* are left out."""
        for kind, api_version in API_VERSIONS.items():
            if kind not in without:
                self.add(flux_crd(kind, api_version, version))

    def answer(self, target: str) -> tuple[int, dict[str, Any]]:
        self.requests.append(target)
        url = urlsplit(target)
        for part, (status, message) in self.failures.items():
            if part in url.path:
                return status, {"kind": "Status", "message": message}
        if (found := self.objects.get(url.path)) is not None:
            return 200, found
        if url.path.count("/") == 3 and url.path.startswith("/apis/"):
            return self._discovery(url.path)
        wanted = parse_qs(url.query).get("labelSelector", [""])[0].partition("=")
        items = [made for path, made in sorted(self.objects.items()) if _is_in(url.path, path)]
        if wanted[0]:
            items = [one for one in items if one["metadata"].get("labels", {}).get(wanted[0]) == wanted[2]]
        elif not items and not url.path.startswith("/api/v1/"):
            return 404, {"kind": "Status", "message": "the server could not find the requested resource"}
        elif url.path.rpartition("/")[2] not in {"namespaces", "configmaps", "secrets"} and not items:
            return 404, {"kind": "Status", "message": "not found"}
        return 200, {"kind": "List", "items": items}

    def _discovery(self, path: str) -> tuple[int, dict[str, Any]]:
        crds = [one["spec"] for at, one in self.objects.items() if "/customresourcedefinitions/" in at]
        kinds = [
            {"kind": spec["names"]["kind"]}
            for spec in crds
            if path in {f"/apis/{spec['group']}/{version['name']}" for version in spec["versions"]}
        ]
        return (200, {"resources": kinds}) if kinds else (404, {"message": "not found"})


def _is_in(collection: str, path: str) -> bool:
    """Return whether the object at *path* is in *collection*, which is of one namespace or of all."""
    folder = path.rpartition("/")[0]
    if "/namespaces/" in folder:
        base, _, rest = folder.partition("/namespaces/")
        folder = f"{base}/{rest.partition('/')[2]}"
    return folder == collection or path.rpartition("/")[0] == collection


def manifest(
    api_version: str,
    kind: str,
    name: str,
    namespace: str | None = None,
    *,
    manager: str = "kubectl-create",
    **metadata: Any,
) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    managed = [{"manager": manager, "operation": "Update"}, {"manager": "kubelet", "subresource": "status"}]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, **place, "uid": "some-uid", "managedFields": managed, **metadata},
    }


def flux_crd(kind: str, api_version: str, version: str | None, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    group, _, number = api_version.partition("/")
    plural = collection_path(api_version, kind).rpartition("/")[2]
    open_spec = {"x-kubernetes-preserve-unknown-fields": True} if spec is None else spec
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "labels": {"app.kubernetes.io/version": version} if version else {},
        },
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": number,
                    "served": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": open_spec}}},
                }
            ],
        },
    }


@contextmanager
def serving(api: FakeApi) -> Iterator[FakeApi]:
    """Serve *api* on a free port of loopback, to whoever has the token."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.headers["Authorization"] == f"Bearer {TOKEN}":
                status, content = api.answer(self.path)
            else:
                status, content = 401, {"message": "Unauthorized"}
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def write_kubeconfig(path: Path, address: str, *contexts: str, token: str = TOKEN) -> Path:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": contexts[0] if contexts else "",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path
