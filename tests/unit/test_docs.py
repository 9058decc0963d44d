"""What the documentation shows is so: files are sound, commands and links exist, output is what comes out.

A page is played from top to bottom over ``tests/fixtures/base``. A block whose first line is a comment with a path is
that file: it is written, and all stacks must then be sound; a block of a rendered file is compared with what is
rendered; a test is run. Output below ``$ fluxapps check``, ``render`` and ``new app`` is compared with what they print.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from fluxapps.cli.command_line import app as command_line
from fluxapps.model import declare, load, tree_files
from tests.unit.cli_run import base_repository, environment, fluxapps
from tests.unit.fixture_repositories import problems, resolved

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"))
    if ".venv" not in path.parts
)
GUIDES = [page for page in PAGES if page.startswith("docs/guides/")]

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"# (?P<path>[\w.-]+(?:/[\w.-]+)*\.\w+)(?: .*)?$")
_RENDERED = re.compile(r"(?:\.fluxapps/rendered|deploy)/(?P<stack>[^/]+)/(?P<path>.+)")
_OURS = re.compile(r"apps/.+|bootstrap/.+|fleet\.yaml|Pulumi\..+\.yaml")
_INLINE = re.compile(r"`((?:fluxapps|make) [^`]+)`")
_PLACEHOLDER = re.compile(r"<[\w ]+>")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_COMMAND = re.compile(r"^\$ (?P<command>.*)$", re.MULTILINE)
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
_PLAYED = ("check", "render", "new")
"""Verbs that need no engine: their output is compared."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str

    @property
    def path(self) -> str | None:
        """Return the file it is, by the comment in its first line."""
        found = _PATH.fullmatch(self.text.partition("\n")[0])
        return found["path"] if found else None

    @property
    def body(self) -> str:
        """Return the file's content below that comment."""
        return self.text.partition("\n")[2]

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yield each command that is typed, with what is shown below it."""
        parts = _COMMAND.split(self.text)
        yield from zip(parts[1::2], (shown.strip("\n") for shown in parts[2::2]), strict=True)


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(page: str) -> list[Block]:
    return [Block(found["language"], found["text"]) for found in _BLOCK.finditer(text_of(page))]


@dataclass
class Play:
    """A repository as the page has shown it so far."""

    root: Path
    shown: set[str] = field(default_factory=set)
    checked: bool = False
    """Whether the page has shown itself what is wrong with the files since the last of them changed."""

    def write(self, block: Block, path: str) -> None:
        if path in self.shown:
            self.is_sound()
        self.shown.add(path)
        self.checked = False
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(block.text, "utf-8")

    def is_sound(self) -> None:
        for stack in () if self.checked else load(self.root).stacks:
            assert problems(self.root, stack) == []

    def renders(self, path: str, body: str) -> None:
        found = _RENDERED.fullmatch(path)
        assert found is not None, f"{path} is no file of a repository, and none that is rendered"
        fleet = resolved(self.root, found["stack"])
        assert (fleet.git_path or f".fluxapps/rendered/{fleet.stack}") == path.removesuffix(f"/{found['path']}")
        assert tree_files(fleet, declare(fleet))[found["path"]].decode() == body

    def passes(self, path: str) -> None:
        shutil.copytree(ROOT / "components", self.root / "components", dirs_exist_ok=True)
        shutil.copy(ROOT / "__main__.py", self.root)
        ran = subprocess.run(  # noqa: S603 - pytest
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", path],
            cwd=self.root,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def prints(self, command: str, shown: str) -> None:
        done = fluxapps(*words_of(command)[1:])
        out, err = ([line.rstrip() for line in stream.splitlines()] for stream in (done.out, done.err))
        assert [line for line in shown.splitlines() if line] == [line for line in (*out, *err) if line]
        self.checked = self.checked or command.startswith("fluxapps check")


@pytest.mark.parametrize("page", GUIDES)
def test_what_a_guide_shows_is_so(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play(base_repository(tmp_path))
    monkeypatch.chdir(tmp_path)
    for block in blocks(page):
        if block.language in {"yaml", "python"}:
            assert block.path is not None, f"which file is this:\n{block.text}"
            if block.language == "python":
                play.write(block, block.path)
                play.passes(block.path)
            elif _OURS.fullmatch(block.path):
                play.write(block, block.path)
            elif block.path.startswith("."):
                play.renders(block.path, block.body) if _RENDERED.fullmatch(block.path) else yaml.safe_load(block.text)
            else:
                play.renders(block.path, block.body)
        elif block.language == "console":
            for command, shown in block.commands():
                if shown and words_of(command)[:1] == ["fluxapps"] and words_of(command)[1] in _PLAYED:
                    play.prints(command, shown)
    play.is_sound()


def words_of(command: str) -> list[str]:
    """Return the words of a command, without a comment after it."""
    return shlex.split(command, comments=True)


def commands(page: str) -> Iterator[str]:
    """Yield every command that *page* has typed in a block, or run by a workflow."""
    for block in blocks(page):
        if block.language == "console":
            yield from (command for command, _ in block.commands())
        elif block.language == "yaml":
            yield from (line.strip() for run in runs(yaml.safe_load(block.text)) for line in run.splitlines())


def mentioned(page: str) -> list[str]:
    """Return the commands that stand within sentences, where what they need may be left out."""
    return [_PLACEHOLDER.sub("x", command) for command in _INLINE.findall(_BLOCK.sub("", text_of(page)))]


def runs(workflow: Any) -> Iterator[str]:
    """Yield what the steps of a GitHub *workflow* run; nothing of another file."""
    jobs = workflow.get("jobs") if isinstance(workflow, dict) else None
    for job in (jobs or {}).values():
        yield from (step["run"] for step in job["steps"] if "run" in step)


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    for command in commands(page):
        words = words_of(command)
        if words and words[0].rpartition("/")[2] == "fluxapps":
            parse(words[1:])
        elif words and words[0] == "make":
            assert make_targets(words) <= MAKE_TARGETS, command
    for command in mentioned(page):
        words = words_of(command)
        if words[0] == "fluxapps":
            assert fluxapps(*words[1:], "--help").code == 0, command
        else:
            assert make_targets(words) <= MAKE_TARGETS, command


def make_targets(words: list[str]) -> set[str]:
    return {word for word in words[1:] if "=" not in word}


def parse(words: list[str]) -> None:
    """Parse *words* as the command line would, and run nothing.

    Raises:
        Exception: There is no such verb, option or choice, or something is missing.
    """
    command, context = typer.main.get_command(command_line), None
    while True:
        context = command.make_context("fluxapps", words, parent=context)
        if not hasattr(command, "resolve_command"):
            return
        rest = [*context._protected_args, *context.args]  # noqa: SLF001 - no public name for the words after the options
        if not rest:
            return
        _, command, words = command.resolve_command(context, rest)


@pytest.mark.parametrize(
    "words", [["chekc"], ["check", "--format", "xml"], ["render", "--stacks", "dev"], ["dev", "go"]]
)
def test_a_command_that_is_not_there_is_noticed(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|not one of|missing"):
        parse(words)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for found in _LINK.finditer(_BLOCK.sub("", text_of(page))):
        target, _, anchor = found["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        place = (ROOT / page).parent / target if target else ROOT / page
        assert place.exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(place.read_text("utf-8")), f"{page}: {target}#{anchor}"


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_guide_is_listed() -> None:
    listed = set(_LINK.findall(text_of("docs/guides/README.md")))
    assert {Path(page).name for page in GUIDES} - {"README.md"} <= listed
