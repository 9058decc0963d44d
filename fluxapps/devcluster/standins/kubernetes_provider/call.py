"""What comes with every operation on a resource, and how one fails."""

from dataclasses import dataclass, field
from typing import Any

from fluxapps.devcluster.standins import engine_log
from fluxapps.devcluster.standins.kubernetes_provider.cancellation import Cancellation

Properties = dict[str, Any]


class OperationError(Exception):
    """An operation failed; the text is for the user."""


class PartialError(Exception):
    """An object was written, but isn't what it should be; the engine keeps *state* and the reason."""

    def __init__(self, message: str, identifier: str, state: Properties) -> None:
        super().__init__(message)
        self.identifier = identifier
        self.state = state


@dataclass
class Call:
    """One operation on one resource."""

    urn: str
    log: engine_log.EngineLog
    timeout: float = 0.0
    preview: bool = False
    ignored: tuple[str, ...] = ()
    """Paths that the resource option `ignore_changes` names."""
    cancellation: Cancellation = field(default_factory=Cancellation)
    _shown: str = ""

    @property
    def type(self) -> str:
        """The resource's type token."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.split("::", 3)[3]

    @property
    def dry_run(self) -> dict[str, str]:
        """What a request says in a preview: try only."""
        return {"dryRun": "All"} if self.preview else {}

    def warn(self, message: str) -> None:
        """Show a warning that stays."""
        self.log.say(engine_log.WARNING, message, urn=self.urn)

    def show(self, message: str) -> None:
        """Show a line beside the resource; an empty one takes it away."""
        if message != self._shown:
            self._shown = message
            self.log.say(engine_log.INFO, message, urn=self.urn, ephemeral=True)
