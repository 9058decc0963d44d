"""``fluxapps lift``: Flux's objects in a folder of YAML, in today's API versions, edited in place."""

from pathlib import Path

import typer

from fluxapps.cli.failure import CommandError
from fluxapps.cli.screen import counted
from fluxapps.importing.lift_text import LiftedText, lift_text
from fluxapps.importing.original import read_original
from fluxapps.model.yaml_file import YamlFile


def lift_folder(folder: Path, *, check_only: bool) -> int:
    """Lift what stands in *folder*, or with *check_only* say what would change; return the exit code.

    Raises:
        CommandError: It is no folder.
    """
    if not folder.is_dir():
        raise CommandError(f"{folder} is no folder", "name the folder of a Flux repository")
    original = read_original(folder)
    lifted = [_lifted(read) for read in original.files.values()]
    changed = [one for one in lifted if one.objects]
    by_hand = [problem for one in lifted for problem in one.problems]
    for one in changed:
        for name, line, fields in one.objects:
            typer.echo(f"{one.file}:{line}: {name}: {', '.join(fields)}")
        if not check_only:
            _replace(folder / one.file, one.text)
    for problem in by_hand:
        typer.echo(f"{problem.file}:{problem.line}: {problem.what}: {problem.fix}", err=True)
    for file, problems in original.broken.items():
        typer.echo(f"{file}:{problems[0].line or 1}: it can't be read: {problems[0].what}", err=True)
    objects = counted(sum(len(one.objects) for one in changed), "object")
    files = counted(len(changed), "file")
    said = "to be lifted" if check_only else "lifted"
    typer.echo(f"{objects} in {files} {said}" + (f", {len(by_hand)} by hand" if by_hand else ""))
    return int(bool(by_hand) or (check_only and bool(changed)))


def _lifted(read: YamlFile) -> LiftedText:
    if "toolkit.fluxcd.io/v" not in read.text:
        return LiftedText(read.file, read.text)
    return lift_text(read)


def _replace(file: Path, text: str) -> None:
    """Put *text* at *file* in one step, with the rights it had."""
    staged = file.with_name(f".{file.name}.fluxapps-part")
    # A byte order mark is no part of the text that was read.
    mark = "\ufeff" if file.read_bytes().startswith(b"\xef\xbb\xbf") else ""
    staged.write_bytes((mark + text).encode())
    staged.chmod(file.stat().st_mode & 0o7777)
    staged.replace(file)
