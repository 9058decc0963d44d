"""The provider's settings: what `Configure` is given, the environment variables behind it, and what a change means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fluxapps.devcluster.standins.kubernetes_provider.properties import Unknown, has_unknown, revealed

# Environment variables that speak where the provider's arguments are silent.
VARIABLES = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
}

Kubeconfig = dict[str, Any]


class SettingsError(Exception):
    """A setting cannot be used; the text is for the user."""


@dataclass(frozen=True)
class ClientLimits:
    """How hard the API server may be asked: `kubeClientSettings`."""

    qps: float = 50.0
    burst: int = 120
    timeout: float | None = None


@dataclass(frozen=True)
class Settings:
    """A provider's arguments, named as the real provider names them, in Python's spelling."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    enable_patch_force: bool = False
    upsert_existing_objects: bool = False
    enable_config_map_mutable: bool = False
    enable_secret_mutable: bool = False
    limits: ClientLimits = ClientLimits()


def settings(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Read a provider's arguments.

    Args:
        arguments: By the real provider's names; what isn't known is left alone, it may be a newer provider's.
        environ: Where the variables behind them are looked up.

    Returns:
        The settings.

    Raises:
        SettingsError: A setting that this stand-in has no way to honour, or one that isn't of its form.
    """
    # What is unknown, in a preview, is asked for again when it is known.
    given = {key: revealed(value) for key, value in arguments.items() if not has_unknown(value)}

    def enabled(name: str, *, default: bool = False) -> bool:
        value = given.get(name)
        if value is None:
            value = environ.get(VARIABLES[name])
        return default if value is None else str(value).lower() == "true"

    if given.get("renderYamlToDirectory"):
        raise SettingsError("renderYamlToDirectory: this stand-in of the Kubernetes provider renders no YAML")
    if not enabled("enableServerSideApply", default=True):
        raise SettingsError("enableServerSideApply=false: this stand-in knows server-side apply only")
    kubeconfig = given.get("kubeconfig")
    return Settings(
        kubeconfig=kubeconfig if isinstance(kubeconfig, str) else json.dumps(kubeconfig) if kubeconfig else "",
        context=str(given.get("context") or ""),
        cluster=str(given.get("cluster") or ""),
        namespace=str(given.get("namespace") or ""),
        delete_unreachable=enabled("deleteUnreachable"),
        skip_update_unreachable=enabled("skipUpdateUnreachable"),
        enable_patch_force=enabled("enablePatchForce"),
        upsert_existing_objects=enabled("upsertExistingObjects"),
        enable_config_map_mutable=enabled("enableConfigMapMutable"),
        enable_secret_mutable=enabled("enableSecretMutable"),
        limits=_limits(given.get("kubeClientSettings"), environ),
    )


def _limits(given: Any, environ: Mapping[str, str]) -> ClientLimits:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except json.JSONDecodeError as error:
            raise SettingsError(f"failed to unmarshal kubeClientSettings option: {error}") from error
    values = given if isinstance(given, dict) else {}

    def number(name: str) -> float | None:
        value = values.get(name)
        if value is None:
            value = environ.get(f"PULUMI_K8S_CLIENT_{name.upper()}") or None
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"kubeClientSettings.{name}: {value!r} is no number") from error

    default = ClientLimits()
    return ClientLimits(
        qps=number("qps") or default.qps, burst=int(number("burst") or default.burst), timeout=number("timeout")
    )


def parse_kubeconfig(path_or_content: str) -> Kubeconfig:
    """Read a kubeconfig given as a path (with `~`) or as its text.

    Raises:
        SettingsError: It is neither a readable file nor a kubeconfig.
    """
    if not path_or_content:
        return {}
    text = path_or_content
    try:
        if "\n" not in text and (file := Path(text).expanduser()).is_file():
            text = file.read_text("utf-8")
        parsed = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"failed to parse kubeconfig: {error}") from error
    if not isinstance(parsed, dict):
        raise SettingsError("failed to parse kubeconfig: it is neither a file that exists nor the text of a kubeconfig")
    return parsed


def entry(kubeconfig: Kubeconfig, kind: str, name: str) -> dict[str, Any] | None:
    """Find the entry *name* in one of a kubeconfig's lists: `contexts`, `clusters`, `users`."""
    for each in kubeconfig.get(kind) or ():
        if isinstance(each, dict) and each.get("name") == name:
            found = each.get(kind.removesuffix("s"))
            return found if isinstance(found, dict) else None
    return None


def active_cluster(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Find the cluster entry that a provider's arguments lead to; `None` when they lead nowhere.

    Raises:
        SettingsError: The kubeconfig cannot be read.
    """
    given = arguments.get("kubeconfig")
    kubeconfig = parse_kubeconfig(given if isinstance(given, str) else json.dumps(given) if given else "")
    context = entry(kubeconfig, "contexts", arguments.get("context") or kubeconfig.get("current-context") or "")
    if context is None:
        return None
    return entry(kubeconfig, "clusters", arguments.get("cluster") or context.get("cluster") or "")


def diff_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Compare a provider's arguments with those of the last update.

    Returns:
        The changed arguments, and those of them for which the provider, and with it every object, is replaced: a
        changed `clusterIdentifier`; or, when none is set, whatever moved the active cluster.

    Raises:
        SettingsError: A kubeconfig cannot be read.
    """
    old, new = revealed(dict(old)), revealed(dict(new))
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    replaces = []
    identifier = "clusterIdentifier"
    if identifier in changed and old.get(identifier) is not None and new.get(identifier) is not None:
        replaces.append(identifier)
    kept = new.get(identifier) is not None and identifier not in changed
    for key in ("kubeconfig", "context", "cluster"):
        if isinstance(new.get(key), Unknown):
            # It may be another cluster, so it is taken for one.
            return ([key], [] if kept else [*replaces, key]) if changed else ([], [])
    if not changed:
        return [], []
    if "renderYamlToDirectory" in changed:
        replaces.append("renderYamlToDirectory")
    before, after = active_cluster(old), active_cluster(new)
    if before is not None and after is not None and before != after:
        replaces += [key for key in ("kubeconfig", "context", "cluster") if key in changed]
    return changed, [] if kept else replaces
