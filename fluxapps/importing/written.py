"""The files of an imported repository: apps, fleet.yaml, the stacks; as short as they can be."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from fluxapps.importing.comments import Comment, comments_of, shared_comments, with_comments
from fluxapps.importing.defaults import beyond, common_fields, common_names
from fluxapps.importing.original import Original
from fluxapps.importing.said import AppSaid, StackSaid
from fluxapps.importing.stacks import Layered, layered, share_bootstrap
from fluxapps.model.app import RELEASE_PLACE
from fluxapps.model.sources import APPS, BOOTSTRAP
from fluxapps.model.yaml_text import dump_yaml

_ORDER: Final = (
    *("name", "enabled", "namespace", "chart", "repository", "version", "dependsOn", "valuesIn", "valuesName"),
    *("valuesFrom", "release", "kustomization", "releases"),
)
_FLOW_WIDTH: Final = 100
_FLOW_SAFE: Final = re.compile(r"[A-Za-z0-9_./$*^~<>=-][A-Za-z0-9_./$*^~<>=+@-]*")
_NO_VALUES_NAME: Final = "{release}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What apps have in common."""

    release: dict[str, Any]
    kustomization: dict[str, Any]
    source: dict[str, Any]
    values_in: str | None
    values_name: str | None

    def as_fields(self) -> dict[str, Any]:
        """Return what fleet.yaml says under ``defaults``."""
        said: dict[str, Any] = {"preset": "none"}
        shared = {
            "valuesIn": self.values_in,
            "valuesName": self.values_name,
            "source": self.source,
            "release": self.release,
            "kustomization": self.kustomization,
        }
        return said | {key: value for key, value in shared.items() if value}


def releases_of(fields: dict[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yield the releases that *fields* of an app say, by key; None where the app is one release."""
    if "releases" in fields:
        yield from fields["releases"].items()
    elif "chart" in fields:
        yield None, fields


def shared_defaults(stacks: Iterable[StackSaid]) -> Defaults:
    """Return what the apps of *stacks* have in common."""
    stacks = list(stacks)
    apps = [app for stack in stacks for app in stack.apps.values()]
    releases = [(app, key, one) for app in apps for key, one in releases_of(app.fields)]
    with_values = [(app, key, one) for app, key, one in releases if key in app.values]
    inline = sum(one.get("valuesIn") == "inline" for _, _, one in with_values)
    named = [(key or app.name, one["valuesName"]) for app, key, one in with_values if "valuesName" in one]
    sources = [_as_map(one) for stack in stacks for one in stack.repositories.values()]
    unnamed = sum(
        "valuesName" not in one and one.get("valuesIn") != "inline" and key not in app.moved
        for app, key, one in with_values
    )
    return Defaults(
        release=common_fields([one.get("release", {}) for _, _, one in releases]),
        kustomization=common_fields([app.fields.get("kustomization", {}) for app in apps]),
        source=common_fields([{k: v for k, v in one.items() if k not in ("url", "kind", "type")} for one in sources]),
        values_in="inline" if inline > 2 and 2 * inline > len(with_values) else None,  # noqa: PLR2004 - worth a line
        # An app whose ConfigMap has a name of its own making can't say so over a default.
        values_name=common_names(named) if not unnamed else None,
    )


def _as_map(source: Any) -> dict[str, Any]:
    return source if isinstance(source, dict) else {}


def app_files(app: AppSaid, comments: list[Comment]) -> dict[str, bytes]:
    """Return the files of *app*, whose fields are shortened, by path from its folder; *comments* are its own."""
    fields = dict(app.fields)
    if not app.enabled:
        fields["enabled"] = False
    files = {"app.yaml": with_comments(ordered_text(fields), comments).encode()}
    for key, values in app.values.items():
        files[_values_file(key)] = values.text.encode()
    for (key, stack), values in app.layers.items():
        files[_values_file(key, stack)] = values.text.encode()
    return files | app.other


def _values_file(key: str | None, layer: str | None = None) -> str:
    return f"values{f'-{key}' if key is not None else ''}{f'.{layer}' if layer is not None else ''}.yaml"


def shortened(fields: dict[str, Any], app: AppSaid, defaults: Defaults) -> None:
    """Take out of *fields*, *app*'s, what *defaults* say anyway."""
    kustomization = beyond(defaults.kustomization, fields.pop("kustomization", {}))
    if kustomization:
        fields["kustomization"] = kustomization
    if "releases" in fields:
        fields["releases"] = {
            key: _release(one, key, app.values.get(key) is not None, defaults)
            for key, one in fields["releases"].items()
        }
    elif "chart" in fields:
        shorter = _release(fields, app.name, app.values.get(None) is not None, defaults)
        fields.clear()
        fields |= shorter


def _release(fields: dict[str, Any], name: str, has_values: bool, defaults: Defaults) -> dict[str, Any]:
    said = dict(fields)
    release = beyond(defaults.release, said.pop("release", {}))
    if release:
        said["release"] = release
    if defaults.values_name and said.get("valuesName") == defaults.values_name.replace(RELEASE_PLACE, name):
        del said["valuesName"]
    if defaults.values_in == "inline":
        if said.get("valuesIn") == "inline":
            del said["valuesIn"]
        elif has_values:
            said["valuesIn"] = "configMap"
    return said


def fleet_text(said: Layered, defaults: Defaults, comments: list[Comment]) -> str:
    """Return the text of fleet.yaml; *comments* are those that many apps had."""
    fields: dict[str, Any] = {}
    if said.repositories:
        fields["repositories"] = dict(sorted(said.repositories.items()))
    if said.namespaces:
        fields["namespaces"] = dict(sorted(said.namespaces.items()))
    fields["defaults"] = defaults.as_fields()
    texts = {key: block({key: value}) for key, value in fields.items()}
    texts["defaults"] = with_comments(texts["defaults"], comments)
    return "".join(texts.values())


def source_fields(source: Any, defaults: Defaults) -> Any:
    """Return *source* without what *defaults* say anyway."""
    if not defaults.source:
        return source
    fields = source if isinstance(source, dict) else {"url": source, **({"type": "oci"} if _is_oci(source) else {})}
    shorter = beyond(defaults.source, fields)
    url = shorter.get("url")
    if isinstance(url, str) and shorter == {"url": url, **({"type": "oci"} if _is_oci(url) else {})}:
        return url
    return shorter


def _is_oci(url: Any) -> bool:
    return isinstance(url, str) and url.startswith("oci://")


def stack_text(stack: StackSaid, own: dict[str, Any], project: str) -> str:
    """Return the text of the stack's file; *own* is what it says beyond the others."""
    cluster: dict[str, Any] = {"context": stack.to.context or stack.name, "delivery": stack.to.delivery}
    if stack.flux_namespace != "flux-system":
        cluster["fluxNamespace"] = stack.flux_namespace
    cluster["git"] = stack.git
    cluster |= {key: value for key, value in own.items() if value}
    body = "".join(block({key: value}, "    ") for key, value in cluster.items())
    return f"config:\n  {project}:cluster:\n{body}"


def repository_files(original: Original, stacks: list[StackSaid], project: str) -> dict[str, bytes]:
    """Return all files of the imported repository, by path; *stacks* are shortened by it."""
    share_bootstrap(stacks)
    defaults = shared_defaults(stacks)
    for stack in stacks:
        stack.repositories = {key: source_fields(one, defaults) for key, one in stack.repositories.items()}
        for app in stack.apps.values():
            app.fields = dict(app.fields)
            shortened(app.fields, app, defaults)
    said = layered(stacks)
    comments = {name: comments_of(original, app.documents) for name, app in said.apps.items()}
    shared = shared_comments(comments.values())
    files: dict[str, bytes] = {"fleet.yaml": fleet_text(said, defaults, shared).encode()}
    for stack in stacks:
        files[f"Pulumi.{stack.name}.yaml"] = stack_text(stack, said.own[stack.name], project).encode()
    for name, app in said.apps.items():
        own = [one for one in comments[name] if one not in shared]
        files |= {f"{APPS}/{name}/{path}": content for path, content in app_files(app, own).items()}
    return files | {f"{BOOTSTRAP}/{path}": content for path, content in said.bootstrap.items()}


def ordered_text(fields: Mapping[str, Any]) -> str:
    """Return *fields* of an app as text, in the order in which people read them."""
    ranks = {key: rank for rank, key in enumerate(_ORDER)}
    return "".join(block({key: fields[key]}) for key in sorted(fields, key=lambda key: (ranks.get(key, 99), key)))


def block(fields: dict[str, Any], pad: str = "") -> str:
    """Return *fields* as lines, with maps and lists on one line where they fit there."""
    lines: list[str] = []
    for key, value in fields.items():
        _lines(lines, key, value, pad)
    return "".join(f"{line}\n" for line in lines)


def _lines(lines: list[str], key: str, value: Any, pad: str) -> None:
    name = _scalar(key)
    if isinstance(value, dict | list) and value:
        flow = _flow(value)
        if flow is not None and len(pad) + len(name) + len(flow) + 2 <= _FLOW_WIDTH and not _is_table(key, value):
            lines.append(f"{pad}{name}: {flow}")
        elif isinstance(value, dict):
            lines.append(f"{pad}{name}:")
            order = _release_order(value) if pad == "  " or key == "releases" else list(value)
            for inner in order:
                _lines(lines, inner, value[inner], f"{pad}  ")
        else:
            lines.append(f"{pad}{name}:")
            for item in value:
                _item(lines, item, f"{pad}  ")
        return
    text = dump_yaml({key: value})
    lines += [f"{pad}{line}" if line else "" for line in text.removesuffix("\n").split("\n")]


def _release_order(value: dict[str, Any]) -> list[str]:
    ranks = {key: rank for rank, key in enumerate(_ORDER)}
    return sorted(value, key=lambda key: ranks[key]) if value.keys() <= ranks.keys() else list(value)


def _is_table(key: str, value: Any) -> bool:
    """Return whether each entry of *value* deserves a line of its own."""
    return key in ("repositories", "namespaces", "releases", "defaults", "git") and isinstance(value, dict)


def _item(lines: list[str], item: Any, pad: str) -> None:
    flow = _flow(item)
    if flow is not None and len(pad) + len(flow) <= _FLOW_WIDTH:
        lines.append(f"{pad}- {flow}")
        return
    text = dump_yaml([item])
    lines += [f"{pad}{line}" if line else "" for line in text.removesuffix("\n").split("\n")]


def _flow(value: Any) -> str | None:
    """Return *value* on one line; None where it has text of several lines."""
    if isinstance(value, dict):
        parts = [(_scalar(key), _flow(below)) for key, below in value.items()]
        if any(below is None for _, below in parts):
            return None
        return "{" + ", ".join(f"{key}: {below}" for key, below in parts) + "}"
    if isinstance(value, list):
        items = [_flow(below) for below in value]
        return None if None in items else "[" + ", ".join(str(item) for item in items) + "]"
    if isinstance(value, str):
        return None if "\n" in value else _scalar(value)
    return dump_yaml(value).removesuffix("\n")


@lru_cache(1 << 12)
def _scalar(text: str) -> str:
    """Return *text* as it may stand between brackets."""
    plain = dump_yaml(text).removesuffix("\n")
    if plain == text and not _FLOW_SAFE.fullmatch(text) and set(text) & set("[]{},:#&*!|>'\"%@` "):
        if "://" in text and not set(text) & set("[]{}, #"):
            return text
        if set(text) & set("[]{},#&*!|>'\"%@`") or ": " in text or text.endswith(":"):
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return plain
