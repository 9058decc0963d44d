"""What a wait for a stack says: how far it is, and what keeps it from its end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fluxapps.model.live.health import Health, State
from fluxapps.model.live.scene import Cast
from fluxapps.model.objects import ObjectId

_SHOWN = 4
"""So many apps are named in a line of progress."""
_FIRST = {"HelmRelease": 0, "Kustomization": 1}
_LISTED = 20
"""So many in a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How all that is waited for stands at one moment."""

    cast: Cast
    healths: Mapping[ObjectId, Health]

    @property
    def failures(self) -> dict[ObjectId, Health]:
        """Return what waiting won't mend."""
        return {identity: health for identity, health in self.healths.items() if health.is_failure}

    @property
    def waiting(self) -> dict[ObjectId, Health]:
        """Return what isn't Ready yet."""
        return {one: health for one, health in self.healths.items() if health.state is State.PROGRESSING}

    @property
    def apps(self) -> tuple[str, ...]:
        """Return what is waited for: apps, and by its own name what they share."""
        return self._labels(one for one, health in self.healths.items() if health.state is not State.SUSPENDED)

    def progress(self) -> str:
        """Return ``12 of 20 apps ready; waiting: keycloak (installing), …``."""
        late = self._whys()
        total = len(self.apps)
        line = f"{total - len(late)} of {total} app{'s' * (total != 1)} ready"
        shown = ", ".join(f"{app} ({why})" for app, why in list(late.items())[:_SHOWN])
        more = f" and {len(late) - _SHOWN} more" if len(late) > _SHOWN else ""
        return f"{line}; waiting: {shown}{more}" if late else line

    def report(self, failures: Mapping[ObjectId, Health], left: Iterable[ObjectId]) -> str:
        """Return what a run ends with that failed for *failures*.

        Args:
            failures: Those that count by now; the others are among what is still in progress.
            left: What the run would have removed after a good end.
        """
        roots: dict[tuple[ObjectId, str], list[ObjectId]] = {}
        for identity, health in failures.items():
            roots.setdefault((health.root or identity, health.why), []).append(identity)
        apps = self._labels(failures)
        lines = [f"{len(apps)} app{'s' * (len(apps) != 1)} can't get ready: {_listed(apps)}"]
        for (root, why), held in roots.items():
            others = [label for label in self._labels(held) if label != self.cast.label(root)]
            lines.append(f"  {root}: {why}" + (f" (keeps back {_listed(others)})" if others else ""))
        failing = set(apps)
        late = [f"{app} ({why})" for app, why in self._whys().items() if app not in failing]
        if late:
            lines.append(f"  still in progress: {_listed(late)}")
        # Releases first: they are what a person looks for.
        if kept := sorted(left, key=lambda one: (_FIRST.get(one.kind, len(_FIRST)), one)):
            lines.append(f"  not removed before a good end: {_listed([str(one) for one in kept])}")
        return "\n".join(lines)

    def _whys(self) -> dict[str, str]:
        """Return each app that isn't Ready, with the first reason for it."""
        found: dict[str, str] = {}
        for identity, health in self.healths.items():
            if health.state in {State.PROGRESSING, State.FAILED}:
                why = health.why if health.state is State.PROGRESSING else "failing"
                found.setdefault(self.cast.label(identity), why)
        return found

    def _labels(self, identities: Iterable[ObjectId]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.cast.label(one) for one in identities))


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return ", ".join(every[:_LISTED]) + more
