"""``fluxapps check``: everything that is wrong with the files, of all stacks at once."""

from dataclasses import dataclass
from pathlib import Path

import typer

from fluxapps.cli import problems
from fluxapps.cli.options import Format
from fluxapps.cli.problems import Finding
from fluxapps.cli.screen import counted, screen
from fluxapps.model import ConfigError, Problem, Sources, check, load, resolve

_NO_STACK = "there is no Pulumi.<stack>.yaml yet: what a stack makes of the files is not checked"


def check_stacks(root: Path, stack: str | None, format_: Format) -> int:
    """Print what is wrong with the repository at *root*, and return the exit code.

    Args:
        root: The repository.
        stack: One stack; None: all of them.
        format_: Of what goes to stdout.
    """
    checked = _checked(root, stack)
    match format_:
        case Format.JSON:
            typer.echo(problems.as_json(checked.findings))
        case Format.GITHUB:
            typer.echo(problems.as_annotations(checked.findings, root), nl=False)
            typer.echo(checked.summary)
        case Format.TEXT:
            console = screen()
            problems.print_findings(console, checked.findings, root)
            if checked.findings:
                console.print()
            console.print(checked.summary, soft_wrap=True)
            if not checked.of_stacks:
                console.print(f"  {_NO_STACK}", soft_wrap=True)
    return int(any(finding.is_error for finding in checked.findings))


@dataclass(frozen=True, slots=True)
class _Checked:
    """What was found, and in what."""

    findings: list[Finding]
    about: str
    of_stacks: bool = True
    """Whether there was a stack to check; without one, only what files say by themselves is."""

    @property
    def summary(self) -> str:
        """Return ``2 stacks, 14 apps: no problems``."""
        return f"{self.about}: {problems.summary(self.findings)}"


def _checked(root: Path, stack: str | None) -> _Checked:
    try:
        sources = load(root)
    except ConfigError as error:
        # Stacks can't be told apart yet: what is wrong is wrong for all of them.
        return _Checked([Finding(problem) for problem in error.problems], "the files")
    if stack is None:
        about = f"{counted(len(sources.stacks), 'stack')}, {counted(len(sources.apps), 'app')}"
        return _Checked(_findings(sources, sources.stacks), about, bool(sources.stacks))
    return _Checked(_findings(sources, (stack,)), f"stack {stack}, {counted(len(sources.apps), 'app')}")


def _findings(sources: Sources, stacks: tuple[str, ...]) -> list[Finding]:
    """Return the problems of *stacks*, each once, with the stacks that have it where others don't matter to it."""
    found: dict[Problem, list[str]] = {}
    for stack in stacks:
        try:
            of_stack = check(resolve(sources, stack))
        except ConfigError as error:
            of_stack = list(error.problems)
        for problem in of_stack:
            found.setdefault(problem, []).append(stack)
    everywhere = set(sources.problems)
    findings = [Finding(problem) for problem in everywhere]
    findings += [
        Finding(problem, tuple(names) if len(stacks) > 1 else ())
        for problem, names in found.items()
        if problem not in everywhere
    ]
    return sorted(findings, key=lambda finding: finding.problem.order)
