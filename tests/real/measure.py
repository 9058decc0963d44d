"""One published repository against ours of the same name: rendered, lifted, compared, counted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from fluxapps import model
from fluxapps.importing.lift import lift
from fluxapps.model.objects import Manifest, ObjectId
from fluxapps.model.problems import Problem
from tests.real.comparison import Difference, Known, compare, known
from tests.real.objects import Found, applied_by, meaning, read_objects
from tests.real.working_tree import HERE, WorkingTree, published_files, working_tree

REPOSITORIES: Final = ("jaromirrivera", "henabytes")
STACK: Final = "home"
TREE: Final = f"deploy/{STACK}"
"""Where the stack's tree is committed, unless its file says otherwise."""

APPLIED_BY: Final = "(applied by)"
"""The field of a difference that is about which Kustomization applies an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that a test or the page asks about one repository."""

    tree: WorkingTree
    problems: tuple[Problem, ...]
    """What the checks say about our files, warnings too."""
    published: dict[str, bytes]
    rendered: dict[str, bytes]
    """The rendered tree, by path from the repository's root."""
    original: dict[ObjectId, Found]
    ours: dict[ObjectId, Found]
    """The rendered objects, and the two that Pulumi declares."""
    lifted: dict[ObjectId, tuple[str, ...]]
    """Fields that lifting changed, for each object where it changed any."""
    differences: tuple[Difference, ...]
    table: tuple[Known, ...]
    """The differences that are known, with their reasons."""
    apps: int

    @property
    def equal(self) -> tuple[ObjectId, ...]:
        """Return the objects that are in both, with every field the same."""
        differing = {one.object for one in self.differences}
        return tuple(one for one in self.original if one in self.ours and str(one) not in differing)


def measure(repository: str, folder: Path) -> Measured:
    """Make our *repository* whole in *folder*, render it, and hold it against the published one."""
    tree = working_tree(repository, folder)
    fleet = model.resolve(model.load(tree.root), STACK)
    problems = tuple(model.check(fleet))
    declaration = model.declare(fleet)
    rendered = {f"{TREE}/{path}": content for path, content in model.tree_files(fleet, declaration).items()}
    ours = read_objects(rendered)
    ours |= {declared.id: Found(declared.manifest, "") for declared in declaration.for_pulumi().system}
    published = published_files(repository)
    lifts = {identity: (lift(found.manifest), found.file) for identity, found in read_objects(published).items()}
    original = {identity: Found(lifted.manifest, file) for identity, (lifted, file) in lifts.items()}
    return Measured(
        tree=tree,
        problems=problems,
        published=published,
        rendered=rendered,
        original=original,
        ours=ours,
        lifted={identity: lifted.fields for identity, (lifted, _) in lifts.items() if lifted.fields},
        differences=tuple(compare(comparable(original), comparable(ours))),
        table=tuple(known(_read("differences.yaml")[repository])),
        apps=len(declaration.apps),
    )


def expected_problems(repository: str) -> list[dict[str, Any]]:
    """Return the problems that the checks are known to find in *repository*."""
    found: list[dict[str, Any]] = _read("problems.yaml")[repository]
    return found


def comparable(objects: dict[ObjectId, Found]) -> dict[ObjectId, Manifest]:
    """Return *objects* by their meaning, each with the Kustomization that applies it."""
    appliers = applied_by(objects)
    return {identity: meaning(found.manifest) | {APPLIED_BY: appliers[identity]} for identity, found in objects.items()}


def _read(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_bytes())
