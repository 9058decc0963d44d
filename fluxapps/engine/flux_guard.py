"""Looks at the Flux of a live cluster before anything is made: is it there, and does it know the fields we write?

The API server drops fields it doesn't know in silence, so a Flux that is too old would take half of what was meant.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fluxapps.engine.cluster import Cluster, ClusterError, in_parallel, plural
from fluxapps.model.flux_schema import FLUX_VERSION, fields_lacking, flux_version_of
from fluxapps.model.objects import DeclaredObject
from fluxapps.model.problems import Problem, Severity

OLDEST: Final = (2, 7)
"""Flux before it reads the API versions declared, but not all that we rely on."""

_CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_FORBIDDEN: Final = 403


def flux_problems(cluster: Cluster, objects: Iterable[DeclaredObject], stack_file: str) -> list[Problem]:
    """Return what the Flux of *cluster* lacks for *objects*: all of it, some kinds, or fields.

    Args:
        cluster: The live one.
        objects: All that is declared, also what Flux itself will apply.
        stack_file: Problems name it.

    Raises:
        ClusterError: The cluster can't be read.
    """
    by_kind: dict[tuple[str, str], list[DeclaredObject]] = {}
    for one in objects:
        if one.id.group.endswith(".fluxcd.io"):
            by_kind.setdefault((one.id.group, one.id.kind), []).append(one)
    kinds = sorted(by_kind)
    crds = in_parallel(lambda kind: _crd(cluster, *kind), kinds)
    hidden = [kind for kind, crd in zip(kinds, crds, strict=True) if isinstance(crd, ClusterError)]
    if hidden:
        return _without_crds(cluster, [by_kind[kind][0] for kind in kinds], stack_file)
    live = {kind: crd for kind, crd in zip(kinds, crds, strict=True) if isinstance(crd, dict)}
    missing = [kind for _, kind in kinds if (_, kind) not in live]
    if missing:
        return [_missing(cluster, missing, none_there=not live, stack_file=stack_file)]
    return [problem for kind, crd in live.items() for problem in _of_kind(cluster, crd, by_kind[kind], stack_file)]


def _crd(cluster: Cluster, group: str, kind: str) -> dict[str, Any] | ClusterError | None:
    try:
        return cluster.get(f"{_CRDS}/{plural(kind)}.{group}")
    except ClusterError as exc:
        if exc.status == _FORBIDDEN:
            return exc
        raise


def _without_crds(cluster: Cluster, examples: Sequence[DeclaredObject], stack_file: str) -> list[Problem]:
    """Return missing kinds as discovery tells them, for a user who may not read CRDs; fields stay unchecked."""
    missing = []
    for one in examples:
        api_version = one.manifest["apiVersion"]
        resources = (cluster.get(f"/apis/{api_version}") or {}).get("resources", ())
        if not any(resource["kind"] == one.id.kind for resource in resources):
            missing.append(one.id.kind)
    if missing:
        return [_missing(cluster, missing, none_there=len(missing) == len(examples), stack_file=stack_file)]
    return [
        Problem(
            code="flux-unchecked",
            severity=Severity.WARNING,
            what=f"{cluster} doesn't let you read CRDs: whether its Flux knows every field is not checked",
            file=stack_file,
            fix="give the user the right to get customresourcedefinitions",
        )
    ]


def _missing(cluster: Cluster, kinds: Sequence[str], *, none_there: bool, stack_file: str) -> Problem:
    what = f"Flux is not installed in {cluster}" if none_there else f"the Flux of {cluster} lacks {', '.join(kinds)}"
    return Problem(code="flux-missing", what=what, file=stack_file, fix=_install(cluster))


def _of_kind(
    cluster: Cluster, crd: Mapping[str, Any], objects: Sequence[DeclaredObject], stack_file: str
) -> list[Problem]:
    version = flux_version_of(crd)
    if version is not None and _is_too_old(version):
        what = f"the Flux of {cluster} is {version}; {'.'.join(map(str, OLDEST))} or newer is needed"
        return [Problem(code="flux-too-old", what=what, file=stack_file, fix=_install(cluster))]
    found = f"Flux {version}" if version else "the Flux"
    problems = []
    for field in fields_lacking(crd, [one.manifest for one in objects]):
        users = sorted({one.app or str(one.id) for one in objects if field in fields_lacking(crd, [one.manifest])})
        problems.append(
            Problem(
                code="flux-too-old",
                what=f"{found} of {cluster} has no {objects[0].id.kind} {field}, which {', '.join(users[:5])}"
                f"{f' and {len(users) - 5} more use' if len(users) > 5 else ' use' + 's' * (len(users) == 1)}",  # noqa: PLR2004 - names that fit a line
                file=stack_file,
                fix=_install(cluster),
            )
        )
    return problems


def _is_too_old(version: str) -> bool:
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < OLDEST


def _install(cluster: Cluster) -> str:
    return f"install Flux: flux install --version={FLUX_VERSION} {cluster.choice.flags}"
