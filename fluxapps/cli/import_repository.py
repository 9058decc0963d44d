"""``fluxapps import``: an existing Flux repository as app files, and the proof that they say the same."""

import configparser
import os
import re
import shutil
import tempfile
from pathlib import Path

import typer

from fluxapps.cli.failure import CommandError
from fluxapps.importing.proof import prove
from fluxapps.importing.repository import Imported, imported
from fluxapps.model.yaml_file import read_yaml

NO_URL = "https://git.example.org/fleet.git"
"""Stands where nobody says where Flux reads the repository."""


def import_repository(  # noqa: PLR0913 - what there is to choose
    source: Path,
    out: Path,
    *,
    stack: str | None,
    entry: str | None,
    url: str | None,
    prove_only: bool,
) -> int:
    """Bring the repository at *source* in, as files in *out*; return the exit code.

    Raises:
        CommandError: There is nothing to import, or *out* has other content.
    """
    if not source.is_dir():
        raise CommandError(f"{source} is no folder", "name the folder of a Flux repository")
    project = _project(out)
    found = imported(source, project=project, stack=stack, entry=entry, url=url or _remote(source) or NO_URL)
    if not found.stacks:
        raise CommandError("no Flux Kustomization was found in it", "say where Flux enters with --path")
    if not prove_only:
        _write(found, out, project)
    proofs = [prove(cluster, out, said.name, said) for cluster, said in found.stacks]
    for proof in proofs:
        typer.echo(proof.summary)
    return int(any(proof.unexplained for proof in proofs))


def _project(out: Path) -> str:
    if (out / "Pulumi.yaml").is_file():
        said = read_yaml(out, "Pulumi.yaml").value
        name = said.get("name") if isinstance(said, dict) else None
        if isinstance(name, str) and name:
            return name
    name = re.sub(r"[^a-z0-9-]+", "-", out.resolve().name.lower()).strip("-")
    return name or "fleet"


def _remote(source: Path) -> str | None:
    """Return the URL of the remote of *source*, if it is a Git working tree."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read(source / ".git" / "config", encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return None
    url = parser.get('remote "origin"', "url", fallback="")
    if url.startswith(("https://", "http://", "ssh://")):
        return url
    match = re.fullmatch(r"(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+):(?P<path>[^/].*)", url)
    return f"ssh://{match['user'] or 'git'}@{match['host']}/{match['path']}" if match else None


def _write(found: Imported, out: Path, project: str) -> None:
    """Write all files beside their places, then put them there; nothing is overwritten."""
    files = dict(found.files)
    if not (out / "Pulumi.yaml").exists():
        files["Pulumi.yaml"] = f"name: {project}\nruntime: python\n".encode()
    tops = sorted({path.partition("/")[0] for path in files})
    there = [top for top in tops if os.path.lexists(out / top)]
    if there:
        raise CommandError(
            f"{out} has {', '.join(there)} already: nothing was written",
            "name an empty folder with --out; --prove compares what is there",
        )
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fluxapps-import-", dir=out) as staged:
        for path, content in files.items():
            file = Path(staged) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        for top in tops:
            shutil.move(str(Path(staged) / top), str(out / top))
