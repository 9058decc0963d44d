"""``fluxapps doctor``: what is wrong with a stack in its cluster, and what to do about it."""

from collections.abc import Iterator
from pathlib import Path

import typer

from fluxapps.cli import problems
from fluxapps.cli.failure import CommandError
from fluxapps.cli.live_stack import LiveStack, live_stack
from fluxapps.cli.options import Format
from fluxapps.cli.problems import Finding
from fluxapps.cli.screen import counted, screen
from fluxapps.engine.adoption import survey
from fluxapps.engine.cluster import ClusterError
from fluxapps.engine.diagnosis import Diagnosis
from fluxapps.engine.flux_guard import flux_problems
from fluxapps.engine.one_writer import changed_by_hand, other_writers, writers_in
from fluxapps.engine.refusals import delivery_changed, obstacles
from fluxapps.model import Problem, declare
from fluxapps.model.live.standing import standings

_GOING = "being-deleted"
"""Said in more words by the diagnosis."""


def diagnose(root: Path, stack: str, format_: Format) -> int:
    """Print what is wrong with *stack* of the repository at *root* in its cluster; return 1 for errors, else 0.

    Raises:
        ConfigError: The files have errors, or name no cluster that is there.
        CommandError: The cluster can't be read.
    """
    looked_at = live_stack(root, stack)
    with looked_at.cluster:
        try:
            found = list(dict.fromkeys(_problems(looked_at)))
        except ClusterError as error:
            raise CommandError(error.what, error.fix) from error
    findings = [Finding(problem) for problem in sorted(found, key=lambda problem: problem.order)]
    about = f"stack {stack}, {counted(len(looked_at.objects), 'object')} in {looked_at.cluster}"
    summary = f"{about}: {problems.summary(findings)}"
    match format_:
        case Format.JSON:
            typer.echo(problems.as_json(findings))
        case Format.GITHUB:
            typer.echo(problems.as_annotations(findings, root), nl=False)
            typer.echo(summary)
        case Format.TEXT:
            console = screen()
            problems.print_findings(console, findings, root)
            if findings:
                console.print()
            console.print(summary, soft_wrap=True)
    return int(any(finding.is_error for finding in findings))


def _problems(stack: LiveStack) -> Iterator[Problem]:
    fleet, cluster = stack.fleet, stack.cluster
    by_pulumi = declare(fleet).for_pulumi().objects()
    live = stack.look()
    lacking = flux_problems(cluster, stack.objects, f"Pulumi.{fleet.stack}.yaml")
    yield from lacking
    yield from delivery_changed(cluster, fleet, stack.label)
    found = survey(cluster, by_pulumi, stack.label)
    yield from (one for one in obstacles(found, cluster, fleet, by_pulumi, stack.label) if one.code != _GOING)
    ours = {identity: one for identity, one in live.items() if identity not in found.foreign}
    yield from other_writers(by_pulumi, ours, writers_in(cluster), cluster, fleet)
    yield from changed_by_hand(by_pulumi, ours, (), fleet)
    diagnosis = Diagnosis(fleet, cluster, frozenset(one.id for one in by_pulumi))
    declared = [one for one in stack.objects if one.id not in found.foreign]
    yield from diagnosis.problems(standings(declared, ours, stack.judge(ours)))
