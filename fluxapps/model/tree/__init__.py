"""The rendered tree on disk: which files are ours, what differs, and writing it."""

from fluxapps.model.tree.paths import INDEX
from fluxapps.model.tree.survey import TreeDifference, compare_tree
from fluxapps.model.tree.write import write_tree

__all__ = ["INDEX", "TreeDifference", "compare_tree", "write_tree"]
