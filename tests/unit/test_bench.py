"""What the benchmark says of its numbers; the numbers themselves are `make bench`'s."""

import sys
from pathlib import Path

import pytest
import yaml

from fluxapps.model import check, declare, load, resolve, tree_files
from tests.bench.generated import write_repository
from tests.bench.measurements import write_kustomizations
from tests.bench.page import page
from tests.bench.processes import FailedError, run
from tests.bench.rows import Row, Verdict, at_most, counted, faster, information, within


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (at_most("a", 1.5, 1, 1.5), Verdict.HOLDS),
        (at_most("a", 1.51, 1, 1.5), Verdict.BROKEN),
        (at_most("a", 9, 1, None), Verdict.INFORMATION),
        (faster("a", 1, 10, 10), Verdict.HOLDS),
        (faster("a", 1, 9.9, 10), Verdict.BROKEN),
        (within("a", 150, 150, "MiB"), Verdict.HOLDS),
        (within("a", 150.1, 150, "MiB"), Verdict.BROKEN),
        (information("a", 1, "s"), Verdict.INFORMATION),
        (within("a", 3, 3, "s"), Verdict.HOLDS),
        (within("a", 3.1, 3, "s"), Verdict.BROKEN),
        (counted("a", 2, 1), Verdict.INFORMATION),
    ],
)
def test_a_promise_holds_or_is_broken(row: Row, verdict: Verdict) -> None:
    assert row.verdict is verdict


def test_the_page_has_a_line_for_each_row() -> None:
    text = page(
        [at_most("first", 1, 2, 3), within("second", 12.34, 150, "MiB")], files=4_100, few=500, many=4_000, standins=()
    )
    assert "| first | 1.00 s | 2.00 s | 0.50 times | at most 3 times | holds |" in text
    assert "| second | 12.3 MiB |" in text
    assert "tree of 4,100 files" in text
    assert "The Kubernetes provider was Pulumi's own." in text


def test_a_process_that_fails_is_no_measurement() -> None:
    with pytest.raises(FailedError, match="exit code 3"):
        run(sys.executable, "-c", "raise SystemExit(3)")


def test_a_process_costs_time_and_memory() -> None:
    cost = run(sys.executable, "-c", "held = b'x' * (64 << 20); [n for n in range(1_000_000)]")
    assert cost.seconds > 0
    assert cost.processor > 0
    assert cost.peak_mib > 64


def test_made_up_repositories_are_sound_and_kustomize_is_told_of_every_file(tmp_path: Path) -> None:
    root, copy = tmp_path / "repository", tmp_path / "copy"
    root.mkdir()
    write_repository(root, 12)
    fleet = resolve(load(root), "prod")
    assert check(fleet) == []
    files = tree_files(fleet, declare(fleet))
    for path, content in files.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(content)
    write_kustomizations(copy)
    named = {
        f"{folder}/{file}"
        for folder in yaml.safe_load((copy / "kustomization.yaml").read_text())["resources"]
        for file in yaml.safe_load((copy / folder / "kustomization.yaml").read_text())["resources"]
    }
    assert named == set(files)
