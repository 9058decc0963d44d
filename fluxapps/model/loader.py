"""Load: every file of a repository that its stacks are made of, with what is wrong in each.

The layout is ``apps/**/<app>/app.yaml`` with values files and other YAML beside it, ``fleet.yaml``, ``Pulumi.yaml``,
``Pulumi.<stack>.yaml``, and YAML of no app in ``bootstrap/``. What lies where it means nothing is an error.
"""

import os
import re
from pathlib import Path
from typing import Any

from fluxapps.model.app import AppFields
from fluxapps.model.cluster import ClusterFields
from fluxapps.model.collector import collector_paused
from fluxapps.model.fleet import FleetFields
from fluxapps.model.problems import ConfigError, Problem
from fluxapps.model.sources import APPS, BOOTSTRAP, YAML_ENDINGS, AppFolder, OtherFile, Sources, StackFile
from fluxapps.model.strict import dotted, kind_of, validate
from fluxapps.model.yaml_file import FieldPath, YamlFile, read_yaml

_HIDDEN = (".git", ".sops.yaml")
"""Hidden names that Flux's source leaves out."""
_DEEPEST = 50
"""Levels of folders."""
_VALUES = re.compile(r"values(?:-(?P<release>[^.]+))?(?:\.(?P<layer>.+))?\.yaml")
_STACK_FILE = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9._-]+)\.ya?ml")


@collector_paused
def load(root: Path) -> Sources:
    """Read the repository at *root*.

    Raises:
        ConfigError: With all that is wrong in Pulumi.yaml, fleet.yaml, the stacks' files, the app.yaml files, and with
            files that lie where they mean nothing.
    """
    loader = _Loader(root)
    sources = loader.sources()
    if any(problem.severity == "error" for problem in loader.problems):
        raise ConfigError(loader.problems)
    sources.problems = tuple(loader.problems)
    return sources


class _Loader:
    """Reads file by file and collects what is wrong."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []
        self.hidden: dict[str, dict[str, bool]] = {}
        """Hidden names by folder, each with whether it is a folder."""

    def sources(self) -> Sources:
        project = self._project()
        fleet = self._yaml("fleet.yaml") if os.path.lexists(self.root / "fleet.yaml") else None
        if fleet is not None:
            self._validate(FleetFields, fleet)
        if os.path.lexists(self.root / "fleet.yml"):
            self._add("misnamed-file", "fleet.yml is not read", "fleet.yml", fix="call it fleet.yaml")
        apps, bootstrap = self._apps(), tuple(self._files_below(BOOTSTRAP, BOOTSTRAP))
        return Sources(
            root=self.root,
            project=project,
            fleet=fleet,
            stack_files=self._stack_files(project),
            apps=tuple(sorted(apps, key=lambda app: app.folder)),
            bootstrap=tuple(sorted(bootstrap, key=lambda other: other.path)),
        )

    def _project(self) -> str:
        if not (self.root / "Pulumi.yaml").exists():
            self._add("no-project", "there is no Pulumi.yaml here", "Pulumi.yaml", fix="run from the repository's root")
            return ""
        file = self._yaml("Pulumi.yaml")
        name = file.value.get("name") if file is not None and isinstance(file.value, dict) else None
        if file is not None and not (isinstance(name, str) and name):
            self._add("no-project", "Pulumi.yaml has no project name", "Pulumi.yaml", fix="add 'name: fluxapps'")
        return name if isinstance(name, str) else ""

    def _stack_files(self, project: str) -> dict[str, StackFile]:
        found = {}
        for entry in sorted(path.name for path in self.root.iterdir()):
            match = _STACK_FILE.fullmatch(entry)
            if match is None or (file := self._yaml(entry)) is None:
                continue
            stack, prefix = match["stack"], ("config", f"{project}:cluster")
            config = file.value.get("config") if isinstance(file.value, dict) else None
            cluster = config.get(prefix[1]) if isinstance(config, dict) else None
            if isinstance(cluster, dict) and "secure" in cluster:
                self._add(
                    "secret-in-cluster",
                    f"'{prefix[1]}' is encrypted",
                    entry,
                    file,
                    (*prefix, "secure"),
                    fix="no secret stands under 'cluster'; give secrets config keys of their own",
                )
                cluster = None
            if cluster is not None:
                self._validate(ClusterFields, file, cluster, prefix)
                self._refuse_secrets(file, cluster, prefix)
            found[stack] = StackFile(
                stack=stack, file=file, cluster=cluster if isinstance(cluster, dict) else {}, prefix=prefix
            )
        return found

    def _refuse_secrets(self, file: YamlFile, data: Any, prefix: FieldPath) -> None:
        below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
        for key, value in below:
            if isinstance(value, dict) and set(value) == {"secure"}:
                self._add(
                    "secret-in-cluster",
                    f"'{key}' is a Pulumi secret",
                    file.file,
                    file,
                    (*prefix, key),
                    fix="no secret stands under 'cluster'; give secrets config keys of their own",
                )
            else:
                self._refuse_secrets(file, value, (*prefix, key))

    def _apps(self) -> list[AppFolder]:
        apps: list[AppFolder] = []
        if (self.root / APPS).is_dir():
            self._walk(APPS, apps)
        return apps

    def _walk(self, folder: str, apps: list[AppFolder]) -> None:
        """Walk grouping folders down to the apps; what lies in a grouping folder means nothing, so it is an error."""
        entries = self._entries(folder)
        if "app.yaml" in entries:
            self._app(folder, entries, apps)
            return
        folders = [name for name, is_folder in entries.items() if is_folder]
        for name in folders:
            self._walk(f"{folder}/{name}", apps)
        if folders or folder == APPS or "app.yml" in entries:
            for name in entries:
                if name.endswith(YAML_ENDINGS):
                    self._stray(folder, name)
        else:
            self._add(
                "no-app-file",
                f"{folder}/ has no app.yaml",
                folder,
                fix="add an app.yaml (an empty one is an app of plain YAML), or remove the folder",
            )

    def _stray(self, folder: str, name: str) -> None:
        if name == "app.yml":
            self._add("misnamed-file", "app.yml is not read", f"{folder}/{name}", fix="call it app.yaml")
        elif _VALUES.fullmatch(name):
            self._add("stray-values", f"{name} stands beside no app.yaml", f"{folder}/{name}", fix="add an app.yaml")
        else:
            self._add(
                "stray-yaml",
                f"{name} lies in a folder that only groups apps, where Flux doesn't read it",
                f"{folder}/{name}",
                fix="move it into an app's folder, or add an app.yaml beside it",
            )

    def _app(self, folder: str, entries: dict[str, bool], apps: list[AppFolder]) -> None:
        values: dict[tuple[str | None, str | None], str] = {}
        other: list[OtherFile] = []
        self._refuse_hidden(folder)
        for name, is_folder in entries.items():
            if is_folder:
                other += self._files_below(f"{folder}/{name}", folder, in_app=True)
            elif match := _VALUES.fullmatch(name):
                values[match["release"], match["layer"]] = f"{folder}/{name}"
            elif name in ("values.yml", "app.yml"):
                fix = f"call it {name.replace('.yml', '.yaml')}"
                self._add("misnamed-file", f"{name} is not read as ours, but by Flux", f"{folder}/{name}", fix=fix)
            elif name != "app.yaml":
                other.append(OtherFile(f"{folder}/{name}", name))
        file = self._yaml(f"{folder}/app.yaml")
        if file is None or not self._validate(AppFields, file):
            return
        apps.append(
            AppFolder(folder=folder, file=file, values=values, other=tuple(sorted(other, key=lambda one: one.path)))
        )

    def _files_below(self, folder: str, top: str, *, in_app: bool = False) -> list[OtherFile]:
        found: list[OtherFile] = []
        if not (self.root / folder).is_dir():
            return found
        entries = self._entries(folder)
        self._refuse_hidden(folder)
        for name, is_folder in entries.items():
            path = f"{folder}/{name}"
            if is_folder:
                found += self._files_below(path, top, in_app=in_app)
            elif in_app and name == "app.yaml":
                self._add(
                    "nested-app",
                    f"an app inside the app {top}",
                    path,
                    fix=f"move {folder}/ out of {top}/ (apps don't nest)",
                )
            elif in_app and _VALUES.fullmatch(name):
                self._add(
                    "stray-values",
                    f"{name} stands beside no app.yaml, and Flux's source leaves it out",
                    path,
                    fix="call it otherwise, or move it beside app.yaml",
                )
            else:
                found.append(OtherFile(path, path.removeprefix(f"{top}/")))
        return found

    def _refuse_hidden(self, folder: str) -> None:
        """Say which hidden YAML lies in *folder*, one that Flux reads and whose entries have been read."""
        for name, is_folder in self.hidden.pop(folder, {}).items():
            path = f"{folder}/{name}"
            if is_folder:
                self._refuse_yaml(path)
            elif name.endswith(YAML_ENDINGS):
                self._hidden_yaml(path)

    def _refuse_yaml(self, folder: str) -> None:
        """Say which YAML lies below *folder*, a hidden one or one in it."""
        for name, is_folder in self._entries(folder).items():
            if is_folder:
                self._refuse_yaml(f"{folder}/{name}")
            elif name.endswith(YAML_ENDINGS):
                self._hidden_yaml(f"{folder}/{name}")
        self._refuse_hidden(folder)

    def _hidden_yaml(self, path: str) -> None:
        # kustomize-controller walks hidden folders like any other, source-controller packs them.
        what = "Flux applies this hidden file, and fluxapps neither checks nor renders hidden ones"
        self._add("hidden-yaml", what, path, fix="give it, and the folder it is in, a name without a dot before it")

    def _entries(self, folder: str) -> dict[str, bool]:
        """Return the names in *folder*, sorted, each with whether it is a folder.

        Left out: hidden ones, which are kept aside, and links that lead nowhere, out of the repository, or to a folder.
        """
        found: dict[str, bool] = {}
        if folder.count("/") > _DEEPEST:
            self._add("too-deep", f"folders nest more than {_DEEPEST} levels deep", folder, fix="move them up")
            return found
        if (self.root / folder).is_symlink() and self._is_bad_link(folder):
            return found
        try:
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}"
                    if entry.name.startswith("."):
                        if entry.name not in _HIDDEN and not entry.is_symlink():
                            self.hidden.setdefault(folder, {})[entry.name] = entry.is_dir()
                    elif not (entry.is_symlink() and self._is_bad_link(path)):
                        found[entry.name] = entry.is_dir()
        except OSError as error:
            what = f"it can't be read: {(error.strerror or str(error)).lower()}"
            self._add("not-readable", what, folder, fix="check that it may be read")
        return dict(sorted(found.items()))

    def _is_bad_link(self, path: str) -> bool:
        """Return whether *path*, a link, leads to something that isn't read, after saying so."""
        # Path.resolve raises where links go round.
        real = Path(os.path.realpath(self.root / path))
        name = path.rpartition("/")[2]
        if not real.is_relative_to(os.path.realpath(self.root)):
            fix = "put the file itself there: Flux doesn't follow such links"
            self._add("symlink-outside", f"{name} is a link out of the repository", path, fix=fix)
        elif real.is_dir():
            self._add("symlink-folder", f"{name} is a link to a folder", path, fix="put the folder itself there")
        elif not real.is_file():
            self._add("not-readable", f"{name} is a link to nothing", path, fix="put the file itself there")
        else:
            return False
        return True

    def _yaml(self, file: str) -> YamlFile | None:
        try:
            read = read_yaml(self.root, file)
        except ConfigError as error:
            self.problems += error.problems
            return None
        if len(read.documents) > 1:
            self._add(
                "several-documents",
                f"{file} has {len(read.documents)} documents",
                file,
                fix="keep one; remove the lines with ---",
                line=read.documents[1].line,
            )
            return None
        return read

    def _validate(self, model: type[Any], file: YamlFile, data: Any = None, prefix: FieldPath = ()) -> bool:
        data = file.value if data is None else data
        if data is None:
            return True
        if not isinstance(data, dict):
            what = f"{dotted(prefix) or file.file} is {kind_of(data)}, but a map is wanted"
            self._add("wrong-type", what, file.file, file, prefix, fix="write name: value lines")
            return False
        found = validate(model, data, file, prefix)
        self.problems += found
        return not found

    def _add(  # noqa: PLR0913 - what a problem says
        self,
        code: str,
        what: str,
        name: str,
        file: YamlFile | None = None,
        path: FieldPath = (),
        *,
        fix: str = "",
        line: int | None = None,
    ) -> None:
        position = file.position(path) if file is not None else None
        self.problems.append(
            Problem(
                code=code,
                what=what,
                file=name,
                fix=fix,
                line=position.line if position else line,
                column=position.column if position else None,
            )
        )
