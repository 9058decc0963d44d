"""One operation of pulumi on one stack, as a person at a terminal and a CI job meet it: what it will do, then doing it.

What is uninstalled is said before anything is done: at a terminal the plan is shown and asked about; where nobody can
be asked, the program itself says it first.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import typer

from fluxapps.cli.app_change import Change
from fluxapps.cli.progress import Told
from fluxapps.cli.progress_screen import ProgressScreen
from fluxapps.cli.pulumi_events import Event, Message
from fluxapps.cli.pulumi_process import Pulumi
from fluxapps.cli.screen import screen
from fluxapps.cli.state import State

_UNASKED = ("--yes", "--skip-preview")
_SKIPPED = frozenset({*_UNASKED, "-y", "-f"})
_NOT_OF_PREVIEW = frozenset({"--continue-on-error", "--strict", "--remove"})
"""Arguments of `up` and `destroy` that their previews don't know."""
_PREVIEW_ONLY = "--preview-only"
DECLINED = 1
"""Exit code where the answer is no."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What pulumi is to do on one stack, once everything that it needs is there."""

    pulumi: Pulumi
    verb: str
    arguments: list[str]
    yes: bool
    apps: int | None
    """How many apps the stack has; None where the files weren't read."""
    news: Callable[[], Iterable[str]] = tuple
    """What somebody else has to say while pulumi runs, each line once."""
    prepare: Callable[[], int] = int
    """What comes before pulumi changes anything, once that is wanted; pulumi follows where it returns 0."""

    def carry_out(self) -> int:
        """Do it, shown app by app, and return pulumi's exit code."""
        if self.verb == "preview" or _PREVIEW_ONLY in self.arguments:
            return self._shown(self.verb, self.arguments, set(), planning=True)[0]
        told: set[Told] = set()
        if self.pulumi.attended and not self.yes and not _SKIPPED.intersection(self.arguments):
            code, wanted = self._planned(told)
            if not wanted:
                return code
        if code := self.prepare():
            return code
        given = [each for each in self.arguments if each not in _SKIPPED]
        code, progress = self._shown(self.verb, [*given, *_UNASKED], told, planning=False)
        if code == 0 and self.verb == "up" and progress.progress.was_killed:
            self._forget_pending()
        return code

    def _forget_pending(self) -> None:
        """Take out of the state the creations that never ended, of which pulumi would warn in every later run.

        What they made has been taken over by now; a state that is read and written is without them.
        """
        state = State(self.pulumi)
        state.write(state.read())
        screen(stderr=True).print("the killed run's unfinished operations are cleared from the state")

    def _planned(self, told: set[Told]) -> tuple[int, bool]:
        """Show what would be done, ask, and return the exit code and whether to go on; *told* gets what was said."""
        verb, more = ("destroy", [_PREVIEW_ONLY]) if self.verb == "destroy" else ("preview", [])
        arguments = [each for each in self.arguments if each not in _NOT_OF_PREVIEW]
        code, progress = self._shown(verb, [*arguments, *more], told, planning=True)
        if code:
            return code, False
        planned = progress.progress.planned
        if not any(one.change is not Change.UNCHANGED for one in planned):
            # Nothing to ask about; what was declared may still have to get Ready, which the program sees to.
            return 0, True
        uninstalls = sum(len(one.uninstalled) for one in planned)
        question = f"{self.verb} stack {self.pulumi.stack}"
        if uninstalls:
            question += f", uninstalling {uninstalls} Helm release{'s' * (uninstalls != 1)}"
        if typer.confirm(f"{question}?"):
            return 0, True
        screen().print("nothing was changed")
        return DECLINED, False

    def _shown(self, verb: str, arguments: list[str], told: set[Told], *, planning: bool) -> tuple[int, ProgressScreen]:
        with ProgressScreen(self.apps, planning=planning, told=told) as progress:

            def hear(event: Event | None) -> None:
                for line in self.news():
                    progress.hear(Message("info", line))
                progress.hear(event)

            code = self.pulumi.heard(verb, arguments, hear, progress.interrupted)
            progress.finish(verb, code)
        return code, progress
