"""What a newcomer types: the shipped fleet on the local cluster, from a clone, until every app is Ready."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 400
"""Seconds; a quiet machine takes some fifty."""

pytestmark = pytest.mark.engine


class Clone:
    """This working tree as a clone of it would be once all is committed, run by this Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environ = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("GIT_", "PULUMI", "FLUXAPPS_K"))
            },
            "PULUMI_HOME": str(folder.parent / "pulumi-home"),
            "NO_COLOR": "1",
        }
        listed = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard", at=REPOSITORY)
        for file in filter(None, listed.split("\0")):
            if (REPOSITORY / file).is_file():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / file, folder / file)
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "all")
        (folder / ".venv").symlink_to(Path(sys.prefix))

    def git(self, *arguments: str, at: Path | None = None) -> str:
        return subprocess.run(  # noqa: S603 - git on folders of the test
            ["git", *arguments],  # noqa: S607 - any git
            cwd=at or self.folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def fluxapps(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - ours
            [str(Path(sys.executable).with_name("fluxapps")), *arguments],
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


def test_every_app_of_the_shipped_fleet_gets_ready(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone")
    try:
        up = clone.fluxapps("dev", "up")
        assert up.returncode == 0, up.stdout + up.stderr
        assert "8 of 8 apps ready" in up.stdout
        assert "8 apps: 8 as declared and Ready" in up.stdout
        rows = [line.split() for line in up.stdout.splitlines()]
        assert [cells[0] for cells in rows if "yes" in cells] == [
            "(shared)",
            "database-credentials",
            "keycloak",
            "keycloak-postgres",
            "nextcloud",
            "nextcloud-postgres",
            "podinfo",
            "prometheus",
            "sealed-secrets",
        ]
        assert clone.git("status", "--porcelain") == ""
        again = clone.fluxapps("dev", "up")
        assert again.returncode == 0, again.stdout + again.stderr
        assert "47 unchanged" in again.stdout

        # What a fleet has in a registry comes from the local one; the rest is as it was.
        fleet = clone.folder / "fleet.yaml"
        registry = "{kind: OCIRepository, url: 'oci://registry.example.org/charts', secretRef: {name: key}}"
        plain = "podinfo: https://stefanprodan.github.io/podinfo"
        assert plain in fleet.read_text("utf-8")
        fleet.write_text(fleet.read_text("utf-8").replace(plain, f"podinfo: {registry}"), "utf-8")
        moved = clone.fluxapps("dev", "up")
        assert moved.returncode == 0, moved.stdout + moved.stderr
        assert "8 apps: 8 as declared and Ready" in moved.stdout
        logs = clone.fluxapps("dev", "logs", "sealed-secrets-controller", "--lines", "1000")
        assert "keycloak-postgres" in logs.stdout
    finally:
        stopped = clone.fluxapps("dev", "reset")
    assert stopped.returncode == 0, stopped.stderr
    assert not (clone.folder / ".fluxapps" / "dev").exists()
