"""How an operation of pulumi stands, app by app, as its events come in; what of it is worth a line, and when."""

from collections.abc import Iterator
from dataclasses import dataclass

from fluxapps.cli.app_change import Change, Group, GroupChange, group_of, is_component
from fluxapps.cli.pulumi_events import Event, Message, Stage, Step, Summary, name_of, type_of

_PENDING = "Attempting to deploy or update resources with"
"""How pulumi's page of advice about operations that never ended begins."""
_SUMMED_UP = ("update failed", "preview failed", "destroy failed")
"""What adds nothing to an error told before."""
_UNASKED = frozenset({"same", "read", "refresh"})
"""Operations that change nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message, with whom it is about."""

    severity: str
    text: str


Line = GroupChange | Told


class Progress:
    """What is known of one operation so far."""

    def __init__(self, *, planning: bool, told: set[Told] | None = None) -> None:
        """Begin.

        Args:
            planning: Whether it is a preview: then nothing is ever done, and all is told at the end.
            told: Messages that were told before; gets those that are told now.
        """
        self.changes: dict[Group, GroupChange] = {}
        """Of the groups that were not told yet."""
        self.worst: dict[str, Change] = {}
        """Of the apps told: the worst that became of each."""
        self.planned: list[GroupChange] = []
        """At the end: all that weren't told before it."""
        self.failed: set[str] = set()
        """The apps of which something failed."""
        self.was_killed = False
        """Whether the state names operations of an earlier run that never ended."""
        self.status = ""
        """What the program says of how things stand."""
        self.summary: Summary | None = None
        self._planning = planning
        self._under_way: dict[str, Step] = {}
        self._ending: set[Group] = set()
        """Groups that are told once nothing of theirs is under way."""
        self._notes: dict[str, str] = {}
        self.told: set[Told] = set() if told is None else told
        """Messages that needn't be told again."""

    def take(self, event: Event) -> Iterator[Line]:
        """Note *event*, and yield what is to be told now."""
        if isinstance(event, Step):
            yield from self._take_step(event)
        elif isinstance(event, Message):
            yield from self._take_message(event)
        else:
            self.summary = event

    def end(self) -> Iterator[Line]:
        """Yield what wasn't told yet: the worst of the apps first, then what belongs to none."""
        self.planned = [self.changes[group] for group in sorted(self.changes)]
        for one in sorted(self.planned, key=lambda one: (not one.group.is_app, list(Change).index(one.change))):
            yield from self._finish(one.group)

    @property
    def in_work(self) -> dict[Group, str]:
        """What is being changed, with the object at hand, the longest first."""
        shown: dict[Group, str] = {}
        for urn, step in self._under_way.items():
            group = group_of(step)
            if group is not None and group not in shown:
                note = self._notes.get(urn, "")
                shown[group] = f"{step.kind} {step.name}" + (f": {note}" if note else "")
        return shown

    def _take_step(self, step: Step) -> Iterator[Line]:
        group = group_of(step)
        if group is None:
            return
        change = self.changes.setdefault(group, GroupChange(group))
        change.add(step)
        if step.stage is Stage.STARTED:
            if step.op not in _UNASKED and not is_component(step):
                self._under_way[step.urn] = step
            return
        self._under_way.pop(step.urn, None)
        self._notes.pop(step.urn, None)
        if step.stage is Stage.FAILED and group.is_app:
            self.failed.add(group.name)
        # An app's component has its outputs once all that belongs to it is there; one of what apps share, sooner.
        if is_component(step) and not self._planning and step.op != "refresh":
            self._ending |= {one for one in self.changes if one == group or (not group.is_app and not one.is_app)}
        busy = {group_of(each) for each in self._under_way.values()} if self._ending else set()
        for each in [one for one in self.changes if one in self._ending - busy]:
            self._ending.discard(each)
            yield from self._finish(each)

    def _take_message(self, message: Message) -> Iterator[Line]:
        if message.passing:
            if message.urn and not type_of(message.urn).startswith("pulumi:"):
                self._notes[message.urn] = message.text
            else:
                self.status = message.text
            return
        text = message.text
        if text.startswith(_PENDING):
            self.was_killed = True
            text = "the last run on this stack was killed; what it made and did not note is found by its label"
        told = Told(message.severity, self._about(message) + text)
        is_summed_up = text in _SUMMED_UP and any(one.severity == "error" for one in self.told)
        if told not in self.told and not is_summed_up:
            self.told.add(told)
            # What is said for good comes after what was said in passing, and takes its place.
            self.status = ""
            yield told

    def _about(self, message: Message) -> str:
        if not message.urn or type_of(message.urn).startswith("pulumi:"):
            return ""
        return f"{type_of(message.urn).rpartition(':')[2]} {name_of(message.urn)}: "

    def _finish(self, group: Group) -> Iterator[Line]:
        done = self.changes.pop(group)
        change = done.change
        if group.is_app:
            before = self.worst.get(group.name, Change.UNCHANGED)
            self.worst[group.name] = min(before, change, key=list(Change).index)
            if group.name in self.failed:
                return
        if change is not Change.UNCHANGED:
            yield done
