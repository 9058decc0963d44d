"""What a repository says, in our words: apps, sources, namespaces, a stack; still without common defaults."""

from dataclasses import dataclass, field
from typing import Any

from fluxapps.importing.original import Document
from fluxapps.model.objects import ObjectId
from fluxapps.model.problems import Problem
from fluxapps.model.yaml_file import YamlFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where what is written will live: what nobody can tell from the original."""

    url: str
    """Where Flux will read it."""
    is_new: bool = False
    """Whoever imports says so: elsewhere than the original, whatever that says."""
    context: str | None = None
    """The cluster's; None: each is called as its stack."""
    delivery: str = "git"


class CannotSayError(Exception):
    """An object says something that our files have no words for; the message says what."""


@dataclass(slots=True, eq=False)
class Values:
    """Values of one release."""

    text: str
    """As written, comments and all."""
    value: dict[str, Any]
    """What it means."""
    read: YamlFile | None = None
    """The text as it was parsed, where it was."""


@dataclass(slots=True, eq=False, kw_only=True)
class AppSaid:
    """One app."""

    name: str
    fields: dict[str, Any]
    """What its app.yaml says."""
    values: dict[str | None, Values] = field(default_factory=dict)
    """Of each release, by its key; None where the app is one release."""
    layers: dict[tuple[str | None, str], Values] = field(default_factory=dict)
    """Of each release, by its key and a stack: what that stack lays over the values."""
    other: dict[str, bytes] = field(default_factory=dict)
    """Files of other YAML, by path from the app's folder."""
    depends_on: dict[str | None, list[Any]] = field(default_factory=dict)
    """Of each release, by its key: what it depends on, as Flux spells it."""
    documents: list[Document] = field(default_factory=list)
    """What app.yaml says now, as it stood: for its comments."""
    identities: dict[str | None, ObjectId] = field(default_factory=dict)
    """Of its releases, by their keys."""
    moved: set[str | None] = field(default_factory=set)
    """Keys of releases whose values stood inline, and go through a ConfigMap: however that is called."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """An object that stays what it is, beside app files, and why."""

    object: str
    """``HelmRelease media/sonarr``."""
    file: str
    """Where it stood."""
    line: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Left:
    """An object that isn't in what is written, and why that is as it should be."""

    id: ObjectId
    file: str
    line: int | None
    why: str


@dataclass(slots=True, eq=False, kw_only=True)
class StackSaid:
    """One cluster."""

    name: str
    to: Destination
    git: dict[str, Any]
    """Of its file."""
    flux_namespace: str
    repositories: dict[str, Any] = field(default_factory=dict)
    namespaces: dict[str, Any] = field(default_factory=dict)
    apps: dict[str, AppSaid] = field(default_factory=dict)
    bootstrap: dict[str, bytes] = field(default_factory=dict)
    """Files of YAML of no app, by path from ``bootstrap/``."""
    kept: list[Kept] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    bootstrapped: list[Left] = field(default_factory=list)
    """Of those: what `flux bootstrap` made, and goes on with."""
    problems: list[Problem] = field(default_factory=list)
