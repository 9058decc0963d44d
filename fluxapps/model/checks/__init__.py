"""Checks: what is wrong with a resolved stack, all at once, each with the place to mend it."""

from fluxapps.model.problems import Problem
from fluxapps.model.resolved import Fleet


def check(fleet: Fleet) -> list[Problem]:
    """Return all problems of *fleet*, sorted by place; errors mean that it can't be declared."""
    return sorted(fleet.sources.problems, key=lambda problem: problem.order)
