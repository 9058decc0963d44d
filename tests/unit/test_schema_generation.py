"""The command that writes Flux's schemas, on small CRDs; ``--check`` compares with the real ones."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

import fluxapps.schemas
from fluxapps.schemas import generate

DATA = Path(fluxapps.schemas.__file__).parent


def crd(kind: str, spec: dict[str, Any] | None = None, /, **root: Any) -> dict[str, Any]:
    group, version = generate.KINDS.get(kind, "source.toolkit.fluxcd.io/v1").split("/")
    plural = f"{kind.lower()}s"
    status = {"type": "object", "properties": {"secret": {"type": "string"}}}
    spec = spec or {"type": "object", "properties": {"name": {"type": "string"}}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}, **root}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


@pytest.fixture
def bases(tmp_path: Path) -> Path:
    """Return a folder with a small CRD of every kind, and one of a kind that isn't wanted."""
    folder = tmp_path / "cache" / "flux-controller@v1.2.3" / "bases"
    folder.mkdir(parents=True)
    for kind in [*generate.KINDS, "ExternalArtifact"]:
        put(folder, crd(kind))
    (folder / "kustomization.yaml").write_text("resources: []\n---\n", "utf-8")
    return folder


def put(folder: Path, definition: dict[str, Any]) -> None:
    name = definition["metadata"]["name"]
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(definition), "utf-8")


def read(folder: Path, kind: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / f"{kind}.json").read_text("utf-8"))
    return data


def test_every_kind_gets_a_file_and_the_index_lists_them(bases: Path, tmp_path: Path) -> None:
    assert generate.main([str(bases), "--out", str(tmp_path)]) == 0
    index = json.loads((tmp_path / "flux.json").read_text("utf-8"))
    assert index == {"controllers": ["flux-controller v1.2.3"], "flux": generate.FLUX, "kinds": dict(generate.KINDS)}
    assert {file.stem for file in tmp_path.glob("*.json")} == {*generate.KINDS, "flux"}
    assert read(tmp_path, "Bucket") == {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "controller": "flux-controller v1.2.3",
        "crd": "buckets.source.toolkit.fluxcd.io",
        "flux": generate.FLUX,
        "kind": "Bucket",
        "spec": {"properties": {"name": {"type": "string"}}, "type": "object"},
    }


def test_prose_goes_and_fields_that_are_named_like_it_stay(bases: Path, tmp_path: Path) -> None:
    text = {"type": "string", "description": "Prose."}
    rules = [{"rule": "has(self.title)", "message": "Prose.", "reason": "FieldValueInvalid"}]
    inner = {"type": "object", "description": "Prose.", "properties": {"description": text, "title": text}}
    listed = {"type": "array", "items": inner | {"x-kubernetes-validations": rules}}
    spec = {"type": "object", "properties": {"list": listed, "map": {"type": "object", "additionalProperties": inner}}}
    put(bases, crd("HelmRelease", spec))
    assert generate.main([str(bases), "--out", str(tmp_path)]) == 0
    assert "Prose" not in (tmp_path / "HelmRelease.json").read_text("utf-8")
    fields = read(tmp_path, "HelmRelease")["spec"]["properties"]
    assert list(fields["map"]["additionalProperties"]["properties"]) == ["description", "title"]
    assert fields["list"]["items"]["x-kubernetes-validations"] == [{"rule": "has(self.title)"}]


def test_same_definitions_same_bytes_whatever_their_order(bases: Path, tmp_path: Path) -> None:
    first = generate.files([bases])
    shuffled = tmp_path / "flux-controller@v1.2.3"
    shuffled.mkdir()
    everything = [yaml.safe_load(file.read_text("utf-8")) for file in sorted(bases.glob("*.io.yaml"), reverse=True)]
    (shuffled / "all.yaml").write_text(yaml.safe_dump_all(everything, sort_keys=False), "utf-8")
    assert generate.files([shuffled]) == first
    assert all(text.endswith(b"}\n") and b"\n" not in text[:-1] for text in first.values())


def test_a_second_run_writes_nothing_and_takes_away_what_is_no_longer_made(bases: Path, tmp_path: Path) -> None:
    generate.main([str(bases), "--out", str(tmp_path)])
    before = {file: file.stat() for file in tmp_path.glob("*.json")}
    (tmp_path / "Gone.json").write_text("{}", "utf-8")
    assert generate.main([str(bases), "--out", str(tmp_path)]) == 0
    assert {file: file.stat().st_ino for file in tmp_path.glob("*.json")} == {
        file: seen.st_ino for file, seen in before.items()
    }
    assert {stat.S_IMODE(seen.st_mode) for seen in before.values()} == {0o644}
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_check_names_what_differs_and_writes_nothing(
    bases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate.main([str(bases), "--out", str(tmp_path)])
    assert generate.main(["--check", str(bases), "--out", str(tmp_path)]) == 0
    (tmp_path / "Bucket.json").write_text("edited", "utf-8")
    (tmp_path / "HelmChart.json").unlink()
    capsys.readouterr()
    assert generate.main(["--check", str(bases), "--out", str(tmp_path)]) == 1
    assert "Bucket.json, HelmChart.json; run `make schemas`" in capsys.readouterr().err
    assert (tmp_path / "Bucket.json").read_text("utf-8") == "edited"


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (
            crd("Bucket", {"type": "object", "x-kubernetes-new": 1}),
            "Bucket.spec: fluxapps.model.flux_schema doesn't know",
        ),
        (crd("Bucket", {"type": "string", "format": "uuid"}), "doesn't know format: 'uuid'"),
        (crd("Bucket", {"type": "array", "items": {"x-kubernetes-new": 1}}), "Bucket.spec[]: "),
        (crd("Bucket", {"type": "object", "anyOf": [{"x-kubernetes-new": 1}]}), "doesn't know x-kubernetes-new"),
        (crd("Bucket", None, **{"x-kubernetes-validations": [{"rule": "true"}]}), "Bucket has rules beside its spec"),
        (crd("HelmRelease") | {"metadata": {"name": "another"}}, "HelmRelease comes twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_checker_would_miss_is_refused(
    definition: dict[str, Any], message: str, bases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(bases, definition)
    assert generate.main([str(bases), "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.glob("*.json")) == []


def test_a_version_that_is_not_served_any_more_is_said(bases: Path) -> None:
    old = crd("HelmRelease")
    old["spec"]["versions"][0]["served"] = False
    put(bases, old)
    with pytest.raises(generate.SchemaError, match=r"flux-controller v1\.2\.3 serves no HelmRelease helm\.toolkit"):
        generate.files([bases])


def test_a_kind_without_definition_is_said(bases: Path) -> None:
    (bases / "buckets.source.toolkit.fluxcd.io.yaml").unlink()
    with pytest.raises(generate.SchemaError, match="no CRD found for Bucket"):
        generate.files([bases])


def test_a_folder_must_say_its_version_and_hold_definitions(tmp_path: Path) -> None:
    with pytest.raises(generate.SchemaError, match="the version is unknown"):
        generate.files([tmp_path])
    empty = tmp_path / "flux-controller@v1.2.3"
    empty.mkdir()
    with pytest.raises(generate.SchemaError, match="no CustomResourceDefinition"):
        generate.files([empty])


def test_without_go_the_command_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert generate.main(["--out", str(tmp_path)]) == 2
    assert "no 'go' on PATH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("""echo '{"Error": "no such host"}'; exit 1""", "no such host"),
        ("echo 'bad flag' >&2; exit 2", "bad flag"),
        ("exit 3", "go ended with 3"),
    ],
)
def test_a_module_that_cannot_be_had_is_said_with_gos_reason(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert generate.main(["--out", str(tmp_path)]) == 2
    assert f"github.com/fluxcd/helm-controller@v1.6.4: {reason}" in capsys.readouterr().err


def test_modules_are_read_from_where_go_says_they_are(
    bases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in generate.CONTROLLERS.items():
        folder = tmp_path / "modules" / f"{name}@{version}" / "config" / "crd" / "bases"
        folder.mkdir(parents=True)
        for file in bases.glob(f"*.{name.removesuffix('-controller')}.toolkit.fluxcd.io.yaml"):
            (folder / file.name).write_bytes(file.read_bytes())
    go = tmp_path / "go"
    go.write_text(f"""#!/bin/sh\necho "{{\\"Dir\\": \\"{tmp_path}/modules/${{4##*/}}\\"}}"\n""", "utf-8")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    out = tmp_path / "out"
    out.mkdir()
    assert generate.main(["--out", str(out)]) == 0
    assert (
        read(out, "Kustomization")["controller"]
        == f"kustomize-controller {generate.CONTROLLERS['kustomize-controller']}"
    )


def test_the_committed_files_are_of_the_pinned_controllers() -> None:
    index = json.loads((DATA / "flux.json").read_text("utf-8"))
    assert index["flux"] == generate.FLUX
    assert index["controllers"] == [f"{name} {version}" for name, version in sorted(generate.CONTROLLERS.items())]
    assert index["kinds"] == generate.KINDS
    for kind, version in generate.KINDS.items():
        assert read(DATA, kind)["apiVersion"] == version
        assert "description" not in json.dumps(read(DATA, kind))
