"""``fluxapps import``: an existing Flux repository as app files, and the proof that they say the same."""

import configparser
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import typer

from fluxapps.cli.failure import CommandError
from fluxapps.importing.adoption import adoption_plan
from fluxapps.importing.proof import Proof, prove
from fluxapps.importing.recommended import recommended_changes
from fluxapps.importing.refused import refused_releases
from fluxapps.importing.report import as_markdown, as_text
from fluxapps.importing.report import report as report_of
from fluxapps.importing.repository import Imported, found_in, imported
from fluxapps.importing.said import Destination
from fluxapps.model import ConfigError, Problem, Severity, check, load, resolve
from fluxapps.model.objects import ObjectId
from fluxapps.model.yaml_file import read_yaml

NO_URL = "https://git.example.org/fleet.git"
"""Stands where nobody says where Flux reads the repository."""
_MOST_ROUNDS = 4
_REPORTS = (".txt", ".json", ".md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What is to be brought in, and how."""

    source: Path
    out: Path
    stack: str | None = None
    entry: str | None = None
    """Where in it Flux enters."""
    url: str | None = None
    report: Path | None = None
    prove_only: bool = False
    with_our_defaults: bool = False
    adopt: bool = False
    context: str | None = None
    """The cluster's."""
    delivery: str = "git"


def import_repository(wanted: Import) -> int:
    """Bring a repository in; return the exit code.

    Raises:
        CommandError: There is nothing to import, or the folder to write to has other content.
        ConfigError: With ``prove_only``: what is there can't be read.
    """
    if not wanted.source.is_dir():
        raise CommandError(f"{wanted.source} is no folder", "name the folder of a Flux repository")
    if wanted.report is not None and wanted.report.suffix not in _REPORTS:
        raise CommandError(f"{wanted.report} is no report's name", f"let it end in one of {', '.join(_REPORTS)}")
    if not wanted.prove_only:
        _refuse_content(wanted.out, ("apps", "bootstrap", "fleet.yaml"))
    original, builder, clusters = found_in(wanted.source, wanted.entry, wanted.stack)
    if not clusters:
        named = f"no cluster '{wanted.stack}' was found in it" if wanted.stack else "no Flux Kustomization was found"
        raise CommandError(f"{wanted.source}: {named}", "say where Flux enters with --path")
    project = _project(wanted.out)
    to = Destination(
        url=wanted.url or _remote(wanted.source) or NO_URL,
        is_new=wanted.url is not None,
        context=wanted.context,
        delivery=wanted.delivery,
    )
    found = imported(original, builder, clusters, project=project, to=to)
    if wanted.prove_only:
        proofs, checked = _proofs(found, wanted.out), _checked(found, wanted.out)
    else:
        found, proofs, checked = _write(found, wanted.out, project, to)
    data = report_of(found, proofs, checked)
    typer.echo(as_text(data), nl=False)
    if wanted.with_our_defaults:
        _tell_recommended(found, wanted.out)
    if wanted.adopt:
        for cluster, said in found.stacks:
            others = [other for other, _ in found.stacks if other is not cluster]
            plan = adoption_plan(original, cluster, said, others)
            typer.echo("\n".join([f"{said.name}: to go over to it on the running cluster:", *plan]))
    if wanted.report is not None:
        _write_report(wanted.report, data)
    return int(any(proof.unexplained for proof in proofs) or any(one.severity is Severity.ERROR for one in checked))


def _proofs(found: Imported, root: Path) -> list[Proof]:
    return [prove(cluster, root, said.name, said) for cluster, said in found.stacks]


def _checked(found: Imported, root: Path) -> list[Problem]:
    problems: dict[Problem, None] = {}
    try:
        sources = load(root)
        for _, said in found.stacks:
            problems |= dict.fromkeys(check(resolve(sources, said.name)))
    except ConfigError as error:
        return list(error.problems)
    return sorted(problems, key=lambda problem: problem.order)


def _write(found: Imported, out: Path, project: str, to: Destination) -> tuple[Imported, list[Proof], list[Problem]]:
    """Write all files beside their places, check and prove them there, then put them in place."""
    known = {"Pulumi.yaml"} if (out / "Pulumi.yaml").exists() else set()
    _refuse_content(out, sorted({path.partition("/")[0] for path in found.files}))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fluxapps-import-", dir=out) as folder:
        refused: dict[ObjectId, str] = {}
        rounds = 0
        while True:
            staged = Path(folder) / str(rounds)
            put_files(staged, {**found.files, "Pulumi.yaml": f"name: {project}\nruntime: python\n".encode()})
            checked = _checked(found, staged)
            more = refused_releases(found, checked)
            rounds += 1
            if rounds == _MOST_ROUNDS or not more.keys() - refused.keys():
                break
            refused |= more
            clusters = [cluster for cluster, _ in found.stacks]
            found = imported(found.original, found.builder, clusters, project=project, to=to, refused=refused)
        proofs = _proofs(found, staged)
        for top in sorted({path.partition("/")[0] for path in [*found.files, "Pulumi.yaml"]} - known):
            (staged / top).replace(out / top)
    return found, proofs, checked


def put_files(root: Path, files: dict[str, bytes]) -> None:
    """Write *files*, by path, below *root*, where none of them is yet."""
    made: set[str] = set()
    for path, content in files.items():
        file = f"{root}/{path}"
        folder = os.path.dirname(file)  # noqa: PTH120 - thousands of files, and pathlib costs more than the writing
        if folder not in made:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as above
            made.add(folder)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)


def _refuse_content(out: Path, names: tuple[str, ...] | list[str]) -> None:
    there = [name for name in names if os.path.lexists(out / name)]
    if there:
        raise CommandError(
            f"{out} has {', '.join(there)} already: nothing was written",
            "name an empty folder with --out; --prove compares what is there",
        )


def _tell_recommended(found: Imported, root: Path) -> None:
    for _, said in found.stacks:
        changes = recommended_changes(root, said.name)
        typer.echo(f"{said.name}: without 'preset: none' our recommended settings would change {len(changes)} fields:")
        for one in changes:
            typer.echo(f"  {one}")


def _write_report(file: Path, data: dict[str, object]) -> None:
    if file.suffix == ".json":
        text = json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n"
    else:
        text = as_markdown(data) if file.suffix == ".md" else as_text(data, whole=True)
    staged = file.with_name(f".{file.name}.part")
    staged.write_text(text, "utf-8")
    staged.replace(file)


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
        return re.sub(r"//[^@/]*:[^@/]*@", "//", url)
    match = re.fullmatch(r"(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+):(?P<path>[^/].*)", url)
    return f"ssh://{match['user'] or 'git'}@{match['host']}/{match['path']}" if match else None
