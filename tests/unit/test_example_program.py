"""The example of components in another program: docs/examples/own-program, with components/ copied into it."""

import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pytest
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key

from tests.unit.recorder import Recording, record

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/own-program"
# The mock engine's project is fluxapps, whatever Pulumi.yaml says.
CONFIG = {"fluxapps:giteaPassword": "s3cret", "fluxapps:tenants": '{"acme": 1, "globex": 3}'}


@dataclass
class Program:
    """The example as a user has it: a folder with a copy of the components."""

    folder: Path

    def __call__(self) -> None:
        runpy.run_path(str(self.folder / "__main__.py"), run_name="__main__")

    def record(self, *, preview: bool = False) -> Recording:
        return record(self, preview=preview, config=CONFIG)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    folder = tmp_path / "own-program"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "components", folder / "components", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    # Its own copies are to be imported, and nobody else is to meet them.
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_its_own(name)}
    yield Program(folder)
    for name in [name for name in sys.modules if _is_its_own(name)]:
        del sys.modules[name]
    sys.modules.update(before)


def _is_its_own(module: str) -> bool:
    return module.partition(".")[0] in {"components", "tenants"}


@pytest.mark.parametrize("preview", [False, True], ids=["up", "preview"])
def test_it_registers_apps_of_files_tenants_of_code_and_its_own_secret(program: Program, preview: bool) -> None:
    seen = program.record(preview=preview)
    assert sorted(seen.names()) == [
        "ConfigMap gitea/gitea-helm-chart-value-overrides",
        "FluxBootstrap bootstrap",
        "FluxHelmApp acme",
        "FluxHelmApp gitea",
        "FluxHelmApp globex",
        "FluxSystem flux-system",
        "HelmRelease acme/podinfo",
        "HelmRelease gitea/gitea",
        "HelmRelease globex/podinfo",
        "HelmRepository flux-system/gitea",
        "HelmRepository flux-system/podinfo",
        "Namespace acme",
        "Namespace gitea",
        "Namespace globex",
        "Secret gitea-admin",
        "kubernetes cluster",
    ]
    assert seen.logged == []


def test_it_runs_its_own_copy_of_the_components(program: Program) -> None:
    program.record()
    assert Path(str(sys.modules["components.flux_helm_app"].__file__)).is_relative_to(program.folder)


def test_everything_goes_to_its_own_provider(program: Program) -> None:
    seen = program.record()
    provider = seen.one("kubernetes", "cluster")
    assert provider.inputs["context"] == "platform-dev"
    assert {leaf.provider for leaf in seen.resources.values() if leaf.custom and leaf is not provider} == {provider.urn}


def test_the_secret_comes_after_the_namespace_and_before_the_app(program: Program) -> None:
    seen = program.record()
    secret, app = seen.one("Secret"), seen.one("FluxHelmApp", "gitea")
    assert secret.depends_on == (seen.one("Namespace", "gitea").urn,)
    assert app.depends_on == (secret.urn,)
    # The app's objects are registered once their parent is, which is once the Secret is there.
    registered = list(seen.resources)
    release = seen.one("HelmRelease", "gitea/gitea")
    assert release.parent == app.urn
    assert registered.index(secret.urn) < registered.index(app.urn) < registered.index(release.urn)
    assert seen.one("FluxHelmApp", "acme").depends_on == ()


def test_the_password_travels_as_a_secret(program: Program) -> None:
    sent = program.record().one("Secret").inputs["stringData"]
    mark = sent.pop(_special_sig_key)  # by which the engine knows a secret from a map
    assert (mark, sent["value"]) == (_special_secret_sig, {"username": "admin", "password": "s3cret"})


def test_a_tenant_is_one_release_in_a_namespace_that_stays(program: Program) -> None:
    seen = program.record()
    release = seen.one("HelmRelease", "globex/podinfo")
    assert release.inputs["spec"]["values"] == {"replicaCount": 3}
    assert release.depends_on == tuple(
        sorted((seen.one("Namespace", "globex").urn, seen.one("HelmRepository", "flux-system/podinfo").urn))
    )
    assert seen.one("Namespace", "globex").retain_on_delete
    assert seen.exports["globex"] == ["globex/podinfo"]


def test_bad_files_are_refused_with_their_place(program: Program) -> None:
    app = program.folder / "apps/gitea/app.yaml"
    app.write_text(app.read_text().replace("repository: gitea", "repository: gitae"))
    with pytest.raises(pulumi.RunError, match=r"apps/gitea/app\.yaml:2: there is no repository 'gitae'"):
        program.record()


def test_it_type_checks_strictly(program: Program) -> None:
    checked = subprocess.run(  # noqa: S603 - mypy
        # A cache beside that of `make lint`: most of what is checked is Pulumi's SDK, which doesn't change.
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", ROOT / ".mypy_cache/own-program", "__main__.py"],
        cwd=program.folder,
        env={"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (checked.stdout.splitlines()[-1:], checked.returncode) == (["Success: no issues found in 1 source file"], 0)
