"""Tests on published repositories need those beside this one; a clone without them leaves the tests out and says so."""

import os

import pytest

from tests.real.working_tree import CORPUS

_LEFT_OUT = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests marked ``corpus`` where there is none; in CI a shared folder without it is an error."""
    if CORPUS.is_dir():
        return
    if os.environ.get("CI") == "true" and CORPUS.parent.is_dir():
        raise pytest.UsageError(
            "../shared is there, but ../shared/corpus is not: CI must run the tests on published repositories"
        )
    left_out = [item for item in items if item.get_closest_marker("corpus")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    config.stash[_LEFT_OUT] = len(left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, and why."""
    if count := config.stash.get(_LEFT_OUT, 0):
        terminalreporter.write_line(
            f"left out: {count} tests on published repositories (no ../shared/corpus beside this one)"
        )
