"""Which Python runs a program, by Pulumi.yaml's runtime options."""

import sys
from pathlib import Path
from typing import Any

import pytest

from fluxapps.devcluster.standins.toolchain import Interpreter, ToolchainError, interpreter


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "program"
    for virtualenv in (tmp_path / "project" / "venv", folder / ".venv"):
        (virtualenv / "bin").mkdir(parents=True)
        (virtualenv / "bin" / "python").touch()
    return folder


def chosen(program: Path, options: dict[str, Any], **environ: str) -> Interpreter:
    return interpreter(str(program.parent), str(program), options, environ)


def test_without_a_virtualenv_it_is_ours(program: Path) -> None:
    found = chosen(program, {}, PATH="/bin")
    assert (found.executable, found.environ, found.toolchain) == (sys.executable, {"PATH": "/bin"}, "pip")
    assert chosen(program, {}, PULUMI_PYTHON_CMD="/other/python").executable == "/other/python"


def test_a_named_virtualenv_counts_from_the_project(program: Path) -> None:
    found = chosen(program, {"virtualenv": "venv"}, PATH="/bin", PYTHONHOME="/old")
    folder = program.parent / "venv"
    assert found.executable == str(folder / "bin" / "python")
    assert found.environ == {"PATH": f"{folder}/bin:/bin", "VIRTUAL_ENV": str(folder)}


@pytest.mark.parametrize("lock", ["uv.lock", "poetry.lock"])
def test_a_lock_names_the_toolchain_and_its_virtualenv(program: Path, lock: str) -> None:
    (program.parent / lock).touch()
    found = chosen(program, {})
    assert found.toolchain == lock.removesuffix(".lock")
    assert found.executable == str(program / ".venv" / "bin" / "python")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"virtualenv": 1}, "virtualenv option must be a string"),
        ({"toolchain": "conda"}, "unsupported toolchain option: conda"),
        ({"virtualenv": "nowhere"}, "does not exist"),
        ({"virtualenv": "program"}, "is no virtual environment"),
    ],
)
def test_options_that_lead_nowhere_are_said(program: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ToolchainError, match=message):
        chosen(program, options)
