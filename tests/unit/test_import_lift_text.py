"""``fluxapps lift``: old API versions in place, comments and order kept."""

from pathlib import Path

import pytest

from fluxapps.importing.lift_text import lift_text
from fluxapps.model.yaml_file import parse_yaml
from tests.unit.cli_run import fluxapps, write

OLD = """\
# head
apiVersion: kustomize.toolkit.fluxcd.io/v1beta1   # old
kind: Kustomization
metadata:
  name: a
spec:
  # about validation
  validation: client
  interval: 5m # often
  patchesStrategicMerge:
    # scale it
    - apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: x # named
  prune: true
  patches:
    - patch: |
        kind: A
      target: {kind: Deployment}
  patchesJson6902:
  - target:
      kind: Service
    patch:
    - op: add # more
      path: /x
      value: 1
---
apiVersion: helm.toolkit.fluxcd.io/v2beta1
kind: HelmRelease
metadata: {name: b}
spec:
  chart:
    spec:
      chart: x
      valuesFile: own.yaml # mine
      valuesFiles:
      - a.yaml
  values:
    validation: client # theirs
status: {}
"""

NEW = """\
# head
apiVersion: kustomize.toolkit.fluxcd.io/v1   # old
kind: Kustomization
metadata:
  name: a
spec:
  # about validation
  interval: 5m # often
  # scale it
  patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: x # named
  - patch: |
      kind: A
    target:
      kind: Deployment
  - patch: |
      - op: add # more
        path: /x
        value: 1
    target:
      kind: Service
  prune: true
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: b}
spec:
  chart:
    spec:
      chart: x
      valuesFiles:
      - own.yaml # mine
      - a.yaml
  values:
    validation: client # theirs
"""


def test_only_what_is_old_changes() -> None:
    lifted = lift_text(parse_yaml(OLD, "a.yaml"))
    assert lifted.text == NEW
    assert lifted.problems == []
    assert [name for name, _, _ in lifted.objects] == ["Kustomization a", "HelmRelease b"]


def test_what_is_lifted_stays_as_it_is() -> None:
    lifted = lift_text(parse_yaml(NEW, "a.yaml"))
    assert (lifted.text, lifted.objects) == (NEW, [])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_are_kept(newline: str) -> None:
    head = "apiVersion: 'source.toolkit.fluxcd.io/v1beta1'\nkind: GitRepository\n"
    text = f"{head}spec:\n  accessFrom:\n    a: 1\n  url: x\n"
    wanted = "apiVersion: 'source.toolkit.fluxcd.io/v1'\nkind: GitRepository\nspec:\n  url: x\n"
    lifted = lift_text(parse_yaml(text.replace("\n", newline), "a.yaml"))
    assert lifted.text == wanted.replace("\n", newline)


def test_what_is_written_on_one_line_is_left_to_a_person() -> None:
    text = "{apiVersion: kustomize.toolkit.fluxcd.io/v1beta1, kind: Kustomization, spec: {validation: client}}\n"
    lifted = lift_text(parse_yaml(text, "a.yaml"))
    assert lifted.text == text
    assert [problem.code for problem in lifted.problems] == ["unknown-version"]


def test_files_are_lifted_in_place_and_only_once(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": OLD, "b/c.yml": "a: 1\n", "broken.yaml": "a: [\n"})
    (tmp_path / "a.yaml").chmod(0o640)
    looked = fluxapps("lift", str(tmp_path), "--check")
    assert (looked.code, (tmp_path / "a.yaml").read_text()) == (1, OLD)
    assert "2 objects in 1 file to be lifted" in looked.out
    done = fluxapps("lift", str(tmp_path))
    assert (done.code, (tmp_path / "a.yaml").read_text()) == (0, NEW)
    assert "broken.yaml:" in done.err
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == 0o640
    again = fluxapps("lift", str(tmp_path), "--check")
    assert again.code == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.yaml", "b", "broken.yaml", "c.yml"]


def test_a_folder_must_be_named(tmp_path: Path) -> None:
    assert fluxapps("lift", str(tmp_path / "nowhere")).code == 1
