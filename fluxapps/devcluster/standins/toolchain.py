"""Which Python runs a program: Pulumi.yaml's `runtime.options`, as the real language host reads them."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOOLCHAINS = ("pip", "uv", "poetry")


class ToolchainError(Exception):
    """The options name no environment that can run a program; the text is for the user."""


@dataclass(frozen=True)
class Interpreter:
    """A Python and the environment variables that belong to it."""

    executable: str
    environ: dict[str, str]
    toolchain: str


def interpreter(root: str, program: str, options: dict[str, Any], environ: dict[str, str]) -> Interpreter:
    """Choose the Python of the program in the folder *program* of the project at *root*.

    Unlike the real host, which takes `python3` from PATH, a project that names no virtualenv gets the Python that
    runs this stand-in: the environment that has `fluxapps` in it.

    Args:
        root: The folder of Pulumi.yaml.
        program: The folder of the main program.
        options: Pulumi.yaml's `runtime.options`.
        environ: The environment to run it in.

    Returns:
        The interpreter, with the virtualenv activated where there is one.

    Raises:
        ToolchainError: An option has a wrong value, or the virtualenv isn't there.
    """
    for key in ("toolchain", "virtualenv"):
        if key in options and not isinstance(options[key], str):
            raise ToolchainError(f"{key} option must be a string")
    toolchain = options.get("toolchain") or _detected(Path(program))
    if toolchain not in TOOLCHAINS:
        raise ToolchainError(f"unsupported toolchain option: {toolchain}")
    virtualenv = options.get("virtualenv") or {"pip": "", "uv": ".venv", "poetry": ".venv"}[toolchain]
    if not virtualenv:
        return Interpreter(environ.get("PULUMI_PYTHON_CMD") or sys.executable, environ, toolchain)
    base = root if options.get("virtualenv") else program
    folder = Path(base, virtualenv)
    python = folder / "bin" / "python"
    if not python.is_file():
        raise ToolchainError(
            f'The \'virtualenv\' option in Pulumi.yaml is set to "{virtualenv}", but "{folder}" '
            f"{'is no virtual environment' if folder.exists() else 'does not exist'}; make it with\n\n"
            f"    python3 -m venv {folder}\n    {python} -m pip install -r requirements.txt\n"
        )
    activated = {key: value for key, value in environ.items() if key != "PYTHONHOME"}
    activated["VIRTUAL_ENV"] = str(folder)
    activated["PATH"] = os.pathsep.join(filter(None, (str(python.parent), environ.get("PATH"))))
    return Interpreter(str(python), activated, toolchain)


def _detected(program: Path) -> str:
    for lock, toolchain in (("uv.lock", "uv"), ("poetry.lock", "poetry")):
        if any((folder / lock).is_file() for folder in (program, *program.parents)):
            return toolchain
    return "pip"
