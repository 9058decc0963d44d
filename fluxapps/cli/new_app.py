"""``fluxapps new app``: a folder with an app.yaml and a place for values, or nothing at all."""

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import typer
from pydantic import TypeAdapter, ValidationError

from fluxapps.cli.failure import CommandError
from fluxapps.cli.fleet_file import FLEET_FILE, scalar, with_repository
from fluxapps.cli.problems import Finding, print_findings
from fluxapps.cli.screen import screen
from fluxapps.model import ConfigError, Problem, Severity, Sources, check, load, resolve
from fluxapps.model.problems import did_you_mean
from fluxapps.model.strict import DnsLabel

_APP_SCHEMA = "schemas/app.schema.json"
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NO_VERSION = ("no version of the chart was said", "one, or a range of them: --version 6.x")
_WITHOUT_VERSIONS = ("GitRepository", "Bucket")
"""Kinds of sources whose charts are taken as they lie there."""
_URL = re.compile(r"(https?|oci)://[^\s/]+\S*")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApp:
    """What a person says of a new app."""

    name: str
    chart: str
    repository: str
    version: str | None
    namespace: str | None
    group: str
    """Folder below ``apps/``; "" for none."""
    url: str | None
    """Where the repository is, when it is new too."""

    @property
    def folder(self) -> str:
        """Return its folder, from the repository's root."""
        return str(PurePosixPath("apps", self.group, self.name))


def add_app(root: Path, app: NewApp) -> None:
    """Write the folder of *app*, and its repository into fleet.yaml when that is new.

    Raises:
        CommandError: It is there already, it is named wrongly, its repository isn't known, or the files would have
            errors with it; nothing is written then.
    """
    try:
        sources = load(root)
    except ConfigError as error:
        print_findings(screen(stderr=True), [Finding(problem) for problem in error.problems], root)
        raise CommandError("no app was added: the files have problems already", "mend them first") from error
    _refuse_names(root, sources, app)
    url = _repository_url(sources, app)
    fleet = _fleet_with_repository(root, sources, app) if url is None else None
    files = {"app.yaml": _app_file(root, app), "values.yaml": _values_file(app, url or str(app.url))}
    before = {_sameness(problem) for problem in _problems(root)}
    with _written(root, app, files, fleet):
        new = [problem for problem in _problems(root) if _sameness(problem) not in before]
        # Warnings that somebody who isn't done yet can do nothing about are for `check`.
        print_findings(screen(stderr=True), [Finding(problem) for problem in new], root)
        if any(problem.severity is Severity.ERROR for problem in new):
            raise CommandError("no app was added: it would have the errors above")
    if fleet is not None:
        typer.echo(f"{os.path.relpath(root / FLEET_FILE)}: repository {app.repository} added")
    for name in files:
        typer.echo(f"{os.path.relpath(root / app.folder / name)}: written")


def _refuse_names(root: Path, sources: Sources, app: NewApp) -> None:
    for option, name in (("NAME", app.name), ("--namespace", app.namespace)):
        try:
            TypeAdapter(DnsLabel | None).validate_python(name)
        except ValidationError:
            rule = "at most 63 lower-case letters, digits and hyphens; a letter or digit first and last"
            raise CommandError(f"{option} '{name}' is not a name Kubernetes takes", rule) from None
    there = next((each for each in sources.apps if each.name == app.name), None)
    if there is not None:
        raise CommandError(
            f"there is an app '{app.name}' already, in {there.folder}",
            f"choose another name, or change {there.folder}/app.yaml",
        )
    parts = app.group.split("/") if app.group else []
    if not all(_GROUP.fullmatch(part) for part in parts):
        raise CommandError(
            f"--folder '{app.group}' is no folder below apps/", "say it like monitoring, or team/monitoring"
        )
    above = [f"apps/{'/'.join(parts[:length])}" for length in range(1, len(parts) + 1)]
    if inside := next((folder for folder in above if (root / folder / "app.yaml").exists()), None):
        raise CommandError(f"{inside} is an app, and apps don't nest", "choose another --folder")
    place = root / app.folder
    if os.path.lexists(place):
        raise CommandError(f"{app.folder} is there already", "choose another name, or remove it")
    if not place.resolve().is_relative_to(root.resolve()):
        raise CommandError(f"{app.folder} leads out of the repository", "choose another --folder")


def _repository_url(sources: Sources, app: NewApp) -> str | None:
    """Return where the repository of *app* is; None when it isn't known yet, and ``--url`` says it.

    Raises:
        CommandError: It isn't known and can't be added, or it is known as another one.
    """
    fleet = sources.fleet.value if sources.fleet is not None else None
    known: dict[str, Any] = {}
    for fields in (*(file.cluster for file in sources.stack_files.values()), fleet or {}):
        known |= fields.get("repositories") or {}
    if app.repository not in known:
        if app.url is None:
            listed = f"known are: {', '.join(sorted(known))}" if known else f"{FLEET_FILE} has none yet"
            near = did_you_mean(app.repository, known, otherwise=f"{listed};")
            raise CommandError(f"no repository '{app.repository}'", f"{near} To add it: --url https://… or oci://…")
        if not _URL.fullmatch(app.url):
            raise CommandError(f"--url '{app.url}' is no address of charts", "it begins with https:// or oci://")
        if app.version is None:
            raise CommandError(*_NO_VERSION)
        return None
    said = known[app.repository] or {}
    url = said if isinstance(said, str) else str(said.get("url", ""))
    pinned = isinstance(said, dict) and (said.get("kind") in _WITHOUT_VERSIONS or "ref" in said)
    if app.version is None and not pinned:
        raise CommandError(*_NO_VERSION)
    if app.url is not None and app.url.rstrip("/") != url.rstrip("/"):
        raise CommandError(f"repository '{app.repository}' is {url}", "leave out --url, or choose another name for it")
    return url


def _fleet_with_repository(root: Path, sources: Sources, app: NewApp) -> str:
    text = (root / FLEET_FILE).read_text("utf-8") if sources.fleet is not None else ""
    return with_repository(text, app.repository, str(app.url))


def _app_file(root: Path, app: NewApp) -> str:
    lines = []
    if (root / _APP_SCHEMA).is_file():
        lines.append(f"# yaml-language-server: $schema={os.path.relpath(_APP_SCHEMA, app.folder)}")
    fields = {
        "namespace": app.namespace,
        "chart": app.chart,
        "repository": app.repository,
        "version": app.version,
    }
    lines += [f"{key}: {scalar(value)}" for key, value in fields.items() if value is not None]
    return "".join(f"{line}\n" for line in lines)


def _values_file(app: NewApp, url: str) -> str:
    """Return a values.yaml that says nothing yet, but where to look up what there is to say."""
    chart = [f"{url.rstrip('/')}/{app.chart}"] if url.startswith("oci://") else [app.chart, "--repo", url]
    shown = shlex.join(["helm", "show", "values", *chart, *(["--version", app.version] if app.version else [])])
    if not url.startswith(("https://", "http://", "oci://")) or app.chart.startswith("./"):
        return f"# Values of the chart; its own values.yaml, in {url}, says what there is.\n"
    return f"# Values of the chart. What there is: {shown}\n"


def _problems(root: Path) -> list[Problem]:
    """Return what is wrong with the files at *root*, in any stack, each problem once."""
    try:
        sources = load(root)
    except ConfigError as error:
        return list(error.problems)
    found: dict[Problem, None] = {}
    for stack in sources.stacks:
        try:
            found |= dict.fromkeys(check(resolve(sources, stack)))
        except ConfigError as error:
            found |= dict.fromkeys(error.problems)
    return sorted(found, key=lambda problem: problem.order)


def _sameness(problem: Problem) -> tuple[str, str, str]:
    """Return what tells a problem from others, without its line: a new line above it moves it."""
    return problem.code, problem.file, problem.what


@contextmanager
def _written(root: Path, app: NewApp, files: dict[str, str], fleet: str | None) -> Iterator[None]:
    """Have *files* in the folder of *app* and *fleet* as fleet.yaml, and take all of it back when the block fails."""
    place = root / app.folder
    # Hidden folders are no apps: a killed run leaves nothing that counts.
    staged = place.with_name(f".{app.name}.part")
    made = [folder for folder in (place.parent, *place.parent.parents) if not folder.exists()]
    fleet_path = root / FLEET_FILE
    fleet_before = fleet_path.read_bytes() if fleet_path.exists() else None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        for name, text in files.items():
            (staged / name).write_text(text, "utf-8", newline="")
        if fleet is not None:
            _replace(fleet_path, fleet.encode())
        staged.rename(place)
        yield
    except BaseException:
        for folder in (staged, place):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in made:
            folder.rmdir()
        if fleet is not None and fleet_before is None:
            fleet_path.unlink(missing_ok=True)
        elif fleet is not None and fleet_before is not None:
            _replace(fleet_path, fleet_before)
        raise


def _replace(path: Path, content: bytes) -> None:
    staged = path.with_name(f".{path.name}.part")
    staged.write_bytes(content)
    staged.replace(path)
