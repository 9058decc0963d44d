"""What app files become: the objects, their fields, names, order and marks."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fluxapps.model import Declaration, DeclaredObject, Role, declare
from tests.unit.written import BASE, GIT, cluster, declared, resolved


def one(declaration: Declaration, kind: str, name: str) -> DeclaredObject:
    found = [made for made in declaration.objects() if made.id.kind == kind and made.id.name.startswith(name)]
    assert len(found) == 1, [str(made.id) for made in declaration.objects()]
    return found[0]


def spec(declaration: Declaration, kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = one(declaration, kind, name).manifest["spec"]
    return found


def with_app(text: str, **files: str) -> dict[str, str | None]:
    return {"apps/podinfo/app.yaml": text, **{f"apps/podinfo/{name}": said for name, said in files.items()}}


THREE_LINES = BASE["apps/podinfo/app.yaml"]


def test_three_lines_make_the_whole_shape(tmp_path: Path) -> None:
    declaration = declared(tmp_path, {"apps/podinfo/values.yaml": "replicaCount: 2\n"})
    assert [(made.role, made.logical_name) for made in declaration.objects()] == [
        (Role.SOURCE, "flux-system/fleet"),
        (Role.NAMESPACE, "podinfo"),
        (Role.SOURCE, "flux-system/podinfo"),
        (Role.VALUES, "podinfo/podinfo-helm-chart-value-overrides"),
        (Role.RELEASE, "podinfo/podinfo"),
        (Role.KUSTOMIZATION, "flux-system/podinfo"),
    ]


def test_release_says_our_recommended_settings(tmp_path: Path) -> None:
    assert spec(declared(tmp_path), "HelmRelease", "podinfo") == {
        "chart": {
            "spec": {
                "chart": "podinfo",
                "version": "6.x",
                "sourceRef": {"kind": "HelmRepository", "name": "podinfo", "namespace": "flux-system"},
            }
        },
        "releaseName": "podinfo",
        "interval": "30m",
        "install": {"strategy": {"name": "RetryOnFailure", "retryInterval": "5m"}},
        "upgrade": {"strategy": {"name": "RetryOnFailure", "retryInterval": "5m"}, "crds": "CreateReplace"},
        "driftDetection": {"mode": "enabled"},
    }


@pytest.mark.parametrize(
    "said",
    ["install: {remediation: {retries: 3}}", "install: {strategy: {name: RemediateOnFailure}}"],
    ids=["remediation", "strategy-name"],
)
def test_a_default_strategy_goes_as_a_whole(tmp_path: Path, said: str) -> None:
    install = spec(declared(tmp_path, with_app(f"{THREE_LINES}release: {{{said}}}\n")), "HelmRelease", "podinfo")[
        "install"
    ]
    assert install in ({"remediation": {"retries": 3}}, {"strategy": {"name": "RemediateOnFailure"}})


def test_a_null_deletes_one_of_our_defaults(tmp_path: Path) -> None:
    app = f"{THREE_LINES}release: {{driftDetection: null, upgrade: {{crds: null}}}}\n"
    made = spec(declared(tmp_path, with_app(app)), "HelmRelease", "podinfo")
    assert "driftDetection" not in made
    assert made["upgrade"] == {"strategy": {"name": "RetryOnFailure", "retryInterval": "5m"}}


def test_preset_none_declares_what_the_files_say_and_nothing_else(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "fleet.yaml": "repositories:\n  podinfo: https://stefanprodan.github.io/podinfo\n"
        "defaults:\n  preset: none\n  release: {interval: 15m}\n"
        "  kustomization: {interval: 1h, prune: false}\n",
        "apps/podinfo/app.yaml": f"{THREE_LINES}valuesName: podinfo-values\nvalues: {{a: 1}}\n",
    }
    declaration = declared(tmp_path, files)
    assert spec(declaration, "HelmRelease", "podinfo") == {
        "chart": {
            "spec": {
                "chart": "podinfo",
                "version": "6.x",
                "sourceRef": {"kind": "HelmRepository", "name": "podinfo", "namespace": "flux-system"},
            }
        },
        "interval": "15m",
        "valuesFrom": [{"kind": "ConfigMap", "name": "podinfo-values", "valuesKey": "values.yaml"}],
    }
    assert spec(declaration, "Kustomization", "podinfo") == {
        "interval": "1h",
        "prune": False,
        "path": "./apps/podinfo",
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
    }
    assert spec(declaration, "HelmRepository", "podinfo") == {"url": "https://stefanprodan.github.io/podinfo"}
    assert one(declaration, "ConfigMap", "podinfo-values").manifest["metadata"] == {
        "name": "podinfo-values",
        "namespace": "podinfo",
    }


class TestNulls:
    def test_they_delete_what_is_worked_out_too(self, tmp_path: Path) -> None:
        app = f"{THREE_LINES}release: {{releaseName: null}}\nkustomization: {{timeout: null}}\n"
        made = declared(tmp_path, with_app(app))
        assert "releaseName" not in spec(made, "HelmRelease", "podinfo")
        assert "timeout" not in spec(made, "Kustomization", "podinfo")

    def test_what_a_lower_layer_deleted_does_not_come_back(self, tmp_path: Path) -> None:
        files: dict[str, str | None] = {
            "fleet.yaml": f"{BASE['fleet.yaml']}defaults: {{release: {{install: null}}}}\n",
            "apps/podinfo/app.yaml": f"{THREE_LINES}release: {{install: {{timeout: 5m}}}}\n",
        }
        assert spec(declared(tmp_path, files), "HelmRelease", "podinfo")["install"] == {"timeout": "5m"}

    def test_a_release_unsays_what_its_app_shares(self, tmp_path: Path) -> None:
        app = "repository: podinfo\nversion: 1.x\nreleases:\n  a: {chart: a, version: null}\n  b: {chart: b}\n"
        made = declared(tmp_path, with_app(app))
        assert "version" not in spec(made, "HelmRelease", "a")["chart"]["spec"]
        assert spec(made, "HelmRelease", "b")["chart"]["spec"]["version"] == "1.x"


class TestValues:
    def test_a_release_has_the_last_word_over_what_all_share(self, tmp_path: Path) -> None:
        app = "repository: podinfo\nreleases:\n  a: {chart: a, values: {x: own}}\n"
        text = one(declared(tmp_path, with_app(app, **{"values.yaml": "x: all\n"})), "ConfigMap", "a").manifest["data"]
        assert text == {"values.yaml": "x: own\n"}

    def test_null_and_big_integers_stay_in_the_text(self, tmp_path: Path) -> None:
        files: dict[str, str | None] = {"apps/podinfo/values.yaml": f"a: null\nbig: {2**60 + 1}\nempty: {{}}\n"}
        config_map = one(declared(tmp_path, files), "ConfigMap", "podinfo").manifest
        assert config_map["data"] == {"values.yaml": f"a: null\nbig: {2**60 + 1}\nempty: {{}}\n"}
        assert config_map["immutable"] is True

    def test_the_name_follows_the_meaning_and_not_the_comments(self, tmp_path: Path) -> None:
        def name(folder: str, values: str) -> str:
            (tmp_path / folder).mkdir()
            made = declared(tmp_path / folder, {"apps/podinfo/values.yaml": values})
            found = one(made, "ConfigMap", "podinfo").id.name
            assert spec(made, "HelmRelease", "podinfo")["valuesFrom"][0]["name"] == found
            return found

        assert name("a", "a: 1\nb: 2\n") == name("b", "# why\nb: 2\na: 1\n")
        assert name("c", "a: 1\nb: 2\n") != name("d", "a: 1\nb: 3\n")

    def test_a_literal_name_is_watched_and_mutable(self, tmp_path: Path) -> None:
        made = declared(tmp_path, with_app(f"{THREE_LINES}valuesName: tuned\nvalues: {{a: 1}}\n"))
        config_map = one(made, "ConfigMap", "tuned").manifest
        assert config_map["metadata"]["labels"] == {"reconcile.fluxcd.io/watch": "Enabled"}
        assert "immutable" not in config_map

    def test_no_values_no_config_map(self, tmp_path: Path) -> None:
        made = declared(tmp_path)
        assert [one for one in made.objects() if one.role is Role.VALUES] == []
        assert "valuesFrom" not in spec(made, "HelmRelease", "podinfo")

    def test_inline_values_travel_in_the_release(self, tmp_path: Path) -> None:
        made = declared(tmp_path, with_app(f"{THREE_LINES}valuesIn: inline\nvalues: {{a: {{b: 1}}}}\n"))
        assert spec(made, "HelmRelease", "podinfo")["values"] == {"a": {"b": 1}}
        assert [one for one in made.objects() if one.role is Role.VALUES] == []

    def test_values_from_comes_after_ours(self, tmp_path: Path) -> None:
        app = f"{THREE_LINES}values: {{a: 1}}\nvaluesFrom: [{{kind: Secret, name: admin}}]\n"
        references = spec(declared(tmp_path, with_app(app)), "HelmRelease", "podinfo")["valuesFrom"]
        assert [reference["kind"] for reference in references] == ["ConfigMap", "Secret"]

    def test_layers_lie_over_each_other(self, tmp_path: Path) -> None:
        files: dict[str, str | None] = {
            "Pulumi.dev.yaml": cluster(
                "context: dev", "environment: test", "apps: {podinfo: {values: {stack: file, last: said}}}"
            ),
            "apps/podinfo/values.yaml": "all: 1\nenvironment: 1\nstack: 1\nlist: [1, 2]\n",
            "apps/podinfo/values.test.yaml": "environment: 2\nstack: 2\nlist: [3]\n",
            "apps/podinfo/values.dev.yaml": "stack: 3\n",
        }
        text = one(declared(tmp_path, files), "ConfigMap", "podinfo").manifest["data"]["values.yaml"]
        assert text == "all: 1\nenvironment: 2\nlast: said\nlist:\n- 3\nstack: file\n"


class TestSeveralReleases:
    APP = (
        "namespace: rook\nrepository: podinfo\nversion: 1.x\nreleases:\n"
        "  operator: {chart: rook-ceph}\n"
        "  cluster: {chart: rook-ceph-cluster, version: 2.x, dependsOn: [podinfo/operator], values: {c: 1}}\n"
    )

    def test_each_has_its_own_and_what_they_share(self, tmp_path: Path) -> None:
        made = declared(tmp_path, with_app(self.APP, **{"values.yaml": "all: 1\n", "values-operator.yaml": "o: 1\n"}))
        releases = [one for one in made.objects() if one.role is Role.RELEASE]
        assert [str(one.id) for one in releases] == ["HelmRelease rook/operator", "HelmRelease rook/cluster"]
        assert spec(made, "HelmRelease", "operator")["chart"]["spec"]["version"] == "1.x"
        assert spec(made, "HelmRelease", "cluster")["chart"]["spec"]["version"] == "2.x"
        assert one(made, "ConfigMap", "operator").manifest["data"]["values.yaml"] == "all: 1\no: 1\n"
        assert one(made, "ConfigMap", "cluster").manifest["data"]["values.yaml"] == "all: 1\nc: 1\n"

    def test_a_sibling_is_waited_for_in_both_deliveries(self, tmp_path: Path) -> None:
        for delivery in ("apply", "git"):
            root = tmp_path / delivery
            root.mkdir()
            files = {**with_app(self.APP), "Pulumi.dev.yaml": cluster("context: dev", f"delivery: {delivery}", GIT)}
            made = declared(root, files)
            assert spec(made, "HelmRelease", "cluster")["dependsOn"] == [{"name": "operator", "namespace": "rook"}]
            assert one(made, "HelmRelease", "operator").id in one(made, "HelmRelease", "cluster").after


class TestOrder:
    FILES: dict[str, str | None] = {  # noqa: RUF012 - read only
        "apps/web/app.yaml": "chart: web\nrepository: podinfo\ndependsOn: [podinfo]\n",
    }

    def test_apply_says_it_between_releases_and_between_kustomizations(self, tmp_path: Path) -> None:
        made = declared(tmp_path, self.FILES)
        assert [app.name for app in made.apps] == ["podinfo", "web"]
        assert spec(made, "HelmRelease", "web")["dependsOn"] == [{"name": "podinfo", "namespace": "podinfo"}]
        assert spec(made, "Kustomization", "web")["dependsOn"] == [{"name": "podinfo"}]
        assert spec(made, "Kustomization", "podinfo")["healthChecks"][0]["kind"] == "HelmRelease"
        assert "healthChecks" not in spec(made, "Kustomization", "web")

    def test_git_says_it_between_kustomizations(self, tmp_path: Path) -> None:
        made = declared(tmp_path, {**self.FILES, "Pulumi.dev.yaml": cluster("context: dev", "delivery: git", GIT)})
        assert "dependsOn" not in spec(made, "HelmRelease", "web")
        assert spec(made, "Kustomization", "web")["dependsOn"] == [{"name": "podinfo"}]
        assert spec(made, "Kustomization", "podinfo")["wait"] is True

    def test_on_destroy_the_kustomization_goes_first(self, tmp_path: Path) -> None:
        made = declared(tmp_path, {**self.FILES, "apps/podinfo/values.yaml": "a: 1\n"})
        release, kustomization = one(made, "HelmRelease", "podinfo"), one(made, "Kustomization", "podinfo")
        assert release.id in kustomization.after
        assert {needed.kind for needed in release.after} == {"Namespace", "HelmRepository", "ConfigMap"}

    def test_a_release_waits_for_yaml_that_only_flux_applies(self, tmp_path: Path) -> None:
        issuer = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: issuer, namespace: default}\n"
        files: dict[str, str | None] = {
            "apps/issuers/app.yaml": "",
            "apps/issuers/issuer.yaml": issuer,
            "apps/web/app.yaml": "chart: web\nrepository: podinfo\ndependsOn: [issuers]\n",
        }
        made = declared(tmp_path, files)
        issuers = one(made, "Kustomization", "issuers")
        assert issuers.wait_ready == 2 * 300 + 120
        assert issuers.id in one(made, "HelmRelease", "web").after
        assert one(made, "Kustomization", "web").wait_ready is None
        assert issuers.manifest["spec"]["wait"] is True

    def test_who_waits_counts_those_it_waits_for(self, tmp_path: Path) -> None:
        config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: issuer, namespace: default}\n"
        files: dict[str, str | None] = {
            "apps/podinfo/app.yaml": f"{THREE_LINES}release: {{timeout: 30m}}\n",
            "apps/issuers/app.yaml": "dependsOn: [podinfo]\n",
            "apps/issuers/issuer.yaml": config_map,
            "apps/web/app.yaml": "chart: web\nrepository: podinfo\ndependsOn: [issuers]\n",
        }
        made = declared(tmp_path, files)
        podinfo = 2 * 32 * 60 + 120
        assert one(made, "Kustomization", "issuers").wait_ready == podinfo + 2 * 300 + 120
        assert one(made, "HelmRelease", "podinfo").gone_within == 2 * 30 * 60 + 120

    def test_nobody_waits_for_what_is_suspended(self, tmp_path: Path) -> None:
        config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: issuer, namespace: default}\n"
        files: dict[str, str | None] = {
            "apps/issuers/app.yaml": "kustomization: {suspend: true}\n",
            "apps/issuers/issuer.yaml": config_map,
            "apps/web/app.yaml": "chart: web\nrepository: podinfo\ndependsOn: [issuers]\n",
        }
        made = declared(tmp_path, files)
        assert one(made, "Kustomization", "issuers").wait_ready is None
        assert one(made, "Kustomization", "issuers").id not in one(made, "HelmRelease", "web").after

    def test_yaml_of_no_app_goes_after_the_apps(self, tmp_path: Path) -> None:
        config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: default}\n"
        made = declared(tmp_path, {"bootstrap/shared.yaml": config_map})
        shared = one(made, "Kustomization", "fleet")
        assert shared.manifest["spec"]["path"] == "./bootstrap"
        assert shared.id in one(made, "HelmRelease", "podinfo").after
        assert shared.id in one(made, "Kustomization", "podinfo").after


class TestSources:
    def test_a_url_over_a_map_changes_the_url_alone(self, tmp_path: Path) -> None:
        files: dict[str, str | None] = {
            "fleet.yaml": "repositories:\n  podinfo: {url: 'https://a.example.org', secretRef: {name: login}}\n"
            "  mirrored: oci://a.example.org/charts\n",
            "Pulumi.dev.yaml": cluster(
                "repositories: {podinfo: 'https://b.example.org', mirrored: 'https://c.example.org'}"
            ),
        }
        made = declared(tmp_path, files)
        podinfo = spec(made, "HelmRepository", "podinfo")
        assert podinfo == {"url": "https://b.example.org", "secretRef": {"name": "login"}, "interval": "5m"}
        assert spec(made, "HelmRepository", "mirrored") == {"url": "https://c.example.org", "interval": "5m"}

    def test_an_oci_template_makes_one_object_a_release(self, tmp_path: Path) -> None:
        made = declared(tmp_path, with_app("chart: app\nrepository: oci\nversion: 1.2.3+build.4\n"))
        source = one(made, "OCIRepository", "podinfo-")
        assert source.logical_name == "podinfo/podinfo"
        assert source.manifest["spec"] == {
            "url": "oci://registry.example.org/charts/app",
            "ref": {"tag": "1.2.3_build.4"},
            "interval": "5m",
            "layerSelector": {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy"},
        }
        reference = {"kind": "OCIRepository", "name": source.id.name, "namespace": "podinfo"}
        assert spec(made, "HelmRelease", "podinfo")["chartRef"] == reference

    @pytest.mark.parametrize(
        ("version", "reference"),
        [
            ("6.x", {"semver": "6.x"}),
            (">=1.0.0 <2.0.0", {"semver": ">=1.0.0 <2.0.0"}),
            ("v1.2.3-rc.1", {"tag": "v1.2.3-rc.1"}),
            ("latest", {"tag": "latest"}),
            ("x", {"semver": "x"}),
            ("sha256:" + "0" * 64, {"digest": "sha256:" + "0" * 64}),
        ],
    )
    def test_a_version_says_which_kind_of_reference(
        self, tmp_path: Path, version: str, reference: dict[str, str]
    ) -> None:
        made = declared(tmp_path, with_app(f"chart: app\nrepository: oci\nversion: '{version}'\n"))
        assert one(made, "OCIRepository", "podinfo-").manifest["spec"]["ref"] == reference

    def test_a_chart_in_git_follows_commits(self, tmp_path: Path) -> None:
        fleet = (
            'repositories:\n  podinfo: {kind: GitRepository, url: "https://example.org/a.git", ref: {branch: main}}\n'
        )
        made = declared(tmp_path, {"fleet.yaml": fleet, **with_app("chart: ./charts/a\nrepository: podinfo\n")})
        assert spec(made, "HelmRelease", "podinfo")["chart"]["spec"] == {
            "chart": "./charts/a",
            "sourceRef": {"kind": "GitRepository", "name": "podinfo", "namespace": "flux-system"},
            "reconcileStrategy": "Revision",
        }

    def test_an_oci_url_is_a_helm_repository_of_that_type(self, tmp_path: Path) -> None:
        made = declared(tmp_path, {"fleet.yaml": "repositories:\n  podinfo: oci://registry.example.org/charts\n"})
        assert spec(made, "HelmRepository", "podinfo") == {"type": "oci", "url": "oci://registry.example.org/charts"}


class TestMarks:
    def test_only_what_pulumi_delivers_is_marked(self, tmp_path: Path) -> None:
        declaration = declared(tmp_path)
        for made in declaration.for_pulumi().objects():
            metadata = made.manifest["metadata"]
            assert metadata["labels"]["fluxapps/stack"] == "fleet.dev"
            assert metadata["labels"].get("fluxapps/app") == made.app
            assert metadata["annotations"]["kustomize.toolkit.fluxcd.io/ssa"] == "Ignore"
        assert "labels" not in one(declaration, "HelmRelease", "podinfo").manifest["metadata"]

    def test_git_delivery_leaves_pulumi_flux_system(self, tmp_path: Path) -> None:
        made = declared(tmp_path, {"Pulumi.dev.yaml": cluster("context: dev", "delivery: git", GIT)}).for_pulumi()
        assert [str(one.id) for one in made.objects()] == [
            "GitRepository flux-system/fleet",
            "Kustomization flux-system/fleet",
        ]
        assert spec(made, "Kustomization", "fleet")["path"] == "./deploy/dev/bootstrap"

    def test_a_long_stack_keeps_within_a_label(self, tmp_path: Path) -> None:
        stack = "s" * 70
        made = declared(tmp_path, {f"Pulumi.{stack}.yaml": cluster("context: x")}, stack)
        assert len(made.label) == 63
        assert made.label.startswith("fleet.sss")


class TestNamespaces:
    def test_foreign_ones_are_never_declared(self, tmp_path: Path) -> None:
        files: dict[str, str | None] = {
            "fleet.yaml": f"{BASE['fleet.yaml']}namespaces:\n  shared: {{external: true}}\n",
            "apps/podinfo/app.yaml": f"{THREE_LINES}namespace: shared\n",
            "apps/dns/app.yaml": f"{THREE_LINES}namespace: kube-system\n",
            "apps/notifier/app.yaml": f"{THREE_LINES}namespace: flux-system\n",
        }
        assert [one for one in declared(tmp_path, files).objects() if one.role is Role.NAMESPACE] == []

    def test_they_stay_unless_asked_for(self, tmp_path: Path) -> None:
        files: dict[str, str | None] = {
            "fleet.yaml": f"{BASE['fleet.yaml']}namespaces:\n  web: {{delete: true, labels: {{team: a}}}}\n",
            "apps/web/app.yaml": THREE_LINES,
        }
        made = declared(tmp_path, files)
        assert one(made, "Namespace", "podinfo").retain is True
        assert one(made, "Namespace", "web").retain is False
        assert one(made, "Namespace", "web").manifest["metadata"]["labels"] == {"team": "a"}

    def test_only_those_that_something_is_in(self, tmp_path: Path) -> None:
        files: dict[str, str | None] = {
            "fleet.yaml": "repositories:\n  podinfo: {url: 'https://a.example.org', namespace: charts}\n",
            "apps/podinfo/app.yaml": "repository: podinfo\nreleases: {a: {chart: a, namespace: one}}\n"
            "kustomization: {targetNamespace: two}\n",
        }
        made = declared(tmp_path, files)
        assert [made.id.name for made in made.objects() if made.role is Role.NAMESPACE] == ["charts", "one", "two"]
        assert [str(needed) for needed in one(made, "HelmRepository", "podinfo").after] == ["Namespace charts"]
        assert "Namespace two" in [str(needed) for needed in one(made, "Kustomization", "podinfo").after]

    def test_a_stack_unsays_one(self, tmp_path: Path) -> None:
        files: dict[str, str | None] = {
            "fleet.yaml": f"{BASE['fleet.yaml']}namespaces: {{web: {{labels: {{a: b}}}}, empty: }}\n",
            "Pulumi.dev.yaml": cluster("namespaces: {web: null}"),
        }
        found = [one.id.name for one in declared(tmp_path, files).objects() if one.role is Role.NAMESPACE]
        assert found == ["empty", "podinfo"]

    def test_plain_yaml_alone_needs_none(self, tmp_path: Path) -> None:
        made = declared(
            tmp_path,
            {
                "apps/podinfo/app.yaml": "",
                "apps/podinfo/a.yaml": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n"),
            },
        )
        assert [one for one in made.objects() if one.role is Role.NAMESPACE] == []


def test_without_git_there_are_no_kustomizations(tmp_path: Path) -> None:
    made = declared(tmp_path, {"Pulumi.dev.yaml": cluster("context: dev")})
    assert {one.role for one in made.objects()} == {Role.NAMESPACE, Role.SOURCE, Role.RELEASE}


def test_renaming_the_folder_and_keeping_the_name_changes_no_object_but_the_path(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    first = declared(before)
    second = declared(
        after, {"apps/podinfo/app.yaml": None, "apps/group/other/app.yaml": f"name: podinfo\n{THREE_LINES}"}
    )
    assert [one.logical_name for one in first.objects()] == [one.logical_name for one in second.objects()]
    assert spec(second, "Kustomization", "podinfo").pop("path") == "./apps/group/other"


def test_one_release_turned_into_two_keeps_the_first(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    first = declared(before)
    app = "repository: podinfo\nreleases:\n  podinfo: {chart: podinfo, version: 6.x}\n  extra: {chart: extra}\n"
    second = declared(after, with_app(app))
    assert one(first, "HelmRelease", "podinfo").manifest == one(second, "HelmRelease", "podinfo").manifest
    assert one(first, "HelmRelease", "podinfo").logical_name == one(second, "HelmRelease", "podinfo").logical_name


def test_a_pinned_commit_stands_in_the_git_repository(tmp_path: Path) -> None:
    fleet = resolved(tmp_path)
    assert fleet.git_pin is not None
    made = declare(fleet, commit="0" * 40)
    assert spec(made, "GitRepository", "fleet")["ref"] == {"branch": "main", "commit": "0" * 40}
    assert spec(made, "GitRepository", "fleet")["ignore"].splitlines()[-3:] == [
        "apps/**/stacks/*/",
        "!apps/**/stacks/dev/",
        "**/.sops.yaml",
    ]


class TestClaims:
    """PersistentVolumeClaims among other YAML outlast their Kustomization."""

    CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: podinfo}\nspec: {}\n"
    CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: podinfo}\n"

    @pytest.mark.parametrize("delivery", ["apply", "git"])
    def test_flux_is_told_to_leave_them(self, tmp_path: Path, delivery: str) -> None:
        files = {"apps/podinfo/claim.yaml": self.CLAIM, "Pulumi.dev.yaml": cluster(f"delivery: {delivery}", GIT)}
        (patch,) = spec(declared(tmp_path, files), "Kustomization", "podinfo")["patches"]
        assert patch["target"] == {
            "kind": "PersistentVolumeClaim",
            "annotationSelector": "!kustomize.toolkit.fluxcd.io/prune",
        }
        said = yaml.safe_load(patch["patch"])
        assert said["kind"] == "PersistentVolumeClaim"
        assert said["metadata"]["annotations"] == {"kustomize.toolkit.fluxcd.io/prune": "disabled"}

    def test_a_users_patches_come_after(self, tmp_path: Path) -> None:
        theirs = {"patch": "- {op: remove, path: /spec/x}", "target": {"kind": "ConfigMap"}}
        app = f"{THREE_LINES}kustomization: {{patches: [{json.dumps(theirs)}]}}\n"
        ours, *others = spec(
            declared(tmp_path, with_app(app, **{"claim.yaml": self.CLAIM})), "Kustomization", "podinfo"
        )["patches"]
        assert ours["target"]["kind"] == "PersistentVolumeClaim"
        assert others == [theirs]

    def test_without_prune_too_since_the_policy_deletes(self, tmp_path: Path) -> None:
        files = with_app(f"{THREE_LINES}kustomization: {{prune: false}}\n", **{"claim.yaml": self.CLAIM})
        assert len(spec(declared(tmp_path, files), "Kustomization", "podinfo")["patches"]) == 1

    def test_one_in_a_list_of_several_documents_counts(self, tmp_path: Path) -> None:
        items = "apiVersion: v1\nkind: List\nitems:\n- " + self.CLAIM.replace("\n", "\n  ").strip() + "\n"
        text = f"{self.CONFIG_MAP}---\n{items}"
        made = spec(declared(tmp_path, {"apps/podinfo/some.yaml": text}), "Kustomization", "podinfo")
        assert len(made["patches"]) == 1

    @pytest.mark.parametrize(
        ("said", "file"),
        [
            ("", "CONFIG_MAP"),
            ("kustomization: {deletionPolicy: Orphan}\n", "CLAIM"),
            ("kustomization: {prune: false, deletionPolicy: MirrorPrune}\n", "CLAIM"),
            ("kustomization: {path: ./elsewhere}\n", "CLAIM"),
        ],
        ids=["no-claim", "orphaned", "no-prune", "read-elsewhere"],
    )
    def test_nothing_is_said_where_nothing_would_go(self, tmp_path: Path, said: str, file: str) -> None:
        files = with_app(f"{THREE_LINES}{said}", **{"other.yaml": getattr(self, file)})
        assert "patches" not in spec(declared(tmp_path, files), "Kustomization", "podinfo")

    def test_preset_none_leaves_it_to_the_files(self, tmp_path: Path) -> None:
        said = "defaults: {preset: none, release: {interval: 1h}, kustomization: {interval: 1h, prune: true}}\n"
        charts = "repositories: {podinfo: https://stefanprodan.github.io/podinfo}\n"
        files = {"fleet.yaml": f"{charts}{said}", "apps/podinfo/claim.yaml": self.CLAIM}
        assert "patches" not in spec(declared(tmp_path, files), "Kustomization", "podinfo")

    def test_those_of_no_app_too(self, tmp_path: Path) -> None:
        made = declared(tmp_path, {"bootstrap/claim.yaml": self.CLAIM})
        assert len(spec(made, "Kustomization", "fleet")["patches"]) == 1
