"""What most apps share, said once in fleet.yaml: wherever that makes the files shorter, and never changes a field."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from fluxapps.importing.values import same
from fluxapps.model.app import RELEASE_PLACE
from fluxapps.model.yaml_text import dump_yaml

_WORTH: Final = 2
"""Lines that a default has to save beyond its own."""


_OWN: Final = frozenset(
    ("metadata", "targetNamespace", "namespace", "ref", "url", "path", "suspend", "releaseName", "chart", "chartRef")
)
"""Fields that are an object's own even where several say the same."""


def common_fields(groups: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the fields that are worth saying once for all of *groups*, maps of fields of the same kind.

    A default costs a line, and one more in each group that lacks the field, which takes it back by a null.
    """
    found: dict[str, Any] = {}
    if len(groups) <= _WORTH:
        return found
    for key in dict.fromkeys(key for group in groups for key in group):
        if key in _OWN:
            continue
        said = [group[key] for group in groups if key in group]
        lacking = len(groups) - len(said)
        if all(isinstance(one, dict) for one in said):
            below = common_fields([*said, *({} for _ in range(lacking))])
            if below:
                found[key] = below
            continue
        keys = [_key(one) for one in said]
        (most, count), *_ = Counter(keys).most_common(1)
        if count - lacking >= _WORTH and 2 * count > len(groups):
            found[key] = said[keys.index(most)]
    return found


def _key(value: Any) -> Any:
    """Return something to count *value* by: ``1``, ``1.0`` and ``true`` are three."""
    return (value.__class__, value) if isinstance(value, str | int | float) else dump_yaml(value)


def beyond(defaults: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Return what must be laid over *defaults* to get *fields*: a null takes a default back."""
    over: dict[str, Any] = {}
    for key, value in fields.items():
        below = defaults.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            if inner := beyond(below, value):
                over[key] = inner
        elif key not in defaults or not same(value, below):
            over[key] = value
    for key in defaults:
        if key not in fields:
            over[key] = None
    return over


def common_names(names: Iterable[tuple[str, str]]) -> str | None:
    """Return the pattern that most values ConfigMaps are called by; *names* are of release and ConfigMap."""
    patterns: Counter[str] = Counter()
    total = 0
    for release, name in names:
        total += 1
        if release in name:
            patterns[name.replace(release, RELEASE_PLACE, 1)] += 1
    (pattern, count), *_ = patterns.most_common(1) or [("", 0)]
    return pattern if count > _WORTH and 2 * count > total else None
