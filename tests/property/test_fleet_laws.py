"""Laws of whole fleets: whatever legal apps there are, what they become hangs together."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fluxapps.model import Declaration, ObjectId, Role, Severity, check, declare, load, resolve, tree_files
from fluxapps.model.declare.names import HELM, KUSTOMIZE, SOURCE
from fluxapps.model.yaml_file import parse_yaml
from fluxapps.model.yaml_text import dump_yaml
from tests.property.strategies import values as any_values

Files = dict[str, str]

REPOSITORIES = {
    "helm": "https://charts.example.org",
    "template": {"kind": "OCIRepository", "url": "oci://registry.example.org/charts"},
    "git": {"kind": "GitRepository", "url": "https://example.org/charts.git", "ref": {"branch": "main"}},
}
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other", "namespace": "default"}}


@st.composite
def releases(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what says one release."""
    repository = draw(st.sampled_from(sorted(REPOSITORIES)))
    said: dict[str, Any] = {"repository": repository, "chart": "./chart" if repository == "git" else "chart"}
    if repository != "git":
        said["version"] = draw(st.sampled_from(["1.x", "1.2.3", ">=1.0.0"]))
    if draw(st.booleans()):
        said["valuesName"] = "literal"
    return said


@st.composite
def fleets(draw: st.DrawFn) -> Files:
    """Draw a repository without errors: apps of every shape, each depending on some of those before it."""
    git = {"url": "https://example.org/fleet.git"}
    delivery = draw(st.sampled_from(["apply", "git"]))
    cluster = {"context": "dev", "delivery": delivery, "git": git}
    files = {
        "Pulumi.yaml": json.dumps({"name": "fleet", "runtime": "python"}),
        "Pulumi.dev.yaml": json.dumps({"config": {"fleet:cluster": cluster}}),
        "fleet.yaml": json.dumps({"repositories": REPOSITORIES}),
    }
    names: list[str] = []
    for number in range(draw(st.integers(1, 5))):
        name, shape = f"app-{number}", draw(st.sampled_from(["one", "several", "none"]))
        app: dict[str, Any] = {"dependsOn": draw(st.lists(st.sampled_from(names), unique=True))} if names else {}
        folder = f"apps/{draw(st.sampled_from(['', 'group/']))}{name}"
        if shape == "one":
            app |= draw(releases())
            files[f"{folder}/values.yaml"] = dump_yaml(draw(any_values))
        elif shape == "several":
            keys = [f"{name}-{key}" for key in "ab"]
            app["releases"] = {key: draw(releases()) | {"valuesName": f"{key}-values"} for key in keys}
            app["releases"][keys[1]]["dependsOn"] = [f"{name}/{keys[0]}"]
            files[f"{folder}/values-{keys[0]}.yaml"] = dump_yaml(draw(any_values))
        else:
            other = {**CONFIG_MAP, "metadata": {"name": name, "namespace": "default"}}
            files[f"{folder}/other.yaml"] = json.dumps(other)
        files[f"{folder}/app.yaml"] = json.dumps(app)
        names.append(name)
    return files


def made(files: Files) -> tuple[Declaration, dict[str, bytes]]:
    """Return what *files* declare, and the rendered tree."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
        fleet = resolve(load(root), "dev")
        assert [problem for problem in check(fleet) if problem.severity is Severity.ERROR] == []
        declaration = declare(fleet)
        return declaration, tree_files(fleet, declaration)


def references(spec: dict[str, Any], namespace: str, kind: str) -> set[ObjectId]:
    """Return the objects that the spec of a HelmRelease or Kustomization names."""
    group = HELM if kind == "HelmRelease" else KUSTOMIZE
    found = {ObjectId(group, kind, one.get("namespace", namespace), one["name"]) for one in spec.get("dependsOn", ())}
    found |= {ObjectId("", one["kind"], namespace, one["name"]) for one in spec.get("valuesFrom", ())}
    found |= {ObjectId(HELM, one["kind"], one["namespace"], one["name"]) for one in spec.get("healthChecks", ())}
    source = spec.get("chartRef") or spec.get("sourceRef") or spec["chart"]["spec"]["sourceRef"]
    return found | {ObjectId(SOURCE, source["kind"], source.get("namespace", namespace), source["name"])}


@settings(deadline=None, max_examples=60)
@given(fleets())
def test_every_reference_resolves_and_nothing_comes_before_what_it_needs(files: Files) -> None:
    declaration, _ = made(files)
    earlier: set[ObjectId] = set()
    everything = {one.id for one in declaration.objects()}
    assert len(everything) == len(declaration.objects())
    for one in declaration.objects():
        assert set(one.after) <= earlier, f"{one.id} comes before what it needs"
        if one.role in (Role.RELEASE, Role.KUSTOMIZATION):
            assert references(one.manifest["spec"], one.id.namespace, one.id.kind) <= everything
        earlier.add(one.id)


@settings(deadline=None, max_examples=40)
@given(fleets())
def test_same_input_gives_the_same_bytes(files: Files) -> None:
    assert made(files)[1] == made(dict(reversed(files.items())))[1]


@settings(deadline=None, max_examples=40)
@given(fleets(), any_values)
def test_an_app_that_is_not_touched_keeps_its_bytes(files: Files, changed: dict[str, Any]) -> None:
    before = made(files)[1]
    touched = next((path for path in files if path.endswith("/values.yaml")), None)
    after = made(files | ({touched: dump_yaml(changed)} if touched else {"apps/new/app.yaml": "namespace: new"}))[1]
    name = touched.split("/")[-2] if touched else "new"
    others = {path for path in before if not path.startswith(f"{name}/")}
    assert {path: before[path] for path in others} == {path: after[path] for path in others}


@settings(deadline=None, max_examples=40)
@given(fleets())
def test_values_survive_in_meaning(files: Files) -> None:
    declaration, _ = made(files)
    texts = {
        one.app: parse_yaml(one.manifest["data"]["values.yaml"], "values.yaml").value
        for one in declaration.objects()
        if one.role is Role.VALUES
    }
    for path, text in files.items():
        said = parse_yaml(text, path).value
        if path.endswith("/values.yaml") and said:
            assert texts[path.split("/")[-2]] == said
