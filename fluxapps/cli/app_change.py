"""What an operation of pulumi does to one app, out of all that it does to its objects, in words of Helm and Flux."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, unique
from typing import Any

from fluxapps.cli.pulumi_events import Step, name_of, type_of

RELEASE = "HelmRelease"
_SHOWN = 4
"""So many names make a line; more are counted."""
_SHORT_COMMIT = 10
_COMMIT = 40
_COMPONENT = "fluxapps:"
_PULUMIS = ("pulumi:pulumi:Stack", "pulumi:index:Stash", "pulumi:providers:")
"""Types of what pulumi itself needs: nothing of theirs is in the cluster."""
_REPLACEMENTS = frozenset(
    {"replace", "create-replacement", "delete-replaced", "import-replacement", "read-replacement"}
)
_UPGRADES = ("spec.chart", "spec.values", "spec.postRenderers", "spec.commonMetadata")
"""What of a release makes Helm upgrade it; begins of paths."""
_TOLD_IN_FULL = {
    "spec.chart.spec.version": "version",
    "spec.chart.spec.chart": "chart",
    "spec.chart.spec.sourceRef.name": "repository",
    "spec.ref.commit": "commit",
    "spec.ref.tag": "version",
    "spec.ref.semver": "version",
    "spec.url": "url",
    "spec.path": "path",
    "spec.interval": "interval",
}
"""Fields that a line shows before and after, by what they are called there."""


@unique
class Change(Enum):
    """What becomes of an app: its mark, the word for what is going to happen, and for what has; worst first."""

    REMOVED = ("-", "uninstall", "removed")
    REINSTALLED = ("±", "uninstall and install anew", "reinstalled")
    UPGRADED = ("~", "upgrade", "changed")
    CHANGED = ("~", "change", "changed")
    ADOPTED = ("=", "take over", "taken over")
    NEW = ("+", "install", "new")
    UNCHANGED = (" ", "leave", "unchanged")

    @property
    def mark(self) -> str:
        """One character."""
        return self.value[0]

    @property
    def planned(self) -> str:
        """What is to happen, as an order."""
        return self.value[1]

    @property
    def done(self) -> str:
        """What has happened."""
        return self.value[2]


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """What is told in one line: the objects of an app, or those of no app that are of one kind."""

    is_app: bool
    name: str


def group_of(step: Step) -> Group | None:
    """Return what *step* is told with; None for what pulumi itself needs."""
    if step.kind.startswith(_PULUMIS):
        return None
    component = step.urn if is_component(step) else step.parent
    kind = type_of(component).rpartition(":")[2]
    if kind == "FluxBootstrap":
        return Group(is_app=False, name="namespaces" if step.kind == "Namespace" else "repositories")
    if kind == "FluxSystem":
        return Group(is_app=False, name="system")
    is_app = type_of(component).startswith(_COMPONENT)
    return Group(is_app=is_app, name=name_of(component) if is_app else step.kind)


def is_component(step: Step) -> bool:
    """Return whether *step* is about what only holds others together."""
    return step.kind.startswith(_COMPONENT)


class GroupChange:
    """What becomes of one group, as far as it is known."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self._steps: dict[str, Step] = {}
        self._goes = False

    def add(self, step: Step) -> None:
        """Note *step*, a later one of the same object instead of an earlier one."""
        if is_component(step):
            self._goes = step.op == "delete"
            return
        before = self._steps.get(step.urn)
        # Some changes are several steps: what was replaced goes, what is taken over is brought up to date.
        if step.op != "delete-replaced" and (before is None or before.op != "import"):
            self._steps[step.urn] = step

    @property
    def change(self) -> Change:
        """What becomes of the whole: of an app, the worst of its releases."""
        everything = {_change_of(step) for step in self._steps.values()}
        if self.group.is_app:
            releases = {_change_of(step) for step in self._steps.values() if step.kind == RELEASE}
            worst = min(releases or everything, key=_severity, default=Change.UNCHANGED)
            stays = worst in {Change.REMOVED, Change.UNCHANGED} and not self._goes
            return Change.CHANGED if stays and everything != {Change.UNCHANGED} and everything else worst
        changes = everything - {Change.UNCHANGED}
        return Change.CHANGED if len(changes) > 1 else changes.pop() if changes else Change.UNCHANGED

    @property
    def uninstalled(self) -> list[str]:
        """The releases that Helm uninstalls, for good or to install them anew."""
        gone = {Change.REMOVED, Change.REINSTALLED}
        return [
            step.name
            for step in self._steps.values()
            if step.kind == RELEASE and not step.retained and _change_of(step) in gone
        ]

    @property
    def details(self) -> str:
        """What of it changes, in some words; "" where the change says it all."""
        if not self.group.is_app:
            return _listed(list(self._objects_of_no_app()))
        several = sum(step.kind == RELEASE for step in self._steps.values()) > 1
        whole = self.change
        words = (word for step in self._steps.values() for word in _details(step, whole, several=several))
        return _listed(list(dict.fromkeys(words)))

    def _objects_of_no_app(self) -> Iterator[str]:
        for step in self._steps.values():
            change = _change_of(step)
            if change is Change.UNCHANGED:
                continue
            stays = " (stays in the cluster)" if change is Change.REMOVED and step.retained else ""
            what = f": {', '.join(_fields(step))}" if change in {Change.CHANGED, Change.UPGRADED} else ""
            name = f"{step.kind} {step.name}" if self.group.name == "system" else _last(step.name)
            yield f"{change.mark}{name}{stays}{what}"


def _severity(change: Change) -> int:
    return list(Change).index(change)


def _change_of(step: Step) -> Change:  # noqa: PLR0911 - a table with conditions
    if step.op in _REPLACEMENTS:
        return Change.REINSTALLED if step.kind in {RELEASE, "Kustomization"} else Change.CHANGED
    match step.op:
        case "delete":
            return Change.REMOVED
        case "create":
            return Change.NEW
        case "import":
            return Change.ADOPTED
        case "update" if step.kind == RELEASE and any(path.startswith(_UPGRADES) for path in step.changed):
            return Change.UPGRADED
        case "update":
            return Change.CHANGED
        case _:
            return Change.UNCHANGED


def _details(step: Step, whole: Change, *, several: bool) -> Iterator[str]:
    change = _change_of(step)
    if change is Change.UNCHANGED:
        return
    if step.kind == RELEASE:
        yield from _of_release(step, change, whole, prefix=f"{_last(step.name)}: " if several else "")
    elif change in {Change.CHANGED, Change.REINSTALLED}:
        # The name of a ConfigMap has its content's digest: the release, which names it, says that values changed.
        if step.kind != "ConfigMap":
            yield from (f"{step.kind} {field}" for field in _fields(step))
    elif whole is Change.CHANGED:
        yield f"{change.mark}{step.kind} {_last(step.name)}"


def _of_release(step: Step, change: Change, whole: Change, *, prefix: str) -> Iterator[str]:
    if change is Change.REMOVED:
        mark = "" if whole is Change.REMOVED else change.mark
        yield f"{mark}release {step.name}" + (" (stays in the cluster)" if step.retained else "")
    elif change in {Change.NEW, Change.ADOPTED}:
        mark = "" if change is whole else change.mark
        yield prefix + mark + _chart(step.new)
    else:
        yield from (prefix + field for field in _fields(step))


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _fields(step: Step) -> list[str]:
    """Return what *step* changes: with what it was and is where that is short, else by its name."""
    return list(dict.fromkeys(_field(step, path) for path in step.changed))


def _field(step: Step, path: str) -> str:
    for field, name in _TOLD_IN_FULL.items():
        if path == field:
            before, after = _at(step.old, field), _at(step.new, field)
            return f"{name} {_short(before)} -> {_short(after)}" if before and after else name
    if path.startswith(("spec.values", "data")):
        return "values"
    if path.startswith("metadata."):
        return path.split(".")[1].partition("[")[0]
    return path.removeprefix("spec.").partition("[")[0]


def _short(value: object) -> str:
    text = str(value)
    return text[:_SHORT_COMMIT] if len(text) == _COMMIT else text


def _at(inputs: Mapping[str, Any], path: str) -> object:
    found: object = inputs
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _chart(inputs: Mapping[str, Any]) -> str:
    """Return the chart of a release and its version, or the source that names both."""
    spec = inputs.get("spec") or {}
    if (reference := spec.get("chartRef")) is not None:
        return f"{reference.get('kind')} {reference.get('name')}"
    chart = (spec.get("chart") or {}).get("spec") or {}
    return f"{chart.get('chart', '')} {chart.get('version', '')}".strip()


def _listed(words: list[str]) -> str:
    shown = ", ".join(words[:_SHOWN])
    return f"{shown} and {len(words) - _SHOWN} more" if len(words) > _SHOWN else shown
