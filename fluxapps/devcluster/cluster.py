"""A real Kubernetes API with Flux's kinds, made of a few processes and one folder; with Flux itself where asked."""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Self

from fluxapps.devcluster import control_plane, flux_crds, kubeconfig, ports, process, watchdog
from fluxapps.devcluster.api import Api
from fluxapps.devcluster.control_plane import API_SERVER, ARGUMENTS, CONTROLLER_MANAGER, ETCD, Places
from fluxapps.devcluster.credentials import Credentials
from fluxapps.devcluster.errors import ClusterError
from fluxapps.devcluster.flux import node, processes, repositories, sealed_secrets, storage
from fluxapps.devcluster.locks import alone
from fluxapps.devcluster.readiness import readiness
from fluxapps.devcluster.roster import Roster

CONTEXT = "fluxapps-dev"
"""The kube context's name."""
_STARTS_WITHIN = 120
"""Seconds; on a quiet machine it takes some five."""
_ENDS_WITHIN = 10
"""Seconds until a process that was asked to end is killed; nothing is lost by it."""
_POLL = 0.03


class Cluster:
    """One cluster, whose whole state is in one folder.

    ``start`` leaves processes that outlive the caller. As a context manager the cluster ends with its block, and also
    when the caller is killed.
    """

    context: str = CONTEXT

    def __init__(self, folder: Path, *, flux: bool = False, say: Callable[[str], None] = lambda _: None) -> None:
        """Name the folder; nothing is touched yet.

        Args:
            folder: Made by ``start``; removed by ``reset``.
            flux: Whether Flux's controllers are to run, and workloads to get pods.
            say: Told, a line at a time, what happens and what takes long.
        """
        self.folder = folder.absolute()
        self.kubeconfig = self.folder / "kubeconfig"
        """Has the one context; readable by its owner only."""
        self.state = self.folder / "state"
        """For Pulumi's file backend: born and reset together with what it describes."""
        self.logs = self.folder / "logs"
        self._ports = self.folder / "ports.json"
        self._roster = Roster(self.folder / "processes.json")
        self._credentials = Credentials(self.folder / "credentials")
        self._flux = flux
        self._arguments = processes.ARGUMENTS if flux else ARGUMENTS
        self._say = say
        self._watchdog: Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start, tied to the life of this Python process."""
        self._watchdog = watchdog.watch(self.folder)
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End all processes; the folder stays."""
        try:
            self.stop()
        finally:
            if self._watchdog is not None:
                self._watchdog.__exit__(None, None, None)
                self._watchdog = None

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run now, by program."""
        return {name: running.pid for name, running in self._roster.running().items()}

    @property
    def ports(self) -> dict[str, int]:
        """Which port each server has; empty before the first start."""
        if not self._ports.exists():
            return {}
        known: dict[str, int] = json.loads(self._ports.read_text("utf-8"))
        return known

    @property
    def server(self) -> str:
        """The API server's address; empty before the first start."""
        port = self.ports.get(API_SERVER)
        return f"https://{ports.LOOPBACK}:{port}" if port else ""

    @property
    def charts_url(self) -> str:
        """The Helm repository of stand-in charts, where Flux is alive; empty before the first start."""
        port = self.ports.get(processes.CHART_SERVER)
        return f"http://{ports.LOOPBACK}:{port}/{repositories.STAND_INS}" if port else ""

    @property
    def registry_url(self) -> str:
        """The same charts in an OCI registry, over plain HTTP: ``oci://…``, without the chart's name."""
        return self.charts_url.replace("http:", "oci:")

    def repository_url(self, name: str, working_tree: Path) -> str:
        """Let the git server serve the commits of a working tree, and return the address.

        Args:
            name: By which Flux is to know it.
            working_tree: Any folder in it.

        Raises:
            ClusterError: It is in no git repository.
        """
        git_folder = repositories.git_folder(working_tree)
        repositories.link(self.folder / processes.REPOSITORIES, name, git_folder)
        return f"http://{ports.LOOPBACK}:{self.ports[processes.GIT_SERVER]}/{name}.git"

    @property
    def is_ready(self) -> bool:
        """Whether all processes run and the API server says that it is ready."""
        return set(self.pids) >= set(self._arguments) and self._api().is_ready

    def start(self) -> bool:
        """Bring the cluster up, with the ports and the data it had; what runs already stays as it is.

        It ends when the API serves Flux's kinds and deletes what it is asked to, and what else was asked for is ready.
        What runs and wasn't asked for, is ended.

        Returns:
            Whether anything had to be started; False when all was up.

        Raises:
            ProgramError: A program or Flux's CRDs can't be had.
            ClusterError: A process ends or isn't ready in time (with the end of its log), or the folder is another's.
        """
        self._claim()
        with self._alone():
            places = self._prepare()
            self._end(
                name
                for name in self.pids
                if name not in self._arguments or self._roster.started_as(name) != self._fingerprint(name, places)
            )
            if self.is_ready:
                return False
            programs = processes.find_programs(self._arguments, say=self._say)
            crds = flux_crds.read(flux_crds.find(say=self._say))
            started = time.monotonic()
            missing = [name for name in self._arguments if name not in self.pids]
            self._say(f"starting {', '.join(missing)}" if missing else "waiting for the API server")
            if ETCD in missing:
                self._spawn(ETCD, programs[ETCD], places)
            # An API server that meets an etcd which listens but doesn't answer yet, waits 20 s before it tries again.
            self._wait_until(self._readiness(ETCD), (ETCD,), "storing")
            if API_SERVER in missing:
                self._spawn(API_SERVER, programs[API_SERVER], places)
            api = self._api()
            servers = (ETCD, API_SERVER)
            self._wait_until(self._readiness(API_SERVER), servers, "ready")
            flux_crds.install(api, crds)
            self._wait_until(lambda: flux_crds.are_served(api, crds), servers, "serving Flux's kinds")
            # Only now: its garbage collector looks for new kinds no more often than every 30 s.
            if CONTROLLER_MANAGER in missing:
                self._spawn(CONTROLLER_MANAGER, programs[CONTROLLER_MANAGER], places)
                gone = self._readiness(CONTROLLER_MANAGER)
                self._wait_until(gone, tuple(ARGUMENTS), "deleting what it is asked to")
            if self._flux:
                self._start_flux(programs, places)
            self._say(f"ready after {time.monotonic() - started:.1f} s at {self.server}")
            return True

    def stop(self) -> None:
        """End the processes and keep the data; nothing happens when none runs."""
        if self.folder.exists():
            with self._alone():
                self._end(self.pids)
                self._roster.clear()

    def stop_process(self, name: str, *, kill: bool = False) -> None:
        """End one process of a running cluster, as a fault would; its port and its data stay.

        Args:
            name: A program of this cluster, e.g. ``helm-controller``.
            kill: At once, without asking.

        Raises:
            ClusterError: The cluster has no such process.
        """
        self._known(name)
        with self._alone():
            self._end((name,), patience=0 if kill else _ENDS_WITHIN)

    def start_process(self, name: str) -> None:
        """Start one process again that was stopped, at its port and with its data; ends when it is ready.

        Args:
            name: A program of this cluster.

        Raises:
            ProgramError: Its program can't be had.
            ClusterError: The cluster has no such process, or it ends or isn't ready in time.
        """
        self._known(name)
        with self._alone():
            if name not in self.pids:
                places = self._prepare()
                self._spawn(name, processes.find_programs((name,), say=self._say)[name], places)
                self._wait_until(self._readiness(name), (name,), f"ready: {name} doesn't say so")

    def reset(self) -> None:
        """End the processes and remove the folder, Pulumi's state with it.

        Raises:
            ClusterError: The folder has other things in it.
        """
        if self.folder.exists():
            self._claim()
            self.stop()
            shutil.rmtree(self.folder)

    def _claim(self) -> None:
        if self.folder.exists() and not self._ports.exists() and any(self.folder.iterdir()):
            raise ClusterError(f"{self.folder} has other things in it than a local cluster", fix="name another folder")

    def _alone(self) -> AbstractContextManager[None]:
        return alone(
            # Beside the folder, so that it outlasts a reset.
            self.folder.with_name(f"{self.folder.name}.lock"),
            waiting=lambda: self._say("another command is starting or ending this cluster; waiting"),
        )

    def _prepare(self) -> Places:
        """Make folder, keys, ports and kubeconfig, as far as they aren't there."""
        for folder in (self.folder, self.logs, self.state):
            folder.mkdir(parents=True, exist_ok=True)
        running = set(self.pids)
        second = {ETCD: control_plane.PEER, processes.SOURCE_CONTROLLER: processes.ARTIFACTS}
        listening = running | {second[name] for name in running & set(second)}
        # Those that a run with Flux had, are kept by one without.
        names = dict.fromkeys((*control_plane.PORTS, *(processes.PORTS if self._flux else ()), *self.ports))
        chosen = ports.choose(self._ports, names, running=listening, say=self._say)
        self._credentials.make()
        kubeconfig.write(self.kubeconfig, context=CONTEXT, server=self.server, credentials=self._credentials)
        return Places(self.folder, self.folder / "etcd", self._credentials, self.kubeconfig, chosen)

    def _spawn(self, name: str, program: Path, places: Places) -> None:
        try:
            started = process.start(
                [program, *self._arguments[name](places)],
                log=self._log(name),
                environment=processes.environment(places) if self._flux else None,
            )
        except OSError as reason:
            raise ClusterError(f"{name} can't be run: {reason}") from reason
        self._roster.add(name, started, started_as=self._fingerprint(name, places))

    def _start_flux(self, programs: Mapping[str, Path], places: Places) -> None:
        api = self._api()
        node.install(api)
        storage.install(api)
        sealed_secrets.install(api)
        processes.make_folders(places)
        for name in self._arguments:
            if name not in self.pids:
                self._spawn(name, programs[name], places)
        every = tuple(self._arguments)
        self._wait_until(self._readiness(processes.KWOK), every, "running pods")
        for name in processes.HEALTH:
            self._wait_until(self._readiness(name), (*every, name), f"ready: {name} doesn't say so")

    def _readiness(self, name: str) -> Callable[[], bool]:
        return readiness(name, self.ports, self._credentials)

    def _known(self, name: str) -> None:
        if name not in self._arguments:
            raise ClusterError(f"this cluster has no process '{name}'", fix=f"it has {', '.join(self._arguments)}")

    def _fingerprint(self, name: str, places: Places) -> str:
        return control_plane.fingerprint(processes.version(name), self._arguments[name](places), places)

    def _end(self, names: Iterable[str], *, patience: float = _ENDS_WITHIN) -> None:
        """End processes, those that use others first."""
        running = self._roster.running()
        wanted = set(names) & set(running)
        process.end((running[name] for name in reversed(processes.ARGUMENTS) if name in wanted), patience=patience)

    def _wait_until(self, is_so: Callable[[], bool], needed: Sequence[str], what: str) -> None:
        deadline = time.monotonic() + _STARTS_WITHIN
        while not is_so():
            running = self._roster.running()
            for name in needed:
                if name not in running:
                    raise ClusterError(
                        f"{name} has ended; the end of {self._log(name)}:\n{process.tail(self._log(name))}",
                        fix="start again; where that doesn't help, reset begins with an empty cluster",
                    )
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"the local cluster isn't {what} after {_STARTS_WITHIN} s; the end of {self._log(needed[-1])}:\n"
                    + process.tail(self._log(needed[-1])),
                    fix="stop it and start again",
                )
            time.sleep(_POLL)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _api(self) -> Api:
        return Api(self.ports[API_SERVER], self._credentials)
