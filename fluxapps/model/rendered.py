"""The tree that ``fluxapps render`` writes: the seed's layout, one object a file, other YAML byte for byte."""

from fluxapps.model.collector import collector_paused
from fluxapps.model.declare.declaration import AppDeclaration, Declaration
from fluxapps.model.declare.manifests import with_metadata
from fluxapps.model.declare.names import SUBSTITUTE_DISABLED
from fluxapps.model.objects import DeclaredObject, Role
from fluxapps.model.resolved import App, Fleet
from fluxapps.model.sources import BOOTSTRAP, OtherFile
from fluxapps.model.yaml_text import dump_manifest

EXTRA = "extra"
"""Where an app's other YAML goes when it would hide what we render, or take its place."""


@collector_paused
def tree_files(fleet: Fleet, declaration: Declaration) -> dict[str, bytes]:
    """Return the tree of *declaration*, the declared *fleet*: path from the tree's root, content.

    In git delivery it is what Flux applies; in apply it is the same objects to look at, FluxSystem's among them.
    """
    files: dict[str, bytes] = {}
    shared = declaration.bootstrap if declaration.delivery == "git" else declaration.system + declaration.bootstrap
    for declared in shared:
        files[_free(files, _bootstrap_path(declared), declared)] = _text(declared)
    apps = {app.name: app for app in fleet.apps}
    for app in declaration.apps:
        _add_app(files, fleet, apps[app.name], app)
    if declaration.delivery == "git":
        for file in fleet.sources.bootstrap:
            files[f"{BOOTSTRAP}/other/{file.path}"] = _content(fleet, file)
    return dict(sorted(files.items()))


def _add_app(files: dict[str, bytes], fleet: Fleet, app: App, declaration: AppDeclaration) -> None:
    own: set[str] = set()
    # Flux's substitution would hit the values too, where ${x} is usually meant for the app.
    substituted = fleet.delivery == "git" and fleet.preset and "postBuild" in app.kustomization
    annotations = SUBSTITUTE_DISABLED if substituted and not app.substitute_values else {}
    for declared in declaration.objects:
        if declared.role is Role.KUSTOMIZATION:
            files[_free(files, _bootstrap_path(declared), declared)] = _text(declared)
        else:
            path = _free(files, f"{app.name}/{_file_name(declared)}", declared)
            files[path] = _text(declared, annotations)
            own.add(path)
    if fleet.delivery == "git":
        files |= _other_files(fleet, app, own)


def _free(files: dict[str, bytes], path: str, declared: DeclaredObject) -> str:
    """Return *path*; with the namespace of *declared* in it where an object of that name in another one has it."""
    if path not in files:
        return path
    folder, _, name = path.rpartition("/")
    return f"{folder}/{declared.id.namespace}.{name}"


def _other_files(fleet: Fleet, app: App, ours: set[str]) -> dict[str, bytes]:
    built = any(file.is_kustomization for file in app.other)
    # Files that aren't YAML count only where a kustomization.yaml may name them.
    copied = [file for file in app.other if file.is_yaml or built]
    hides = any(file.is_kustomization and "/" not in file.path for file in copied)
    folder = app.name
    if hides or any(f"{folder}/{file.path}" in ours for file in copied):
        folder = f"{app.name}/{EXTRA}"
    return {f"{folder}/{file.path}": _content(fleet, file) for file in copied}


def _content(fleet: Fleet, file: OtherFile) -> bytes:
    return (fleet.sources.root / file.file).read_bytes()


def _bootstrap_path(declared: DeclaredObject) -> str:
    kind = declared.id.kind.lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"{BOOTSTRAP}/{plural}/{kind}-{declared.id.name}.yaml"


def _file_name(declared: DeclaredObject) -> str:
    """Return the file's name: without the hash that the object's name ends in, so that a change shows as one."""
    return f"{declared.id.kind.lower()}-{declared.logical_name.rpartition('/')[2]}.yaml"


def _text(declared: DeclaredObject, annotations: dict[str, str] | None = None) -> bytes:
    manifest = with_metadata(declared.manifest, {"annotations": annotations}) if annotations else declared.manifest
    return dump_manifest(manifest).encode()
