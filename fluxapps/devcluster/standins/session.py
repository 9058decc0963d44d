"""Find out which plugins a pulumi lacks, and run stand-ins of them for as long as they are needed."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

LANGUAGE = "the Python language host"
PROVIDER = "the Kubernetes provider"

# What a server may take to start on a machine that is busy.
START_SECONDS = 60.0
STOP_SECONDS = 10.0


class StandInError(Exception):
    """A stand-in did not start; the text is for the user."""


@dataclass(frozen=True)
class Plugins:
    """How pulumi is to be called so that it finds its plugins."""

    env: dict[str, str]
    """The whole environment for a pulumi process."""
    standins: tuple[str, ...]
    """What is stood in for; empty when the real ones are there."""


@dataclass(frozen=True)
class _StandIn:
    what: str
    variable: str
    key: str
    command: tuple[str, ...]


def missing(pulumi: Path, *, project: Path | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    """List the plugins that a pulumi would not find by itself, by this module's names.

    Looks where pulumi looks (sdk/go/common/workspace/plugins.go): what is attached already, Pulumi.yaml's `plugins`,
    PATH, beside the executable, and the plugin cache.

    Args:
        pulumi: The executable.
        project: The folder of Pulumi.yaml, when it is known.
        environ: The environment that pulumi would run in.
    """
    named = _project_plugins(project)
    lacking = []
    beside = pulumi.resolve().parent
    if not (
        _attached(environ, "PULUMI_DEBUG_LANGUAGES", "python")
        or ("languages", "python") in named
        or _on_path("pulumi-language-python", environ)
        or _executable(beside / "pulumi-language-python")
        or _cached("language-python", "pulumi-language-python", environ)
    ):
        lacking.append(LANGUAGE)
    if not (
        _attached(environ, "PULUMI_DEBUG_PROVIDERS", "kubernetes")
        or ("providers", "kubernetes") in named
        or _on_path("pulumi-resource-kubernetes", environ)
        or _cached("resource-kubernetes", "pulumi-resource-kubernetes", environ)
    ):
        lacking.append(PROVIDER)
    return tuple(lacking)


@contextmanager
def plugins(
    pulumi: Path,
    *,
    say: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
    project: Path | None = None,
) -> Iterator[Plugins]:
    """Provide the plugins that *pulumi* lacks, inside the block.

    Args:
        pulumi: The executable.
        say: Told in one line about each stand-in that is used.
        environ: The environment to start from.
        project: The folder of Pulumi.yaml; looked for from the working directory up when it isn't said.

    Yields:
        The environment to run pulumi in, and what is stood in for.

    Raises:
        StandInError: A stand-in did not start.
    """
    env = dict(environ)
    project = project or _project()
    lacking = missing(pulumi, project=project, environ=env)
    with ExitStack() as stack:
        started = []
        for standin in _standins(lacking):
            say(f"STAND-IN: {standin.what} is not installed; a stand-in of fluxapps takes its place")
            started.append((standin, stack.enter_context(_process(standin.command, env, project))))
        deadline = time.monotonic() + START_SECONDS
        for standin, process in started:
            attached = f"{standin.key}:{_port(standin.what, process, deadline)}"
            env[standin.variable] = ",".join(filter(None, (env.get(standin.variable), attached)))
        if lacking:
            # What is stood in for must not be downloaded behind our back.
            env.setdefault("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
        yield Plugins(env, lacking)


def _standins(lacking: tuple[str, ...]) -> list[_StandIn]:
    without = ("--without", "kubernetes") if PROVIDER in lacking else ()
    offered = (
        _StandIn(LANGUAGE, "PULUMI_DEBUG_LANGUAGES", "python", ("language_host", *without)),
        _StandIn(PROVIDER, "PULUMI_DEBUG_PROVIDERS", "kubernetes", ("kubernetes_provider",)),
    )
    return [each for each in offered if each.what in lacking]


@contextmanager
def _process(
    command: tuple[str, ...], env: Mapping[str, str], folder: Path | None
) -> Iterator["subprocess.Popen[str]"]:
    module, *arguments = command
    process = subprocess.Popen(  # noqa: S603
        # -P: the project's folder holds the program's modules, not the server's.
        [sys.executable, "-P", "-m", f"fluxapps.devcluster.standins.{module}", *arguments],
        # Where the engine starts plugins too: a relative path, to a kubeconfig say, counts from there.
        cwd=folder,
        # Its other end is ours alone: when we are gone, also by SIGKILL, the server reads its end and goes.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(env),
        # Ctrl-C is for pulumi, which then tells its plugins.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _port(what: str, process: "subprocess.Popen[str]", deadline: float) -> int:
    with selectors.DefaultSelector() as selector:
        if process.stdout is None:
            raise AssertionError("started with a pipe")
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(max(deadline - time.monotonic(), 0)):
            raise StandInError(f"the stand-in of {what} did not start within {START_SECONDS:.0f} s")
        line = process.stdout.readline().strip()
    if not line.isdigit():
        raise StandInError(f"the stand-in of {what} did not start: exit code {process.wait(STOP_SECONDS)}")
    return int(line)


def _project() -> Path | None:
    here = Path.cwd()
    return next((each for each in (here, *here.parents) if (each / "Pulumi.yaml").is_file()), None)


def _project_plugins(project: Path | None) -> set[tuple[str, str]]:
    file = project / "Pulumi.yaml" if project else None
    try:
        read = yaml.safe_load(file.read_text("utf-8")) if file and file.is_file() else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return set()  # pulumi says itself what is wrong with its file
    listed = read.get("plugins") if isinstance(read, dict) else None
    if not isinstance(listed, dict):
        return set()
    return {
        (kind, str(each.get("name")))
        for kind, entries in listed.items()
        if isinstance(entries, list)
        for each in entries
        if isinstance(each, dict)
    }


def _attached(environ: Mapping[str, str], variable: str, name: str) -> bool:
    return any(each.partition(":")[0] == name for each in environ.get(variable, "").split(","))


def _on_path(name: str, environ: Mapping[str, str]) -> bool:
    if environ.get("PULUMI_IGNORE_AMBIENT_PLUGINS", "").lower() in {"1", "true"}:
        return False
    return any(_executable(Path(folder, name)) for folder in environ.get("PATH", "").split(os.pathsep) if folder)


def _cached(folder: str, name: str, environ: Mapping[str, str]) -> bool:
    home = Path(environ.get("PULUMI_HOME") or Path("~/.pulumi").expanduser())
    return any(
        _executable(found / name)
        for found in home.glob(f"plugins/{folder}-v*")
        if not found.with_name(f"{found.name}.partial").exists()
    )


def _executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
