"""Flux's CRDs come from pinned Go modules, are checked, and are never half there."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fluxapps.devcluster import flux_crds
from fluxapps.devcluster.errors import ProgramError
from fluxapps.schemas import generate

CRD = "metadata: {name: things.example.org}\nspec: {group: example.org}\nstatus: {conditions: []}\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a ``go`` on PATH that knows one module says that module is."""
    folder = tmp_path / "module"
    bases = folder / "config" / "crd" / "bases"
    bases.mkdir(parents=True)
    (bases / "things.yaml").write_text(CRD, "utf-8")
    answer_with(tmp_path, {"Dir": str(folder), "Sum": "h1:right"})
    known = flux_crds._MODULES[0]  # noqa: SLF001  the pins have one home
    monkeypatch.setattr(flux_crds, "_MODULES", (replace(known, sum="h1:right"),))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FLUXAPPS_TOOLS", raising=False)
    return folder


def answer_with(folder: Path, answer: dict[str, str]) -> None:
    go = folder / "go"
    go.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n", "utf-8")
    go.chmod(0o755)


def test_fetched_once(module: Path, tmp_path: Path) -> None:
    said: list[str] = []
    files = flux_crds.find(say=said.append)
    (tmp_path / "go").unlink()
    assert flux_crds.find(say=said.append) == files
    assert [file.name for file in files] == ["things.yaml"]
    assert len(said) == 1
    assert files[0].read_bytes() == (module / "config" / "crd" / "bases" / "things.yaml").read_bytes()


def test_read_with_the_labels_of_an_installed_flux(module: Path) -> None:
    assert module.is_dir()
    (crd,) = flux_crds.read(flux_crds.find(say=print))
    assert crd["metadata"]["labels"]["app.kubernetes.io/version"] == flux_crds.FLUX
    assert "status" not in crd


def test_a_module_with_another_sum_is_refused(module: Path, tmp_path: Path) -> None:
    answer_with(tmp_path, {"Dir": str(module), "Sum": "h1:wrong"})
    with pytest.raises(ProgramError, match="has the sum h1:wrong, expected is h1:right"):
        flux_crds.find(say=print)
    assert not list((tmp_path / "cache").rglob("*.yaml"))


def test_an_unreachable_module_says_so(module: Path, tmp_path: Path) -> None:
    assert module.is_dir()
    answer_with(tmp_path, {"Error": "dial tcp: lookup failed"})
    with pytest.raises(ProgramError, match="can't be fetched: dial tcp: lookup failed") as told:
        flux_crds.find(say=print)
    assert "network" in told.value.fix


def test_without_go_says_what_to_install(module: Path, tmp_path: Path) -> None:
    assert module.is_dir()
    (tmp_path / "go").unlink()
    with pytest.raises(ProgramError, match="there is no go on PATH") as told:
        flux_crds.find(say=print)
    assert "install Go" in told.value.fix


def test_tools_folder_comes_first(module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.is_dir()
    (tmp_path / "tools" / "flux-crds").mkdir(parents=True)
    chosen = tmp_path / "tools" / "flux-crds" / "mine.yaml"
    chosen.write_text(CRD, "utf-8")
    monkeypatch.setenv("FLUXAPPS_TOOLS", str(tmp_path / "tools"))
    assert flux_crds.find(say=print) == [chosen]


def test_the_cluster_serves_what_the_schemas_are_made_of() -> None:
    assert flux_crds.FLUX == generate.FLUX
    assert set(flux_crds.versions()) == {f"{name}={version}" for name, version in generate.CONTROLLERS.items()}
