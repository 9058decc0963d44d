"""What docs/real-input.md says in figures, made from the measurement: ``python -m tests.real.page`` writes it anew."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

from tests.real.comparison import ABSENT, Known
from tests.real.measure import REPOSITORIES, Measured, comparable, measure
from tests.real.working_tree import HERE

PAGE: Final = HERE.parents[1] / "docs" / "real-input.md"

_BLOCK: Final = re.compile(r"(<!-- measured: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str, measured: Mapping[str, Measured]) -> str:
    """Return *page* with its measured blocks as *measured* says."""
    blocks = {"figures": _figures(measured), "differences": _differences(measured)}
    return _BLOCK.sub(lambda found: found[1] + blocks[found["name"]] + found[3], page)


def _figures(measured: Mapping[str, Measured]) -> str:
    columns = [_column(name, one) for name, one in measured.items()]
    rows = [f"| {title} | {' | '.join(str(column[title]) for column in columns)} |" for title in columns[0]]
    return "\n".join([f"| | {' | '.join(measured)} |", "|---" + "|--:" * len(measured) + "|", *rows, ""])


def _column(name: str, one: Measured) -> dict[str, str | int]:
    before, after = _lines_replaced(one), _lines_said(name)
    return {
        "apps": one.apps,
        "releases": _count(one, "HelmRelease"),
        "published objects": len(one.original),
        "of them lifted to today's API version": len(one.lifted),
        "fields that lifting changed, besides `apiVersion`": sum(len(f) - 1 for f in one.lifted.values()),
        "objects rendered (two of them Pulumi's)": len(one.ours),
        "equal in every field": len(one.equal),
        "with a difference the table below explains": len({d.object for d in one.differences}),
        "single fields compared, values included": sum(_leaves(o) for o in comparable(one.original).values()),
        "other YAML files, byte for byte": len(one.tree.copied),
        "lines of Flux objects by hand": before,
        "lines of ours that say the same": f"{after} ({after / before:.0%})",
    }


def _count(one: Measured, kind: str) -> int:
    return sum(identity.kind == kind for identity in one.original)


def _leaves(value: Any) -> int:
    match value:
        case dict() if value:
            return sum(map(_leaves, value.values()))
        case list() if value:
            return sum(map(_leaves, value))
        case _:
            return 1


def _lines_replaced(one: Measured) -> int:
    """Return the lines that a person no longer writes: not the values themselves, not the other YAML."""
    lines = 0
    for name, content in one.published.items():
        if name not in one.tree.copied:
            lines += len(content.splitlines())
        if name in one.tree.values:
            lines -= len(yaml.load(content, yaml.CSafeLoader)["data"]["values.yaml"].splitlines())
    return lines


def _lines_said(name: str) -> int:
    return sum(len(path.read_text().splitlines()) for path in (HERE / name).rglob("*.yaml"))


def _differences(measured: Mapping[str, Measured]) -> str:
    groups: dict[tuple[str, str], list[tuple[str, Known]]] = {}
    for name, one in measured.items():
        for row in one.table:
            groups.setdefault((row.reason, row.field), []).append((name, row))
    rows = [_row(reason, field, members) for (reason, field), members in groups.items()]
    return "\n".join(["| field | where | original | ours | why |", "|---|---|---|---|---|", *rows, ""])


def _row(reason: str, field: str, members: list[tuple[str, Known]]) -> str:
    where = [f"{name}: {row.objects}" + (f" ({row.count})" if row.count > 1 else "") for name, row in members]
    cells = [[f"`{text}`" for text in where], *([_shown(v) for v in values] for values in _values(members))]
    return f"| `{field}` | {' | '.join(map(_lines, cells))} | {reason} |"


def _values(members: list[tuple[str, Known]]) -> tuple[list[Any], list[Any]]:
    return [row.original for _, row in members], [row.ours for _, row in members]


def _lines(cells: list[str]) -> str:
    """Return *cells* one below the other, or the one that all are."""
    return cells[0] if len(set(cells)) == 1 else "<br>".join(cells)


def _shown(value: Any) -> str:
    return "absent" if value is ABSENT else f"`{value if isinstance(value, str) else _flow(value)}`"


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("...").strip()


def main() -> None:
    """Write the page's measured blocks anew."""
    with TemporaryDirectory() as folder:
        measured = {name: measure(name, Path(folder) / name) for name in REPOSITORIES}
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")
    sys.stdout.write(f"written: {PAGE.name}\n")


if __name__ == "__main__":
    main()
