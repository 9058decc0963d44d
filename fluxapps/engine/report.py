"""Problems as the plain text of one Pulumi error: Pulumi colours and indents it itself."""

from collections.abc import Iterable

from fluxapps.model.problems import Problem


def report(heading: str, problems: Iterable[Problem]) -> str:
    """Return *heading* and every problem, by place: file and line, what is wrong, its code, what would be right."""
    ordered = sorted(problems, key=lambda problem: problem.order)
    return "\n".join([heading, *(_entry(problem) for problem in ordered)])


def line(problem: Problem) -> str:
    """Return a problem on one line, for a warning."""
    return _entry(problem).strip().replace("\n    ", ": ")


def _entry(problem: Problem) -> str:
    place = problem.file
    if problem.line is not None:
        place += f":{problem.line}" + (f":{problem.column}" if problem.column is not None else "")
    field = f"{problem.path}: " if problem.path else ""
    fix = f"\n    {problem.fix}" if problem.fix else ""
    return f"  {place}: {field}{problem.what} [{problem.code}]{fix}"
