"""Sources of charts: which a release names, what chart it may name there, and which nobody names."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from fluxapps.model.checks.folders import OtherObject
from fluxapps.model.checks.report import error, stack_file, warning
from fluxapps.model.declare.bootstrap import is_ours
from fluxapps.model.problems import Problem, did_you_mean
from fluxapps.model.resolved import App, Fleet, Release, Repository

_SCHEMES = {
    "HelmRepository": ("https", "http", "oci"),
    "OCIRepository": ("oci",),
    "GitRepository": ("https", "http", "ssh"),
}
"""By kind, as Flux's schemas have them; a Bucket has no URL."""
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//)[\w./~-]+")
_IN_GIT = ("GitRepository", "Bucket")


def repository_problems(fleet: Fleet) -> Iterator[Problem]:
    """Yield what is wrong with the fleet's repositories, and with what releases say of them."""
    for repository in fleet.repositories.values():
        yield from _url(fleet, repository)
        if repository.kind == "GitRepository" and not repository.spec.get("ref"):
            what = f"the GitRepository '{repository.name}' has no ref, so Flux reads its branch 'master'"
            fix = "add ref: {branch: main}, or whichever it is"
            yield warning("default-branch", what, repository.origin(), stack_file(fleet), fix)
    for app in fleet.apps:
        for release in app.releases:
            yield from _named(fleet, app, release)


def _url(fleet: Fleet, repository: Repository) -> Iterator[Problem]:
    schemes = _SCHEMES.get(repository.kind)
    if schemes is None:
        return
    where, file, url = repository.origin("url"), stack_file(fleet), repository.url
    scheme, separator, rest = url.partition("://")
    if not url:
        what = f"the repository '{repository.name}' has no url"
        yield error("repository-url", what, where, file, f"add 'url: {schemes[0]}://…'")
    elif scheme not in schemes or not separator or not rest:
        starts = " or ".join(f"{one}://" for one in schemes)
        what = f"'{url}' can't be the url of kind {repository.kind}, which starts with {starts}"
        yield error("repository-url", what, where, file, _url_fix(repository.kind, url))
    elif repository.kind == "HelmRepository" and (scheme == "oci") != (repository.spec.get("type") == "oci"):
        what = f"'{url}' and type {repository.spec.get('type', 'default')} don't go together in a HelmRepository"
        fix = "add 'type: oci', or say 'kind: OCIRepository'" if scheme == "oci" else "type oci needs a URL with oci://"
        yield error("repository-url", what, where, file, fix)


def _url_fix(kind: str, url: str) -> str:
    if kind == "GitRepository" and _SCP.fullmatch(url):
        return f"write ssh://{url.replace(':', '/', 1)}"
    scheme, separator, rest = url.partition("://")
    other = next((one for one, schemes in _SCHEMES.items() if scheme.lower() in schemes), None)
    if not separator:
        return f"write {_SCHEMES[kind][0]}://{url}"
    if scheme.lower() in _SCHEMES[kind]:
        return f"write {scheme.lower()}://{rest or '…'}"
    return f"that url is one of kind {other}" if other else f"write {_SCHEMES[kind][0]}://…"


def _named(fleet: Fleet, app: App, release: Release) -> Iterator[Problem]:
    if not release.repository:
        return
    file, repository = app.source.file.file, fleet.repositories.get(release.repository)
    if repository is None:
        names = ", ".join(sorted(fleet.repositories)) or "none yet"
        fix = did_you_mean(release.repository, fleet.repositories, otherwise=f"fleet.yaml has: {names}")
        what = f"there is no repository '{release.repository}'"
        yield error("unknown-repository", what, release.origin("repository"), file, fix)
        return
    if not release.chart:
        return
    if repository.kind in _IN_GIT:
        yield from _chart_in_git(repository, release, file)
    elif repository.kind == "OCIRepository" and not repository.is_template:
        yield from _literal_chart(repository, release, file)
    elif "/" in release.chart and repository.kind == "HelmRepository" and repository.spec.get("type") != "oci":
        what = f"'{release.chart}' is no name of a chart in a HelmRepository"
        yield error("chart-name", what, release.origin("chart"), file, "write its name alone, as in the index")


def _chart_in_git(repository: Repository, release: Release, file: str) -> Iterator[Problem]:
    chart = release.chart or ""
    if not (chart == "." or chart.startswith("./")) or ".." in chart.split("/"):
        what = f"'{chart}' is not a path in the {repository.kind} '{repository.name}'"
        fix = f"write ./{chart}" if not chart.startswith(("/", ".")) else "write ./<folder of its Chart.yaml>"
        yield error("chart-name", what, release.origin("chart"), file, fix)
    if release.version is not None:
        what = f"Flux passes over the version of a chart in a {repository.kind}"
        yield error("unused-version", what, release.origin("version"), file, "remove it; the source's ref decides")


def _literal_chart(repository: Repository, release: Release, file: str) -> Iterator[Problem]:
    name = repository.url.rstrip("/").rpartition("/")[2]
    if release.chart != name:
        what = f"the OCIRepository '{repository.name}' has a ref, so it is the one chart '{name}'"
        fix = f"write 'chart: {name}', or remove ref: the repository is then for all charts below its url"
        yield error("chart-name", what, release.origin("chart"), file, fix)
    if release.version is not None:
        what = f"the OCIRepository '{repository.name}' has a ref, which says the version"
        fix = "remove the version here, or ref there"
        yield error("unused-version", what, release.origin("version"), file, fix)


def unused_problems(fleet: Fleet, others: Iterable[OtherObject]) -> Iterator[Problem]:
    """Yield repositories and namespaces that nothing uses, whatever the stack; *others* is other YAML."""
    others = tuple(others)
    used = _repositories_used(fleet, others)
    for repository in fleet.repositories.values():
        if repository.name not in used:
            what = f"nothing uses the repository '{repository.name}'"
            yield warning("unused-repository", what, repository.origin(), stack_file(fleet), "remove it")
    lived_in = _namespaces_used(fleet, others)
    for namespace in fleet.namespaces.values():
        if not (namespace.external or is_ours(fleet, namespace.name)):
            what = f"'{namespace.name}' is never declared, so what is said of it does nothing"
        elif namespace.name not in lived_in:
            what = f"nothing is in the namespace '{namespace.name}'"
        else:
            continue
        yield warning("unused-namespace", what, namespace.origin(), stack_file(fleet), "remove it")


def _repositories_used(fleet: Fleet, others: Iterable[OtherObject]) -> set[str]:
    used = {release.repository or "" for app in (*fleet.apps, *fleet.disabled) for release in app.releases}
    used |= _said_anywhere(fleet, "repository")
    said = [release.said["chart"] for app in fleet.apps for release in app.releases if "chart" in release.said]
    said += [app.said_kustomization for app in fleet.apps if app.said_kustomization]
    said += [other.manifest for other in others if "fluxcd" in other.manifest["apiVersion"]]
    for found in said:
        used |= _references_in(found)
    return used


def _said_anywhere(fleet: Fleet, field: str) -> set[str]:
    """Return what app.yaml files and all stacks' files say in *field* of apps and releases."""
    apps: list[dict[str, Any]] = [app.fields for app in fleet.sources.apps]
    for stack in fleet.sources.stack_files.values():
        apps += [fields for fields in (stack.cluster.get("apps") or {}).values() if fields]
    parts = [one for app in apps for one in (app, *(app.get("releases") or {}).values()) if one]
    return {said for one in parts if isinstance(said := one.get(field), str)}


def _references_in(value: Any) -> set[str]:
    """Return the names below *value* that fields such as ``sourceRef`` and ``chartRef`` say."""
    found: set[str] = set()
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            rest += one.values()
            found |= {
                below["name"]
                for key, below in one.items()
                if key.endswith("Ref") and isinstance(below, dict) and isinstance(below.get("name"), str)
            }
        elif isinstance(one, list):
            rest += one
    return found


def _namespaces_used(fleet: Fleet, others: Iterable[OtherObject]) -> set[str]:
    used = {repository.namespace for repository in fleet.repositories.values()} | _said_anywhere(fleet, "namespace")
    used |= {other.namespace for other in others}
    for app in (*fleet.apps, *fleet.disabled):
        used |= {app.namespace or "", str(app.kustomization.get("targetNamespace"))}
        for release in app.releases:
            used |= {release.namespace, release.release_namespace, release.storage_namespace}
    return used
