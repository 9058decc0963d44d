"""What an import did, as plain data: for people, for programs, for a page."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from fluxapps.importing.applied import SOURCES
from fluxapps.importing.comparison import ABSENT, Difference
from fluxapps.importing.original import Document, Original
from fluxapps.importing.proof import Proof
from fluxapps.importing.repository import Imported
from fluxapps.model.problems import Problem

_FLUX_KINDS: Final = frozenset(("HelmRelease", "Kustomization", "Namespace", *SOURCES))


def report(found: Imported, proofs: Sequence[Proof], checked: Sequence[Problem]) -> dict[str, Any]:
    """Return what the import *found* did, how the proofs ended, and what the checks say of the result."""
    return {
        "stacks": [
            {
                "name": said.name,
                "entry": cluster.entry or ".",
                "apps": proof.apps,
                "objects": proof.objects,
                "equal": proof.equal,
                "unexplained": len(proof.unexplained),
                "verdict": proof.summary,
                "differences": [_difference(one) for one in proof.differences],
                "kept": [
                    {"object": one.object, "file": one.file, "line": one.line, "why": one.why} for one in said.kept
                ],
                "left": [
                    {"object": str(one.id), "file": one.file, "line": one.line, "why": one.why} for one in said.left
                ],
            }
            for (cluster, said), proof in zip(found.stacks, proofs, strict=True)
        ],
        "lifted": [
            {
                "object": document.name,
                "file": document.file,
                "line": document.line,
                "fields": list(document.lifted),
            }
            for document in found.lifted
        ],
        "problems": [_problem(one) for one in found.problems],
        "check": [_problem(one) for one in checked],
        "notApplied": found.not_applied,
        "lines": {"before": lines_before(found.original), "after": lines_after(found.files)},
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "object": one.object,
        "field": one.field,
        "original": None if one.original is ABSENT else one.original,
        "ours": None if one.ours is ABSENT else one.ours,
        "absent": [name for name, value in (("original", one.original), ("ours", one.ours)) if value is ABSENT],
        "why": one.why,
        "file": one.file,
        "line": one.line,
    }


def _problem(one: Problem) -> dict[str, Any]:
    return {
        "code": one.code,
        "severity": one.severity.value,
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "what": one.what,
        "fix": one.fix,
    }


def lines_before(original: Original) -> int:
    """Return how many lines say Flux's objects and Namespaces, values, comments and empty lines left out."""
    return sum(
        _lines_of(original, document)
        for file in original.files
        for document in original.objects(file)
        if document.manifest["kind"] in _FLUX_KINDS and not document.path
    )


def _lines_of(original: Original, document: Document) -> int:
    read = original.files[document.file]
    lines = read.text.splitlines()
    following = document.index + 1
    end = read.documents[following].line - 1 if following < len(read.documents) else len(lines)
    count, values_indent = 0, None
    for line in lines[document.line - 1 : end]:
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if not stripped or stripped.startswith(("#", "---")):
            continue
        if values_indent is not None and indent > values_indent:
            continue
        values_indent = indent if stripped == "values:" else None
        count += 1
    return count


def lines_after(files: dict[str, bytes]) -> int:
    """Return how many lines of ours say the same."""
    ours = [
        content
        for path, content in files.items()
        if path == "fleet.yaml" or path.endswith("/app.yaml") or (path.startswith("Pulumi.") and path != "Pulumi.yaml")
    ]
    return sum(
        bool(line.strip()) and not line.strip().startswith(b"#") for content in ours for line in content.splitlines()
    )


def as_text(data: dict[str, Any], *, whole: bool = False) -> str:
    """Return a report as people read it on a screen; *whole* names every object and fault, else a few of each kind."""
    most = None if whole else _FEW
    lines: list[str] = []
    for stack in data["stacks"]:
        lines.append(f"{stack['name']}: {stack['verdict']}")
        differing = [one for one in stack["differences"] if not one["why"]]
        lines += [f"  differs: {one['object']}: {one['field']}: {_both(one)}{_at(one)}" for one in differing[:most]]
        lines += _more(differing, most)
        explained = [one for one in stack["differences"] if one["why"]]
        lines += _grouped("explained", explained, most)
        lines += _grouped("not brought along", stack["left"], most)
        lines += _grouped("stays other YAML", stack["kept"], most)
    if data["lifted"]:
        fields = sum(len(one["fields"]) for one in data["lifted"])
        lines.append(f"lifted to today's API versions: {len(data['lifted'])} objects, {fields} fields")
        lines += [f"  {one['object']}: {', '.join(one['fields'])}{_at(one)}" for one in data["lifted"][:most]]
        lines += _more(data["lifted"], most)
    for title, key in (("faults of the original", "problems"), ("what fluxapps check says of the result", "check")):
        if data[key]:
            lines.append(f"{title}: {_counted(data[key])}")
            lines += [f"  {one['severity']} {one['code']}: {one['what']}{_at(one)}" for one in data[key][:most]]
            lines += _more(data[key], most)
    if data["notApplied"]:
        lines.append(f"applied by nothing, and left where it is: {len(data['notApplied'])} files")
        lines += [f"  {file}" for file in data["notApplied"][:most]]
        lines += _more(data["notApplied"], most)
    before, after = data["lines"]["before"], data["lines"]["after"]
    if before:
        lines.append(f"{before} lines of Flux objects are {after} lines now ({after * 100 // before}%)")
    return "\n".join([*lines, ""])


_FEW: Final = 8


def _grouped(title: str, found: Sequence[dict[str, Any]], most: int | None) -> list[str]:
    by_why: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        by_why[one["why"]].append(one)
    lines = []
    for why, same in by_why.items():
        lines.append(f"  {title}, {len(same)}: {why}")
        for one in same[: None if most is None else 2]:
            field = f": {one['field']}" if "field" in one else ""
            lines.append(f"    {one['object']}{field}{_at(one)}")
        if most is not None and len(same) > 2:  # noqa: PLR2004 - two are shown
            lines.append(f"    and {len(same) - 2} more")
    return lines


def _more(found: Sequence[Any], most: int | None) -> list[str]:
    return [f"  and {len(found) - most} more"] if most is not None and len(found) > most else []


def _counted(found: Iterable[dict[str, Any]]) -> str:
    counted = Counter(one["severity"] for one in found)
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in counted.items())


def _both(one: dict[str, Any]) -> str:
    def shown(name: str) -> str:
        text = "absent" if name in one["absent"] else repr(one[name])
        return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"

    return f"{shown('original')} in the original, {shown('ours')} in ours"


_WIDEST: Final = 120


def _at(one: dict[str, Any]) -> str:
    if not one.get("file"):
        return ""
    return f" ({one['file']}{':' + str(one['line']) if one.get('line') else ''})"


def as_markdown(data: dict[str, Any]) -> str:
    """Return a report as a page."""
    lines = ["# Import", ""]
    for stack in data["stacks"]:
        lines += [f"## Stack {stack['name']}", "", f"{stack['verdict']}.", ""]
        unexplained = [one for one in stack["differences"] if not one["why"]]
        if unexplained:
            lines += _table(
                ("object", "field", "original", "ours"),
                [(one["object"], one["field"], *_cells(one)) for one in unexplained],
            )
        explained = Counter((one["field"], one["why"]) for one in stack["differences"] if one["why"])
        if explained:
            lines += ["Explained differences:", ""]
            lines += _table(
                ("field", "objects", "why"), [(field, str(count), why) for (field, why), count in explained.items()]
            )
        for title, key in (("Not brought along", "left"), ("Stays other YAML", "kept")):
            if stack[key]:
                lines += [f"### {title}", ""]
                lines += _table(
                    ("object", "where", "why"), [(one["object"], _place(one), one["why"]) for one in stack[key]]
                )
    if data["lifted"]:
        lines += ["## Lifted to today's API versions", ""]
        lines += _table(
            ("object", "where", "fields"),
            [(one["object"], _place(one), ", ".join(one["fields"])) for one in data["lifted"]],
        )
    for title, key in (("Faults of the original", "problems"), ("What `fluxapps check` says of the result", "check")):
        if data[key]:
            lines += [f"## {title}", ""]
            lines += _table(
                ("severity", "code", "where", "what", "how to mend it"),
                [(one["severity"], one["code"], _place(one), one["what"], one["fix"]) for one in data[key]],
            )
    if data["notApplied"]:
        lines += ["## Applied by nothing", "", *(f"- `{file}`" for file in data["notApplied"]), ""]
    lines += [f"Lines of Flux objects before: {data['lines']['before']}; of ours now: {data['lines']['after']}.", ""]
    return "\n".join(lines)


def _cells(one: dict[str, Any]) -> tuple[str, str]:
    original, ours = ("absent" if name in one["absent"] else f"`{one[name]!r}`" for name in ("original", "ours"))
    return original, ours


def _place(one: dict[str, Any]) -> str:
    return f"`{one['file']}{':' + str(one['line']) if one.get('line') else ''}`" if one.get("file") else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(row)} |" for row in cells),
        "",
    ]
