"""The model's stages run without Python's collector, and leave it as it was."""

import gc

import pytest

from fluxapps.model.collector import collector_paused


@collector_paused
def is_collecting() -> bool:
    return gc.isenabled()


@collector_paused
def within_another() -> bool:
    return is_collecting() or gc.isenabled()


@collector_paused
def broken() -> None:
    raise ValueError("a stage failed")


def test_a_stage_runs_without_it() -> None:
    assert not within_another()
    assert gc.isenabled()


def test_it_is_on_again_when_a_stage_fails() -> None:
    with pytest.raises(ValueError, match="a stage failed"):
        broken()
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    try:
        assert not is_collecting()
        assert not gc.isenabled()
    finally:
        gc.enable()
