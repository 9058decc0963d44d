"""The law of bad input: whatever stands in a file, it is declared, or there are problems; nothing else is raised."""

import copy
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluxapps.model import ConfigError, Problem, Severity, check, declare, load, resolve, tree_files

WHOLE: dict[str, Any] = {
    "Pulumi.yaml": {"name": "fluxapps", "runtime": "python"},
    "Pulumi.dev.yaml": {
        "config": {
            "fluxapps:cluster": {
                "context": "dev",
                "environment": "testing",
                "delivery": "apply",
                "git": {"url": "https://example.org/fleet.git", "branch": "main", "follow": "up", "interval": "1m"},
                "repositories": {"podinfo": {"interval": "10m"}},
                "namespaces": {"podinfo": {"delete": True}},
                "defaults": {"release": {"timeout": "5m"}},
                "apps": {"podinfo": {"values": {"a": 1}, "enabled": True}},
            }
        }
    },
    "fleet.yaml": {
        "repositories": {
            "podinfo": {"url": "https://example.org/charts", "metadata": {"labels": {"a": "b"}}},
            "oci": {"kind": "OCIRepository", "url": "oci://example.org/charts"},
            "git": {"kind": "GitRepository", "url": "https://example.org/a.git", "ref": {"branch": "main"}},
            "short": "oci://example.org/charts",
        },
        "namespaces": {"podinfo": {"labels": {"a": "b"}}, "other": {"external": True}},
        "defaults": {"release": {"interval": "30m"}, "kustomization": {"interval": "1h"}},
    },
    "apps/podinfo/app.yaml": {
        "name": "podinfo",
        "chart": "podinfo",
        "repository": "podinfo",
        "version": "6.x",
        "dependsOn": ["several/one"],
        "valuesFrom": [{"kind": "Secret", "name": "a"}],
        "valuesIn": "configMap",
        "release": {
            "install": {"remediation": {"retries": 3}},
            "upgrade": {"strategy": {"name": "RetryOnFailure"}},
            "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
            "targetNamespace": "podinfo",
        },
        "kustomization": {"postBuild": {"substitute": {"a": "b"}}, "timeout": "5m", "retryInterval": "1m"},
    },
    "apps/podinfo/values.yaml": {"replicas": 2, "nothing": None, "list": [1, {"a": []}], "map": {"b": {}}},
    "apps/podinfo/values.testing.yaml": {"replicas": 3, "map": {"b": {"c": 1.5}}},
    "apps/podinfo/cm.yaml": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "podinfo"},
    },
    "apps/podinfo/set/kustomization.yaml": {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "namespace": "podinfo",
        "resources": ["cm.yaml"],
        "patches": [{"path": "cm.yaml"}],
        "configMapGenerator": [{"name": "a", "files": ["cm.yaml"], "envs": []}],
        "secretGenerator": [{"name": "a", "literals": ["a=b"]}],
    },
    "apps/podinfo/set/cm.yaml": {
        "apiVersion": "v1",
        "kind": "List",
        "items": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}],
    },
    "apps/several/app.yaml": {
        "repository": "oci",
        "releases": {
            "one": {"chart": "a", "version": "1.0.0", "valuesName": "one", "values": {"a": 1}},
            "two": {"chart": "b", "dependsOn": ["several/one"], "valuesIn": "inline", "values": {"a": 1}},
        },
    },
    "bootstrap/crd.yaml": {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "a"},
        "spec": {"group": "example.org", "names": {"kind": "A"}},
    },
}
"""A repository that uses nearly everything, without a problem worth an error."""

FREE = {"release", "kustomization", "git", "metadata", "values", "repositories", "valuesFrom", "items", "resources"}
"""Below these nearly anything may stand, as far as models of ours know."""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(
        ["podinfo", "several", "several/one", "git", "oci", "apply", "..", ".", "/", "5m", "a b", "\ud7ff", "é"]
    ),
)
anything = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(max_size=3), below, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value in *value*."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in below for place in places(item, (*path, key)))]


def changed(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """Return *value* with *new* at *path*."""
    if not path:
        return new
    whole = copy.copy(value)
    whole[path[0]] = changed(value[path[0]], path[1:], new)
    return whole


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, str]:
    """Draw the whole repository with a few values replaced, removed or added."""
    files = dict(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        file = draw(st.sampled_from(sorted(files)))
        where = places(files[file])
        # What models of ours refuse at once is not all that is to be drawn.
        free = [place for place in where if FREE & set(place)]
        in_free = draw(st.booleans())
        place = draw(st.sampled_from(free if free and in_free else where))
        files[file] = changed(files[file], place, draw(st.one_of(anything, st.sampled_from(parts()))))
    return {file: json.dumps(content, ensure_ascii=False) for file, content in files.items()}


def parts() -> list[Any]:
    """Return the values of the whole repository, to stand where they don't belong."""
    return [value for content in WHOLE.values() for path in places(content) for value in [at(content, path)]]


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def outcome(files: dict[str, str]) -> list[Problem]:
    """Return the problems of a repository of these files, which are declared and rendered unless there are errors."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for file, text in files.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_bytes(text.encode(errors="surrogatepass"))
        try:
            fleet = resolve(load(root), "dev")
            found = check(fleet)
            if not any(problem.severity is Severity.ERROR for problem in found):
                declaration = declare(fleet)
                declaration.for_pulumi()
                tree_files(fleet, declaration)
        except ConfigError as error:
            found = list(error.problems)
            assert found
    for problem in found:
        assert problem.what
        assert problem.file
        assert (problem.line or 1) >= 1
        assert problem.order
    return found


@settings(deadline=None, max_examples=150)
@given(damaged())
def test_a_damaged_repository_is_declared_or_gives_problems(files: dict[str, str]) -> None:
    outcome(files)


text = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=40),
    st.text(st.sampled_from("ab:- \n\t{}[],&*!|>'\"%@#?~<0.e\ufeff"), max_size=40),
)


@pytest.mark.parametrize("file", sorted(WHOLE))
@settings(deadline=None, max_examples=12)
@given(text)
def test_any_text_is_declared_or_gives_problems(file: str, text: str) -> None:
    outcome({**{name: json.dumps(content) for name, content in WHOLE.items()}, file: text})


@pytest.mark.parametrize("delivery", ["apply", "git"])
def test_the_repository_that_is_damaged_has_no_errors(delivery: str) -> None:
    stack = copy.deepcopy(WHOLE["Pulumi.dev.yaml"])
    cluster = stack["config"]["fluxapps:cluster"]
    cluster["delivery"] = delivery
    del cluster["git"]["follow"]
    found = outcome({name: json.dumps(content) for name, content in {**WHOLE, "Pulumi.dev.yaml": stack}.items()})
    assert [problem.code for problem in found if problem.severity is Severity.ERROR] == []
    assert {problem.code for problem in found} <= {"plain-secret", "unused-namespace", "unused-repository"}
