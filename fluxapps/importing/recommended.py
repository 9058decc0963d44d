"""What our recommended settings would change in an imported repository, which leaves them out."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fluxapps.importing.comparison import ABSENT, WHOLE, object_differences
from fluxapps.importing.proof import rendered_objects
from fluxapps.model.loader import load
from fluxapps.model.resolve import resolve
from fluxapps.model.yaml_file import YamlDocument


@dataclass(frozen=True, slots=True)
class Change:
    """One field that would be another, in so many objects."""

    kind: str
    field: str
    now: Any
    then: Any
    objects: int

    def __str__(self) -> str:
        now = "nothing" if self.now is ABSENT else repr(self.now)
        then = "nothing" if self.then is ABSENT else repr(self.then)
        return f"{self.kind}: {self.field}: {now} would be {then} ({self.objects} objects)"


def recommended_changes(root: Path, stack: str) -> list[Change]:
    """Return what would change in *stack* of the repository at *root* without ``preset: none``, the most first.

    Raises:
        ConfigError: The repository can't be read.
    """
    sources = load(root)
    now = rendered_objects(resolve(sources, stack))
    if sources.fleet is not None and isinstance(sources.fleet.value, dict):
        said = dict(sources.fleet.value)
        said["defaults"] = {key: value for key, value in (said.get("defaults") or {}).items() if key != "preset"}
        sources.fleet = replace(sources.fleet, documents=(YamlDocument(said, 1),))
    then = rendered_objects(resolve(sources, stack))
    found: Counter[tuple[str, str, str, str]] = Counter()
    values: dict[tuple[str, str, str, str], tuple[Any, Any]] = {}
    for identity in {*now, *then}:
        before, after = now.get(identity), then.get(identity)
        if before is None or after is None:
            key = (identity.kind, WHOLE, "", "")
            values[key] = ("there", ABSENT) if after is None else (ABSENT, "there")
            found[key] += 1
            continue
        for one in object_differences(identity, before.manifest, after.manifest):
            key = (identity.kind, one.field, repr(one.original), repr(one.ours))
            values[key] = (one.original, one.ours)
            found[key] += 1
    changes = [Change(key[0], key[1], *values[key], count) for key, count in found.items()]
    return sorted(changes, key=lambda one: (-one.objects, one.kind, one.field, str(one.now)))
