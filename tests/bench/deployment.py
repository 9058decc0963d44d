"""What the lifecycle part of the benchmark deploys to, and by whom: ours, a bare Pulumi program, kubectl."""

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from fluxapps.devcluster import Cluster
from fluxapps.devcluster.control_plane import API_SERVER, Places, kube_apiserver
from fluxapps.devcluster.programs import find
from fluxapps.devcluster.standins import plugins
from fluxapps.engine.provider import client_settings
from fluxapps.model import Declaration, declare, load, resolve
from tests.bench.generated import write_repository
from tests.bench.processes import COMMANDS, PROJECT, run

STACK = "dev"
FAST = {"PULUMI_SKIP_CHECKPOINTS": "true"}
"""With ``--parallel 64`` what `fluxapps up` runs pulumi with."""
PARALLEL = ("--parallel", "64")

Command = list[str | Path]

_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
"""
# A person's program: the kinds that pulumi_kubernetes knows by its own classes, the others by CustomResource.
_BARE = """\
import json
import os
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

declared = json.loads(Path("objects.json").read_text())
client = json.loads(os.environ.get("CLIENT_SETTINGS", "{}"))
provider = kubernetes.Provider(
    "cluster",
    kubeconfig=declared["kubeconfig"],
    context=declared["context"],
    enable_config_map_mutable=True,
    kube_client_settings=kubernetes.KubeClientSettingsArgs(**client) if client else None,
)
made = {}
for one in declared["objects"]:
    manifest = one["manifest"]
    kind = manifest["kind"]
    options = pulumi.ResourceOptions(provider=provider, depends_on=[made[each] for each in one["after"]])
    metadata = manifest["metadata"]
    if kind == "Namespace":
        resource = kubernetes.core.v1.Namespace(one["name"], metadata=metadata, opts=options)
    elif kind == "ConfigMap":
        resource = kubernetes.core.v1.ConfigMap(
            one["name"], metadata=metadata, data=manifest["data"], immutable=manifest.get("immutable"), opts=options
        )
    else:
        resource = kubernetes.apiextensions.CustomResource(
            one["name"],
            api_version=manifest["apiVersion"],
            kind=kind,
            metadata=metadata,
            spec=manifest["spec"],
            opts=options,
        )
    made[one["id"]] = resource
"""


@dataclass(frozen=True)
class Took:
    """What one command took."""

    seconds: float
    requests: int
    """Of whoever deploys; the cluster's own controllers don't count."""


@dataclass
class Way:
    """One way to deploy the same objects: a command for each verb."""

    name: str
    folder: Path
    env: dict[str, str]
    up: Command
    destroy: Command
    prepare: list[Command] = field(default_factory=list)
    """Run before the first, unmeasured."""


class AuditedCluster(Cluster):
    """A cluster whose API server keeps a log of every request."""

    def __init__(self, folder: Path) -> None:
        """Name the folder, as `Cluster` does; beside it the log is kept."""
        super().__init__(folder)
        policy = folder.with_name("audit-policy.yaml")
        policy.write_text(_POLICY)
        self._audit = folder.with_name("audit.log")
        self._read = 0

        def audited(places: Places) -> list[str]:
            log = f"--audit-log-path={self._audit}"
            return [*kube_apiserver(places), f"--audit-policy-file={policy}", log, "--audit-log-maxsize=4000"]

        self._arguments = {**self._arguments, API_SERVER: audited}

    def requests(self) -> int:
        """Return how many requests there were since this was last asked, but for those of Kubernetes itself."""
        agents: Counter[str] = Counter()
        with self._audit.open("rb") as log:
            log.seek(self._read)
            for line in log:
                if line.endswith(b"\n"):
                    self._read += len(line)
                    agents[json.loads(line).get("userAgent", "")] += 1
        return sum(count for agent, count in agents.items() if not agent.startswith("kube-"))


@dataclass(frozen=True)
class Deployer:
    """A cluster, and pulumi and kubectl to deploy to it."""

    folder: Path
    cluster: AuditedCluster
    pulumi: Path
    kubectl: Path
    env: Mapping[str, str]
    standins: tuple[str, ...]
    """What takes the place of a plugin of Pulumi's."""

    def ways(self, apps: int) -> dict[str, Way]:
        """Write what deploys so many apps in each way, and return the ways by name."""
        place = self.folder / f"lifecycle-{apps}"
        root = place / "ours"
        root.mkdir(parents=True)
        write_repository(root, apps)
        for name in ("__main__.py", ".gitignore"):
            shutil.copy(PROJECT / name, root)
        shutil.copytree(PROJECT / "components", root / "components", ignore=shutil.ignore_patterns("__pycache__"))
        self._write_stack(root)
        wanted = declare(resolve(load(root), STACK)).for_pulumi()
        bare = place / "bare"
        bare.mkdir()
        self._write_bare(bare, wanted)
        manifests = bare / "objects.yaml"
        for each in (root, bare):
            (each / ".venv").symlink_to(sys.prefix)
        plain: Command = [self.pulumi, "--non-interactive", "--color", "never"]
        up, destroy = ([*plain, verb, "--stack", STACK, "--yes", "--skip-preview"] for verb in ("up", "destroy"))
        new: Command = [*plain, "stack", "init", STACK]
        kubectl: Command = [self.kubectl, "--kubeconfig", self.cluster.kubeconfig]

        def env(name: str, **more: str) -> dict[str, str]:
            state = place / f"state-{name}"
            state.mkdir()
            return {**self.env, "PULUMI_BACKEND_URL": f"file://{state}?metadata=skip", **more}

        def ours(verb: str) -> Command:
            return [COMMANDS / "fluxapps", verb, "--stack", STACK, "--yes"]

        found = (
            Way("fluxapps", root, env("fluxapps"), ours("up"), ours("destroy"), [new]),
            Way("ours", root, env("ours", **FAST), [*up, *PARALLEL], [*destroy, *PARALLEL], [new]),
            Way(
                "bare",
                bare,
                env("bare", **FAST, CLIENT_SETTINGS=json.dumps(client_settings(len(wanted.objects())))),
                [*up, *PARALLEL],
                [*destroy, *PARALLEL],
                [new],
            ),
            Way("plain", bare, env("plain"), up, destroy, [new]),
            Way(
                "kubectl",
                bare,
                dict(self.env),
                [*kubectl, "apply", "--server-side", "-f", manifests],
                [*kubectl, "delete", "--wait", "-f", manifests],
            ),
        )
        return {way.name: way for way in found}

    def life(self, way: Way) -> tuple[Took, Took, Took]:
        """Deploy from nothing, deploy again without a change, and destroy; return what each took.

        Raises:
            FailedError: One failed.
        """
        while way.prepare:
            run(*way.prepare.pop(), folder=way.folder, env=way.env)
        return self._measured(way, way.up), self._measured(way, way.up), self._measured(way, way.destroy)

    def _measured(self, way: Way, command: Command) -> Took:
        self.cluster.requests()
        seconds = run(*command, folder=way.folder, env=way.env).seconds
        return Took(seconds, self.cluster.requests())

    def _write_stack(self, root: Path) -> None:
        said = {
            "kubeconfig": str(self.cluster.kubeconfig),
            "context": self.cluster.context,
            # The other ways remove Namespaces too.
            "deleteNamespaces": True,
            "git": {"url": "https://example.org/fleet.git", "branch": "main", "follow": "branch"},
        }
        (root / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": {"bench:cluster": said}}))

    def _write_bare(self, folder: Path, wanted: Declaration) -> None:
        (folder / "Pulumi.yaml").write_text("name: bench-bare\nruntime: python\n")
        (folder / "__main__.py").write_text(_BARE)
        objects = wanted.objects()
        said = {
            "kubeconfig": self.cluster.kubeconfig.read_text(),
            "context": self.cluster.context,
            "objects": [
                {
                    "id": str(one.id),
                    "name": one.logical_name,
                    "manifest": one.manifest,
                    "after": [str(each) for each in one.after],
                }
                for one in objects
            ],
        }
        (folder / "objects.json").write_text(json.dumps(said))
        (folder / "objects.yaml").write_text(yaml.dump_all([one.manifest for one in objects], Dumper=yaml.CSafeDumper))


@contextmanager
def deployer(folder: Path) -> Iterator[Deployer]:
    """Start a cluster without Flux, so that nothing but the deployment itself is measured; it ends with the block."""
    home = folder / "pulumi"
    home.mkdir()
    environ = {
        **os.environ,
        "PULUMI_HOME": str(home),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "NO_COLOR": "1",
    }
    for name in ("KUBECONFIG", "FLUXAPPS_KUBECONFIG", "FLUXAPPS_CONTEXT", *FAST):
        environ.pop(name, None)
    pulumi, kubectl = (find(name, say=print) for name in ("pulumi", "kubectl"))
    # Attached for all of them, so that nobody's time holds the start of a plugin that only stands in.
    with (
        AuditedCluster(folder / "cluster") as cluster,
        plugins(pulumi, say=print, environ=environ, project=PROJECT) as given,
    ):
        yield Deployer(folder, cluster, pulumi, kubectl, given.env, given.standins)
