"""Checks: what is wrong with a resolved stack, all at once, each with the place to mend it."""

from fluxapps.model.checks.stack import check

__all__ = ["check"]
