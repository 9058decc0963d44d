"""Repositories of every layout come in as app files, and render what they made Flux apply."""

import json
from pathlib import Path

import pytest
import yaml

from fluxapps.model import check, declare, load, resolve, tree_files
from fluxapps.model.problems import Severity
from tests.unit.cli_run import Ended, fluxapps, write
from tests.unit.import_layouts import (
    APPS_IN_ONE,
    LAYOUTS,
    NAMESPACED,
    ONE_FOR_ALL,
    OVERLAYS,
    SEED,
    config_map,
    kustomization,
    release,
    values,
    values_from,
)


def brought_in(tmp_path: Path, files: dict[str, str], *words: str) -> tuple[Ended, Path]:
    """Import *files*; return how that ended, and where."""
    write(tmp_path / "original", files)
    out = tmp_path / "ours"
    return fluxapps("import", str(tmp_path / "original"), "--out", str(out), *words), out


def said(out: Path, path: str) -> object:
    return yaml.safe_load((out / path).read_text())


def rendered(out: Path, stack: str) -> dict[tuple[str, str, str], dict[str, object]]:
    """Return what *stack* renders, read by another reader than ours: by kind, namespace and name."""
    fleet = resolve(load(out), stack)
    found = {}
    for path, content in tree_files(fleet, declare(fleet)).items():
        for manifest in yaml.safe_load_all(content) if path.endswith((".yaml", ".yml")) else ():
            if manifest and "metadata" in manifest and "kustomize.config" not in manifest["apiVersion"]:
                metadata = manifest["metadata"]
                found[manifest["kind"], metadata.get("namespace", ""), metadata["name"]] = manifest
    return found


def come_in_whole(tmp_path: Path, layout: str, *arguments: str) -> tuple[Ended, Path]:
    """Import a layout: all of it equal, and nothing in what was written that the checks refuse."""
    ended, out = brought_in(tmp_path, LAYOUTS[layout], *arguments)
    assert ended.code == 0, ended.out + ended.err
    assert "all equal" in ended.out
    sources = load(out)
    for stack in sources.stacks:
        problems = check(resolve(sources, stack))
        assert [problem for problem in problems if problem.severity is Severity.ERROR] == []
    return ended, out


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_comes_in_whole(tmp_path: Path, layout: str) -> None:
    ended, out = come_in_whole(tmp_path, layout)
    again = fluxapps("import", str(tmp_path / "original"), "--out", str(out), "--prove")
    assert again.code == 0
    assert again.out.splitlines()[0] == ended.out.splitlines()[0]


def test_the_seeds_layout_is_said_in_the_shortest_files(tmp_path: Path) -> None:
    ended, out = brought_in(tmp_path, SEED, "--stack", "home")
    assert ended.out.startswith("home: 2 apps, 13 objects: all equal")
    assert said(out, "apps/podinfo/app.yaml") == {
        "chart": "podinfo",
        "repository": "podinfo",
        "version": "6.x",
        "valuesName": "podinfo-helm-chart-value-overrides",
        "kustomization": {"interval": "10m0s", "timeout": "2m", "prune": True},
    }
    assert said(out, "fleet.yaml") == {
        "repositories": {"podinfo": {"interval": "15m", "url": "https://charts.example.org/podinfo"}},
        "defaults": {"preset": "none", "release": {"interval": "15m"}},
    }
    assert (out / "apps/podinfo/values.yaml").read_text() == "replicas: 2 # two\n"
    assert "version: 6.x # renovate: chart" in (out / "apps/podinfo/app.yaml").read_text()
    assert (out / "apps/podinfo/other.yaml").read_text() == SEED["podinfo/other.yaml"]
    media = said(out, "apps/media/app.yaml")
    assert media == {
        "dependsOn": ["podinfo"],
        "kustomization": {"interval": "10m0s", "prune": True},
        "releases": {
            "radarr": {
                "chart": "radarr",
                "repository": "podinfo",
                "version": "6.x",
                "valuesIn": "inline",
            },
            "sonarr": {
                "chart": "sonarr",
                "repository": "podinfo",
                "version": "6.x",
                "dependsOn": ["media/radarr"],
                "valuesName": "sonarr-helm-chart-value-overrides",
            },
        },
    }
    assert (out / "apps/media/values-radarr.yaml").read_text() == "# how many\nreplicas: 1\n"
    cluster = said(out, "Pulumi.home.yaml")
    assert cluster == {
        "config": {
            "ours:cluster": {
                "context": "home",
                "delivery": "git",
                "git": {
                    "url": "ssh://git@example.org/fleet",
                    "branch": "main",
                    "interval": "1m0s",
                    "secretRef": {"name": "flux-system"},
                    "kustomization": {"interval": "10m0s", "deletionPolicy": None},
                },
            }
        }
    }


def test_kustomizations_in_other_namespaces_keep_their_place(tmp_path: Path) -> None:
    _, out = brought_in(tmp_path, NAMESPACED, "--stack", "home")
    objects = rendered(out, "home")
    echo = objects["Kustomization", "media", "echo"]
    # What the parent's patches add is said by the child itself: the parent applies it no more.
    assert echo["spec"]["retryInterval"] == "2m"  # type: ignore[index]
    assert echo["spec"]["sourceRef"] == {"kind": "GitRepository", "name": "ours", "namespace": "flux-system"}  # type: ignore[index]
    assert objects["Namespace", "", "media"]["metadata"]["labels"] == {"team": "media"}  # type: ignore[index]
    assert objects["HelmRelease", "media", "echo"]["spec"]["values"] == {"name": "${APP}", "hosts": ["a", "b"]}  # type: ignore[index]
    assert (out / "apps/echo/values.yaml").read_text().startswith("# who it is\n")
    app = said(out, "apps/echo/app.yaml")
    assert isinstance(app, dict)
    assert (app["chart"], app["repository"]) == ("app-template", "echo")


def test_a_generated_config_map_keeps_its_name_and_its_comments(tmp_path: Path) -> None:
    _, out = brought_in(tmp_path, NAMESPACED, "--stack", "home")
    app = said(out, "apps/plex/app.yaml")
    assert isinstance(app, dict)
    # The name that kustomize 5.8.2 builds.
    assert app["valuesName"] == "plex-values-g8452ktcgt"
    assert (out / "apps/plex/values.yaml").read_text() == "# of plex\nreplicas: 1\n"
    claim = said(out, "apps/plex/kustomization.yaml")
    assert claim == {"namespace": "media", "resources": ["claim.yaml"]}
    assert (out / "apps/plex/claim.yaml").read_text() == NAMESPACED["kubernetes/apps/media/plex/app/claim.yaml"]


def test_clusters_become_stacks_that_share_what_they_have_in_common(tmp_path: Path) -> None:
    _, out = brought_in(tmp_path, OVERLAYS)
    base = said(out, "apps/apps/app.yaml")
    assert isinstance(base, dict)
    assert base["namespace"] == "podinfo"
    assert base["releases"]["podinfo"]["chart"] == "podinfo"
    assert "version" not in base["releases"]["podinfo"]
    for stack, version in (("production", ">=1.0.0"), ("staging", ">=1.0.0-alpha")):
        cluster = said(out, f"Pulumi.{stack}.yaml")
        assert isinstance(cluster, dict)
        apps = cluster["config"]["ours:cluster"]["apps"]
        assert apps["apps"]["releases"]["podinfo"]["version"] == version
        assert said(out, f"apps/apps/values-podinfo.{stack}.yaml") == {"host": f"podinfo.{stack}"}
        extra = OVERLAYS[f"apps/{stack}/extra.yaml"]
        assert (out / f"apps/apps/stacks/{stack}/extra.yaml").read_text() == extra
    assert said(out, "apps/apps/values-podinfo.yaml") == {"redis": True}


def test_one_cluster_of_several_can_be_chosen(tmp_path: Path) -> None:
    ended, out = brought_in(tmp_path, OVERLAYS, "--stack", "staging")
    assert ended.code == 0
    assert not (out / "Pulumi.production.yaml").exists()
    assert said(out, "apps/apps/values-podinfo.yaml") == {"redis": True, "host": "podinfo.staging"}
    unknown = fluxapps("import", str(tmp_path / "original"), "--out", str(tmp_path / "x"), "--stack", "dev")
    assert unknown.code == 1
    assert "no cluster 'dev'" in unknown.err


def test_where_flux_enters_can_be_said(tmp_path: Path) -> None:
    ended, out = brought_in(tmp_path, OVERLAYS, "--path", "clusters/production", "--stack", "live")
    assert ended.code == 0
    assert ended.out.startswith("live: 1 apps")
    assert (out / "Pulumi.live.yaml").exists()


def test_what_the_root_applies_by_itself_becomes_apps(tmp_path: Path) -> None:
    _, out = brought_in(tmp_path, ONE_FOR_ALL, "--stack", "home")
    assert sorted(path.name for path in (out / "apps").iterdir()) == ["podinfo", "web"]
    assert (out / "apps/podinfo/banner.yaml").read_text() == ONE_FOR_ALL["cluster/podinfo/banner.yaml"]
    assert (out / "bootstrap/settings.yaml").read_text() == ONE_FOR_ALL["cluster/settings.yaml"]


def test_releases_of_one_name_are_told_apart(tmp_path: Path) -> None:
    _, out = brought_in(tmp_path, APPS_IN_ONE, "--stack", "home")
    objects = rendered(out, "home")
    assert objects["HelmRelease", "a", "postgres"]["spec"]["releaseName"] == "a"  # type: ignore[index]
    assert objects["HelmRelease", "b", "postgres"]["spec"]["releaseName"] == "b"  # type: ignore[index]


def test_a_release_that_nothing_applies_is_an_app_that_is_not_enabled(tmp_path: Path) -> None:
    files = {**SEED, "spare/release.yaml": SEED["podinfo/release.yaml"].replace("podinfo", "spare")}
    ended, out = brought_in(tmp_path, files, "--stack", "home")
    assert ended.code == 0
    app = said(out, "apps/spare/app.yaml")
    assert isinstance(app, dict)
    assert app["enabled"] is False
    assert "samples/unused.yaml" in ended.out


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "ours", {"fleet.yaml": "repositories: {}\n"})
    ended, out = brought_in(tmp_path, SEED)
    assert ended.code == 1
    assert "has fleet.yaml already: nothing was written" in ended.err
    assert sorted(path.name for path in out.iterdir()) == ["fleet.yaml"]


def test_an_edited_result_is_no_longer_equal(tmp_path: Path) -> None:
    _, out = brought_in(tmp_path, SEED, "--stack", "home")
    (out / "apps/podinfo/values.yaml").write_text("replicas: 3\n")
    (out / "apps/podinfo/other.yaml").write_text(config_map("banner", "podinfo", "other"))
    (out / "apps/media/app.yaml").write_text((out / "apps/media/app.yaml").read_text().replace("6.x", "7.x", 1))
    ended = fluxapps("import", str(tmp_path / "original"), "--out", str(out), "--prove", "--stack", "home")
    assert ended.code == 1
    assert "home: 2 apps, 13 objects: 3 differences nobody explains" in ended.out
    for wrong in (
        "ConfigMap podinfo/podinfo-helm-chart-value-overrides: data.values.yaml.replicas: 2 in the original, 3 in ours",
        "ConfigMap podinfo/banner: data.key: 'x' in the original, 'other' in ours (podinfo/other.yaml",
        "HelmRelease media/radarr: spec.chart.spec.version: '6.x' in the original, '7.x' in ours",
    ):
        assert wrong in ended.out


def test_an_object_that_is_gone_is_missed(tmp_path: Path) -> None:
    _, out = brought_in(tmp_path, SEED, "--stack", "home")
    (out / "apps/podinfo/other.yaml").unlink()
    ended = fluxapps("import", str(tmp_path / "original"), "--out", str(out), "--prove", "--stack", "home")
    assert ended.code == 1
    assert "ConfigMap podinfo/banner: (object): 'present' in the original, absent in ours" in ended.out


def test_the_report_is_text_json_or_markdown(tmp_path: Path) -> None:
    texts = {}
    for ending in ("txt", "json", "md"):
        file = tmp_path / f"report.{ending}"
        ended, _ = brought_in(tmp_path / ending, SEED, "--stack", "home", "--report", str(file))
        assert ended.code == 0
        texts[ending] = file.read_text()
    data = json.loads(texts["json"])
    assert data["stacks"][0]["verdict"] in texts["md"]
    assert data["stacks"][0]["verdict"] in texts["txt"]
    assert (data["stacks"][0]["apps"], data["stacks"][0]["objects"]) == (2, 13)
    assert data["lifted"] == [
        {
            "object": "HelmRepository podinfo",
            "file": "bootstrap/helmrepositories/podinfo.yaml",
            "line": 1,
            "fields": ["apiVersion"],
        }
    ]
    assert data["notApplied"] == ["samples/unused.yaml"]
    refused, _ = brought_in(tmp_path / "html", SEED, "--report", str(tmp_path / "report.html"))
    assert refused.code == 1


def test_what_our_settings_would_change_is_said(tmp_path: Path) -> None:
    ended, _ = brought_in(tmp_path, SEED, "--stack", "home", "--with-our-defaults")
    assert "HelmRelease: spec.driftDetection: nothing would be {'mode': 'enabled'} (3 objects)" in ended.out


def test_a_folder_without_flux_is_told(tmp_path: Path) -> None:
    ended, _ = brought_in(tmp_path, {"a.yaml": config_map("a", "b")})
    assert ended.code == 1
    assert "no Flux Kustomization was found" in ended.err
    missing = fluxapps("import", str(tmp_path / "nowhere"))
    assert missing.code == 1


def test_a_kustomization_of_another_repository_stays_one(tmp_path: Path) -> None:
    foreign = (
        kustomization("theirs", "./deploy")
        .replace("name: flux-system\n", "name: theirs\n")
        .replace("  name: theirs\n  namespace", "  name: theirs\n  namespace")
    )
    files = {**SEED, "bootstrap/kustomizations/theirs.yaml": foreign}
    ended, out = brought_in(tmp_path, files, "--stack", "home")
    assert ended.code == 0, ended.out
    app = said(out, "apps/theirs/app.yaml")
    assert isinstance(app, dict)
    assert app["kustomization"]["path"] == "./deploy"


def test_the_way_of_a_running_cluster_is_said(tmp_path: Path) -> None:
    ended, _ = brought_in(tmp_path, OVERLAYS, "--stack", "staging", "--adopt")
    assert ended.code == 0
    lines = ended.out.splitlines()
    suspend = next(
        number
        for number, line in enumerate(lines)
        if " patch " in line and "kustomizations.kustomize.toolkit.fluxcd.io infra" in line
    )
    attach = lines.index("fluxapps attach --all --stack staging")
    remove = next(
        number
        for number, line in enumerate(lines)
        if " delete " in line and "kustomizations.kustomize.toolkit.fluxcd.io infra" in line
    )
    assert suspend < attach < remove


def test_flux_bootstraps_own_is_left_to_it(tmp_path: Path) -> None:
    folder = "bootstrap/flux-system"
    components = "".join(
        f"---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}{space}}}\n"
        for kind, name, space in (
            ("Namespace", "flux-system", ""),
            ("ServiceAccount", "flux", ", namespace: flux-system"),
        )
    )
    named = "resources: [gotk-components.yaml, gotk-sync.yaml]\n"
    files = {**SEED, f"{folder}/gotk-components.yaml": components, f"{folder}/kustomization.yaml": named}
    words = ("--adopt", "--context", "home@lan", "--delivery", "apply", "--url", "https://example.org/new.git")
    ended, out = brought_in(tmp_path, files, "--stack", "home", *words)
    assert ended.code == 0, ended.out
    assert not (out / "bootstrap").exists()
    cluster = said(out, "Pulumi.home.yaml")["config"]["ours:cluster"]  # type: ignore[index]
    assert (cluster["context"], cluster["delivery"]) == ("home@lan", "apply")
    assert (cluster["git"]["url"], "name" in cluster["git"]) == ("https://example.org/new.git", False)
    plan = ended.out.partition("running cluster:\n")[2].splitlines()
    kubectl = "kubectl --context home@lan -n flux-system"
    suspend, resume = (f"{kubectl} patch kustomizations.kustomize.toolkit.fluxcd.io flux-system", '"suspend": false')
    order = [
        next(number for number, line in enumerate(plan) if line.startswith(begin) and inside in line)
        for begin, inside in (
            (suspend, '"suspend": true'),
            ("fluxapps attach --all --stack home", ""),
            ("git -C ", " rm -r --quiet -- bootstrap/helmrepositories bootstrap/kustomizations bootstrap/namespaces"),
            (f"{kubectl} wait ", "=main@sha1:$(git "),
            (suspend, resume),
        )
    ]
    assert order == sorted(order)
    assert not any("gotk" in line for line in plan)


def test_the_stacks_own_is_called_otherwise_than_an_app_that_is_called_as_the_project(tmp_path: Path) -> None:
    files = {path: text.replace("podinfo", "ours") for path, text in SEED.items()}
    ended, out = brought_in(tmp_path, files, "--stack", "home")
    assert ended.code == 0, ended.out
    cluster = said(out, "Pulumi.home.yaml")["config"]["ours:cluster"]  # type: ignore[index]
    assert cluster["git"]["name"] == "ours-stack"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_can_be_delivered_by_pulumi(tmp_path: Path, layout: str) -> None:
    come_in_whole(tmp_path, layout, "--delivery", "apply")


def test_pulumi_loses_nothing_of_inline_values(tmp_path: Path) -> None:
    lossy = release("radarr", "media", "values:", "  # how many", "  replicas: 1", "  probe: null")
    and_more = (*values_from("lidarr"), "values: {probe: null}")
    files = {
        **SEED,
        "media/releases.yml": lossy + "---\n" + release("lidarr", "media", *and_more),
        "media/values.yaml": values("lidarr", "media"),
    }
    ended, out = brought_in(tmp_path, files, "--stack", "home", "--delivery", "apply")
    assert ended.code == 0, ended.out
    assert "Pulumi would lose part of its inline values: they go through a ConfigMap, and are the same" in ended.out
    assert (out / "apps/media/values-radarr.yaml").read_text() == "# how many\nreplicas: 1\nprobe: null\n"
    releases = said(out, "apps/media/app.yaml")["releases"]  # type: ignore[index]
    assert list(releases) == ["radarr"]
    assert "valuesIn" not in releases["radarr"]
    # Its inline values win over those of valuesFrom: a ConfigMap of ours would not.
    assert (out / "apps/media/releases.yml").exists()
    assert "in a ConfigMap its values would no longer win over its valuesFrom" in ended.out
    (out / "apps/media/values-radarr.yaml").write_text("replicas: 2\nprobe: null\n")
    edited = fluxapps("import", str(tmp_path / "original"), "--out", str(out), "--prove", "--stack", "home")
    assert edited.code == 1
    assert "HelmRelease media/radarr: spec.values" in edited.out


def test_flux_waits_for_what_pulumi_writes_by_health_checks(tmp_path: Path) -> None:
    job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate, namespace: media}\nspec: {template: {spec: {}}}\n"
    files = {
        **SEED,
        "bootstrap/kustomizations/media.yaml": kustomization("media", "./media", "wait: true"),
        "media/job.yaml": job,
    }
    ended, out = brought_in(tmp_path, files, "--stack", "home", "--delivery", "apply")
    assert ended.code == 0, ended.out
    assert "Flux waits for them by healthChecks" in ended.out
    checks = said(out, "apps/media/app.yaml")["kustomization"]["healthChecks"]  # type: ignore[index]
    assert [(one["kind"], one["namespace"], one["name"]) for one in checks] == [
        ("HelmRelease", "media", "radarr"),
        ("HelmRelease", "media", "sonarr"),
        ("Job", "media", "migrate"),
    ]
    app = out / "apps/media/app.yaml"
    app.write_text(app.read_text().replace("name: sonarr", "name: other"))
    edited = fluxapps("import", str(tmp_path / "original"), "--out", str(out), "--prove", "--stack", "home")
    assert edited.code == 1
    assert "Kustomization flux-system/media: spec.healthChecks" in edited.out


@pytest.mark.parametrize(
    ("lines", "named", "why"),
    [
        (("postBuild: {substitute: {REPLICAS: '2'}}",), "${REPLICAS}", "Flux fills variables in"),
        (
            (
                "patches:",
                "  - target: {kind: HelmRelease, name: radarr}",
                '    patch: "[{op: add, path: /spec/timeout, value: 9m}]"',
            ),
            "1",
            "Flux patches it",
        ),
    ],
)
def test_what_only_flux_makes_of_a_release_stays_with_flux(
    tmp_path: Path, lines: tuple[str, ...], named: str, why: str
) -> None:
    text = SEED["media/releases.yml"].replace("replicas: 1", f"replicas: {named}")
    files = {
        **SEED,
        "bootstrap/kustomizations/media.yaml": kustomization("media", "./media", *lines),
        "media/releases.yml": text,
    }
    ended, out = brought_in(tmp_path, files, "--stack", "home", "--delivery", "apply")
    assert ended.code == 0, ended.out
    assert why in ended.out
    assert list(said(out, "apps/media/app.yaml")["releases"]) == ["sonarr"]  # type: ignore[index]
    assert "name: radarr" in (out / "apps/media/releases.yml").read_text()
    by_git = fluxapps("import", str(tmp_path / "original"), "--out", str(tmp_path / "git"), "--stack", "home")
    assert why not in by_git.out


def test_a_plan_without_a_url_warns_of_what_the_original_has_there(tmp_path: Path) -> None:
    ended, _ = brought_in(tmp_path, SEED, "--stack", "home", "--adopt")
    plan = ended.out.partition("running cluster:\n")[2]
    assert plan.startswith(
        "# BEFORE YOU BEGIN: no --url was given, so these steps push the new files to ssh://git@example.org/"
    )
    assert "DON'T: the original has bootstrap/ there already" in plan
    assert "The stack would go on applying the old bootstrap/" in plan
    url = ("--url", "https://example.org/new.git")
    said_where, _ = brought_in(tmp_path / "again", SEED, "--stack", "home", "--adopt", *url)
    assert said_where.out.partition("running cluster:\n")[2].startswith("# 1. ")
