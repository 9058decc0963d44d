"""What docs/import.md says in figures: ``python -m tests.real.import_page`` writes it anew."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from fluxapps.importing.adoption import adoption_plan
from fluxapps.importing.report import as_text
from fluxapps.importing.repository import found_in, imported
from fluxapps.importing.said import Destination
from tests.real.imported import STACK, ImportedRepository, bring_in, names
from tests.real.working_tree import CORPUS, HERE

PAGE: Final = HERE.parents[1] / "docs" / "import.md"

SHOWN: Final = "jaromirrivera"
"""Whose import the page shows."""

_ORIGINAL: Final = "../fleet-infra"
"""Where it is on the page."""
_URL: Final = "https://git.example.org/fleet.git"

_BLOCK: Final = re.compile(r"(<!-- measured: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str, found: Sequence[ImportedRepository]) -> str:
    """Return *page* with its figures as *found* says."""
    columns = [_column(one) for one in found]
    rows = [f"| {title} | {' | '.join(str(column[title]) for column in columns)} |" for title in columns[0]]
    head = [f"| | {' | '.join(one.name for one in found)} |", "|---" + "|--:" * len(found) + "|"]
    table = "\n".join([*head, *rows, ""])
    shown = next(one for one in found if one.name == SHOWN)
    said = f"$ fluxapps import {_ORIGINAL} --stack {STACK}\n{as_text(shown.report)}"
    blocks = {
        "figures": table,
        "transcript": f"```console\n{said}```\n",
        "plan": f"```console\n{_plan(SHOWN)}```\n",
    }
    return _BLOCK.sub(lambda match: match[1] + blocks[match["name"]] + match[3], page)


def _plan(name: str) -> str:
    """Return how a cluster that is run from the published repository *name* is said to go over."""
    original, builder, clusters = found_in(CORPUS / name, stack=STACK)
    to = Destination(url=_URL, is_new=True, context=STACK)
    ((cluster, said),) = imported(original, builder, clusters, project="fleet", to=to).stacks
    plan = "\n".join(adoption_plan(original, cluster, said)).replace(str(original.root), _ORIGINAL)
    told = f"$ fluxapps import {_ORIGINAL} --stack {STACK} --url {_URL} --context {STACK} --adopt"
    return f"{told}\n...\n{said.name}: to go over to it on the running cluster:\n{plan}\n"


def _column(one: ImportedRepository) -> dict[str, str | int]:
    stack = one.report["stacks"][0]
    lines = one.report["lines"]
    return {
        "apps": stack["apps"],
        "HelmReleases": one.releases,
        "of them said by app files": one.said,
        "objects": stack["objects"],
        "equal in every field": stack["equal"],
        "with a difference that is explained": stack["objects"] - stack["equal"],
        "with one that is not": stack["unexplained"],
        "objects lifted": len(one.report["lifted"]),
        "fields lifted": sum(len(each["fields"]) for each in one.report["lifted"]),
        "objects said as other YAML, with a reason": len(stack["kept"]),
        "faults found": len(one.report["problems"]),
        "lines of Flux objects before": lines["before"],
        "lines of ours": f"{lines['after']} ({lines['after'] * 100 // lines['before']}%)",
    }


def main() -> None:
    """Write the page's figures anew."""
    with TemporaryDirectory() as folder:
        found = [bring_in(name, Path(folder) / name) for name in names()]
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    sys.stdout.write(f"written: {PAGE.name}\n")


if __name__ == "__main__":
    main()
