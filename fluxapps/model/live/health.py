"""What keeps an object from being Ready, and whether waiting will mend it."""

from dataclasses import dataclass
from enum import Enum, auto, unique

from fluxapps.model.live.condition import Condition, Live
from fluxapps.model.objects import ObjectId

FETCHED_AGAIN = 4.0
"""Seconds in which a source that can't be fetched is fetched again twice: it may have been the network."""
TRIED_AGAIN = 15.0
"""Seconds in which Flux tries again what it failed at for lack of something that has come since."""


@unique
class State(Enum):
    """How an object stands."""

    READY = auto()
    PROGRESSING = auto()
    """Not yet, and waiting may be enough."""
    FAILED = auto()
    """Waiting won't mend it."""
    SUSPENDED = auto()
    """Flux doesn't look at it: it isn't waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How an object stands, and why."""

    state: State
    why: str = ""
    """Progress in few words; a failure in Flux's own."""
    root: ObjectId | None = None
    """Whose trouble a failure is: the object itself, or what it needs."""
    lasting: float = 0
    """Seconds that a failure has to last before it counts: Flux tries again by itself within them."""

    @property
    def is_failure(self) -> bool:
        """Return whether waiting won't mend it."""
        return self.state is State.FAILED


READY = Health(state=State.READY)
SUSPENDED = Health(state=State.SUSPENDED)


UNTOUCHED = Health(state=State.PROGRESSING, why="Flux has not looked at it yet")


def progressing(why: str) -> Health:
    """Return that it isn't Ready yet, and *why*, in few words."""
    return Health(state=State.PROGRESSING, why=why)


def failed(root: ObjectId, said: Condition | str, lasting: float = 0) -> Health:
    """Return that waiting won't mend it, with what *root* says of itself."""
    why = said if isinstance(said, str) else f"{said['reason']}: {' '.join(said['message'].split())}"
    return Health(state=State.FAILED, why=why, root=root, lasting=lasting)


def is_suspended(one: Live) -> bool:
    """Return whether *one* is out of Flux's hands for now, which then leaves what it made, also on its deletion."""
    return bool(one.get("spec", {}).get("suspend"))


def is_static(one: Live) -> bool:
    """Return whether *one* is a HelmRepository of type oci: nothing is fetched of it, and it gets no status."""
    return bool(one["kind"] == "HelmRepository" and one.get("spec", {}).get("type") == "oci")


def artifact_revision(source: Live | None) -> str:
    """Return the revision of what *source* has fetched; "" where there is nothing."""
    artifact = (source or {}).get("status", {}).get("artifact") or {}
    return str(artifact.get("revision", ""))
