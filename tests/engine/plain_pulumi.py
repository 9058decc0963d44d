"""A Pulumi project in a temporary folder, run by plain `pulumi` commands with whatever plugins it finds."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluxapps.devcluster import Cluster
from fluxapps.devcluster.programs.lookup import find
from fluxapps.devcluster.standins import plugins

STACK = "dev"
PASSPHRASE = "correct horse"  # noqa: S105 - protects a temporary folder

# As small a program as shows what the plugins do: it registers what objects.json lists, each with its options.
PROGRAM = """\
import json
from pathlib import Path

import pulumi
import pulumi_kubernetes

class Object(pulumi.CustomResource):
    status: pulumi.Output[dict]

    def __init__(self, name, manifest, opts):
        version = manifest["apiVersion"]
        token = f"kubernetes:{version if '/' in version else 'core/' + version}:{manifest['kind']}"
        super().__init__(token, name, {**manifest, "status": None}, opts)


declared = json.loads(Path("declared.json").read_text())
providers = {
    name: pulumi_kubernetes.Provider(
        name,
        **{"kubeconfig": pulumi.Output.secret(declared["kubeconfig"]), "cluster_identifier": "trial/dev", **arguments},
    )
    for name, arguments in declared["providers"].items()
}
made = {}
for entry in declared["objects"]:
    options = entry["options"]
    if "custom_timeouts" in options:
        options["custom_timeouts"] = pulumi.CustomTimeouts(**options["custom_timeouts"])
    made[entry["name"]] = Object(
        entry["name"],
        entry["manifest"],
        pulumi.ResourceOptions(
            **{
                **options,
                "provider": providers[options.get("provider", "cluster")],
                "depends_on": [made[each] for each in options.get("depends_on", ())],
            }
        ),
    )
for name, entry in made.items():
    pulumi.export(name, entry.status)
"""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    output: str
    """What it wrote, both streams."""


@dataclass(frozen=True)
class Plain:
    """A pulumi with its plugins, and a project without resources to copy, since making a stack takes a second."""

    pulumi: Path
    env: dict[str, str]
    template: Path


class Project:
    """A project with one stack, whose program declares what `declare` was told."""

    def __init__(self, folder: Path, plain: Plain, *, kubeconfig: str = "") -> None:
        self.folder = folder
        self.pulumi = plain.pulumi
        self.env = {**plain.env, **_backend(folder)}
        self.kubeconfig = kubeconfig
        shutil.copytree(plain.template, folder)

    def program(self, text: str) -> None:
        """Replace the main program."""
        (self.folder / "__main__.py").write_text(text, "utf-8")

    def declare(self, *objects: dict[str, Any], **providers: dict[str, Any]) -> None:
        """Say what the program registers: objects made by `declared`, and providers beside the one named `cluster`."""
        declared = {
            "kubeconfig": self.kubeconfig,
            "providers": {"cluster": {"enable_config_map_mutable": True}, **providers},
            "objects": objects,
        }
        (self.folder / "declared.json").write_text(json.dumps(declared), "utf-8")

    def command(self, *words: str) -> list[str]:
        """Return a pulumi command as a list of arguments."""
        return [str(self.pulumi), "--non-interactive", "--color", "never", *words]

    def run(self, *words: str) -> Result:
        """Run a command of pulumi."""
        done = subprocess.run(  # noqa: S603 - pulumi
            self.command(*words),
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=300,
            check=False,
        )
        return Result(done.returncode, done.stdout)

    def succeeds(self, *words: str) -> str:
        """Run a command that must succeed, and return its output."""
        done = self.run(*words)
        assert done.code == 0, done.output
        return done.output

    def fails(self, *words: str) -> str:
        """Run a command that must fail, and return its output."""
        done = self.run(*words)
        assert done.code != 0, done.output
        return done.output

    def up(self, *words: str) -> str:
        """Run an update without the preview before it."""
        return self.succeeds("up", "--yes", "--skip-preview", *words)

    def unchanged(self) -> None:
        """Run an update that must change nothing."""
        self.up("--expect-no-changes")

    def destroy(self, *words: str) -> str:
        """Remove everything."""
        return self.succeeds("destroy", "--yes", "--skip-preview", *words)

    @contextmanager
    def running(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """Run a command while the block goes on; killed at its end if it still runs."""
        with subprocess.Popen(  # noqa: S603 - pulumi
            self.command(*words),
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def state(self) -> dict[str, dict[str, Any]]:
        """Return the state's resources by logical name."""
        exported = json.loads(self.succeeds("stack", "export"))
        resources = exported["deployment"].get("resources") or []
        return {each["urn"].split("::", 3)[3]: each for each in resources}


def declared(manifest: dict[str, Any], name: str = "", **options: Any) -> dict[str, Any]:
    """Say that the program registers *manifest*, by default under its Kubernetes identity."""
    meta = manifest["metadata"]
    identity = "/".join(filter(None, (meta.get("namespace"), meta.get("name"))))
    return {"name": name or identity, "manifest": manifest, "options": options}


@contextmanager
def plain_pulumi(folder: Path) -> Iterator[Plain]:
    """Find pulumi, and its plugins or stand-ins, with a home of their own; what is started ends with the block."""
    pulumi = find("pulumi", say=print)
    environ = {**os.environ, "PULUMI_HOME": str(folder / "home")}
    template = folder / "template"
    (template / "state").mkdir(parents=True)
    (template / "Pulumi.yaml").write_text("name: trial\nruntime: python\n", "utf-8")
    (template / "__main__.py").write_text(PROGRAM, "utf-8")
    with plugins(pulumi, say=print, environ=environ, project=template) as given:
        command = [str(pulumi), "--non-interactive", "stack", "init", STACK]
        env = {**given.env, **_backend(template)}
        subprocess.run(command, cwd=template, env=env, check=True, timeout=60)  # noqa: S603 - pulumi
        yield Plain(pulumi, given.env, template)


def _backend(folder: Path) -> dict[str, str]:
    return {
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # A copied project is not the one in which the stack was selected.
        "PULUMI_STACK": STACK,
    }


def kubeconfig_of(cluster: Cluster) -> str:
    """Return the text of a cluster's kubeconfig."""
    return cluster.kubeconfig.read_text("utf-8")
