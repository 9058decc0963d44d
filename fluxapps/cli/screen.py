"""Where text goes and how: a terminal's colour and width, none of either in a pipe, nothing that could steer it."""

import os
import sys

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

READABLE_WIDTH = 120
"""Sentences are broken here at the latest, however wide the terminal."""
_PIPE_WIDTH = 1_000_000
"""Lines in a pipe or a file are never broken: programs read them."""


def screen(*, stderr: bool = False) -> Console:
    """Return the console of stdout, or of *stderr*.

    Colour goes to terminals alone (FORCE_COLOR asks for it elsewhere), and nowhere with NO_COLOR (https://no-color.org).
    """
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream,
        width=None if stream.isatty() else _PIPE_WIDTH,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        highlight=False,
        markup=False,
        emoji=False,
    )


def harmless(text: str) -> str:
    """Return *text* with escapes, marks that turn the direction, and all else that isn't printed, made visible."""
    return (
        text
        if text.isprintable()
        else "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)
    )


def print_sentence(console: Console, text: Text, *, indent: int = 0) -> None:
    """Print *text*, broken between words where the terminal ends, each line indented by *indent*."""
    width = console.width if console.width == _PIPE_WIDTH else min(console.width, READABLE_WIDTH)
    console.print(Padding(text, (0, 0, 0, indent), expand=False), width=width, overflow="fold")


def print_error(what: str, fix: str = "") -> None:
    """Say on stderr what went wrong, and what would help."""
    console = screen(stderr=True)
    print_sentence(console, Text.assemble(("error", "bold red"), ": ", harmless(what)))
    if fix:
        print_sentence(console, Text.assemble(("fix", "green"), ": ", harmless(fix)), indent=2)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 app``, ``2 apps``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
