"""A repository's files, as loading finds them."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fluxapps.model.problems import Problem
from fluxapps.model.yaml_file import FieldPath, YamlFile, read_yaml

APPS = "apps"
BOOTSTRAP = "bootstrap"
YAML_ENDINGS = (".yaml", ".yml")
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A file in an app's folder (or in ``bootstrap/``) that Flux reads, or that a kustomization.yaml there names."""

    file: str
    """Path from the repository's root."""
    path: str
    """Path from the app's folder."""

    @property
    def is_yaml(self) -> bool:
        """Return whether Flux would read it as Kubernetes YAML."""
        return self.path.endswith(YAML_ENDINGS)

    @property
    def is_kustomization(self) -> bool:
        """Return whether it is a kustomization.yaml."""
        return self.path.rpartition("/")[2] in KUSTOMIZATION_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFolder:
    """One app's folder as it lies in the working tree."""

    folder: str
    """Path from the repository's root: ``apps/monitoring/grafana``."""
    file: YamlFile
    """Its app.yaml."""
    values: dict[tuple[str | None, str | None], str]
    """Its values files, by release and layer (None: of all): path from the repository's root."""
    other: tuple[OtherFile, ...]
    """Everything else, below ``stacks/`` too, sorted by path."""

    @property
    def fields(self) -> dict[str, Any]:
        """Return what app.yaml says."""
        return self.file.value or {}

    @property
    def name(self) -> str:
        """Return the app's name."""
        return self.fields.get("name") or self.folder.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFile:
    """``Pulumi.<stack>.yaml``."""

    stack: str
    file: YamlFile
    cluster: dict[str, Any]
    """What stands under ``<project>:cluster``."""
    prefix: FieldPath
    """Where that stands in the file."""


@dataclass(kw_only=True)
class Sources:
    """A repository's files; values files and other YAML are read when a stack asks for them."""

    root: Path
    project: str
    fleet: YamlFile | None
    """fleet.yaml; None where there is none."""
    stack_files: dict[str, StackFile]
    apps: tuple[AppFolder, ...]
    """Sorted by folder."""
    bootstrap: tuple[OtherFile, ...]
    """YAML of no app, below ``bootstrap/``."""
    problems: tuple[Problem, ...] = ()
    """Warnings found while loading."""
    _read: dict[str, YamlFile] = field(default_factory=dict)

    @property
    def stacks(self) -> tuple[str, ...]:
        """Return the names of the stacks, sorted."""
        return tuple(sorted(self.stack_files))

    @cached_property
    def environments(self) -> frozenset[str]:
        """Return every environment that a stack names."""
        named = (file.cluster.get("environment") for file in self.stack_files.values())
        return frozenset(name for name in named if isinstance(name, str))

    def read(self, file: str) -> YamlFile:
        """Return *file* (a path from the root), read once.

        Raises:
            ConfigError: It isn't YAML as Flux reads it.
        """
        if file not in self._read:
            self._read[file] = read_yaml(self.root, file)
        return self._read[file]

    def keep(self, read: YamlFile) -> None:
        """Take *read* for its file: who has parsed that very text needn't have it parsed again."""
        self._read[read.file] = read


def normalized(folder: str, path: str) -> str | None:
    """Return where *path*, said in *folder*, leads to, from the root; None where it leads out of it."""
    parts = folder.split("/") if folder else []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
