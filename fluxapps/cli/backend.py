"""Where pulumi keeps a stack's state and how it keeps its secrets, as far as files and the environment tell."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from fluxapps.cli.state_lock import clear_locks, mend_state

PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - a variable's name
"""Variable of pulumi that protects a stack's secrets."""
_PASSPHRASE = (PASSPHRASE, f"{PASSPHRASE}_FILE")


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
        return self.folder is not None and not any(file.exists() for file in self.states(project, stack))

    @property
    def folder(self) -> Path | None:
        """Where pulumi keeps its files; None where a server or a bucket keeps the states."""
        if not self.url.startswith("file://"):
            return None
        # What follows a question mark are options of the backend: ?metadata=skip.
        path = unquote(self.url.removeprefix("file://").partition("?")[0])
        return self._root / Path(path).expanduser() / ".pulumi"

    def states(self, project: str, stack: str) -> list[Path]:
        """Return the files that the state of *stack* may be in; none where it is in no file."""
        if self.folder is None:
            return []
        # Before projects had folders, states lay beside them.
        places = (self.folder / "stacks" / project, self.folder / "stacks")
        return [place / f"{stack}.json{compressed}" for place in places for compressed in ("", ".gz", ".zst")]

    def make_ready(self, stack: str, say: Callable[[str], None], *, to_change: bool) -> None:
        """Clear what a killed run left in the way of the next one, and say so.

        Args:
            stack: Its state is about to be read.
            say: Gets a line for each thing cleared.
            to_change: Whether it is to be written too; reading alone waits for nobody.

        Raises:
            CommandError: Somebody works on the stack.
        """
        project = _mapping(self._root / "Pulumi.yaml").get("name")
        if self.folder is None or not isinstance(project, str):
            return
        locks = self.folder / "locks" / "organization" / project / stack
        if to_change:
            clear_locks(locks, stack, say)
        elif any(locks.glob("*.json")):
            return
        for state in self.states(project, stack):
            mend_state(state, say)

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
