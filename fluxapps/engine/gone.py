"""Says in a preview what Pulumi's state has and the cluster has not: without looking, ``pulumi up`` leaves it so."""

from collections.abc import Iterable

import pulumi

from fluxapps.engine.report import line
from fluxapps.engine.resource import Leaves, import_id
from fluxapps.model.objects import DeclaredObject
from fluxapps.model.problems import Problem, Severity


def tell_gone(leaves: Leaves, missing: Iterable[DeclaredObject], stack: str) -> None:
    """Warn of those of *missing*, which the cluster has not, that the state has: somebody deleted them.

    In a preview alone what is to be made has no id yet, and what the state has is told by its own.
    """
    if not pulumi.runtime.is_dry_run():
        return
    for one in missing:
        if one.id in leaves:
            _tell_when_known(leaves[one.id].id, one, stack)


def _tell_when_known(identifier: pulumi.Output[str], one: DeclaredObject, stack: str) -> None:
    problem = Problem(
        code="drift",
        severity=Severity.WARNING,
        what=f"{one.id} was deleted by hand",
        file=f"Pulumi.{stack}.yaml",
        fix=f"fluxapps up --stack {stack} makes it anew, and so does pulumi up --refresh --skip-preview",
    )

    def tell(known: str) -> None:
        if known == import_id(one.manifest):
            pulumi.log.warn(line(problem))

    identifier.apply(tell)
