"""The configuration reference, docs/reference.md, generated from the models: every key with its meaning."""

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from fluxapps.model.app import AppFields, Defaults, ReleaseFields
from fluxapps.model.cluster import ClusterFields, GitFields
from fluxapps.model.fleet import FleetFields, NamespaceFields, RepositoryFields
from fluxapps.model.flux_schema import FLUX_VERSION, known_fields

_PARTS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("app.yaml", "`apps/<app>/app.yaml`, once per app. A stack's `apps.<app>` says the same keys.", AppFields),
    ("app.yaml: releases.<name>", "One of several releases in an app. Its keys win over the app's.", ReleaseFields),
    ("fleet.yaml", "Once per repository: what apps share.", FleetFields),
    (
        "fleet.yaml: repositories.<name>",
        "A source of charts. It takes every field of its kind's spec.",
        RepositoryFields,
    ),
    ("fleet.yaml: namespaces.<name>", "What a namespace has beside its name.", NamespaceFields),
    ("fleet.yaml: defaults", "What apps have in common; the lowest layer but for our own defaults.", Defaults),
    (
        "Pulumi.<stack>.yaml: <project>:cluster",
        "One cluster. `repositories`, `namespaces` and `defaults` are laid over fleet.yaml's.",
        ClusterFields,
    ),
    (
        "Pulumi.<stack>.yaml: git",
        "Where Flux reads this repository. It takes every field of a GitRepository's spec.",
        GitFields,
    ),
)

_FLUX_KINDS = {
    "release": "HelmRelease",
    "kustomization": "Kustomization",
    "repositories.<name>": "HelmRepository",
    "repositories.<name>, kind: OCIRepository": "OCIRepository",
    "repositories.<name>, kind: GitRepository; git": "GitRepository",
    "repositories.<name>, kind: Bucket": "Bucket",
}


def reference_markdown() -> str:
    """Return docs/reference.md."""
    lines = [
        "# Configuration reference",
        "",
        "Generated from the models by `make docs`. Keys are camelCase; an unknown one is an error.",
        "",
    ]
    for title, text, model in _PARTS:
        lines += [f"## {title}", "", text, "", *_table(model), ""]
    lines += [
        "## Flux's own fields",
        "",
        f"First-level fields of Flux {FLUX_VERSION}'s specs, where ours take them.",
        "",
    ]
    lines += ["| where | kind | fields |", "|---|---|---|"]
    for where, kind in _FLUX_KINDS.items():
        fields = ", ".join(f"`{name}`" for name in known_fields(kind, ("spec",)))
        lines.append(f"| `{where}` | {kind} | {fields} |")
    return "\n".join([*lines, ""])


def _table(model: type[BaseModel]) -> list[str]:
    lines = ["| key | what it takes | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        meaning = (field.description or "").replace("``", "`").replace("|", "\\|").replace("\n", " ")
        lines.append(f"| `{field.alias or name}` | {_kind(field.annotation)} | {meaning} |")
    return lines


def _kind(annotation: Any) -> str:  # noqa: PLR0911 - one line a shape
    """Return what a field takes, in a reader's words."""
    origin, arguments = get_origin(annotation), [one for one in get_args(annotation) if one is not type(None)]
    if origin is Literal:
        return " or ".join(f"`{option}`" for option in arguments)
    if origin is list:
        return f"list of {_plural(_kind(arguments[0]))}"
    if origin is dict:
        return "map" if arguments[1] is Any else f"map of {_plural(_kind(arguments[1]))}"
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return "map"
        return {str: "string", bool: "`true` or `false`"}.get(annotation, annotation.__name__)
    if arguments and get_args(annotation):
        named = dict.fromkeys(_kind(one) for one in arguments if not _is_constraint(one))
        return " or ".join(named)
    return "string"


def _is_constraint(argument: Any) -> bool:
    """Return whether *argument* is what Annotated adds to a type, not a type."""
    return not isinstance(argument, type) and get_origin(argument) is None


def _plural(kind: str) -> str:
    return f"{kind}s" if kind in ("string", "map") else kind
