"""Problems of a resolved stack, placed where a file says what is wrong."""

from collections.abc import Callable
from pathlib import Path

from fluxapps.model.layers import Origin
from fluxapps.model.problems import Problem, Severity
from fluxapps.model.resolved import Fleet, place
from fluxapps.model.yaml_file import FieldPath, YamlFile


def error(code: str, what: str, where: Origin | None, otherwise: str, fix: str = "") -> Problem:
    """Return an error at *where*; at the file *otherwise* as a whole where no file says the field."""
    return Problem(code=code, what=what, fix=fix, **place(where, otherwise))


def warning(code: str, what: str, where: Origin | None, otherwise: str, fix: str = "") -> Problem:
    """Return a warning, placed like :func:`error`."""
    return Problem(code=code, what=what, fix=fix, severity=Severity.WARNING, **place(where, otherwise))


def at(file: YamlFile, path: FieldPath, *, document: int = 0) -> Origin:
    """Return the place of *path* in *file*, or of its nearest ancestor there."""
    position = file.position(path, document=document)
    return Origin(file.file, position.line, position.column, path)


def nearest(origin: Callable[..., Origin | None], path: FieldPath) -> Origin | None:
    """Return where *path*, or else its nearest ancestor that a file says, was said; *origin* is a model's method."""
    for length in range(len(path), 0, -1):
        if (found := origin(*path[:length])) is not None:
            return found
    return None


def stack_file(fleet: Fleet) -> str:
    """Return the path of the file that *fleet*'s stack is said in."""
    return fleet.sources.stack_files[fleet.stack].file.file


def exists(path: Path) -> bool:
    """Return whether *path* is there; what can't be a path, being too long say, isn't."""
    try:
        return path.exists()
    except OSError:
        return False
