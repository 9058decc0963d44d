"""Flux's CustomResourceDefinitions: taken from the controllers' own Go modules, pinned, applied to the cluster."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fluxapps.devcluster.api import Api
from fluxapps.devcluster.errors import ProgramError
from fluxapps.devcluster.locks import alone
from fluxapps.devcluster.programs.build import go_command, go_environment
from fluxapps.devcluster.programs.cache import cache_root
from fluxapps.devcluster.programs.lookup import TOOLS_VARIABLE

FLUX_NAMESPACE = "flux-system"
_COLLECTION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FLUX = "v2.9.5"
"""The Flux release that these controllers are of; source-controller is a patch ahead of it, with the same CRDs."""
_LABELS = {
    "app.kubernetes.io/part-of": "flux",
    "app.kubernetes.io/instance": FLUX_NAMESPACE,
    "app.kubernetes.io/version": FLUX,
}
"""What an installed Flux carries on all its objects."""


@dataclass(frozen=True, slots=True)
class _Module:
    path: str
    version: str
    sum: str
    """As the Go checksum database has it, the same that a go.sum would hold."""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


_MODULES = (
    _Module("github.com/fluxcd/source-controller", "v1.9.6", "h1:nG534/bI6nVpyHra7ONAk6xDB3xPsVT+EOLHZHXPrrc="),
    _Module("github.com/fluxcd/kustomize-controller", "v1.9.5", "h1:/XY2zy3K7fntyppEXIHG7oRMzmfgIt50eJzUfaPX1Kc="),
    _Module("github.com/fluxcd/helm-controller", "v1.6.4", "h1:u/Ew7LehrwDQaE/NqWdaB3XnNDCxRGDcp1FZl7RKj4g="),
)


def versions() -> list[str]:
    """Return which version of each Flux controller the CRDs are of."""
    return [f"{module.name}={module.version}" for module in _MODULES]


def find(*, say: Callable[[str], None]) -> list[Path]:
    """Return the files with Flux's CRDs, one CRD each, fetching them into the per-user cache the first time.

    A folder ``flux-crds`` in ``$FLUXAPPS_TOOLS`` is taken instead, as it is.

    Raises:
        ProgramError: They can't be had.
    """
    if (tools := os.environ.get(TOOLS_VARIABLE)) and (chosen := sorted(Path(tools, "flux-crds").glob("*.yaml"))):
        return chosen
    return [file for module in _MODULES for file in sorted(_cached(module, say).glob("*.yaml"))]


def read(files: list[Path]) -> list[dict[str, Any]]:
    """Return the CRDs in these files, labelled as a Flux installation labels them."""
    crds: list[dict[str, Any]] = [yaml.load(file.read_bytes(), _Loader) for file in files]  # noqa: S506  a safe loader
    for crd in crds:
        crd["metadata"].setdefault("labels", {}).update(_LABELS)
        crd.pop("status", None)
    return crds


def install(api: Api, crds: list[dict[str, Any]]) -> None:
    """Make the cluster one that Flux is installed on, as far as its API goes: its CRDs and its namespace.

    Raises:
        ClusterError: The API server refuses one.
    """
    for crd in crds:
        api.apply(_COLLECTION, crd)
    metadata = {"name": FLUX_NAMESPACE, "labels": _LABELS}
    api.apply("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def are_served(api: Api, crds: list[dict[str, Any]]) -> bool:
    """Whether the API server serves all these kinds.

    Raises:
        ClusterError: It doesn't answer.
    """
    established = {
        crd["metadata"]["name"]
        for crd in api.get(f"{_COLLECTION}?labelSelector=app.kubernetes.io%2Fpart-of%3Dflux")["items"]
        for condition in crd.get("status", {}).get("conditions") or ()
        if condition["type"] == "Established" and condition["status"] == "True"
    }
    return established >= {crd["metadata"]["name"] for crd in crds}


_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _cached(module: _Module, say: Callable[[str], None]) -> Path:
    folder = cache_root() / "flux-crds" / f"{module.name}-{module.version}"
    if folder.is_dir():
        return folder
    lock = folder.with_suffix(".lock")
    with alone(lock, waiting=lambda: say(f"{module.name}: another process is fetching its CRDs; waiting")):
        if folder.is_dir():
            return folder
        say(f"{module.name}: fetching the CRDs of {module.version} from its Go module")
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
            new = Path(partial, "new")
            shutil.copytree(_download(module) / "config" / "crd" / "bases", new)
            for file in new.iterdir():
                file.chmod(0o644)
            new.chmod(0o755)
            new.rename(folder)
    return folder


def _download(module: _Module) -> Path:
    """Return the folder of a module in Go's own cache, its sum checked."""
    go = go_command(f"the CRDs of {module.name}")
    answer = subprocess.run(  # noqa: S603  no shell, and our own arguments
        (go, "mod", "download", "-json", f"{module.path}@{module.version}"),
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        # Outside of a module there is nothing that could be read-only.
        env=go_environment(GOFLAGS=""),
    )
    try:
        told: dict[str, str] = json.loads(answer.stdout)
    except json.JSONDecodeError:
        told = {"Error": answer.stderr.strip()}
    if error := told.get("Error"):
        raise ProgramError(
            f"the CRDs of {module.name} {module.version} can't be fetched: {error}",
            fix=f"check the network, or put the CRDs into flux-crds/ in a folder and set {TOOLS_VARIABLE} to it",
        )
    if told["Sum"] != module.sum:
        raise ProgramError(f"{module.path} {module.version} has the sum {told['Sum']}, expected is {module.sum}")
    return Path(told["Dir"])
