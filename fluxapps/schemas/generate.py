"""Write Flux's object schemas into this folder, from Flux's own CustomResourceDefinitions.

``python -m fluxapps.schemas.generate`` takes the CRDs of the pinned controllers from their Go modules; given folders,
it takes the CRDs in those instead (without network). ``--check`` writes nothing and fails where the files differ.

Only what a machine checks is kept: no prose and no ``status``. A schema with a keyword that the checker
(:mod:`fluxapps.model.flux_schema`) doesn't know is refused here, so that no check gets weaker in silence.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

FLUX: Final = "v2.9.5"
"""The Flux release whose objects these are. It ships source-controller v1.9.5, whose CRDs are those of v1.9.6."""

CONTROLLERS: Final = {
    "helm-controller": "v1.6.4",
    "kustomize-controller": "v1.9.5",
    "source-controller": "v1.9.6",
}
"""Name and version of each controller whose CRDs are read; the Go module is ``github.com/fluxcd/<name>``."""

KINDS: Final = {
    "HelmRelease": "helm.toolkit.fluxcd.io/v2",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
    "Bucket": "source.toolkit.fluxcd.io/v1",
    "GitRepository": "source.toolkit.fluxcd.io/v1",
    "HelmChart": "source.toolkit.fluxcd.io/v1",
    "HelmRepository": "source.toolkit.fluxcd.io/v1",
    "OCIRepository": "source.toolkit.fluxcd.io/v1",
}
"""The kinds that are written, and the one version of each that is declared."""

KNOWN_KEYWORDS: Final = frozenset(
    (
        "additionalProperties",
        "allOf",
        "anyOf",
        "default",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "not",
        "nullable",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-int-or-string",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    )
)
"""What the checker understands. Left out on purpose: keywords whose OpenAPI meaning isn't JSON Schema's."""

KNOWN_FORMATS: Final = frozenset(("date-time",))
"""Formats the checker understands; which others the API server checks is decided when Flux first uses one."""

_PROSE: Final = frozenset(("description", "example", "externalDocs", "title"))
_FOLDER: Final = Path(__file__).resolve().parent
_INDEX: Final = "flux.json"
_VERSIONED: Final = re.compile(r"([a-z0-9-]+)@(v[0-9][^/]*)")


class SchemaError(Exception):
    """The schemas can't be made; the message says why and what to do."""


def module_folder(controller: str) -> Path:
    """Return the folder of *controller*'s Go module at its pinned version, downloading it where it isn't cached.

    Raises:
        SchemaError: There is no ``go``, or the module can't be had.
    """
    go = shutil.which("go")
    if go is None:
        raise SchemaError("no 'go' on PATH to get Flux's CRDs with; name folders that hold them instead")
    module = f"github.com/fluxcd/{controller}@{CONTROLLERS[controller]}"
    run = subprocess.run(  # noqa: S603 - the program is found above, its arguments are constants of this file
        [go, "mod", "download", "-json", module], cwd=_FOLDER, capture_output=True, text=True, check=False
    )
    try:
        return Path(json.loads(run.stdout)["Dir"])
    except (ValueError, KeyError) as exc:
        raise SchemaError(f"can't get the Go module {module}: {_reason(run)}") from exc


def _reason(run: subprocess.CompletedProcess[str]) -> str:
    try:
        return str(json.loads(run.stdout)["Error"])
    except (ValueError, KeyError):
        return run.stderr.strip() or f"go ended with {run.returncode}"


def definitions(folders: Iterable[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ``(controller and version, CRD)`` for every CRD in the YAML files directly in *folders*.

    A folder must have a part ``<controller>@<version>`` in its path, as folders of the Go module cache have.

    Raises:
        SchemaError: A folder is unreadable, says no version, or has no CRD.
    """
    for folder in folders:
        versioned = _VERSIONED.search(folder.absolute().as_posix())
        if versioned is None:
            raise SchemaError(f"{folder}: no part of this path is <controller>@<version>, so the version is unknown")
        found = False
        for file in sorted(folder.glob("*.yaml")):
            for document in yaml.safe_load_all(file.read_text("utf-8")):
                if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
                    found = True
                    yield f"{versioned[1]} {versioned[2]}", document
        if not found:
            raise SchemaError(f"{folder}: no CustomResourceDefinition in its *.yaml files")


def object_schema(crd: dict[str, Any], controller: str) -> dict[str, Any] | None:
    """Return what is kept of *crd*, or None where its kind isn't one of :data:`KINDS`.

    Raises:
        SchemaError: The CRD lacks the version wanted, or uses a keyword the checker doesn't know.
    """
    kind, group = crd["spec"]["names"]["kind"], crd["spec"]["group"]
    wanted = KINDS.get(kind, "")
    if wanted.partition("/")[0] != group:
        return None
    version = next((v for v in crd["spec"]["versions"] if f"{group}/{v['name']}" == wanted and v["served"]), None)
    if version is None:
        raise SchemaError(f"{controller} serves no {kind} {wanted}")
    root = version["schema"]["openAPIV3Schema"]
    if "x-kubernetes-validations" in root:
        raise SchemaError(f"{controller}: {kind} has rules beside its spec, which the checker doesn't read")
    return {
        "apiVersion": wanted,
        "controller": controller,
        "crd": crd["metadata"]["name"],
        "flux": FLUX,
        "kind": kind,
        "spec": _without_prose(root["properties"]["spec"], f"{kind}.spec"),
    }


def _without_prose(schema: dict[str, Any], where: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _PROSE:
            continue
        if keyword not in KNOWN_KEYWORDS or (keyword == "format" and value not in KNOWN_FORMATS):
            raise SchemaError(f"{where}: fluxapps.model.flux_schema doesn't know {keyword}: {value!r}; teach it first")
        if keyword == "properties":
            kept[keyword] = {name: _without_prose(field, f"{where}.{name}") for name, field in value.items()}
        elif keyword in ("items", "additionalProperties", "not") and isinstance(value, dict):
            kept[keyword] = _without_prose(value, f"{where}[]")
        elif keyword in ("allOf", "anyOf", "oneOf"):
            kept[keyword] = [_without_prose(part, where) for part in value]
        elif keyword == "x-kubernetes-validations":
            # The sentence for a refused rule is ours (flux_rules), so only the rule is kept.
            kept[keyword] = [{"rule": entry["rule"]} for entry in value]
        else:
            kept[keyword] = value
    return kept


def files(folders: Iterable[Path]) -> dict[str, bytes]:
    """Return name and bytes of every file to write, from the CRDs in *folders*: same CRDs, same bytes.

    Raises:
        SchemaError: A kind is missing or comes twice, or see :func:`object_schema`.
    """
    schemas: dict[str, dict[str, Any]] = {}
    for controller, crd in definitions(folders):
        schema = object_schema(crd, controller)
        if schema is None:
            continue
        if schema["kind"] in schemas:
            raise SchemaError(f"{schema['kind']} comes twice: {schemas[schema['kind']]['controller']} and {controller}")
        schemas[schema["kind"]] = schema
    if missing := sorted(set(KINDS) - set(schemas)):
        raise SchemaError(f"no CRD found for {', '.join(missing)}")
    index = {
        "controllers": sorted({schema["controller"] for schema in schemas.values()}),
        "flux": FLUX,
        "kinds": {kind: schemas[kind]["apiVersion"] for kind in schemas},
    }
    return {_INDEX: _dump(index)} | {f"{kind}.json": _dump(schema) for kind, schema in sorted(schemas.items())}


def _dump(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def differing(wanted: dict[str, bytes], folder: Path) -> list[str]:
    """Return the names of files in *folder* that are missing, differ from *wanted*, or shouldn't be there."""
    present = {file.name: file.read_bytes() for file in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def write(wanted: dict[str, bytes], folder: Path) -> list[str]:
    """Make *folder*'s JSON files exactly *wanted*, each by rename; return the names of those that changed."""
    changed = differing(wanted, folder)
    for name in changed:
        if name not in wanted:
            (folder / name).unlink()
            continue
        handle, beside = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(wanted[name])
        Path(beside).chmod(0o644)
        Path(beside).replace(folder / name)
    return changed


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with *argv*; return its exit code (1: files differ under ``--check``, 2: it couldn't be done)."""
    parser = argparse.ArgumentParser(prog="python -m fluxapps.schemas.generate", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of CRD YAML, instead of the Go modules")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the files differ")
    parser.add_argument("--out", type=Path, default=_FOLDER, help="folder to write to (default: the package's own)")
    args = parser.parse_args(argv)
    try:
        wanted = files(args.folders or [module_folder(name) / "config" / "crd" / "bases" for name in CONTROLLERS])
        changed = differing(wanted, args.out) if args.check else write(wanted, args.out)
    except (SchemaError, OSError, yaml.YAMLError) as exc:
        sys.stderr.write(f"schemas: {exc}\n")
        return 2
    if args.check and changed:
        sys.stderr.write(f"schemas: not what Flux {FLUX} has: {', '.join(changed)}; run `make schemas`\n")
        return 1
    state = f"{len(changed)} changed" if changed else "up to date"
    sys.stdout.write(f"schemas: {len(wanted)} files of Flux {FLUX}, {state}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
