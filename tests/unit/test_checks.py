"""Checks of a resolved stack, beyond what the fixtures show: what they say, and that they say it once."""

import re
from hashlib import sha256
from pathlib import Path

import kubernetes.client.api
import pytest

from fluxapps.model import ConfigError, Problem, Severity, check, declare, load, resolve
from fluxapps.model.checks.dependencies import DEEPEST, cycles
from fluxapps.model.checks.kinds import is_namespaced
from fluxapps.model.checks.names import helm_name
from fluxapps.model.checks.values import LARGE, LARGEST
from tests.unit.fixture_repositories import base, problems, resolved

CHART = "chart: podinfo\nrepository: podinfo\n"


def only(found: list[Problem]) -> Problem:
    assert len(found) == 1, found
    return found[0]


def test_all_problems_come_together_sorted_by_place(tmp_path: Path) -> None:
    base(
        tmp_path,
        {
            "apps/podinfo/app.yaml": f"{CHART}dependsOn: [gone]\nrelease: {{timeout: 5}}\n",
            "apps/a/app.yaml": "chart: a\nrepository: gone\n",
            "apps/a/cm.yaml": "a: b\n",
        },
    )
    found = problems(tmp_path, "dev")
    assert [problem.code for problem in found] == [
        "unknown-repository",
        "not-kubernetes",
        "unknown-dependency",
        "wrong-type",
    ]
    assert [problem.order for problem in found] == sorted(problem.order for problem in found)


def test_a_problem_says_place_field_and_the_way_out(tmp_path: Path) -> None:
    base(
        tmp_path,
        {
            "apps/podinfo/app.yaml": "chart: podinfo\nrepository: podnfo\n",
            "fleet.yaml": "repositories:\n  podinfo: https://example.org\n",
        },
    )
    problem = next(one for one in problems(tmp_path, "dev") if one.code == "unknown-repository")
    assert problem == Problem(
        code="unknown-repository",
        what="there is no repository 'podnfo'",
        file="apps/podinfo/app.yaml",
        line=2,
        column=1,
        path="repository",
        fix="did you mean 'podinfo'?",
    )


def test_a_cycle_is_printed(tmp_path: Path) -> None:
    apps = {f"apps/{one}/app.yaml": f"{CHART}dependsOn: [{other}]\n" for one, other in ("ab", "bc", "ca")}
    base(tmp_path, apps | {"apps/podinfo/app.yaml": f"{CHART}dependsOn: [a]\n"})
    problem = only(problems(tmp_path, "dev"))
    assert (problem.file, problem.line, problem.path) == ("apps/a/app.yaml", 3, "dependsOn[0]")
    assert problem.what == "dependsOn goes round: a → b → c → a"


def test_what_goes_round_twice_is_said_twice_and_shortly() -> None:
    graph = {"a": ["b"], "b": ["c", "a"], "c": ["a"], "d": ["e", "a"], "e": ["f"], "f": ["d"], "g": ["a"]}
    assert cycles(graph) == [["a", "b", "a"], ["d", "e", "f", "d"]]
    assert cycles({"a": ["b"], "b": [], "c": ["a", "b"]}) == []


def chain(length: int) -> dict[str, str]:
    apps = {f"apps/a{number:03}/app.yaml": f"{CHART}dependsOn: [a{number - 1:03}]\n" for number in range(1, length)}
    return apps | {"apps/a000/app.yaml": CHART}


def test_a_chain_of_more_apps_than_pulumi_takes_is_refused(tmp_path: Path) -> None:
    base(tmp_path, chain(DEEPEST + 3))
    problem = only(problems(tmp_path, "dev"))
    assert (problem.code, problem.file) == ("dependency-too-deep", f"apps/a{DEEPEST}/app.yaml")


def test_a_chain_as_long_as_pulumi_takes_is_fine(tmp_path: Path) -> None:
    base(tmp_path, chain(DEEPEST))
    assert problems(tmp_path, "dev") == []


def releases_in_a_row(length: int) -> str:
    first = "repository: podinfo\nreleases:\n  a000: {chart: a}\n"
    others = (f"  a{number:03}: {{chart: a, dependsOn: [podinfo/a{number - 1:03}]}}\n" for number in range(1, length))
    return first + "".join(others)


def test_releases_of_an_app_count_in_a_chain(tmp_path: Path) -> None:
    base(tmp_path, {"apps/podinfo/app.yaml": releases_in_a_row(DEEPEST + 600)})
    problem = only(problems(tmp_path, "dev"))
    assert (problem.code, problem.line) == ("dependency-too-deep", 2)
    files = {"apps/podinfo/app.yaml": releases_in_a_row(DEEPEST)}
    base(tmp_path, files)
    assert problems(tmp_path, "dev") == []
    base(tmp_path, files | {"apps/a/app.yaml": f"{CHART}dependsOn: [podinfo]\n"})
    problem = only(problems(tmp_path, "dev"))
    assert (problem.code, problem.file, problem.path) == ("dependency-too-deep", "apps/a/app.yaml", "dependsOn[0]")


def test_a_base_beside_its_overlay_is_to_be_named_by_the_overlay_alone(tmp_path: Path) -> None:
    cm = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: podinfo}\n"
    app = {
        "base/cm.yaml": cm,
        "base/kustomization.yaml": "resources: [cm.yaml]\n",
        "overlay/kustomization.yaml": "resources: [../base]\n",
    }
    base(tmp_path, {f"apps/podinfo/{file}": text for file, text in app.items()})
    problem = only(problems(tmp_path, "dev"))
    assert (problem.code, problem.file) == ("two-writers", "apps/podinfo/base/cm.yaml")
    assert problem.fix == "add a kustomization.yaml at the app's root, apps/podinfo/, that names overlay alone"
    base(tmp_path, {"apps/podinfo/kustomization.yaml": "resources: [overlay]\n"})
    assert problems(tmp_path, "dev") == []


@pytest.mark.parametrize("said", ["5", "[a]", "true"])
def test_a_repository_that_is_neither_a_url_nor_a_map_is_said_once(tmp_path: Path, said: str) -> None:
    base(tmp_path, {"fleet.yaml": f"repositories: {{podinfo: {said}}}\n"})
    problem = only(problems(tmp_path, "dev"))
    assert problem.what.endswith("but a string or a map is wanted")


def test_what_is_wrong_within_a_repository_is_all_that_is_said(tmp_path: Path) -> None:
    base(tmp_path, {"fleet.yaml": "repositories: {podinfo: {kind: Bucked, url: https://example.org}}\n"})
    problem = only(problems(tmp_path, "dev"))
    assert (problem.code, problem.path) == ("wrong-value", "repositories.podinfo.kind")


@pytest.mark.parametrize("file", ["apps/podinfo/app.yaml", "Pulumi.dev.yaml"])
def test_a_preset_belongs_under_defaults(tmp_path: Path, file: str) -> None:
    said = {
        "apps/podinfo/app.yaml": f"{CHART}preset: none\n",
        "Pulumi.dev.yaml": "config: {fluxapps:cluster: {context: dev, apps: {podinfo: {preset: none}}}}\n",
    }
    base(tmp_path, {file: said[file]})
    problem = only(problems(tmp_path, "dev"))
    assert (problem.code, problem.file) == ("misplaced-field", file)
    assert "under defaults" in problem.fix


def test_a_field_that_is_missing_is_named_where_a_file_could_say_it(tmp_path: Path) -> None:
    fleet = "defaults: {preset: none}\nrepositories:\n  oci: {kind: OCIRepository, url: 'oci://example.org/a'}\n"
    base(tmp_path, {"fleet.yaml": fleet, "apps/podinfo/app.yaml": "chart: podinfo\nrepository: oci\n"})
    found = next(problem for problem in problems(tmp_path, "dev") if problem.file == "fleet.yaml")
    assert (found.code, found.line, found.what) == ("missing-field", 3, "repositories.oci.interval: is missing")


def test_a_default_that_makes_an_app_depend_on_itself_is_taken_back_in_the_app(tmp_path: Path) -> None:
    base(tmp_path, {"fleet.yaml": "repositories: {podinfo: https://example.org}\ndefaults: {dependsOn: [podinfo]}\n"})
    assert "'dependsOn: []' in apps/podinfo/app.yaml" in only(problems(tmp_path, "dev")).fix


def test_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "values.yaml").write_text("a: 1\n")
    root = tmp_path / "root"
    base(root, {})
    (root / "apps" / "podinfo" / "values.yaml").symlink_to("../../../outside/values.yaml")
    (root / "apps" / "linked").symlink_to("../../outside")
    (root / "bootstrap").symlink_to("../outside")
    (root / "fleet.yaml").unlink()
    (root / "fleet.yaml").symlink_to("../outside/values.yaml")
    assert [(problem.code, problem.file) for problem in problems(root, "dev")] == [
        ("symlink-outside", "apps/linked"),
        ("symlink-outside", "apps/podinfo/values.yaml"),
        ("symlink-outside", "bootstrap"),
        ("symlink-outside", "fleet.yaml"),
    ]


def test_links_within_the_repository(tmp_path: Path) -> None:
    cm = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: podinfo}\n"
    base(tmp_path, {"cm.yaml": cm, "shared.yaml": "a: 1\n"})
    app = tmp_path / "apps" / "podinfo"
    (app / "values.yaml").symlink_to("../../shared.yaml")
    assert problems(tmp_path, "dev") == []
    (app / "cm.yaml").symlink_to("../../cm.yaml")
    assert [(problem.code, problem.file) for problem in problems(tmp_path, "dev")] == [
        ("symlink-unread", "apps/podinfo/cm.yaml")
    ]
    stack = tmp_path / "Pulumi.dev.yaml"
    stack.write_text(f"{stack.read_text()}    delivery: git\n")
    assert problems(tmp_path, "dev") == []
    (app / "folder").symlink_to(".")
    (app / "gone").symlink_to("nothing")
    (app / "loop").symlink_to("loop")
    assert [(problem.code, problem.file) for problem in problems(tmp_path, "dev")] == [
        ("symlink-folder", "apps/podinfo/folder"),
        ("not-readable", "apps/podinfo/gone"),
        ("not-readable", "apps/podinfo/loop"),
    ]


def test_folders_that_nest_without_end_are_refused(tmp_path: Path) -> None:
    base(tmp_path, {f"apps/{'a/' * 60}app.yaml": CHART, f"apps/podinfo/{'b/' * 60}readme.md": "x\n"})
    found = problems(tmp_path, "dev")
    assert [problem.file.count("/") for problem in found if problem.code == "too-deep"] == [51, 51]


def test_units_that_name_units_without_end_are_refused_in_short_time(tmp_path: Path) -> None:
    """Each names the next one twice: read as often as they are named, there would be 2^60 of them."""
    units = {
        f"apps/podinfo/k{number}/kustomization.yaml": f"resources: [../k{number + 1}, ../k{number + 1}]\n"
        for number in range(60)
    }
    base(tmp_path, units | {"apps/podinfo/k60/kustomization.yaml": "resources: []\n"})
    assert {problem.code for problem in problems(tmp_path, "dev")} == {"too-deep"}


def test_a_base_is_read_once_for_each_namespace_it_goes_to(tmp_path: Path) -> None:
    cm = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    files = {"base/cm.yaml": cm, "base/kustomization.yaml": "resources: [cm.yaml]\n"}
    for name in ("one", "two"):
        files[f"{name}/kustomization.yaml"] = f"resources: [../base]\nnamespace: {name}\n"
    top = {"kustomization.yaml": "resources: [one, two]\n"}
    base(tmp_path, {f"apps/podinfo/{file}": text for file, text in (files | top).items()})
    assert problems(tmp_path, "dev") == []


@pytest.mark.parametrize("values_in", ["configMap", "inline"])
@pytest.mark.parametrize(
    ("length", "severity", "code"),
    [
        (LARGE - 100, None, None),
        (LARGE, Severity.WARNING, "values-large"),
        (LARGEST - 100, Severity.WARNING, "values-large"),
        (LARGEST + 1, Severity.ERROR, "values-too-large"),
    ],
)
def test_values_are_weighed(
    tmp_path: Path, values_in: str, length: int, severity: Severity | None, code: str | None
) -> None:
    # Two bytes a character: what counts is bytes.
    base(
        tmp_path,
        {
            "apps/podinfo/app.yaml": f"{CHART}valuesIn: {values_in}\n",
            "apps/podinfo/values.yaml": f"a: {'é' * ((length - 3) // 2)}\n",
        },
    )
    found = problems(tmp_path, "dev")
    assert [(problem.severity, problem.code) for problem in found] == ([(severity, code)] if severity else [])
    assert all(problem.file == "apps/podinfo/values.yaml" for problem in found)


def test_a_fault_in_what_apps_have_in_common_is_said_once(tmp_path: Path) -> None:
    apps = {f"apps/a{number}/app.yaml": CHART for number in range(5)}
    base(
        tmp_path,
        apps
        | {
            "fleet.yaml": """repositories:
  podinfo: https://example.org/charts
defaults:
  release: {driftDetection: {mode: on}}
  kustomization: {prun: true}
"""
        },
    )
    found = problems(tmp_path, "dev")
    assert [(problem.line, problem.path) for problem in found] == [
        (4, "defaults.release.driftDetection.mode"),
        (5, "defaults.kustomization.prun"),
    ]


def test_a_field_is_found_in_the_layer_that_says_it(tmp_path: Path) -> None:
    stack = """config:
  fluxapps:cluster:
    git: {url: https://example.org/fleet.git}
    defaults: {release: {timeout: 5}}
    apps:
      podinfo:
        releases:
          one:
            release: {timeout: 7 minutes}
"""
    base(
        tmp_path,
        {
            "Pulumi.dev.yaml": stack,
            "apps/podinfo/app.yaml": "repository: podinfo\nreleases: {one: {chart: a}, two: {chart: b}}\n",
        },
    )
    found = problems(tmp_path, "dev")
    assert [(problem.line, problem.path.removeprefix("config.fluxapps:cluster.")) for problem in found] == [
        (4, "defaults.release.timeout"),
        (9, "apps.podinfo.releases.one.release.timeout"),
    ]


def test_a_cycle_hides_no_other_fault(tmp_path: Path) -> None:
    base(
        tmp_path,
        {
            "apps/podinfo/app.yaml": f"{CHART}dependsOn: [a]\n",
            "apps/a/app.yaml": f"{CHART}dependsOn: [podinfo]\nrelease: {{timeout: 5}}\n",
        },
    )
    assert {problem.code for problem in problems(tmp_path, "dev")} == {"dependency-cycle", "wrong-type"}


def test_what_is_checked_is_what_is_declared(tmp_path: Path) -> None:
    base(tmp_path, {"apps/podinfo/values.yaml": "a: 1\n"})
    fleet = resolved(tmp_path)
    assert declare(fleet) is declare(fleet)
    pinned = declare(fleet, "0" * 40)
    assert pinned.apps is declare(fleet).apps
    assert pinned.system[0].manifest["spec"]["ref"]["commit"] == "0" * 40
    assert "commit" not in declare(fleet).system[0].manifest["spec"]["ref"]


def test_an_unused_repository_is_none_where_another_stack_or_a_disabled_app_uses_it(tmp_path: Path) -> None:
    cluster = "config:\n  fluxapps:cluster:\n    git: {url: https://example.org/fleet.git}\n    apps: "
    base(
        tmp_path,
        {
            "fleet.yaml": """repositories:
  podinfo: https://example.org/a
  idle: https://example.org/b
  other: https://example.org/c
namespaces: {idle: {}, elsewhere: {external: true}}
""",
            "apps/idle/app.yaml": "chart: a\nrepository: idle\n",
            "Pulumi.dev.yaml": f"{cluster}{{idle: {{enabled: false}}}}\n",
            "Pulumi.prod.yaml": f"{cluster}{{podinfo: {{repository: other, namespace: elsewhere}}}}\n",
        },
    )
    assert problems(tmp_path, "dev") == []
    assert problems(tmp_path, "prod") == []


def test_helms_name_of_a_release(tmp_path: Path) -> None:
    long = "a-target-namespace-with-a-very-long-name-that-goes-on"
    base(
        tmp_path,
        {
            "fleet.yaml": """repositories: {podinfo: {url: https://example.org, interval: 5m}}
defaults: {preset: none, release: {interval: 5m}}
""",
            "Pulumi.dev.yaml": "config: {fluxapps:cluster: {context: dev}}\n",
            "apps/podinfo/app.yaml": CHART,
            "apps/a/app.yaml": f"{CHART}release: {{targetNamespace: web}}\n",
            "apps/b/app.yaml": f"{CHART}release: {{targetNamespace: {long}}}\n",
            "apps/c/app.yaml": f"{CHART}release: {{targetNamespace: web, releaseName: said}}\n",
        },
    )
    fleet = resolved(tmp_path)
    names = {release.name: helm_name(fleet, release) for app in fleet.apps for release in app.releases}
    assert names == {
        "podinfo": "podinfo",
        "a": "web-a",
        "b": f"{long[:40]}-{sha256(f'{long}-b'.encode()).hexdigest()[:12]}",
        "c": "said",
    }


def test_warnings_of_loading_are_kept(tmp_path: Path) -> None:
    base(tmp_path, {})
    sources = load(tmp_path)
    warning = Problem(code="x", what="y", file="z", severity=Severity.WARNING)
    sources.problems = (warning,)
    assert check(resolve(sources, "dev")) == [warning]


def test_an_unknown_stack_says_which_there_are(tmp_path: Path) -> None:
    base(tmp_path, {})
    with pytest.raises(ConfigError) as raised:
        resolve(load(tmp_path), "de")
    assert only(list(raised.value.problems)).fix == "did you mean 'dev'?"


def test_the_kinds_are_those_of_kubernetes() -> None:
    """Every kind that the client can create: whether it lives in a namespace. Reviews are questions, no objects."""
    seen = 0
    for module in Path(kubernetes.client.api.__path__[0]).glob("*_api.py"):
        text = module.read_text()
        kinds = dict(re.findall(r'"""create_(\w+)\n\n +create (?:an? )?(\w+)\n', text))
        for name, path in re.findall(r"def _create_(\w+)_serialize\(.*?resource_path='([^']+)'", text, re.DOTALL):
            found = re.fullmatch(r"/(?:api|apis/([^/]+))/v\w+/(namespaces/\{namespace\}/)?\w+", path)
            if found is not None and name in kinds and not kinds[name].endswith("Review"):
                seen += 1
                assert is_namespaced(found[1] or "", kinds[name]) is (found[2] is not None), kinds[name]
    assert seen > 60


@pytest.mark.parametrize("key", ["0", "01", "+1", "a.b/c"])
def test_a_label_that_is_no_string_is_found_whatever_its_key(tmp_path: Path, key: str) -> None:
    app = f'{CHART}release:\n  metadata:\n    labels:\n      "{key}": true\n'
    base(tmp_path, {"apps/podinfo/app.yaml": app})
    found = [problem for problem in problems(tmp_path, "dev") if problem.code == "wrong-type"]
    assert (only(found).file, only(found).line) == ("apps/podinfo/app.yaml", 6)


def test_a_sibling_that_the_whole_app_depends_on_comes_first(tmp_path: Path) -> None:
    app = "repository: podinfo\ndependsOn: [podinfo/z]\nreleases: {a: {chart: a}, z: {chart: z}}\n"
    base(tmp_path, {"apps/podinfo/app.yaml": app})
    names = [one.id.name for one in declare(resolved(tmp_path)).apps[0].objects if one.id.kind == "HelmRelease"]
    assert names == ["z", "a"]


@pytest.mark.parametrize("path", ["a" * 300, "a/" * 3000, r"a\0b"])
def test_what_can_be_no_path_is_not_there(tmp_path: Path, path: str) -> None:
    stack = (
        "config:\n  fluxapps:cluster:\n    delivery: git\n    git: {url: https://example.org/a.git, path: deploy/x}\n"
    )
    base(
        tmp_path,
        {
            "Pulumi.dev.yaml": stack,
            "apps/podinfo/set/kustomization.yaml": f'resources: ["{path}"]\n',
        },
    )
    assert only(problems(tmp_path, "dev")).code == "missing-file"
    (tmp_path / "apps" / "podinfo" / "set" / "kustomization.yaml").unlink()
    (tmp_path / "Pulumi.dev.yaml").write_text(stack.replace("deploy/x", f'"deploy/{path}"'))
    problems(tmp_path, "dev")


def test_other_yaml_is_read_once(tmp_path: Path) -> None:
    """A folder is read for what Flux applies, for its layout and for its Secrets."""
    cm = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: podinfo}\n"
    base(tmp_path, {"apps/podinfo/set/cm.yaml": cm, "apps/podinfo/set/kustomization.yaml": "resources: [cm.yaml]\n"})
    fleet = resolve(load(tmp_path), "dev")
    assert check(fleet) == []
    (tmp_path / "apps" / "podinfo" / "set" / "cm.yaml").write_text("no: yaml: at: all")
    assert check(fleet) == []
