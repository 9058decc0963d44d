"""Other YAML: objects that Flux can't apply as they stand, and files that it doesn't read as meant."""

from collections.abc import Iterable, Iterator

from fluxapps.model.checks.folders import OtherObject
from fluxapps.model.checks.kinds import FLUX_GROUPS, is_namespaced, made_by_crd
from fluxapps.model.checks.kustomize import secret_literals
from fluxapps.model.checks.report import at, error, warning
from fluxapps.model.problems import ConfigError, Problem, did_you_mean
from fluxapps.model.resolved import App, Fleet
from fluxapps.model.sources import OtherFile


def layout_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what lies where Flux doesn't read it, or hides what it should read."""
    apps = sorted((*fleet.apps, *fleet.disabled), key=lambda app: app.source.folder)
    for folder in dict.fromkeys(folder for app in apps for folder in _misplaced_stacks(app)):
        what = "Flux's source leaves out all below a folder called stacks, but for the stack's own in an app's folder"
        yield error("misplaced-stacks", what, None, folder, "call the folder otherwise")
    for app in apps:
        if app.source.other:
            yield from _stacks_folder(fleet, app)
    for file in (*(file for app in fleet.apps for file in app.other), *fleet.sources.bootstrap):
        if file.is_kustomization:
            yield from _generated_secrets(fleet, file)
        if fleet.delivery == "apply" and (fleet.sources.root / file.file).is_symlink():
            # source-controller packs files and folders alone; a rendered tree has a copy.
            what = "this is a link, and links are left out of what Flux reads"
            yield error("symlink-unread", what, None, file.file, "put the file itself there")


def _misplaced_stacks(app: App) -> Iterator[str]:
    """Yield the folders called ``stacks`` that *app* is in, or that are in it but not at its top."""
    folder = app.source.folder
    # An app that has its name from such a folder is refused for the name.
    yield from _called_stacks("", folder if app.name != "stacks" else folder.rpartition("/")[0])
    for file in app.source.other:
        first, slash, below = file.path.partition("/")
        if slash:
            yield from _called_stacks(f"{folder}/{first}/", below.rpartition("/")[0])


def _called_stacks(above: str, folder: str) -> Iterator[str]:
    """Yield those on the way to *folder*, a path from *above*, that are called ``stacks``."""
    if "stacks" in folder:
        names = folder.split("/")
        yield from (above + "/".join(names[: index + 1]) for index, name in enumerate(names) if name == "stacks")


def _stacks_folder(fleet: Fleet, app: App) -> Iterator[Problem]:
    folder = f"{app.source.folder}/stacks"
    in_stacks = [file for file in app.source.other if file.path.startswith("stacks/")]
    unknown: dict[str, None] = {}
    for file in in_stacks:
        stack, slash, _ = file.path.removeprefix("stacks/").partition("/")
        if not slash:
            what = "this file belongs to no stack"
            fix = "move it into the folder of a stack in here, or beside app.yaml if it is for all"
            yield error("stray-yaml", what, None, file.file, fix)
        elif stack not in fleet.sources.stack_files:
            unknown[stack] = None
    for stack in unknown:
        fix = did_you_mean(stack, fleet.sources.stacks, otherwise=f"there are: {', '.join(fleet.sources.stacks)}")
        yield warning("unknown-stack-folder", f"there is no stack '{stack}'", None, f"{folder}/{stack}", fix)
    top = next((file for file in app.source.other if file.is_kustomization and "/" not in file.path), None)
    if in_stacks and top is not None:
        what = "beside this file Flux reads nothing by itself, so stacks/ is never read"
        fix = "move what is for all stacks, and this file, into a folder of its own beside stacks/"
        yield error("kustomization-hides-stacks", what, None, top.file, fix)


def _generated_secrets(fleet: Fleet, file: OtherFile) -> Iterator[Problem]:
    try:
        read = fleet.sources.read(file.file)
    except ConfigError:
        return  # said where the folder is read
    if isinstance(read.value, dict):
        for place in secret_literals(read.value):
            what = "a Secret's content stands here in plain text"
            yield warning("plain-secret", what, at(read, place), file.file, _HIDE)


_HIDE = "seal it (SealedSecret), encrypt it with SOPS, or let an operator fetch it"


def object_problems(fleet: Fleet, others: Iterable[OtherObject]) -> Iterator[Problem]:
    """Yield what is wrong with single objects of other YAML."""
    by_app: dict[str | None, list[OtherObject]] = {None: []}
    for other in others:
        by_app.setdefault(other.app.name if other.app is not None else None, []).append(other)
    # What lies in bootstrap/ is there before any app.
    shared = _kinds_made(by_app[None])
    for found in by_app.values():
        made = shared | _kinds_made(found)
        said: set[tuple[str, str]] = set()
        for one in found:
            yield from _namespace(one)
            yield from _plain_secret(one)
            kind = _kind(one)
            if kind not in made and kind not in said and _needs_order(one):
                said.add(kind)
                yield _unknown_kind(fleet, one)


def _kinds_made(others: Iterable[OtherObject]) -> set[tuple[str, str]]:
    return {kind for one in others if (kind := made_by_crd(one.manifest)) is not None}


def _kind(other: OtherObject) -> tuple[str, str]:
    return other.manifest["apiVersion"].rpartition("/")[0], other.manifest["kind"]


def _namespace(other: OtherObject) -> Iterator[Problem]:
    group, kind = _kind(other)
    if is_namespaced(group, kind) and not other.namespace:
        what = f"the {kind} '{other.manifest['metadata']['name']}' says no namespace, and has to be in one"
        where = at(other.file, (*other.path, "metadata"), document=other.document)
        app = other.app.namespace if other.app is not None else None
        fix = f"add 'namespace: {app or '…'}' to its metadata"
        yield error("missing-namespace", what, where, other.file.file, fix)


def _plain_secret(other: OtherObject) -> Iterator[Problem]:
    if _kind(other) != ("", "Secret") or "sops" in other.manifest:
        return
    for field in ("data", "stringData"):
        content = other.manifest.get(field)
        # What Flux's postBuild fills in is no secret yet.
        if isinstance(content, dict) and any(value and not str(value).startswith("${") for value in content.values()):
            what = f"the Secret '{other.manifest['metadata']['name']}' stands here in plain text"
            where = at(other.file, (*other.path, field), document=other.document)
            yield warning("plain-secret", what, where, other.file.file, _HIDE)
            return


def _needs_order(other: OtherObject) -> bool:
    """Return whether it is of a kind that may not be there yet when it is applied.

    One object of an unknown kind keeps Flux from applying anything of its Kustomization. An app that depends on
    another, or that has no release to bring the kind, is taken to know what it does.
    """
    if other.app is None or not other.app.releases or other.app.dependencies():
        return False
    if other.app.said_kustomization.get("dependsOn"):
        return False
    group, kind = _kind(other)
    return is_namespaced(group, kind) is None and not group.endswith(FLUX_GROUPS)


def _unknown_kind(fleet: Fleet, other: OtherObject) -> Problem:
    group, kind = _kind(other)
    what = f"while the kind {kind} ({group or 'core'}) isn't there, Flux applies nothing of this folder"
    where = at(other.file, (*other.path, "kind"), document=other.document)
    fix = "move it to an app of its own with dependsOn, or say in this app's dependsOn which app brings the kind"
    # Without our settings the files say what is in the cluster already, where the kind is there, too.
    make = error if fleet.delivery == "git" and fleet.preset else warning
    return make("unknown-kind", what, where, other.file.file, fix)
