"""Which cluster a stack means: a context by name, never the current one, found the same way on every machine."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from fluxapps.model.problems import ConfigError, Problem, did_you_mean
from fluxapps.model.resolved import Fleet, place

KUBECONFIG_OVERRIDE = "FLUXAPPS_KUBECONFIG"
"""Environment variable that takes the place of ``kubeconfig`` in the stack's file: how ``make up`` points a stack at
the local cluster without touching a committed file. A relative path counts from the repository's root."""
CONTEXT_OVERRIDE = "FLUXAPPS_CONTEXT"
"""Environment variable that takes the place of ``context`` in the stack's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChoice:
    """A context, and the kubeconfig files it stands in."""

    context: str
    files: tuple[Path, ...]
    """As kubectl merges them: of two entries with one name, the first file's counts."""
    kubeconfig: str | None
    """What the provider is told, and the state keeps: a path from the repository's root. None: the provider looks where
    kubectl does, so that two machines whose kubeconfigs lie in different places don't differ in the state."""

    @property
    def flags(self) -> str:
        """Return the flags by which kubectl and flux talk to this cluster."""
        return f"--context={self.context}" + (f" --kubeconfig={self.kubeconfig}" if self.kubeconfig else "")


def choose_cluster(fleet: Fleet, environ: Mapping[str, str]) -> ClusterChoice:
    """Return the cluster that *fleet*'s stack is for.

    Args:
        fleet: The stack, resolved.
        environ: Environment variables: our two overrides, ``KUBECONFIG`` and ``HOME``.

    Raises:
        ConfigError: No context is named and none is the only one, or the named one isn't there.
    """
    root = fleet.sources.root
    said = environ.get(KUBECONFIG_OVERRIDE) or fleet.cluster.kubeconfig
    files = (root / said,) if said else _usual_files(environ)
    contexts = _contexts(fleet, files, said is not None)
    context = environ.get(CONTEXT_OVERRIDE) or fleet.cluster.context
    if context is None:
        # One file with one context leaves no choice; more than one may be anybody's.
        if said is None or len(contexts) != 1:
            raise ConfigError([_no_context(fleet, contexts, said)])
        context = contexts[0]
    if context not in contexts:
        raise ConfigError([_unknown_context(fleet, context, contexts, files, environ)])
    return ClusterChoice(context=context, files=files, kubeconfig=_portable(root, said) if said else None)


def kept_cluster(root: Path, context: str, kubeconfig: str | None, environ: Mapping[str, str]) -> ClusterChoice:
    """Return the cluster that a stack's state names: *context* and *kubeconfig* as the provider was told them."""
    files = (root / kubeconfig,) if kubeconfig else _usual_files(environ)
    return ClusterChoice(context=context, files=files, kubeconfig=kubeconfig)


def _usual_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    listed = [Path(path) for path in environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    return tuple(listed) or (Path(environ.get("HOME") or Path.home()) / ".kube" / "config",)


def _contexts(fleet: Fleet, files: Sequence[Path], said: bool) -> list[str]:
    """Return the names of the contexts in *files*; files of ``$KUBECONFIG`` that aren't there don't count."""
    names: dict[str, None] = {}
    for file in files:
        try:
            content = yaml.safe_load(file.read_text("utf-8"))
        except FileNotFoundError:
            if said:
                what = f"there is no kubeconfig {_portable(fleet.sources.root, str(file))}"
                raise ConfigError(
                    [_problem(fleet, "no-kubeconfig", "kubeconfig", what, "name a file that is there")]
                ) from None
            continue
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
            what = f"the kubeconfig {file} can't be read: {exc}"
            raise ConfigError([_problem(fleet, "no-kubeconfig", "kubeconfig", what, "mend the file")]) from exc
        entries = content.get("contexts") if isinstance(content, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                names[entry["name"]] = None
    return list(names)


def _portable(root: Path, path: str) -> str:
    """Return *path* from *root* where it lies below it: the same on every machine."""
    # Folders may be links to one another; a file that is a link keeps its name.
    whole, base = (root / path).parent.resolve() / Path(path).name, root.resolve()
    if whole.is_relative_to(base):
        return whole.relative_to(base).as_posix()
    return path


def _no_context(fleet: Fleet, contexts: Sequence[str], said: str | None) -> Problem:
    where = f"{said} has" if said else "your kubeconfig has"
    return _problem(
        fleet,
        "no-context",
        "context",
        "no context is named, and the current one is never used",
        f"say `context:` under {fleet.project}:cluster; {where}: {', '.join(contexts) or 'none'}",
    )


def _unknown_context(
    fleet: Fleet, context: str, contexts: Sequence[str], files: Sequence[Path], environ: Mapping[str, str]
) -> Problem:
    shown = ", ".join(_portable(fleet.sources.root, str(file)) for file in files)
    what = f"there is no context '{context}' in {shown}"
    if environ.get(CONTEXT_OVERRIDE):
        what += f" (named by ${CONTEXT_OVERRIDE})"
    there_are = f"there are: {', '.join(contexts)}" if contexts else "there is none at all"
    return _problem(fleet, "unknown-context", "context", what, did_you_mean(context, contexts, otherwise=there_are))


def _problem(fleet: Fleet, code: str, field: str, what: str, fix: str) -> Problem:
    return Problem(code=code, what=what, fix=fix, **place(fleet.origin(field), f"Pulumi.{fleet.stack}.yaml"))
