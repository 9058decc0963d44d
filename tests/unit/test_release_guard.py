"""Live Helm releases against what is declared: what would be uninstalled or reinstalled is said before it is."""

from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fluxapps.engine.adoption import Survey
from fluxapps.engine.release_guard import release_problems, yaml_problems
from fluxapps.model import ObjectId, Problem, Severity, declare
from fluxapps.model.live.helm_release import HelmId, helm_id
from tests.unit.written import GIT, cluster, resolved

Object = dict[str, Any]


def live(
    name: str = "podinfo",
    namespace: str = "podinfo",
    *,
    app: str = "podinfo",
    history: Object | None = None,
    chart: str = "podinfo",
    **spec: Any,
) -> Object:
    """Return a HelmRelease as Flux leaves it."""
    release = {"name": spec.get("releaseName", name), "namespace": namespace, "chartName": chart, "status": "deployed"}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": namespace, "labels": {"fluxapps/app": app}},
        "spec": {"chart": {"spec": {"chart": chart}}, **spec},
        "status": {"history": [{**release, **(history or {})}], "storageNamespace": namespace},
    }


def surveyed(live: dict[ObjectId, Object], left: frozenset[ObjectId]) -> Survey:
    """Return a survey that found *live*, and nothing else worth telling."""
    nothing: dict[str, Any] = {each.name: frozenset() for each in fields(Survey)}
    return Survey(**{**nothing, "live": live, "left": left, "foreign": {}})


def found(root: Path, app: str, *releases: Object, name: str = "podinfo", stack: str = "") -> list[Problem]:
    """Return what is said of one app's files over *releases*, which are the stack's."""
    files: dict[str, str | None] = {"apps/podinfo/app.yaml": None, f"apps/{name}/app.yaml": app}
    fleet = resolved(root, {**files, **({"Pulumi.dev.yaml": stack} if stack else {})})
    objects = declare(fleet).objects()
    there = {
        ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", one["metadata"]["namespace"], one["metadata"]["name"]): one
        for one in releases
    }
    declared = {one.id for one in objects}
    survey = surveyed(there, left=frozenset(there) - declared)
    return release_problems(fleet, objects, survey, there)


APP = "chart: podinfo\nrepository: podinfo\nversion: 6.x\n"


class TestReinstall:
    @pytest.mark.parametrize(
        ("said", "field", "old", "new"),
        [
            ("release: {releaseName: other}", "releaseName", "podinfo", "other"),
            ("release: {targetNamespace: other}", "targetNamespace", "podinfo", "other"),
            ("release: {storageNamespace: other}", "storageNamespace", "podinfo", "other"),
            ("chart: podinfo-ng", "chart", "podinfo", "podinfo-ng"),
        ],
    )
    def test_what_helm_cannot_change_is_refused(
        self, said: str, field: str, old: str, new: str, tmp_path: Path
    ) -> None:
        app = APP.replace("chart: podinfo\n", "") if said.startswith("chart") else APP
        (problem,) = found(tmp_path, f"{app}{said}\n", live(releaseName="podinfo"))
        assert (problem.code, problem.severity) == ("reinstall", Severity.ERROR)
        assert f"{field} '{old}' becomes '{new}'" in problem.what
        assert "the app is down" in problem.what
        assert problem.file == "apps/podinfo/app.yaml"
        assert problem.line is not None
        assert "allowReinstall: true" in problem.fix

    @pytest.mark.parametrize("where", ["app", "stack"])
    def test_it_is_a_warning_where_it_is_allowed(self, where: str, tmp_path: Path) -> None:
        said = f"{APP}release: {{releaseName: other}}\n"
        stack = ""
        if where == "app":
            said += "allowReinstall: true\n"
        else:
            stack = cluster("context: dev", GIT, "defaults: {allowReinstall: true}")
        (problem,) = found(tmp_path, said, live(releaseName="podinfo"), stack=stack)
        assert (problem.code, problem.severity) == ("reinstall", Severity.WARNING)

    @pytest.mark.parametrize(
        "said",
        [
            "chart: podinfo-ng\nrelease: {upgrade: {chartNameChangeStrategy: InPlaceUpdate}}",
            "chart: podinfo\nversion: 7.x",
            "chart: podinfo\nrelease: {timeout: 9m}",
        ],
    )
    def test_what_is_an_upgrade_is_fine(self, said: str, tmp_path: Path) -> None:
        assert found(tmp_path, f"repository: podinfo\n{said}\n", live(releaseName="podinfo")) == []

    def test_what_was_never_installed_or_is_uninstalled_has_nothing_to_lose(self, tmp_path: Path) -> None:
        said = f"{APP}release: {{releaseName: other}}\n"
        fresh = live(releaseName="podinfo")
        del fresh["status"]
        assert found(tmp_path / "fresh", said, fresh) == []
        assert found(tmp_path / "gone", said, live(releaseName="podinfo", history={"status": "uninstalled"})) == []

    def test_releases_that_flux_delivers_are_looked_at_too(self, tmp_path: Path) -> None:
        stack = cluster("context: dev", "delivery: git", GIT)
        said = f"{APP}release: {{releaseName: other}}\n"
        (problem,) = found(tmp_path, said, live(releaseName="podinfo"), stack=stack)
        assert problem.code == "reinstall"


class TestRename:
    def test_a_release_that_another_takes_over_is_not_uninstalled(self, tmp_path: Path) -> None:
        said = f"{APP}namespace: podinfo\nrelease: {{releaseName: podinfo}}\n"
        (problem,) = found(tmp_path, said, live(releaseName="podinfo"), name="site")
        assert (problem.code, problem.severity) == ("release-taken-over", Severity.ERROR)
        assert "fluxapps attach site --stack dev" in problem.fix
        assert "name: podinfo" in problem.fix

    def test_a_suspended_one_is_not_uninstalled_by_its_deletion(self, tmp_path: Path) -> None:
        said = f"{APP}namespace: podinfo\nrelease: {{releaseName: podinfo}}\n"
        assert found(tmp_path, said, live(releaseName="podinfo", suspend=True), name="site") == []

    def test_a_new_name_for_the_same_chart_is_warned_of(self, tmp_path: Path) -> None:
        (problem,) = found(tmp_path, APP, live(releaseName="podinfo"), name="site")
        assert (problem.code, problem.severity) == ("renamed-app", Severity.WARNING)
        assert "keep it: name: podinfo in apps/site/app.yaml" in problem.fix

    def test_a_new_key_for_the_same_chart_is_warned_of(self, tmp_path: Path) -> None:
        said = "releases:\n  new: {chart: podinfo, repository: podinfo, version: 6.x}\n"
        (problem,) = found(tmp_path, said, live("old", releaseName="old"))
        assert (problem.code, problem.severity) == ("renamed-app", Severity.WARNING)
        assert "call it old under releases" in problem.fix

    def test_another_chart_is_another_app(self, tmp_path: Path) -> None:
        assert found(tmp_path, APP, live(releaseName="podinfo", chart="wiki"), name="site") == []


class TestYaml:
    FILES: ClassVar[dict[str, str | None]] = {
        "apps/podinfo/app.yaml": None,
        "apps/site/app.yaml": "namespace: site\n",
        "apps/site/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: site}\n",
    }

    def found(self, root: Path, entry: str, **spec: Any) -> list[Problem]:
        """Return what is said where a Kustomization goes that has applied *entry*."""
        fleet = resolved(root, self.FILES)
        old = ObjectId("kustomize.toolkit.fluxcd.io", "Kustomization", "flux-system", "old")
        there = {
            old: {"spec": {"prune": True, **spec}, "status": {"inventory": {"entries": [{"id": entry, "v": "v1"}]}}}
        }
        survey = surveyed(there, left=frozenset(there))
        return list(yaml_problems(fleet, survey))

    def test_what_another_apps_folder_applies_is_not_deleted(self, tmp_path: Path) -> None:
        (problem,) = self.found(tmp_path, "site_settings__ConfigMap")
        assert (problem.code, problem.severity) == ("yaml-taken-over", Severity.ERROR)
        assert "would delete ConfigMap site/settings, which the app 'site' applies" in problem.what
        assert "fluxapps attach site --stack dev" in problem.fix

    def test_what_no_folder_has_goes(self, tmp_path: Path) -> None:
        assert self.found(tmp_path, "site_other__ConfigMap") == []

    @pytest.mark.parametrize("spec", [{"suspend": True}, {"deletionPolicy": "Orphan"}], ids=["suspended", "orphan"])
    def test_a_kustomization_that_leaves_its_objects_may_go(self, spec: Object, tmp_path: Path) -> None:
        assert self.found(tmp_path, "site_settings__ConfigMap", **spec) == []


def test_a_release_of_another_name_in_git_is_not_uninstalled(tmp_path: Path) -> None:
    stack = cluster("context: dev", "delivery: git", GIT)
    said = f"{APP}namespace: podinfo\nrelease: {{releaseName: podinfo}}\n"
    (problem,) = found(tmp_path, said, live(releaseName="podinfo"), name="site", stack=stack)
    assert problem.code == "release-taken-over"
    assert "before the tree that says so is pushed: fluxapps attach site --stack dev" in problem.fix


@pytest.mark.parametrize(
    ("spec", "known"),
    [
        ({}, HelmId("web", "apps", "apps", "")),
        ({"releaseName": "site"}, HelmId("site", "apps", "apps", "")),
        ({"targetNamespace": "there"}, HelmId("there-web", "there", "apps", "")),
        ({"storageNamespace": "there", "releaseName": "x"}, HelmId("x", "apps", "there", "")),
    ],
)
def test_what_helm_knows_a_release_by(spec: Object, known: HelmId) -> None:
    assert helm_id({"metadata": {"name": "web", "namespace": "apps"}, "spec": spec}) == known


def test_two_clusters_are_told_apart() -> None:
    one = {"metadata": {"name": "web", "namespace": "apps"}, "spec": {"kubeConfig": {"secretRef": {"name": "far"}}}}
    assert helm_id(one) != helm_id({**one, "spec": {}})
