"""Several clusters in one repository: what they share stands in the apps' files, the rest in each stack's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fluxapps.importing.comparison import same
from fluxapps.importing.said import AppSaid, StackSaid, Values
from fluxapps.model.yaml_text import dump_yaml

_NOT_SAID: Final = "\0"
_OF_A_RELEASE: Final = ("chart", "repository", "version", "valuesIn", "valuesName", "valuesFrom", "release")


@dataclass(slots=True, eq=False)
class Layered:
    """What stacks share, and what each says beyond that."""

    repositories: dict[str, Any] = field(default_factory=dict)
    namespaces: dict[str, Any] = field(default_factory=dict)
    apps: dict[str, AppSaid] = field(default_factory=dict)
    bootstrap: dict[str, bytes] = field(default_factory=dict)
    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By stack: ``repositories``, ``namespaces`` and ``apps`` of its file."""


def layered(stacks: Sequence[StackSaid]) -> Layered:
    """Return *stacks*, whose apps are shortened already, layer by layer."""
    found = Layered(own={stack.name: {"repositories": {}, "namespaces": {}, "apps": {}} for stack in stacks})
    for part in ("repositories", "namespaces"):
        shared: dict[str, Any] = getattr(found, part)
        for key in dict.fromkeys(key for stack in stacks for key in getattr(stack, part)):
            said = [getattr(stack, part).get(key, _NOT_SAID) for stack in stacks]
            if all(same(one, said[0]) for one in said):
                shared[key] = said[0]
            else:
                for stack in stacks:
                    if key in getattr(stack, part):
                        found.own[stack.name][part][key] = getattr(stack, part)[key]
    found.bootstrap = stacks[0].bootstrap
    for name in dict.fromkeys(name for stack in stacks for name in stack.apps):
        _app(found, name, stacks)
    return found


def share_bootstrap(stacks: Sequence[StackSaid]) -> None:
    """Leave in each stack's ``bootstrap`` what all have alike; what one has alone becomes an app of that stack."""
    alike: dict[str, bytes] = {}
    for path in dict.fromkeys(path for stack in stacks for path in stack.bootstrap):
        contents = [stack.bootstrap.get(path) for stack in stacks]
        if len(set(contents)) == 1 and contents[0] is not None:
            alike[path] = contents[0]
            continue
        for stack in stacks:
            if path in stack.bootstrap:
                name = f"{stack.name}-bootstrap"
                app = stack.apps.setdefault(name, AppSaid(name=name, fields={"kustomization": _kustomization(stack)}))
                app.other[path] = stack.bootstrap[path]
    for stack in stacks:
        stack.bootstrap = alike


def _kustomization(stack: StackSaid) -> dict[str, Any]:
    said = {"interval": "10m", "prune": True, **(stack.git.get("kustomization") or {})}
    return {key: value for key, value in said.items() if value is not None and key != "metadata"}


def _app(found: Layered, name: str, stacks: Sequence[StackSaid]) -> None:
    having = [stack for stack in stacks if name in stack.apps]
    apps = {stack.name: stack.apps[name] for stack in having}
    if len({"releases" in app.fields for app in apps.values()}) > 1:
        for app in apps.values():
            _as_releases(app)
    shared = AppSaid(name=name, fields=common([app.fields for app in apps.values()]))
    shared.documents = next(iter(apps.values())).documents
    for stack in having:
        if over := beyond_common(shared.fields, apps[stack.name].fields):
            found.own[stack.name]["apps"][name] = over
    if not any(app.enabled for app in apps.values()):
        shared.enabled = False
    elif len(having) < len(stacks):
        shared.enabled = False
        for stack in having:
            found.own[stack.name]["apps"][name] = {"enabled": True, **found.own[stack.name]["apps"].get(name, {})}
    _values(shared, apps)
    _other(shared, apps)
    found.apps[name] = shared


def _as_releases(app: AppSaid) -> None:
    if "releases" in app.fields or "chart" not in app.fields:
        return
    release = {key: app.fields.pop(key) for key in _OF_A_RELEASE if key in app.fields}
    app.fields["releases"] = {app.name: release}
    if None in app.values:
        app.values[app.name] = app.values.pop(None)


def common(said: Sequence[Any]) -> dict[str, Any]:
    """Return what all maps of *said* say alike."""
    first, *others = said
    found: dict[str, Any] = {}
    for key, value in first.items():
        if not all(key in other for other in others):
            continue
        values = [value, *(other[key] for other in others)]
        if all(isinstance(one, dict) for one in values):
            inner = common(values)
            if inner or all(not one for one in values):
                found[key] = inner
        elif all(same(one, value) for one in values):
            found[key] = value
    return found


def beyond_common(shared: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Return what *fields* say that *shared*, a part of them, doesn't."""
    over: dict[str, Any] = {}
    for key, value in fields.items():
        if key not in shared:
            over[key] = value
        elif isinstance(value, dict) and isinstance(shared[key], dict) and (inner := beyond_common(shared[key], value)):
            over[key] = inner
    return over


def _values(shared: AppSaid, apps: dict[str, AppSaid]) -> None:
    for key in dict.fromkeys(key for app in apps.values() for key in app.values):
        said = {stack: app.values.get(key) for stack, app in apps.items()}
        there = [one for one in said.values() if one is not None]
        if len(there) == len(apps) and all(same(one.value, there[0].value) for one in there):
            shared.values[key] = there[0]
            continue
        base = common([one.value for one in there]) if len(there) == len(apps) else {}
        if base:
            shared.values[key] = next((one for one in there if same(one.value, base)), Values(dump_yaml(base), base))
        for stack, one in said.items():
            if one is not None:
                over = beyond_common(base, one.value)
                text = one.text if not base else dump_yaml(over)
                if over:
                    shared.layers[key, stack] = Values(text, over)


def _other(shared: AppSaid, apps: dict[str, AppSaid]) -> None:
    paths = dict.fromkeys(path for app in apps.values() for path in app.other)
    alike = {path for path in paths if len({app.other.get(path) for app in apps.values()}) == 1}
    # A kustomization.yaml at the top would hide what stands in stacks/.
    if len(alike) < len(paths) and "kustomization.yaml" in paths:
        alike = set()
    for path in paths:
        if path in alike:
            shared.other[path] = next(app.other[path] for app in apps.values())
        else:
            for stack, app in apps.items():
                if path in app.other:
                    shared.other[f"stacks/{stack}/{path}"] = app.other[path]
