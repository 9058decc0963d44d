"""A program under plain `pulumi`: how it is run, and what is said of it when it fails."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.plain_pulumi import Plain, Project, plain_pulumi
from tests.engine.watched import runs, until

pytestmark = pytest.mark.engine


# Says which process it is, then waits for longer than any test.
LASTING = """\
import os, time
from pathlib import Path
Path("pid").write_text(str(os.getpid()))
time.sleep(600)
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    with plain_pulumi(tmp_path_factory.mktemp("plain")) as found:
        yield found


@pytest.fixture
def project(plain: Plain, tmp_path: Path) -> Project:
    return Project(tmp_path / "project", plain)


def started(project: Project) -> int:
    """Wait for the lasting program, and return its process."""
    file = project.folder / "pid"
    assert until(lambda: file.exists() and file.read_text() != "")
    return int(file.read_text())


def test_a_program_gets_what_the_stack_says(project: Project) -> None:
    (project.folder / "beside.py").write_text("WORD = 'imported'\n")
    project.program(
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "import pulumi, beside\n"
        "config = pulumi.Config()\n"
        "pulumi.export('plain', config.require('plain'))\n"
        "pulumi.export('secret', config.require_secret('hidden'))\n"
        "pulumi.export('word', beside.WORD)\n"
        "pulumi.export('name', f'{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}')\n"
        "pulumi.export('main', __name__)\n"
        "pulumi.export('argv', sys.argv)\n"
        "pulumi.export('there', Path.cwd() == Path(__file__).parent.absolute())\n"
        "pulumi.export('threads', asyncio.get_event_loop()._default_executor._max_workers)\n"
    )
    project.succeeds("config", "set", "plain", "one")
    project.succeeds("config", "set", "--secret", "hidden", "two")
    project.up("--parallel", "3")
    output = project.succeeds("stack", "output", "--json")
    for said in ('"plain": "one"', '"word": "imported"', '"name": "organization/trial/dev"', '"main": "__main__"'):
        assert said in output
    assert '"secret": "[secret]"' in output
    assert '"there": true' in output
    assert '"threads": 12' in output
    assert '"two"' not in project.succeeds("stack", "export")


def test_a_program_runs_in_the_engines_environment(project: Project) -> None:
    # Which the host, started before, has not.
    project.env["TOLD_LATE"] = "but told"
    project.program("import os, pulumi\npulumi.export('told', os.environ['TOLD_LATE'])\n")
    project.up()
    assert project.succeeds("stack", "output", "told") == "but told\n"


def test_what_a_program_writes_is_shown(project: Project) -> None:
    project.program("import sys\nprint('to the one')\nprint('to the other', file=sys.stderr)\n")
    output = project.up()
    assert "to the one" in output
    assert "to the other" in output


def test_a_run_error_is_said_once(project: Project) -> None:
    project.program("import pulumi\nraise pulumi.RunError('the cellar is flooded')\n")
    output = project.fails("up", "--yes", "--skip-preview")
    diagnostics = output.partition("Diagnostics:")[2]
    assert diagnostics.count("the cellar is flooded") == 1
    # What the real host makes of the exit code 1 that a RunError ends with.
    assert "program exited with non-zero exit code: 1" in diagnostics
    assert "Traceback" not in output


def test_a_run_error_in_an_output_is_said_once(project: Project) -> None:
    project.program(
        "import pulumi\n"
        "def flooded(_):\n"
        "    raise pulumi.RunError('the cellar is flooded')\n"
        "pulumi.export('x', pulumi.Output.from_input(1).apply(flooded))\n"
    )
    diagnostics = project.fails("up", "--yes", "--skip-preview").partition("Diagnostics:")[2]
    assert diagnostics.count("the cellar is flooded") == 1


def test_a_program_that_told_its_error_itself_gets_no_further_line(project: Project) -> None:
    project.program("import sys, pulumi\npulumi.log.error('the cellar is flooded')\nsys.exit(32)\n")
    diagnostics = project.fails("up", "--yes", "--skip-preview").partition("Diagnostics:")[2]
    assert diagnostics.count("error:") == 1


def test_an_exception_is_said_once_from_the_users_line_on(project: Project) -> None:
    project.program("def burn():\n    raise ValueError('the attic burns')\nburn()\n")
    output = project.fails("up", "--yes", "--skip-preview")
    diagnostics = output.partition("Diagnostics:")[2]
    assert diagnostics.count("ValueError: the attic burns") == 1
    assert "Program failed with an unhandled exception" in diagnostics
    assert "runpy" not in output
    assert "exit code" not in output


def test_a_missing_program_is_said(project: Project) -> None:
    (project.folder / "__main__.py").unlink()
    assert "unable to find main python program `__main__.py`" in project.fails("up", "--yes", "--skip-preview")


def test_a_missing_virtualenv_is_said(project: Project) -> None:
    (project.folder / "Pulumi.yaml").write_text(
        "name: trial\nruntime: {name: python, options: {toolchain: pip, virtualenv: nowhere}}\n"
    )
    output = project.fails("up", "--yes", "--skip-preview")
    assert "The 'virtualenv' option in Pulumi.yaml is set to \"nowhere\"" in output


def test_a_named_virtualenv_runs_the_program(project: Project) -> None:
    (project.folder / "named").symlink_to(Path(sys.prefix))
    (project.folder / "Pulumi.yaml").write_text(
        "name: trial\nruntime: {name: python, options: {toolchain: pip, virtualenv: named}}\n"
    )
    project.program("import os, pulumi\npulumi.export('where', os.environ['VIRTUAL_ENV'])\n")
    project.up()
    assert project.succeeds("stack", "output", "where").strip().endswith("/named")


def test_other_commands_find_what_they_ask_for(project: Project) -> None:
    project.program("")
    project.up()
    about = project.succeeds("about", "--stack", "dev")
    assert "This project is written in python" in about
    assert "fluxapps" in about
    assert "dev" in project.succeeds("stack", "ls")
    project.succeeds("refresh", "--yes", "--skip-preview")
    project.succeeds("destroy", "--yes", "--skip-preview")
    project.succeeds("stack", "rm", "dev", "--yes")


def test_a_program_ends_with_a_killed_engine(project: Project) -> None:
    project.program(LASTING)
    with project.running("up", "--yes", "--skip-preview") as up:
        program = started(project)
        up.kill()
        up.wait()
        assert until(lambda: not runs(program), within=20)


def test_a_program_ends_with_an_interrupted_engine(project: Project) -> None:
    project.program(LASTING)
    with project.running("up", "--yes", "--skip-preview") as up:
        program = started(project)
        up.send_signal(2)
        up.communicate(timeout=30)
        assert until(lambda: not runs(program), within=20)
    assert up.returncode != 0


def test_a_program_ends_with_a_killed_stand_in(tmp_path: Path) -> None:
    with plain_pulumi(tmp_path / "plain") as plain:
        project = Project(tmp_path / "project", plain)
        project.program(LASTING)
        with project.running("up", "--yes", "--skip-preview"):
            program = started(project)
            host = int(Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1])
            os.kill(host, 9)
            assert until(lambda: not runs(program), within=20)
