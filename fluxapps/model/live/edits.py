"""Differences between declared and live, by what becomes of them when Pulumi writes next."""

from dataclasses import dataclass

from fluxapps.model.declare.names import APP_LABEL, SSA_IGNORE, STACK_LABEL
from fluxapps.model.live.drift import ABSENT, Difference, Live, differences
from fluxapps.model.live.writers import Hand, hand_of, writers_of
from fluxapps.model.objects import Manifest

_MARKS = (STACK_LABEL, APP_LABEL, *SSA_IGNORE)


@dataclass(frozen=True, slots=True)
class Edits:
    """What of an object is otherwise than declared, but for what Pulumi itself wrote: there, the files are newer."""

    by_hand: tuple[Difference, ...]
    """A person's doing: Pulumi restores it, once it has looked."""
    by_flux: tuple[Difference, ...]
    """Flux wrote it; Pulumi would meet a conflict."""
    by_others: tuple[Difference, ...]
    """Another tool wrote it; Pulumi would meet a conflict."""
    unsure: tuple[Difference, ...]
    """Nobody is known to have written it: somebody took it away, or the files say it for the first time."""


_NONE = Edits((), (), (), ())


def edits(manifest: Manifest, live: Live) -> Edits:
    """Return what of *live* is otherwise than *manifest* says, by who wrote it."""
    differing = differences(manifest, live)
    if not differing:
        return _NONE
    found: dict[Hand, list[Difference]] = {hand: [] for hand in Hand}
    for each in differing:
        hand = hand_of(writers_of(live, each.path))
        found[Hand.KUBECTL if hand is Hand.NOBODY and _is_taken_away(each) else hand].append(each)
    return Edits(
        by_hand=tuple(found[Hand.KUBECTL]),
        by_flux=tuple(found[Hand.FLUX]),
        by_others=tuple(found[Hand.OTHER]),
        unsure=tuple(found[Hand.NOBODY]),
    )


def _is_taken_away(difference: Difference) -> bool:
    """Return whether it is a mark of ours that is gone: it was there from the first, and no program takes it away."""
    return difference.live is ABSENT and difference.path[-1] in _MARKS
