"""Which programs a local cluster is made of: name, version, and the Go package each is built from.

The one home of these facts. The modules' own ``go.mod`` and ``go.sum`` lie beside this file, one folder per module, and
pin the rest.
"""

from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parent
"""Holds ``<module>/go.mod`` and ``<module>/go.sum``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program: what it is called, how it is built, and which other copies of it will do."""

    name: str
    """The file's name, in the cache and on PATH."""
    version: str
    """Without a leading ``v``; the one that is built."""
    package: str
    """The Go package to build."""
    module: str
    """Folder below ``programs/`` whose ``go.mod`` pins it."""
    ldflags: str = ""
    """Besides ``-s -w``; mostly the version, which such a build can't know by itself."""
    minutes: float
    """How long a build takes on two cores from an empty build cache, roughly."""
    ready_built: str = ""
    """SHA-256 of the unpacked ready-built file for linux/amd64; empty where there is none."""
    ask_version: tuple[str, ...] = ()
    """Arguments that make it print its version; empty where it can't."""
    on_path: tuple[str, str] = ("", "")
    """The lowest version, and the first one too new, that will do on PATH; ignored without ``ask_version``."""

    @property
    def folder(self) -> Path:
        """The folder with its ``go.mod``."""
        return MODULES / self.module


_KUBERNETES = "1.36.3"
_KUBERNETES_LDFLAGS = " ".join(
    f"-X k8s.io/component-base/version.{key}={value}"
    for key, value in (("gitVersion", f"v{_KUBERNETES}"), ("gitMajor", "1"), ("gitMinor", "36"))
)
# One minor for all of Kubernetes' programs: a controller-manager must not be newer than the API server it talks to.
_KUBERNETES_MINOR = ("1.36", "1.37")

PROGRAMS: dict[str, Program] = {
    program.name: program
    for program in (
        Program(
            name="etcd",
            version="3.6.16",
            package="go.etcd.io/etcd/server/v3",
            module="etcd",
            minutes=1,
            ready_built="a07eb520a05975c8eac8e1201d4d66e8448680fbcab27449dd2beecf4585f38b",
            ask_version=("--version",),
            on_path=("3.5", "4"),
        ),
        Program(
            name="kube-apiserver",
            version=_KUBERNETES,
            package="k8s.io/kubernetes/cmd/kube-apiserver",
            module="kubernetes",
            ldflags=_KUBERNETES_LDFLAGS,
            minutes=8,
            ready_built="40365e8744fda4bbc67a8ccb111b448b700a1a83e8e0616ad588c2e39d5ee5df",
            ask_version=("--version",),
            on_path=_KUBERNETES_MINOR,
        ),
        Program(
            name="kube-controller-manager",
            version=_KUBERNETES,
            package="k8s.io/kubernetes/cmd/kube-controller-manager",
            module="kubernetes",
            ldflags=_KUBERNETES_LDFLAGS,
            minutes=3,
            ready_built="3a7a7b0969e8ebc9375e15ef94901f48cf991edb4a9452dfd094dfd6f70d2317",
            ask_version=("--version",),
            on_path=_KUBERNETES_MINOR,
        ),
        Program(
            name="kube-scheduler",
            version=_KUBERNETES,
            package="k8s.io/kubernetes/cmd/kube-scheduler",
            module="kubernetes",
            ldflags=_KUBERNETES_LDFLAGS,
            minutes=2,
            ready_built="cb6c9500c2aec5b206917965b39146748c887ae9b39ff33825c656544ffdd96c",
            ask_version=("--version",),
            on_path=_KUBERNETES_MINOR,
        ),
        Program(
            name="kubectl",
            version=_KUBERNETES,
            package="k8s.io/kubernetes/cmd/kubectl",
            module="kubectl",
            ldflags=_KUBERNETES_LDFLAGS,
            minutes=3,
            ask_version=("version", "--client"),
            # Benchmarks compare with it; what they ask of it is older than any that is about.
            on_path=("1.28", "2"),
        ),
        Program(
            name="pulumi",
            version="3.259.0",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            module="pulumi",
            ldflags="-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=3.259.0",
            minutes=8,
            ready_built="0a33165739897b4c7ed5e64f27934a4dea54be34422ff33cbc8efc536142d054",
            ask_version=("version",),
            on_path=("3.208", "4"),
        ),
        Program(
            name="kustomize",
            version="5.8.2",
            package="sigs.k8s.io/kustomize/kustomize/v5",
            module="kustomize",
            ldflags="-X sigs.k8s.io/kustomize/api/provenance.version=v5.8.2",
            minutes=1,
            ask_version=("version",),
            # Benchmarks compare with exactly this one.
            on_path=("5.8.2", "5.8.3"),
        ),
        Program(
            name="helm-controller",
            version="1.6.4",
            package="github.com/fluxcd/helm-controller",
            module="helm-controller",
            minutes=5,
            ready_built="3e9f8962981c58277e5d11e36177acee2991e507e006fe8a8bab4de9d9ea6d77",
        ),
        Program(
            name="kustomize-controller",
            version="1.9.5",
            package="github.com/fluxcd/kustomize-controller",
            module="kustomize-controller",
            minutes=4,
            ready_built="4850e3b2e4a1d5211f73e3c46e94ebf64fdb4a6300bc64f22d6f716c0e0439cf",
        ),
        Program(
            name="kwok",
            version="0.8.0",
            package="sigs.k8s.io/kwok/cmd/kwok",
            module="kwok",
            minutes=1.5,
            ready_built="aa000f9fcd9b4a7f0b955c2ea7ca5b81261cd23e69ca4436e30cc5b53c434d9d",
            ask_version=("--version",),
            on_path=("0.7", "1"),
        ),
        Program(
            name="sealed-secrets-controller",
            version="0.40.0",
            package="github.com/bitnami/sealed-secrets/cmd/controller",
            module="sealed-secrets",
            ldflags="-X main.VERSION=0.40.0",
            minutes=3,
            ready_built="81ecf536213deaa5d207dff5c7589236daab1888df5d00025d7f1d8281bdf321",
        ),
        Program(
            name="kubeseal",
            version="0.40.0",
            package="github.com/bitnami/sealed-secrets/cmd/kubeseal",
            module="sealed-secrets",
            ldflags="-X main.VERSION=0.40.0",
            minutes=1,
            ready_built="a3cbf9881dd0fc520cbc4af4c7a9c35f28457443a264523e067e2d3c423a91a2",
            ask_version=("--version",),
            on_path=("0.27", "1"),
        ),
        Program(
            name="helm",
            version="4.2.4",
            package="helm.sh/helm/v4/cmd/helm",
            module="helm",
            ldflags="-X helm.sh/helm/v4/internal/version.version=v4.2.4",
            minutes=2.5,
            ready_built="fa7a94c0852559339dd3bd508e886685caa56760d4dcbad1705c1cc9a705c5b0",
            ask_version=("version", "--short"),
            on_path=("4", "5"),
        ),
    )
}
