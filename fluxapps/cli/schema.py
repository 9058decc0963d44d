"""``fluxapps schema``: JSON Schemas of a repository's own files, for editors."""

import json
import os
import shlex
from pathlib import Path

import typer

from fluxapps.cli.screen import print_error
from fluxapps.cli.session import command_line
from fluxapps.model.editor_schemas import editor_schemas


def write_schemas(root: Path | None, out: Path | None, *, check_only: bool) -> int:
    """Write the schemas, or with *check_only* say which of them differ; return the exit code.

    Args:
        root: The repository, whose folder ``schemas`` they go to.
        out: Another folder instead.
        check_only: Write nothing.
    """
    folder = out if out is not None else (root or Path()) / "schemas"
    wanted = {folder / name: _text(schema) for name, schema in editor_schemas().items()}
    stale = {path: text for path, text in wanted.items() if not path.is_file() or path.read_bytes() != text}
    if check_only and stale:
        names = ", ".join(os.path.relpath(path) for path in stale)
        again = command_line(root, "schema") if root else shlex.join(["fluxapps", "schema", "--out", str(folder)])
        print_error(f"not as this fluxapps writes them: {names}", again)
        return 1
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f".{path.name}.part")
        staged.write_bytes(text)
        staged.replace(path)
    for path in wanted:
        typer.echo(f"{os.path.relpath(path)}: {'written' if path in stale else 'unchanged'}")
    return 0


def _text(schema: dict[str, object]) -> bytes:
    return f"{json.dumps(schema, indent=2, ensure_ascii=False)}\n".encode()
