"""The index of a tree: which files in it are ours, and by which digests they are known."""
# ruff: noqa: PTH123 - paths stay strings: a tree holds thousands of files, and pathlib costs more than the writing

import json
import os
import stat
from collections.abc import Mapping, Sequence

from fluxapps.model.problems import ConfigError, Problem
from fluxapps.model.tree.paths import INDEX, fault

_ABOUT = (
    "Written by `fluxapps render`: the files it may rewrite and remove here, by SHA-256. Everything else is left alone."
)
_VERSION = 1

Digests = Mapping[str, Sequence[str]]
"""Path to the digests by which the file is ours: one, or, while a write is under way, all it may have."""


def index_text(digests: Digests) -> bytes:
    """Return the index as it stands on disk: one line a file, sorted, the same bytes for the same digests."""
    lines = (
        f"  {json.dumps(path, ensure_ascii=False)}: {json.dumps(known[0] if len(known) == 1 else list(known))}"
        for path, known in sorted(digests.items())
    )
    head = f' "about": {json.dumps(_ABOUT)},\n "version": {_VERSION},\n "files": '
    body = ",\n".join(lines)
    return ("{\n" + head + ("{\n" + body + "\n }" if body else "{}") + "\n}\n").encode()


def read_index(top: str, shown: str) -> tuple[bytes | None, dict[str, tuple[str, ...]]]:
    """Read the index of the tree at *top*.

    Args:
        top: The tree's root.
        shown: The same as problems name it.

    Returns:
        Its bytes and the digests by path; ``(None, {})`` when there is none.

    Raises:
        ConfigError: ``tree-index``: it isn't an index, or lists what can't be in a tree. Nothing may then be written:
            files would be lost or removed by mistake.
        OSError: It can't be read.
    """
    place = f"{top}/{INDEX}"
    try:
        mode = os.lstat(place).st_mode
    except FileNotFoundError:
        return None, {}
    if not stat.S_ISREG(mode):
        raise ConfigError([_problem(shown, "is not a plain file")])
    with open(place, "rb") as file:
        text = file.read()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # not UTF-8 and absurd nesting included
        merging = b"<<<<<<<" in text and b">>>>>>>" in text
        raise ConfigError([_problem(shown, "holds an unfinished merge" if merging else "is not JSON")]) from None
    return text, _listed(document, shown)


def _listed(document: object, shown: str) -> dict[str, tuple[str, ...]]:
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(files, dict):
        raise ConfigError([_problem(shown, "is not an index of files")])
    if document.get("version") != _VERSION:
        what = f"has version {document.get('version')!r}, this fluxapps knows {_VERSION}"
        raise ConfigError([_problem(shown, what, "use the fluxapps that wrote it, or a newer one")])
    listed: dict[str, tuple[str, ...]] = {}
    for path, known in files.items():
        digests = (known,) if isinstance(known, str) else known
        # Files are removed by this list, and whoever may commit can change it: a path out of the tree must not count.
        if why := fault(path):
            raise ConfigError([_problem(shown, f"lists {path!r}, which {why}")])
        if not isinstance(digests, tuple | list) or not all(isinstance(digest, str) for digest in digests):
            raise ConfigError([_problem(shown, f"lists {path!r} without a digest")])
        listed[path] = tuple(digests)
    return listed


def _problem(shown: str, what: str, fix: str = "") -> Problem:
    restore = f"take back what fluxapps wrote (git restore {shown}, or one side of the merge) or delete {shown}"
    file, what = f"{shown}/{INDEX}", f"the index {what}"
    return Problem(code="tree-index", file=file, what=what, fix=fix or f"{restore}; then render again")
