"""Switching apps on and off in a stack's file: one entry, every other byte kept."""

import pytest

from fluxapps.cli.failure import CommandError
from fluxapps.cli.stack_file import with_enabled

HEAD = "# of the team\nconfig:\n  fleet:cluster:\n    context: dev # ours, übrigens\n"


def switched(text: str, app: str = "web", *, enabled: bool = False) -> str:
    return with_enabled(text, "Pulumi.dev.yaml", "fleet", app, enabled=enabled)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "    apps:\n      web: {enabled: false}\n"),
        ("    apps:\n", "    apps:\n      web: {enabled: false}\n"),
        ("    apps: {}\n", "    apps: {web: {enabled: false}}\n"),
        ("    apps: ~ # none\n", "    apps: {web: {enabled: false}} # none\n"),
        ("    apps: {db: {version: 1.x}} # one\n", "    apps: {db: {version: 1.x}, web: {enabled: false}} # one\n"),
        ("    apps: {web: {version: 1.x}}\n", "    apps: {web: {version: 1.x, enabled: false}}\n"),
        ("    apps: {web: {enabled: true}}\n", "    apps: {web: {enabled: false}}\n"),
        (
            "    apps:\n      web:\n        version: 1.x # pinned\n    delivery: apply\n",
            "    apps:\n      web:\n        version: 1.x # pinned\n        enabled: false\n    delivery: apply\n",
        ),
        (
            "    apps:\n      db: {version: 1.x}\n\n    # how\n    delivery: apply\n",
            "    apps:\n      db: {version: 1.x}\n      web: {enabled: false}\n\n    # how\n    delivery: apply\n",
        ),
        (
            "    apps:\n      db:\n        values:\n          text: |\n            a\n",
            "    apps:\n      db:\n        values:\n          text: |\n            a\n      web: {enabled: false}\n",
        ),
        ("    apps:\n      web:\n", "    apps:\n      web:\n        enabled: false\n"),
    ],
)
@pytest.mark.parametrize("tail", ["", "  fleet:other: 1\n"])
def test_an_app_is_switched_off(before: str, after: str, tail: str) -> None:
    assert switched(HEAD + before + tail) == HEAD + after + tail


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_switched_on_again_the_file_is_as_it_was(newline: str) -> None:
    before = (HEAD + "    delivery: apply\n").replace("\n", newline)
    assert switched(switched(before), enabled=True) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "    apps:\n      db: {version: 1.x}\n      web: {enabled: false}\n",
            "    apps:\n      db: {version: 1.x}\n",
        ),
        (
            "    apps: {db: {version: 1.x}, web: {enabled: false}}\n",
            "    apps: {db: {version: 1.x}, web: {enabled: true}}\n",
        ),
        ("    apps:\n      web: {enabled: false} # why\n", "    apps:\n      web: {enabled: true} # why\n"),
        (
            "    apps:\n      web:\n        enabled: false\n        version: 1.x\n",
            "    apps:\n      web:\n        version: 1.x\n",
        ),
    ],
)
def test_an_app_is_switched_on(before: str, after: str) -> None:
    assert switched(HEAD + before, enabled=True) == HEAD + after


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  fleet:cluster: &all {context: dev}\n  other: *all\n",
        "config:\n  fleet:cluster:\n    apps: &apps\n      db: {}\n    other: *apps\n",
    ],
)
def test_what_would_change_something_else_is_left_to_a_person(text: str) -> None:
    with pytest.raises(CommandError) as refused:
        switched(text)
    assert refused.value.fix == "say there yourself, under fleet:cluster: apps: {web: {enabled: false}}"
