"""Durations as Flux spells them."""

import re

_DURATION = re.compile(r"([0-9.]+)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def seconds(duration: str) -> float:
    """Return how long a duration of Flux is."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))
