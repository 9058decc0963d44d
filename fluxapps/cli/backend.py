"""Where pulumi keeps a stack's state and how it keeps its secrets, as far as files and the environment tell."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

_PASSPHRASE = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


class Backend:
    """The backend that pulumi would use in a repository.

    Its order: ``PULUMI_BACKEND_URL``, then ``backend: url`` in Pulumi.yaml, then the last ``pulumi login``
    (pkg/workspace/creds.go and project.go of pulumi).
    """

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._root = root
        self._environ = environ
        self.url = environ.get("PULUMI_BACKEND_URL") or self._of_project() or self._of_login()
        """"" where nobody is logged in."""

    def lacks_passphrase(self, stack: str) -> bool:
        """Return whether the secrets of *stack* are kept by a passphrase that the environment doesn't give."""
        if any(name in self._environ for name in _PASSPHRASE):
            return False
        said = _mapping(self._root / f"Pulumi.{stack}.yaml")
        provider = said.get("secretsprovider") or ("passphrase" if "encryptionsalt" in said else "")
        if not provider and "encryptedkey" not in said:
            # A new stack: a passphrase is what backends have that are no service.
            provider = "" if not self.url or self.url.startswith(("https://", "http://")) else "passphrase"
        return provider == "passphrase"

    def lacks_stack(self, project: str, stack: str) -> bool:
        """Return whether *stack* has no state yet; False where that can't be told without asking a server."""
        if not self.url.startswith("file://"):
            return False
        # What follows a question mark are options of the backend: ?metadata=skip.
        path = unquote(self.url.removeprefix("file://").partition("?")[0])
        folder = self._root / Path(path).expanduser() / ".pulumi" / "stacks"
        # Before projects had folders, states lay beside them.
        return not any(
            (place / f"{stack}.json{compressed}").exists()
            for place in (folder / project, folder)
            for compressed in ("", ".gz", ".zst")
        )

    def _of_project(self) -> str:
        backend = _mapping(self._root / "Pulumi.yaml").get("backend")
        url = backend.get("url") if isinstance(backend, dict) else None
        return url if isinstance(url, str) else ""

    def _of_login(self) -> str:
        home = Path(self._environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
        try:
            current = json.loads((home / "credentials.json").read_text("utf-8")).get("current")
        except (OSError, ValueError, AttributeError):
            return ""
        return current if isinstance(current, str) else ""


def _mapping(file: Path) -> dict[str, Any]:
    """Return what *file* says; nothing where it can't be read, which pulumi itself says better."""
    try:
        value = yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError):
        return {}
    return value if isinstance(value, dict) else {}
