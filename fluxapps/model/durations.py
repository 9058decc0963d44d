"""Durations as Go and Flux write them: ``30s``, ``1h30m``."""

import re

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_WHOLE = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: object) -> float | None:
    """Return *duration* in seconds; None when it isn't one (Flux's schema check says so to the user)."""
    if not isinstance(duration, str) or _WHOLE.fullmatch(duration) is None:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))


def duration(length: float) -> str:
    """Return *length*, in seconds, rounded up, as the shortest duration: ``7m``, ``1h30m``, ``90s`` as ``1m30s``."""
    whole = int(-(-length // 1))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if number]
    return "".join(parts) or "0s"
