"""docs/reliability.md: what was tried, and how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.reliability.cases import Row

INTRODUCTION = """\
# Reliability

Made by `make reliability`, which runs all of it anew on a local cluster that Flux is alive on, writes this page, and
fails where a case ends otherwise than this table says. `make test` runs one kill of each kind.

A point is a condition, not a moment: a proxy before the API server lets so many writes through, does one more whose
answer is lost, and holds the rest; then something is killed. So each time there is what was made and known to be, what
was made and not known to be, and what wasn't made.
"""

NOTES = """\
## What is killed, and what comes next

- The stack has {objects} objects: five apps, four of them with a Helm release, one of plain YAML, in order. The points
  lie between before the first write and after the last.
- By turns dies pulumi's engine; the process that runs `__main__.py`; or all of it, plugins too. `destroy` runs no
  program.
- By turns the next run is plain `pulumi` and `fluxapps`, whichever ran first. Plain `pulumi` wants `pulumi cancel`
  first, where an engine was killed: the stack is still locked. `fluxapps` finds that the lock's holder is dead on this
  host, and clears it.
- {standins}
"""


@dataclass(frozen=True)
class Outcome:
    """How one case ended."""

    point: str
    fault: str
    """What was otherwise than expected; empty where nothing was."""


def page(outcomes: Mapping[Row, Sequence[Outcome]], *, objects: int, standins: Sequence[str]) -> str:
    """Return the page's text.

    Args:
        outcomes: How the cases of each row ended.
        objects: What the stack has.
        standins: What took the place of a plugin of Pulumi's.
    """
    total = sum(len(some) for some in outcomes.values())
    bad = [(row, one) for row, some in outcomes.items() for one in some if one.fault]
    lines = ["| what | by | cases | as expected | expected |", "| --- | --- | --- | --- | --- |"]
    for row, some in outcomes.items():
        good = sum(not one.fault for one in some)
        lines.append(f"| {row.fault} | {row.way} | {len(some)} | {good} | {row.expected} |")
    counted = f"{total} cases, {total - len(bad)} as expected."
    faults = [f"- {row.fault}, {row.way}, {one.point}: {one.fault}" for row, one in bad]
    told = "\n## Faults\n\n" + "\n".join(faults) + "\n" if faults else ""
    used = f"It ran with stand-ins for {' and '.join(standins)}." if standins else "It ran with Pulumi's own plugins."
    notes = NOTES.format(objects=objects, standins=used)
    return f"{INTRODUCTION}\n{counted}\n\n" + "\n".join(lines) + f"\n{told}\n{notes}"
