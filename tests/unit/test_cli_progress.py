"""What is shown of an operation, from streams of events as pulumi 3.259 wrote them (tests/unit/recorded)."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from fluxapps.cli.app_change import Change, GroupChange
from fluxapps.cli.progress import Line, Progress, Told
from fluxapps.cli.progress_screen import ProgressScreen, text_of
from fluxapps.cli.pulumi_events import Event, Message, read_event

RECORDED = Path(__file__).with_name("recorded")
RELEASE = (
    "urn:pulumi:dev::fluxapps::fluxapps:index:FluxHelmApp$kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease::{0}/{0}"
)
COMPONENT = "urn:pulumi:dev::fluxapps::fluxapps:index:FluxHelmApp::{0}"


def recorded(name: str) -> list[Event]:
    lines = (RECORDED / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [event for event in map(read_event, lines) if event is not None]


def step(stage: str, op: str, app: str, *, component: bool = False, **more: object) -> Event:
    urn = (COMPONENT if component else RELEASE).format(app)
    kind = "fluxapps:index:FluxHelmApp" if component else "kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease"
    state = {"parent": "" if component else COMPONENT.format(app), **more}
    sides = {"old": state if op != "create" else None, "new": state if op != "delete" else None}
    event = read_event(json.dumps({stage: {"metadata": {"op": op, "urn": urn, "type": kind, **sides}}}))
    assert event is not None
    return event


def shown(events: list[Event], capsys: pytest.CaptureFixture[str], *, planning: bool = False, code: int = 0) -> str:
    """Return what is printed where there is no terminal."""
    with ProgressScreen(3, planning=planning) as screen:
        for event in events:
            screen.hear(event)
        screen.finish("up", code)
    printed = capsys.readouterr()
    return printed.out + printed.err


def test_an_app_is_a_line_in_words_of_helm(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(recorded("changes"), capsys).splitlines()
    assert sorted(lines[:-2]) == [
        "+ namespaces  +new",
        "+ new  new: new 3.1.0",
        "- database  removed: release database/database",
        "- namespaces  -database (stays in the cluster)",
        "~ podinfo  changed: version 1.x -> 2.x, values",
        "~ web  changed: dependsOn, values",
    ]
    # What goes, goes last: it is told when it has gone.
    assert lines.index("- database  removed: release database/database") > lines.index("+ new  new: new 3.1.0")
    assert lines[-2].startswith("up done in 0 s; apps: 1 new, 2 changed, 1 removed")
    assert lines[-1] == "objects: 3 created, 4 deleted, 2 replaced, 10 unchanged, 2 updated"


def test_a_plan_says_first_what_is_uninstalled(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(recorded("plan"), capsys, planning=True).splitlines() == [
        "- database  uninstall: release database/database",
        "~ podinfo  upgrade: version 1.x -> 2.x, values",
        "~ web  upgrade: dependsOn, values",
        "+ new  install: new 3.1.0",
        "~ namespaces  +new, -database (stays in the cluster)",
        "up done in 0 s; apps: 1 to install, 2 to upgrade, 1 to uninstall",
        "objects: 3 to create, 4 to delete, 2 to replace, 10 unchanged, 2 to update",
    ]


def test_the_releases_that_a_plan_uninstalls_are_known() -> None:
    progress = Progress(planning=True)
    for event in recorded("plan"):
        assert not list(progress.take(event))
    list(progress.end())
    assert [name for one in progress.planned for name in one.uninstalled] == ["database/database"]


def test_an_error_of_the_program_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(recorded("refused"), capsys, code=1)
    assert said.count("can't be deployed") == 1
    assert "apps/web/app.yaml:4:1: chrat: unknown field 'chrat' [unknown-field]" in said
    assert "exited with" not in said
    assert "up failed" in said


def test_what_fails_is_named_with_its_app(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(recorded("failed"), capsys, code=1)
    (error,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert error.startswith("error: HelmRelease e1/e1: the Kubernetes API server reported")
    assert "update failed" not in said
    assert "1 failed" in said
    assert "e1  " not in said


def test_that_an_update_failed_is_told_where_nothing_else_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert "error: update failed" in shown([Message("error", "update failed")], capsys, code=1)


def test_an_app_that_loses_one_of_its_releases_is_changed() -> None:
    progress = Progress(planning=False)
    list(progress.take(step("resourcePreEvent", "same", "app", component=True)))
    list(progress.take(step("resOutputsEvent", "same", "app", component=True)))
    list(progress.take(step("resOutputsEvent", "delete", "app")))
    (told,) = progress.end()
    assert not isinstance(told, Told)
    assert (told.change, told.details, told.uninstalled) == (Change.CHANGED, "-release app/app", ["app/app"])


def test_a_release_that_is_let_go_is_not_uninstalled() -> None:
    progress = Progress(planning=True)
    list(progress.take(step("resOutputsEvent", "delete", "app", retainOnDelete=True)))
    list(progress.take(step("resOutputsEvent", "delete", "app", component=True)))
    (told,) = progress.end()
    assert not isinstance(told, Told)
    assert (told.change, told.details) == (Change.REMOVED, "release app/app (stays in the cluster)")
    assert told.uninstalled == []


def test_what_is_taken_over_and_brought_up_to_date_is_taken_over() -> None:
    progress = Progress(planning=True)
    chart = {"spec": {"chart": {"spec": {"chart": "podinfo", "version": "6.x"}}}}
    list(progress.take(step("resOutputsEvent", "import", "app", inputs=chart)))
    list(progress.take(step("resOutputsEvent", "update", "app", inputs=chart)))
    (told,) = progress.end()
    assert not isinstance(told, Told)
    assert (told.change, told.details) == (Change.ADOPTED, "podinfo 6.x")


def test_advice_about_a_killed_run_is_a_sentence() -> None:
    progress = Progress(planning=False)
    advice = "Attempting to deploy or update resources with 1 pending operations from previous deployment.\n  * urn:…"
    (told,) = progress.take(Message("warning", advice))
    assert isinstance(told, Told)
    assert told.text == "the last run on this stack was killed; what it made and did not note is found by its label"
    assert progress.was_killed


def test_a_full_disk_has_a_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown([Message("error", "writing snapshot: x.tmp: no space left on device")], capsys, code=1)
    assert "fix: make room on that disk, then run this again" in said


@pytest.mark.parametrize(("line", "why"), [("[]", "JSON object"), ("{", "Expecting"), ("1", "JSON object")])
def test_what_is_no_event_is_refused(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_event(line)


def test_a_terminal_shows_what_is_in_work_and_folds_what_is_many(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    terminal = Console(file=out, force_terminal=True, width=100, height=30, color_system=None, legacy_windows=False)
    monkeypatch.setattr("fluxapps.cli.progress_screen.screen", lambda **_: terminal)
    with ProgressScreen(500) as screen:
        for number in range(100):
            screen.hear(step("resourcePreEvent", "create", f"app{number}"))
        screen.hear(Message("info", "12 of 20 apps ready; waiting: web", passing=True))
        screen.hear(Message("info", "Deletion waits", urn=RELEASE.format("app0"), passing=True))
        drawn = "\n".join(str(row) for row in screen.rows().renderables)
        for number in range(100):
            screen.hear(step("resOutputsEvent", "create", f"app{number}"))
            screen.hear(step("resOutputsEvent", "create", f"app{number}", component=True))
        screen.finish("up", 0)
    assert " … app0  HelmRelease app0/app0: Deletion waits\n" in drawn
    assert " … and 92 more\n12 of 20 apps ready; waiting: web\n0 of 500 apps done, 100 in work, 400 waiting" in drawn
    assert "app99" not in drawn
    told = out.getvalue()
    assert "+ app39  new" in told
    assert "+ app40  new" not in told
    assert "  and 60 apps more, counted below" in told


def test_what_the_plan_has_told_is_not_told_again() -> None:
    told: set[Told] = set()
    warning = Message("warning", "this run uninstalls web/web")
    assert len(list(Progress(planning=True, told=told).take(warning))) == 1
    assert list(Progress(planning=False, told=told).take(warning)) == []


def test_reading_what_is_there_ends_no_app() -> None:
    progress = Progress(planning=False)
    list(progress.take(step("resOutputsEvent", "refresh", "app")))
    list(progress.take(step("resOutputsEvent", "refresh", "app", component=True)))
    assert progress.worst == {}
    list(progress.take(step("resOutputsEvent", "same", "app")))
    list(progress.take(step("resOutputsEvent", "same", "app", component=True)))
    assert progress.worst == {"app": Change.UNCHANGED}


def test_what_is_said_for_good_ends_what_was_said_in_passing() -> None:
    progress = Progress(planning=False)
    list(progress.take(Message("info", "6 of 8 apps ready; waiting: web", passing=True)))
    assert progress.status == "6 of 8 apps ready; waiting: web"
    (told,) = progress.take(Message("info", "8 of 8 apps ready, 34 s after all was made"))
    assert told == Told("info", "8 of 8 apps ready, 34 s after all was made")
    assert not progress.status


def test_what_apps_share_is_told_once_it_is_there() -> None:
    """Its component has outputs before all of it is made."""
    project = "urn:pulumi:dev::fluxapps::fluxapps:index:FluxBootstrap"

    def shared(stage: str, name: str, kind: str = "kubernetes:core/v1:Namespace") -> list[Line]:
        is_component = name == "bootstrap"
        urn = f"{project}::{name}" if is_component else f"{project}${kind}::{name}"
        new = {"parent": "" if is_component else f"{project}::bootstrap"}
        event = read_event(json.dumps({stage: {"metadata": {"op": "create", "urn": urn, "type": kind, "new": new}}}))
        assert event is not None
        return list(progress.take(event))

    progress = Progress(planning=False)
    for name in ("a", "b"):
        shared("resourcePreEvent", name)
    assert shared("resOutputsEvent", "a") == []
    assert shared("resOutputsEvent", "bootstrap", "fluxapps:index:FluxBootstrap") == []
    (line,) = shared("resOutputsEvent", "b")
    assert isinstance(line, GroupChange)
    assert str(text_of(line)) == "+ namespaces  +a, +b"
    assert list(progress.end()) == []
