"""``fluxapps dev``: the local cluster with the apps on it, or the same in a cluster that a person names.

Everything it makes lies in ``.fluxapps/``, which git ignores: no committed file is touched.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from fluxapps.cli.failure import CommandError
from fluxapps.cli.live_stack import as_given
from fluxapps.cli.live_table import print_live
from fluxapps.cli.overlay import Servers, overlay, without_flux
from fluxapps.cli.program import run_program
from fluxapps.cli.screen import screen
from fluxapps.cli.session import LOCAL_CLUSTER
from fluxapps.cli.stack import WORKING
from fluxapps.devcluster import Cluster, DevclusterError
from fluxapps.engine.cluster import Cluster as LiveCluster
from fluxapps.engine.cluster import ClusterError
from fluxapps.engine.given import OVERLAY
from fluxapps.engine.kubeconfig import CONTEXT_OVERRIDE, KUBECONFIG_OVERRIDE, choose_cluster
from fluxapps.model import Fleet, load, resolve
from fluxapps.model.yaml_text import dump_yaml

_OVERLAY = "overlay.yaml"
_STATE_VARIABLE = "PULUMI_BACKEND_URL"
_PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - a variable's name


def bring_up(root: Path, stack: str, context: str | None, *, yes: bool, flux: bool) -> int:
    """Bring the apps of *stack* up on the local cluster, or on *context*'s, and say what is there then.

    Args:
        root: The repository.
        stack: Which stack.
        context: A kube context of the user's; None: the local cluster, started first.
        yes: Don't ask before changing the cluster of *context*.
        flux: Whether Flux runs on the local cluster, with stand-in charts; else it has Flux's kinds alone.

    Returns:
        pulumi's exit code; the run itself waits for the apps on the local cluster.

    Raises:
        CommandError: The cluster can't be had.
        ConfigError: The files have errors, or name no such context.
    """
    fleet = resolve(load(root), stack)
    if context is None:
        cluster = start(root, flux=flux)
        write_overlay(root, cluster, fleet, flux=flux)
        settings = settings_of(cluster, root)
    else:
        settings = {CONTEXT_OVERRIDE: context}
        state = root / WORKING / "contexts" / _uid(fleet, settings) / "state"
        state.mkdir(parents=True, exist_ok=True)
        settings[_STATE_VARIABLE] = _backend(state)
    # Of the local state alone: whoever shares a state has a passphrase, and says so.
    os.environ.setdefault(_PASSPHRASE, "")
    os.environ.update(settings)
    code = run_program(root, "up", stack, ["--skip-preview"] if context is None else [], yes=yes or context is None)
    if code != 0:
        return code
    with _connected(fleet, settings) as live:
        print_live(screen(), live, as_given(fleet, os.environ))
    if context is None:
        _say_how_to_go_on(root, flux=flux)
    return 0


def write_overlay(root: Path, cluster: Cluster, fleet: Fleet, *, flux: bool) -> None:
    """Write what points a stack at the local cluster's own charts and this working tree's commits, and makes it wait.

    Without Flux on the cluster there is nothing to point at, nor to wait for: no such file, but where the files wait.

    Raises:
        CommandError: This folder is in no Git repository, or no branch of it is checked out.
    """
    file = cluster.folder / _OVERLAY
    said = without_flux(fleet)
    if not flux and not said:
        file.unlink(missing_ok=True)
        return
    if flux:
        said = overlay(fleet, _servers(root, cluster, fleet))
    staged = file.with_suffix(".new")
    staged.write_text(dump_yaml(said), "utf-8")
    staged.replace(file)


def _servers(root: Path, cluster: Cluster, fleet: Fleet) -> Servers:
    try:
        url = cluster.repository_url(fleet.project, root)
    except DevclusterError as error:
        raise CommandError(error.what, error.fix) from error
    branch = _branch(root) if fleet.git is not None else ""
    return Servers(charts=cluster.charts_url, registry=cluster.registry_url, git=url, branch=branch)


def _branch(root: Path) -> str:
    """Return the branch that is checked out; Flux reads its commits."""
    answer = subprocess.run(  # noqa: S603 - git, with a folder of the user's
        ("git", "-C", str(root), "symbolic-ref", "--short", "HEAD"),  # noqa: S607 - whichever git there is
        check=False,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise CommandError("no branch is checked out, and Flux reads one", "git switch -c NAME")
    return answer.stdout.strip()


def settings_of(cluster: Cluster, root: Path) -> dict[str, str]:
    """Return the environment in which pulumi and fluxapps mean the local cluster and its state."""
    file = cluster.folder / _OVERLAY
    return {
        KUBECONFIG_OVERRIDE: _portable(root, cluster.kubeconfig),
        CONTEXT_OVERRIDE: cluster.context,
        OVERLAY: _portable(root, file) if file.exists() else "",
        _STATE_VARIABLE: _backend(cluster.state),
    }


def _backend(state: Path) -> str:
    # Without it a killed pulumi can leave an empty .attrs file beside the state, and then can't read the state.
    return f"{state.as_uri()}?metadata=skip"


def environment(root: Path) -> str:
    """Return that environment as a shell takes it, the state's (empty) passphrase included."""
    settings = {**settings_of(local_cluster(root), root), _PASSPHRASE: os.environ.get(_PASSPHRASE, "")}
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in settings.items())


def start(root: Path, *, flux: bool) -> Cluster:
    """Start what of the local cluster doesn't run.

    Raises:
        CommandError: It can't be.
    """
    cluster = local_cluster(root, flux=flux)
    try:
        if not cluster.start():
            _say(f"up already at {cluster.server}")
    except DevclusterError as error:
        raise CommandError(error.what, error.fix) from error
    return cluster


def stop(root: Path, *, reset: bool) -> None:
    """End the local cluster's processes; with *reset*, forget its data and Pulumi's state of it too.

    Raises:
        CommandError: It can't be.
    """
    cluster = local_cluster(root)
    try:
        if reset:
            cluster.reset()
        else:
            cluster.stop()
    except DevclusterError as error:
        raise CommandError(error.what, error.fix) from error
    _say(
        "gone, with its data and Pulumi's state" if reset else "ended; its data stay (fluxapps dev reset forgets them)"
    )


def local_cluster(root: Path, *, flux: bool = False) -> Cluster:
    """Return the repository's local cluster, running or not."""
    return Cluster(root / LOCAL_CLUSTER, flux=flux, say=_say)


def _uid(fleet: Fleet, settings: dict[str, str]) -> str:
    with _connected(fleet, settings) as live:
        try:
            return live.uid()
        except ClusterError as error:
            raise CommandError(error.what, error.fix) from error


def _connected(fleet: Fleet, settings: dict[str, str]) -> LiveCluster:
    try:
        return LiveCluster(choose_cluster(fleet, {**os.environ, **settings}))
    except ClusterError as error:
        raise CommandError(error.what, error.fix) from error


def _portable(root: Path, path: Path) -> str:
    # Pulumi's state keeps it: the same wherever the repository lies.
    return path.relative_to(root).as_posix()


def _say_how_to_go_on(root: Path, *, flux: bool) -> None:
    kubeconfig = os.path.relpath(local_cluster(root).kubeconfig)
    console = screen()
    console.print(f"\nLook around: kubectl --kubeconfig {kubeconfig} get helmreleases -A")
    console.print('Go on by hand: eval "$(fluxapps dev env)", then fluxapps preview --stack dev')
    if flux:
        console.print("Flux is real; charts are small stand-ins of the same names, and pods only say that they run.")
    else:
        console.print("This cluster has Flux's kinds, but not its controllers: apps are declared, nothing runs.")
    console.print("End it with `make down`.")


def _say(line: str) -> None:
    screen(stderr=True).print(f"cluster: {line}")
    sys.stderr.flush()
