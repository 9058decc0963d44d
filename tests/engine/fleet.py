"""A user's repository in a temporary folder, deployed by plain `pulumi` and by `fluxapps` alike."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from fluxapps.devcluster import Cluster
from fluxapps.devcluster.programs import find
from fluxapps.devcluster.standins import plugins

REPOSITORY = Path(__file__).parents[2]
PROJECT = "fluxapps"
PASSPHRASE = "correct horse"  # noqa: S105 - protects a temporary folder
CHARTS = "https://charts.example.org"
GIT_URL = "https://git.example.org/fleet.git"

_PATIENCE = 240
"""Seconds for one command; the slowest takes ten on a quiet machine."""

Way = Literal["pulumi", "fluxapps"]
WAYS: tuple[Way, ...] = ("pulumi", "fluxapps")
"""Who runs the program."""


@dataclass(frozen=True)
class Tools:
    """Pulumi, and an environment in which it finds its plugins."""

    pulumi: Path
    env: dict[str, str]
    bare: dict[str, str]
    """The same without plugins, as a user's shell has it: pulumi is on PATH."""


@contextmanager
def tools(folder: Path) -> Iterator[Tools]:
    """Find pulumi and its plugins, stand-ins where there are none, with a home of their own in *folder*."""
    pulumi = find("pulumi", say=print)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PULUMI_HOME": str(folder),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "NO_COLOR": "1",
        "COLUMNS": "250",
    }
    for name in ("KUBECONFIG", "FLUXAPPS_KUBECONFIG", "FLUXAPPS_CONTEXT", "PULUMI_SKIP_CHECKPOINTS"):
        environ.pop(name, None)
    with plugins(pulumi, say=print, environ=environ, project=REPOSITORY) as given:
        path = os.pathsep.join((str(pulumi.parent), environ.get("PATH", "")))
        yield Tools(pulumi, given.env, {**environ, "PATH": path})


class Running:
    """A command that goes on while the test does something."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def output(self) -> str:
        """What it has written so far, both streams."""
        return self._log.read_text("utf-8", "replace")

    @property
    def group(self) -> int:
        """The process group that it leads."""
        return self._process.pid

    def is_running(self) -> bool:
        """Say whether it goes on."""
        return self._process.poll() is None

    def ends(self) -> int:
        """Wait for its end, and return its exit code."""
        try:
            return self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.output}") from None

    def succeeds(self) -> str:
        """Wait for its end, which must be a good one, and return what it wrote."""
        code = self.ends()
        assert code == 0, self.output
        return self.output

    def kill(self) -> None:
        """Kill it with all that it started in its group, as `kill -9` of a terminal's job does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Fleet:
    """Our program, a fleet.yaml, and one stack of a cluster; apps come by `app`."""

    def __init__(self, folder: Path, way: Way, tools: Tools, cluster: Cluster, name: str) -> None:
        """Write the repository.

        Args:
            folder: Gets `repository`, and beside it what belongs to no repository.
            way: Who runs the program.
            tools: Pulumi.
            cluster: The stack's.
            name: Of the stack; the names of all that the tests make in the cluster begin with it.
        """
        self.root = folder / "repository"
        self.way = way
        self.cluster = cluster
        self.name = name
        self.charts = f"{name}-charts"
        """The repository of charts in fleet.yaml."""
        self._tools = tools
        self._logs = folder / "logs"
        self.state = folder / "state"
        self.env = {**tools.env, "PULUMI_BACKEND_URL": f"file://{self.state}?metadata=skip"}
        for each in (self.root, self._logs, self.state):
            each.mkdir(parents=True)
        for file in ("__main__.py", "Pulumi.yaml", ".gitignore"):
            shutil.copy(REPOSITORY / file, self.root)
        shutil.copytree(
            REPOSITORY / "components", self.root / "components", ignore=shutil.ignore_patterns("__pycache__")
        )
        (self.root / ".venv").symlink_to(sys.prefix)
        self.write("fleet.yaml", {"repositories": {self.charts: cluster.charts_url or CHARTS}})
        self.stack_says()
        if way == "pulumi":
            self.pulumi("stack", "init", name, "--no-select")

    @property
    def label(self) -> str:
        """The label's value by which the stack's objects are known."""
        return f"{PROJECT}.{self.name}"

    def write(self, path: str, content: dict[str, Any] | str) -> Path:
        """Write a file of the repository."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content), "utf-8")
        return file

    def app(
        self, name: str, values: dict[str, Any] | None = None, /, *, folder: str | None = None, **fields: Any
    ) -> str:
        """Write an app, of one release unless *fields* say otherwise, and return its name in the cluster.

        Args:
            name: What is unique in the test.
            values: Of its chart.
            folder: Below apps/, where it isn't the app's name.
            fields: Of its app.yaml.
        """
        full = f"{self.name}-{name}"
        home = f"apps/{folder or full}"
        if "releases" not in fields:
            fields = {"chart": name, "repository": self.charts, "version": "1.x", **fields}
        self.write(f"{home}/app.yaml", fields)
        if values is not None:
            self.write(f"{home}/values.yaml", values)
        return full

    def remove(self, folder: str) -> None:
        """Remove a folder below apps/."""
        shutil.rmtree(self.root / "apps" / folder)

    def stack_says(self, **fields: Any) -> None:
        """Write the stack's file: its cluster, and *fields* beside it; what pulumi keeps in it stays."""
        file = self.root / f"Pulumi.{self.name}.yaml"
        kept = yaml.safe_load(file.read_text("utf-8")) if file.exists() else {}
        said = {"kubeconfig": str(self.cluster.kubeconfig), "context": self.cluster.context, **fields}
        self.write(file.name, {**kept, "config": {f"{PROJECT}:cluster": said}})

    def git_url(self) -> str:
        """Make a Git repository of it, where it is none yet, and return where its cluster's Flux reads its commits."""
        if not (self.root / ".git").exists():
            self._git("init", "--quiet", "--initial-branch=main")
        return self.cluster.repository_url(self.name, self.root)

    def commit(self) -> str:
        """Commit all there is, which is then where Flux reads it, and return the commit."""
        self._git("add", "--all")
        named = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        self._git(*named, "commit", "--quiet", "--allow-empty", "--message=change")
        return self._git("rev-parse", "HEAD")

    def _git(self, *words: str) -> str:
        command = ["git", "-C", str(self.root), *words]
        done = subprocess.run(command, env=self.env, check=True, capture_output=True, text=True)  # noqa: S603 - git, on a folder of the test
        return done.stdout.strip()

    def rendered(self) -> dict[str, dict[str, Any]]:
        """Return what `fluxapps render` writes, by path."""
        out = self.state.with_name("rendered")
        self.fluxapps("render", "--stack", self.name, "--out", str(out))
        return {str(file.relative_to(out)): yaml.safe_load(file.read_text("utf-8")) for file in out.rglob("*.yaml")}

    @contextmanager
    def running(self, verb: str, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Running]:
        """Run `up`, `preview` or `destroy` while the block goes on; whatever is left of it at the end is killed."""
        with self._running([*self._command(verb), *words], {**self.env, **(env or {})}) as running:
            yield running

    def up_by_hand(self) -> str:
        """Deploy as a person does in a folder of the repository; whoever runs the program looks for plugins itself."""
        command = self._command("up")
        if self.way == "pulumi":
            # What a person types where pulumi lacks plugins; where it has them this changes nothing.
            command = [sys.executable, "-m", "fluxapps.devcluster.standins", "run", "--", "pulumi", *command[1:]]
        env = {**self._tools.bare, "PULUMI_BACKEND_URL": self.env["PULUMI_BACKEND_URL"]}
        with self._running(command, env, self.root / "apps") as running:
            return running.succeeds()

    def up(self, *words: str, **env: str) -> str:
        """Deploy without the preview before it; it must succeed."""
        with self.running("up", "--skip-preview", *words, env=env) as running:
            return running.succeeds()

    def preview(self, *words: str) -> str:
        """Preview; it must succeed."""
        with self.running("preview", *words) as running:
            return running.succeeds()

    def destroy(self) -> str:
        """Remove everything; it must succeed."""
        with self.running("destroy", "--skip-preview") as running:
            return running.succeeds()

    def refused(self, verb: str, *words: str, **env: str) -> str:
        """Run a command that must fail, and return what it says."""
        words = words if verb == "preview" else ("--skip-preview", *words)
        with self.running(verb, *words, env=env) as running:
            code = running.ends()
            assert code not in {0, 70}, running.output
            assert "Traceback" not in running.output
            return running.output

    def unchanged(self) -> None:
        """Deploy what must change nothing."""
        self.up("--expect-no-changes")

    def pulumi(self, *words: str) -> str:
        """Run another command of pulumi; it must succeed."""
        command = [str(self._tools.pulumi), "--non-interactive", "--color", "never", *words]
        with self._running(command, self.env) as running:
            return running.succeeds()

    def fluxapps(self, *words: str) -> str:
        """Run another command of fluxapps; it must succeed."""
        with self._running([_fluxapps(), *words], self.env) as running:
            return running.succeeds()

    def fluxapps_fails(self, *words: str, **env: str) -> str:
        """Run another command of fluxapps, which must fail, and return what it says."""
        with self._running([_fluxapps(), *words], {**self.env, **env}) as running:
            assert running.ends() not in {0, 70}, running.output
            assert "Traceback" not in running.output
            return running.output

    def fails(self, *words: str) -> str:
        """Run another command of fluxapps, which must be refused, and return what it says."""
        with self._running([_fluxapps(), *words], self.env) as running:
            assert running.ends() == 1, running.output
            assert "Traceback" not in running.output
            return running.output

    def is_empty(self) -> bool:
        """Say whether the state has no resource but the stack itself."""
        resources = yaml.safe_load(self.pulumi("stack", "export", "--stack", self.name))["deployment"].get("resources")
        return all(each["type"] == "pulumi:pulumi:Stack" for each in resources or ())

    def _command(self, verb: str) -> list[str]:
        yes = [] if verb == "preview" else ["--yes"]
        if self.way == "pulumi":
            command = [str(self._tools.pulumi), verb, "--stack", self.name, "--non-interactive", "--color", "never"]
            return [*command, *yes]
        return [_fluxapps(), verb, "--stack", self.name, *yes, "--"]

    @contextmanager
    def _running(self, command: list[str], env: Mapping[str, str], folder: Path | None = None) -> Iterator[Running]:
        log = self._logs / f"{len(list(self._logs.iterdir()))}.log"
        with (
            log.open("wb") as output,
            subprocess.Popen(  # noqa: S603 - pulumi or fluxapps
                command,
                cwd=folder or self.root,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            running = Running(process, log)
            try:
                yield running
            finally:
                running.kill()


def changes(output: str) -> dict[str, int]:
    """Return what the summary of an update, pulumi's or ours, counts as changed: ``{"created": 2, "updated": 1}``."""
    found = re.search(r"^(?:Resources:$|objects: )(.*)\Z", output, re.MULTILINE | re.DOTALL)
    assert found, output
    return {what: int(count) for count, what in re.findall(r"(\d+) (\w+ed)\b", found[1]) if what != "unchanged"}


def _fluxapps() -> str:
    return str(Path(sys.executable).with_name("fluxapps"))
