"""Differences between declared and live, in words."""

from collections.abc import Iterable
from typing import Any, Final

from fluxapps.model.live.drift import ABSENT, Difference, Live
from fluxapps.model.live.writers import writers_of

_LONGEST: Final = 60
"""Characters of a value that are shown."""
_SHOWN: Final = 3
"""So many differences make a sentence."""


def in_words(live: Live, each: Difference) -> str:
    """Return ``spec.interval is 5m instead of 30m (by kubectl-edit)``."""
    if each.live is ABSENT:
        return f"{each.field} is gone (declared: {_short(each.declared)})"
    wrote = [writer.manager for writer in writers_of(live, each.path)]
    by = f" (by {wrote[0]})" if wrote else ""
    return f"{each.field} is {_short(each.live)} instead of {_short(each.declared)}{by}"


def in_few_words(live: Live, some: Iterable[Difference]) -> str:
    """Return the first of *some* in words, and how many more there are."""
    said = [in_words(live, each) for each in some]
    return ", ".join(said[:_SHOWN]) + (f", and {len(said) - _SHOWN} more" if len(said) > _SHOWN else "")


def _short(value: Any) -> str:
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
