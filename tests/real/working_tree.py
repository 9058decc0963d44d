"""A published repository, and ours of the same name made whole with the published values and other YAML.

Text of other projects isn't part of this repository. It is read from ``../shared/corpus`` when the tests run; what goes
where stands in ``corpus.yaml``.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
CORPUS: Final = HERE.parents[2] / "shared" / "corpus"
"""Published repositories, beside this one; a clone may be without them."""

_SAID_BY_APP_FILES: Final = {"GitRepository", "HelmRelease", "HelmRepository", "Kustomization", "Namespace"}


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """A repository of ours that can be rendered."""

    root: Path
    copied: tuple[str, ...]
    """Published files that lie in it byte for byte: their paths in the published repository."""
    values: tuple[str, ...]
    """Published ConfigMaps whose text lies in it as a values file."""


def published_files(repository: str) -> dict[str, bytes]:
    """Return the YAML of a published repository by path."""
    root = CORPUS / repository
    files = (path for path in root.rglob("*") if path.suffix in (".yaml", ".yml"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(files)}


def working_tree(repository: str, root: Path) -> WorkingTree:
    """Make *root* our repository of that name, with the published values and other YAML in it."""
    shutil.copytree(HERE / repository, root, dirs_exist_ok=True)
    copied: list[str] = []
    values: list[str] = []
    for source, target in _table(repository).items():
        for path in sorted((CORPUS / repository / source).glob("*.y*ml")):
            name = path.relative_to(CORPUS / repository).as_posix()
            kinds = {document["kind"]: document for document in yaml.safe_load_all(path.read_bytes()) if document}
            folder = root / target["to"]
            if kinds.keys() <= _SAID_BY_APP_FILES:
                continue
            if "values.yaml" in kinds.get("ConfigMap", {}).get("data", {}):
                _write(folder / target.get("values", "values.yaml"), kinds["ConfigMap"]["data"]["values.yaml"].encode())
                values.append(name)
            else:
                _write(root / target.get("other", target["to"]) / path.name, path.read_bytes())
                copied.append(name)
    return WorkingTree(root, tuple(copied), tuple(values))


def _table(repository: str) -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((HERE / "corpus.yaml").read_bytes())
    return tables[repository]


def _write(path: Path, content: bytes) -> None:
    if path.exists():
        raise FileExistsError(f"two published files would become {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
