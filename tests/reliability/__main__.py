"""``make reliability``: run every fault, write docs/reliability.md; exit code 1 where one ends otherwise than expected.

Words on the command line choose cases by what their row and point say; then no page is written.
"""

import sys
import tempfile
import time
import traceback
from pathlib import Path

from fluxapps.devcluster.programs import find
from fluxapps.devcluster.standins import missing
from tests.engine.fleet import REPOSITORY
from tests.reliability.cases import Case, Row, cases
from tests.reliability.page import Outcome, page
from tests.reliability.proxy import NONE
from tests.reliability.stack import OBJECTS, Lab, lab

PAGE = REPOSITORY / "docs" / "reliability.md"


def main(words: list[str]) -> int:
    """Run the cases and return the exit code."""
    outcomes: dict[Row, list[Outcome]] = {}
    with tempfile.TemporaryDirectory(prefix="fluxapps-reliability-") as folder, lab(Path(folder)) as started:
        for case in cases(started):
            if all(word in f"{case.row.fault} {case.row.way} {case.point}" for word in words):
                outcomes.setdefault(case.row, []).append(_tried(case, started))
        standins = missing(find("pulumi", say=_say), project=REPOSITORY, environ=started.tools.bare)
    bad = sum(bool(one.fault) for some in outcomes.values() for one in some)
    _say(f"{sum(map(len, outcomes.values()))} cases, {bad} not as expected")
    if not words:
        staged = PAGE.with_name(f".{PAGE.name}.part")
        staged.write_text(page(outcomes, objects=OBJECTS, standins=standins), "utf-8")
        staged.replace(PAGE)
    return int(bad > 0)


def _tried(case: Case, lab: Lab) -> Outcome:
    started = time.monotonic()
    fault = ""
    try:
        case.run()
    except Exception as error:  # noqa: BLE001 - every case has its chance
        fault = f"{type(error).__name__}: {error}".partition("\n")[0]
        traceback.print_exc()
    finally:
        lab.proxy.fault = NONE
    took = f"{time.monotonic() - started:5.0f} s"
    _say(f"{'FAULT' if fault else 'ok':5} {took}  {case.row.fault}, {case.row.way}, {case.point}")
    return Outcome(case.point, fault)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
