"""Faults of a repository that is brought in are found and told, and nothing of it goes missing without a word."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.import_layouts import SEED, config_map, kustomization, release
from tests.unit.test_import_layouts import brought_in, said

PLAIN = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\n  namespace: podinfo\nstringData:\n  token: hunter2\n"
ENCRYPTED = PLAIN.replace("hunter2", "ENC[x]") + "sops: {mac: x}\n"


def reported(tmp_path: Path, **files: str) -> tuple[int, dict[str, Any], Path]:
    """Import the seed with *files* in it; return exit code, report, and where."""
    report = tmp_path / "report.json"
    ended, out = brought_in(tmp_path, {**SEED, **files}, "--stack", "home", "--report", str(report))
    assert report.exists(), ended.err
    return ended.code, json.loads(report.read_text()), out


def problems(data: dict[str, Any]) -> set[tuple[str, str, int | None]]:
    return {(one["code"], one["file"], one["line"]) for one in data["problems"]}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"podinfo/broken.yaml": "a: [1\n"}, ("yaml-syntax", "podinfo/broken.yaml", 2)),
        ({"podinfo/twice.yaml": config_map("x", "podinfo") + "data: {}\n"}, ("duplicate-key", "podinfo/twice.yaml", 9)),
        (
            {"bootstrap/kustomizations/gone.yaml": kustomization("gone", "./gone")},
            ("missing-path", "bootstrap/kustomizations/gone.yaml", 1),
        ),
        ({"podinfo/template.yaml.j2": "{{ x }}"}, ("unrendered-template", "podinfo/template.yaml.j2", None)),
        ({"podinfo/mode.yaml": config_map("m", "podinfo", "0644")}, ("yaml-surprise", "podinfo/mode.yaml", 8)),
        ({"podinfo/equals.yaml": config_map("m", "podinfo", "=")}, ("yaml-surprise", "podinfo/equals.yaml", 8)),
        (
            {"podinfo/anchors.yaml": config_map("m", "podinfo", "&a x") + "  more: &a y\n"},
            ("yaml-surprise", "podinfo/anchors.yaml", 9),
        ),
        (
            {
                "media/old.yaml": release("old", "media").replace(
                    "helm.toolkit.fluxcd.io/v2", "helm.toolkit.fluxcd.io/v3"
                )
            },
            ("unknown-version", "media/old.yaml", 1),
        ),
        ({"podinfo/no-object.yaml": "a: 1\n"}, ("not-kubernetes", "podinfo/no-object.yaml", 1)),
        (
            {"podinfo/kustomization.yaml": "resources: [release.yaml, values.yaml, gone.yaml]\n"},
            ("missing-file", "podinfo/kustomization.yaml", 1),
        ),
        (
            {"media/variable.yaml": release("vary", "media", "timeout: ${TIMEOUT}")},
            ("flux-variable", "media/variable.yaml", 1),
        ),
        (
            {
                "podinfo/kustomization.yaml": "resources: [release.yaml, values.yaml, one.yaml, two.yaml]\n",
                "podinfo/one.yaml": config_map("same", "podinfo"),
                "podinfo/two.yaml": config_map("same", "podinfo", "other"),
            },
            ("duplicate-object", "podinfo/two.yaml", 2),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_each_fault_is_told_with_its_place(
    tmp_path: Path, files: dict[str, str], expected: tuple[str, str, int | None]
) -> None:
    _, data, _ = reported(tmp_path, **files)
    found = problems(data)
    assert (expected[0], expected[1]) in {one[:2] for one in found}, found
    if expected[2] is not None:
        assert expected in found, found


def test_a_release_without_its_source_is_told(tmp_path: Path) -> None:
    _, data, out = reported(tmp_path, **{"media/lost.yaml": release("lost", "media", repository="nowhere")})
    assert ("missing-source", "media/lost.yaml") in {one[:2] for one in problems(data)}
    app = said(out, "apps/media/app.yaml")
    assert isinstance(app, dict)
    # Said as Flux spells it, since fleet.yaml has no such repository.
    chart = app["releases"]["lost"]["release"]["chart"]["spec"]
    assert chart["sourceRef"]["name"] == "nowhere"


def test_a_secret_in_plain_text_is_not_copied_and_is_named(tmp_path: Path) -> None:
    code, data, out = reported(
        tmp_path, **{"podinfo/secret.yaml": PLAIN, "podinfo/sealed.yaml": ENCRYPTED.replace("key", "x")}
    )
    assert code == 0
    assert not any(b"hunter2" in path.read_bytes() for path in out.rglob("*") if path.is_file())
    left = [(one["object"], one["file"]) for one in data["stacks"][0]["left"] if "flux bootstrap" not in one["why"]]
    assert left == [("Secret podinfo/key", "podinfo/secret.yaml")]
    assert (out / "apps/podinfo/sealed.yaml").read_text() == ENCRYPTED.replace("key", "x")
    (explained,) = [one for one in data["stacks"][0]["differences"] if one["object"] == "Secret podinfo/key"]
    assert "SOPS" in explained["why"]


def test_a_file_that_cannot_be_read_is_kept_where_nobody_reads_it(tmp_path: Path) -> None:
    code, data, out = reported(tmp_path, **{"podinfo/broken.yaml": "a: [1\n"})
    assert code == 0
    assert (out / "apps/podinfo/broken.yaml.broken").read_text() == "a: [1\n"
    assert "podinfo/broken.yaml" in {one["object"] for one in data["stacks"][0]["kept"]}


def test_a_release_that_the_checks_refuse_stays_other_yaml(tmp_path: Path) -> None:
    odd = release("odd", "media", "unheardOf: true")
    code, data, out = reported(tmp_path, **{"media/odd.yaml": odd})
    assert code == 0
    (kept,) = data["stacks"][0]["kept"]
    assert kept["object"] == "HelmRelease media/odd"
    assert "unheardOf" in kept["why"]
    assert (out / "apps/media/odd.yaml").read_text() == odd


@pytest.mark.parametrize(
    "resource",
    ["https://example.org/crds.yaml", "github.com/example/repo//deploy?ref=v1"],
)
def test_what_only_kustomize_can_fetch_is_left_to_flux(tmp_path: Path, resource: str) -> None:
    files = {"podinfo/kustomization.yaml": f"resources: [release.yaml, values.yaml, other.yaml, '{resource}']\n"}
    code, data, out = reported(tmp_path, **files)
    assert code == 0
    assert said(out, "apps/podinfo/kustomize-1/kustomization.yaml") == {"resources": [resource]}
    app = said(out, "apps/podinfo/app.yaml")
    assert isinstance(app, dict)
    assert app["chart"] == "podinfo"
    assert data["stacks"][0]["unexplained"] == 0


def test_a_folder_that_cannot_be_built_comes_along_as_it_is(tmp_path: Path) -> None:
    files = {
        "podinfo/kustomization.yaml": "resources: [release.yaml, values.yaml, chart]\n",
        "podinfo/chart/kustomization.yaml": "resources: [../other.yaml]\nhelmCharts: [{name: x}]\n",
    }
    code, data, out = reported(tmp_path, **files)
    assert code == 0
    unit = out / "apps/podinfo/kustomize-1/unit"
    assert (unit / "chart/kustomization.yaml").read_text() == files["podinfo/chart/kustomization.yaml"]
    assert (unit / "other.yaml").read_text() == SEED["podinfo/other.yaml"]
    assert "unbuildable" in {one["code"] for one in data["problems"]}


def test_a_folder_of_two_kustomizations_is_told(tmp_path: Path) -> None:
    files = {"bootstrap/kustomizations/again.yaml": kustomization("again", "./podinfo")}
    code, data, _ = reported(tmp_path, **files)
    assert code == 0
    assert "duplicate-object" in {one["code"] for one in data["problems"]}
    left = {one["object"] for one in data["stacks"][0]["left"]}
    assert "Kustomization flux-system/again" in left


def test_values_that_no_file_can_stand_for_stay_a_config_map(tmp_path: Path) -> None:
    labelled = SEED["podinfo/values.yaml"].replace("metadata:\n", "metadata:\n  labels: {watched: 'yes'}\n")
    code, data, out = reported(tmp_path, **{"podinfo/values.yaml": labelled})
    assert code == 0
    (kept,) = data["stacks"][0]["kept"]
    assert kept["object"] == "ConfigMap podinfo/podinfo-helm-chart-value-overrides"
    assert (out / "apps/podinfo/other-values.yaml").read_text() == labelled


def test_secrets_in_a_folder_that_only_flux_can_build_are_not_copied_either(tmp_path: Path) -> None:
    said = (
        "resources: [secret.yaml, mixed.yaml]\nhelmCharts: [{name: x}]\nsecretGenerator:\n"
        "  - {name: literal, literals: [token=hunter2]}\n"
        "  - {name: from-file, files: [token=token.txt]}\n"
        "  - {name: encrypted, envs: [keys.env]}\n"
    )
    code, data, out = reported(
        tmp_path,
        **{
            "podinfo/chart/kustomization.yaml": said,
            "podinfo/chart/secret.yaml": PLAIN,
            "podinfo/chart/mixed.yaml": PLAIN.replace("name: key", "name: other") + "---\n" + SETTINGS,
            "podinfo/chart/token.txt": "hunter2",
            "podinfo/chart/keys.env": "TOKEN=ENC[AES256_GCM,data:x]\n",
        },
    )
    assert code == 0
    copied = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert not any(b"hunter2" in content for content in copied.values())
    unit = out / "apps/podinfo/kustomize-1/unit"
    kept = yaml.safe_load((unit / "kustomization.yaml").read_text())
    assert kept["secretGenerator"] == [{"name": "encrypted", "envs": ["keys.env"]}]
    assert (unit / "keys.env").exists()
    assert yaml.safe_load((unit / "secret.yaml").read_text()) is None
    assert yaml.safe_load((unit / "mixed.yaml").read_text())["metadata"]["name"] == "settings"
    named = {one["object"].rpartition("/")[2].rpartition(" ")[2] for one in data["stacks"][0]["left"]}
    assert {"key", "other", "literal", "from-file"} <= named
    assert "encrypted" not in named
    explained = [one for one in data["stacks"][0]["differences"] if one["object"].startswith("Secret ")]
    assert len(explained) == 4
    assert all("SOPS" in one["why"] for one in explained)


SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: podinfo}\ndata: {a: b}\n"
