"""Programs are taken from the first place that has a usable one, and never used unverified or half-written."""

import hashlib
import lzma
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fluxapps.devcluster.errors import ProgramError
from fluxapps.devcluster.programs import PROGRAMS, Program, find, find_all
from fluxapps.devcluster.programs import lookup as lookup_module
from fluxapps.devcluster.programs import ready_built as ready_built_module
from fluxapps.devcluster.programs.cache import Entry, cache_root
from fluxapps.devcluster.programs.versions import numbers, why_unusable

ETCD = PROGRAMS["etcd"]
# The tests' PATH has nothing but what they put there.
TIMEOUT, CAT = shutil.which("timeout"), shutil.which("cat")
READY_BUILT = b"the ready-built program"


class World:
    """A machine with nothing on it, as far as programs go."""

    def __init__(self, root: Path) -> None:
        self.tools = root / "tools"
        self.path = root / "path"
        self.toolchain = root / "toolchain"
        self.said: list[str] = []
        for folder in (self.tools, self.path, self.toolchain):
            folder.mkdir()

    def find(self, name: str = "etcd") -> Path:
        return find(name, say=self.said.append)

    @staticmethod
    def script(folder: Path, name: str, text: str) -> Path:
        file = folder / name
        file.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        file.chmod(0o755)
        return file

    def pack(self, content: bytes = READY_BUILT) -> Path:
        file = self.toolchain / "etcd.xz"
        file.write_bytes(lzma.compress(content))
        return file

    def go(self, build: str, version: str = "go1.99.0") -> None:
        """Put a ``go`` on PATH that builds by the shell text *build*, whose ``$target`` is the file to write."""
        self.script(
            self.path,
            "go",
            f'if [ "$1" = env ]; then echo {version}; exit; fi\n'
            'echo "$GOTOOLCHAIN $GOFLAGS $GOWORK $CGO_ENABLED $PWD $*" >>"$GO_CALLS"\n'
            'while [ "$1" != -o ]; do shift; done; target=$2\n' + build,
        )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(made.path))
    monkeypatch.setenv("GO_CALLS", str(tmp_path / "go-calls"))
    monkeypatch.delenv("FLUXAPPS_TOOLS", raising=False)
    monkeypatch.setattr(lookup_module, "TOOLCHAIN", made.toolchain)
    # The digest of our own small file instead of the real program's, on whatever machine this runs.
    known = replace(ETCD, ready_built=hashlib.sha256(READY_BUILT).hexdigest())
    monkeypatch.setitem(PROGRAMS, "etcd", known)
    monkeypatch.setattr(ready_built_module, "go_platform", lambda: ("linux", "amd64"))
    return made


def test_tools_folder_comes_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = world.script(world.tools, "etcd", "exit 1")
    world.script(world.path, "etcd", "echo etcd Version: 3.6.0")
    monkeypatch.setenv("FLUXAPPS_TOOLS", str(world.tools))
    assert world.find() == chosen
    assert world.said == []


def test_tools_folder_that_is_none_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXAPPS_TOOLS", str(world.tools / "missing"))
    with pytest.raises(ProgramError, match=r"FLUXAPPS_TOOLS=.*missing is no folder"):
        world.find()


def test_a_program_missing_from_the_tools_folder_is_looked_for_elsewhere(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXAPPS_TOOLS", str(world.tools))
    on_path = world.script(world.path, "etcd", "echo etcd Version: 3.6.0")
    assert world.find() == on_path


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("echo etcd Version: 3.4.9", "is 3.4.9, needed is 3.5 or newer and older than 4"),
        ("echo etcd Version: 4.0.0", "is 4.0.0, needed is 3.5 or newer and older than 4"),
        ("echo hello", "doesn't say its version"),
        ("exit 1", "doesn't say its version"),
    ],
)
def test_a_program_on_path_that_will_not_do_is_passed_over(world: World, answer: str, why: str) -> None:
    world.script(world.path, "etcd", answer)
    world.pack()
    assert world.find() == Entry(PROGRAMS["etcd"]).file
    assert why in world.said[0]


def test_an_old_pulumi_on_path_will_not_do(tmp_path: Path) -> None:
    old = World.script(tmp_path, "old", "echo v3.207.0")
    new = World.script(tmp_path, "new", "echo v3.208.0-dev.1")
    assert "3.207.0" in why_unusable(old, PROGRAMS["pulumi"])
    assert why_unusable(new, PROGRAMS["pulumi"]) == ""


def test_versions_compare_by_number() -> None:
    assert numbers("v1.36.3") == (1, 36, 3)
    assert numbers("3.10") > numbers("3.9.9")


def test_ready_built_program_is_unpacked_once_and_then_cached(world: World) -> None:
    packed = world.pack()
    found = world.find()
    assert found.read_bytes() == READY_BUILT
    assert os.access(found, os.X_OK)
    packed.unlink()
    assert world.find() == found
    assert world.said == ["etcd: unpacking the ready-built etcd.xz"]


def test_damaged_cache_is_noticed_and_filled_anew(world: World) -> None:
    world.pack()
    world.find().write_bytes(b"something else")
    assert world.find().read_bytes() == READY_BUILT
    assert "isn't what was put there" in world.said[1]


def test_cache_without_digest_is_not_used(world: World) -> None:
    entry = Entry(PROGRAMS["etcd"])
    entry.folder.mkdir(parents=True)
    entry.file.write_bytes(b"from nowhere")
    world.pack()
    assert world.find().read_bytes() == READY_BUILT


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(lzma.compress(b"another program")), id="wrong digest"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-20]), id="cut off"),
        pytest.param(lambda file: file.write_bytes(b"no xz at all"), id="no xz"),
    ],
)
def test_ready_built_program_that_is_not_the_known_one_is_built_instead(
    world: World, damage: Callable[[Path], object]
) -> None:
    damage(world.pack())
    world.go('printf built >"$target"')
    assert world.find().read_bytes() == b"built"
    assert "etcd.xz can't be used" in world.said[1]
    assert world.said[2] == "etcd: building from Go modules, about 1 min"
    assert re.fullmatch(r"etcd: built in \d s", world.said[3])


def test_built_with_pinned_modules_and_a_neutral_environment(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOOS", "plan9")
    world.go('[ "$GOOS" = plan9 ] || printf built >"$target"')
    world.find()
    call = (tmp_path / "go-calls").read_text("utf-8")
    assert call.startswith(f"local -mod=readonly off 0 {ETCD.folder} build ")
    assert call.rstrip().endswith(ETCD.package)


def test_each_of_several_programs_says_its_place(world: World) -> None:
    world.go('printf built >"$target"')
    world.script(world.path, "kwok", "echo kwok version v0.8.0 go1.26")
    found = find_all(("etcd", "kwok", "helm"), say=world.said.append)
    assert list(found) == ["etcd", "kwok", "helm"]
    assert world.said[0].endswith("about 1 min, 1 of 3")
    assert world.said[2].endswith("about 2.5 min, 3 of 3")


def test_failed_build_says_why_and_leaves_nothing(world: World) -> None:
    world.go('printf half >"$target"; echo "undefined: Foo" >&2; exit 1')
    with pytest.raises(ProgramError, match="undefined: Foo") as told:
        world.find()
    assert "go build" in told.value.fix
    assert sorted(file.name for file in Entry(PROGRAMS["etcd"]).folder.iterdir()) == ["lock"]


def test_what_a_killed_fetch_left_is_removed(world: World) -> None:
    entry = Entry(PROGRAMS["etcd"])
    entry.folder.mkdir(parents=True)
    (entry.folder / "etcd.partial").write_bytes(b"half")
    (entry.folder / "sha256.partial").write_bytes(b"half")
    world.pack()
    world.find()
    assert sorted(file.name for file in entry.folder.iterdir()) == ["etcd", "etcd.sha256", "lock"]


def test_without_go_says_what_to_install(world: World) -> None:
    with pytest.raises(ProgramError, match="etcd has to come from Go modules, and there is no go on PATH") as told:
        world.find()
    assert "install Go" in told.value.fix
    assert "FLUXAPPS_TOOLS" in told.value.fix


@pytest.mark.parametrize(("version", "toolchain"), [("go1.26.0", "local"), ("go1.25.9", "auto"), ("go1.21.0", "auto")])
def test_an_older_go_fetches_the_one_that_is_needed(world: World, tmp_path: Path, version: str, toolchain: str) -> None:
    world.go('printf built >"$target"', version)
    world.find()
    assert (tmp_path / "go-calls").read_text("utf-8").startswith(f"{toolchain} ")


def test_a_go_too_old_for_that_is_refused(world: World) -> None:
    world.go('printf built >"$target"', "go1.20.1")
    with pytest.raises(ProgramError, match=r"etcd needs Go 1\.26\.0 to be built; .* is 1\.20\.1"):
        world.find()


def test_two_at_once_build_once(world: World, tmp_path: Path) -> None:
    # The build goes on when the other one says that it waits; else it gives up, and so does the test.
    waits = tmp_path / "waits"
    os.mkfifo(waits)
    world.go(f'{TIMEOUT} 30 {CAT} "{waits}" && printf built >"$target"')

    def say(line: str) -> None:
        if "another process is fetching it" in line:
            waits.write_text("so it does", "utf-8")

    # Threads do for processes: each opens the lock for itself.
    with ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda name: find(name, say=say), ("etcd", "etcd")))
    assert [file.read_bytes() for file in found] == [b"built", b"built"]
    assert len((tmp_path / "go-calls").read_text("utf-8").splitlines()) == 1


def test_unknown_program_names_the_known_ones(world: World) -> None:
    with pytest.raises(ProgramError, match="no program 'etdc'") as told:
        world.find("etdc")
    assert "etcd" in told.value.fix


def test_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert cache_root() == tmp_path / ".cache" / "fluxapps"


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_every_program_is_pinned(program: Program) -> None:
    module = (program.folder / "go.mod").read_text("utf-8")
    assert re.search(rf"^(\t|tool ){re.escape(program.package)}$", module, re.MULTILINE)
    # Module paths are prefixes of package paths; the one that holds the package is required, at this version.
    required = re.findall(r"(\S+) v(\S+)", module)
    assert program.version in {version for path, version in required if f"{program.package}/".startswith(f"{path}/")}
    assert f" v{program.version} h1:" in (program.folder / "go.sum").read_text("utf-8")
