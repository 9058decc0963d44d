"""Variables in fields that Flux reads itself: what they become is known to Flux alone."""

from collections.abc import Iterator
from typing import Any

from fluxapps.importing.applied import is_moving
from fluxapps.importing.apps import place_of
from fluxapps.importing.clusters import Cluster
from fluxapps.model.problems import Problem, Severity


def variables(cluster: Cluster) -> Iterator[Problem]:
    """Yield each field of a Kustomization, source or HelmRelease with a ``${VAR}`` in it; values don't count."""
    for applied in cluster.applied:
        for one in applied.objects:
            if not (is_moving(one) or one.kind == "HelmRelease"):
                continue
            spec = one.manifest.get("spec")
            said = {"metadata": one.manifest["metadata"], "spec": spec}
            for path, text in _with_variable(said, ""):
                if path.startswith(("spec.values.", "spec.patches", "spec.postBuild", "spec.postRenderers")):
                    continue
                file, line = place_of(one)
                yield Problem(
                    code="flux-variable",
                    what=f"{one.id}: {path} is '{text}': only Flux knows what that becomes",
                    file=file or ".",
                    line=line,
                    path=path,
                    fix="write the value; the checks can't look at a variable",
                    severity=Severity.WARNING,
                )


def _with_variable(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _with_variable(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _with_variable(below, f"{path}[{index}]")
    elif isinstance(value, str) and "${" in value:
        yield path, value
