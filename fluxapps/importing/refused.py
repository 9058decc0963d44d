"""Releases that the checks refuse as app files: they stay what they are."""

from collections.abc import Iterable

from fluxapps.importing.repository import Imported
from fluxapps.importing.written import releases_of
from fluxapps.model.objects import ObjectId
from fluxapps.model.problems import Problem, Severity

_OF_THE_KUSTOMIZATION = ("kustomization", "dependsOn", "enabled", "name")


def refused_releases(found: Imported, checked: Iterable[Problem]) -> dict[ObjectId, str]:
    """Return the releases of *found* that errors of *checked* are about, each with the first of those."""
    refused: dict[ObjectId, str] = {}
    for problem in checked:
        if problem.severity is not Severity.ERROR or not problem.file.startswith("apps/"):
            continue
        name = problem.file.split("/")[1]
        if problem.path.startswith(_OF_THE_KUSTOMIZATION):
            continue
        for identity in _releases(found, name, problem):
            refused.setdefault(identity, f"{problem.what} ({problem.code})")
    return refused


def _releases(found: Imported, app: str, problem: Problem) -> list[ObjectId]:
    """Return the releases of *app* that *problem* is about: the one its path names, or all of them."""
    parts = problem.path.split(".")
    identities = []
    for _, said in found.stacks:
        if (one := said.apps.get(app)) is None:
            continue
        keys = [key for key, _ in releases_of(one.fields)]
        named = parts[1] if parts[0] == "releases" and len(parts) > 1 else None
        values = problem.file.rpartition("/")[2]
        if values.startswith("values-"):
            named = values.removeprefix("values-").partition(".")[0]
        identities += [one.identities[key] for key in keys if key in one.identities and named in (None, key)]
    return identities
