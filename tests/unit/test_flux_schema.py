"""Manifests of Flux's kinds against Flux's schemas: what is fine, and each way of being wrong."""

import copy
from typing import Any

import pytest

from fluxapps.model import flux_schema
from fluxapps.model.flux_schema import API_VERSIONS, FLUX_VERSION, FieldFault, field_faults, known_fields, spec_schema

CHART = {"spec": {"chart": "podinfo", "version": "6.x", "sourceRef": {"kind": "HelmRepository", "name": "podinfo"}}}
STRATEGY = {"strategy": {"name": "RetryOnFailure", "retryInterval": "5m"}}

VALID: dict[str, dict[str, Any]] = {
    "HelmRelease": {
        "interval": "30m",
        "releaseName": "podinfo",
        "chart": CHART,
        "install": STRATEGY,
        "upgrade": STRATEGY | {"crds": "CreateReplace"},
        "driftDetection": {"mode": "enabled", "ignore": [{"paths": ["/spec/replicas"]}]},
        "valuesFrom": [{"kind": "ConfigMap", "name": "values", "targetPath": "hosts[0].name"}],
        "dependsOn": [{"name": "postgres"}],
        "values": {"free": {"form": [1, None, 2.5, 2**70]}},
        "commonMetadata": {"labels": {"any/key": "value"}},
    },
    "Kustomization": {
        "interval": "1h",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "path": "./apps/podinfo",
        "postBuild": {
            "substitute": {"domain": "example.org"},
            "substituteFrom": [{"kind": "ConfigMap", "name": "vars"}],
        },
    },
    "GitRepository": {"interval": "1m", "url": "ssh://git@example.org/fleet.git", "ref": {"branch": "main"}},
    "OCIRepository": {"interval": "1m", "url": "oci://example.org/charts/podinfo", "ref": {"semver": "6.x"}},
    "HelmRepository": {"url": "https://example.org/charts", "interval": "1h"},
    "HelmChart": {"chart": "podinfo", "interval": "1h", "sourceRef": {"kind": "HelmRepository", "name": "podinfo"}},
    "Bucket": {"interval": "1m", "bucketName": "fleet", "endpoint": "example.org"},
}


def manifest(kind: str, /, **fields: Any) -> dict[str, Any]:
    """Return a valid manifest of *kind* but for *fields* of its spec; None takes a field away."""
    spec = copy.deepcopy(VALID[kind]) | fields
    return {
        "apiVersion": API_VERSIONS[kind],
        "kind": kind,
        "metadata": {"name": "podinfo", "namespace": "apps"},
        "spec": {name: value for name, value in spec.items() if value is not None},
    }


def only_fault(kind: str, /, **fields: Any) -> FieldFault:
    """Return the one fault of the manifest that *fields* make."""
    faults = field_faults(manifest(kind, **fields))
    assert len(faults) == 1, faults
    return faults[0]


def test_every_kind_of_the_data_has_a_valid_example() -> None:
    assert set(VALID) == set(API_VERSIONS)
    assert FLUX_VERSION.startswith("v2.")


@pytest.mark.parametrize("kind", VALID)
def test_a_valid_manifest_has_no_faults(kind: str) -> None:
    assert field_faults(manifest(kind)) == []


@pytest.mark.parametrize("kind", VALID)
def test_a_manifest_with_only_a_kind_lacks_the_rest(kind: str) -> None:
    faults = field_faults({"apiVersion": API_VERSIONS[kind], "kind": kind})
    assert [(one.code, one.path) for one in faults] == [("missing-field", ("metadata",)), ("missing-field", ("spec",))]


@pytest.mark.parametrize(
    "other",
    [
        {"apiVersion": "v1", "kind": "ConfigMap", "data": 1},
        {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": []},
        {"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver"},
        {"apiVersion": 1, "kind": "HelmRelease"},
        {"kind": ["HelmRelease"]},
        {},
    ],
    ids=str,
)
def test_manifests_of_other_kinds_are_not_judged(other: dict[str, Any]) -> None:
    assert field_faults(other) == []


def test_a_version_flux_no_longer_serves_is_named_with_the_one_it_does() -> None:
    old = manifest("HelmRelease") | {"apiVersion": "helm.toolkit.fluxcd.io/v2beta1"}
    assert field_faults(old) == [
        FieldFault(
            ("apiVersion",),
            f"apiVersion: Flux {FLUX_VERSION} has no HelmRelease helm.toolkit.fluxcd.io/v2beta1",
            "write helm.toolkit.fluxcd.io/v2",
            "wrong-value",
        )
    ]


def test_all_faults_come_at_once_in_the_order_of_their_paths() -> None:
    faults = field_faults(
        manifest(
            "HelmRelease",
            interval="1d",
            chart={"spec": {"chart": "", "version": 6.1}},
            install={"crds": "skip", "strategy": {"name": "RemediateOnFailure", "retryInterval": "5m"}},
            intervals="1m",
            dependsOn=[*({"name": str(index)} for index in range(11)), {}],
        )
    )
    assert [(one.code, one.field) for one in faults] == [
        ("wrong-value", "spec.chart.spec.chart"),
        ("missing-field", "spec.chart.spec.sourceRef"),
        ("wrong-type", "spec.chart.spec.version"),
        ("missing-field", "spec.dependsOn[11].name"),
        ("wrong-value", "spec.install.crds"),
        ("refused-combination", "spec.install.strategy.retryInterval"),
        ("wrong-value", "spec.interval"),
        ("unknown-field", "spec.intervals"),
    ]
    assert all(one.what.startswith(f"{one.field}: ") and one.fix for one in faults)


class TestNull:
    """Server-side apply refuses null, unless a default takes its place."""

    def test_in_a_field_without_default(self) -> None:
        full = manifest("HelmRelease")
        full["spec"] |= {"timeout": None, "install": None}
        assert [(one.code, one.what, one.fix) for one in field_faults(full)] == [
            ("wrong-type", "spec.install: must be a map, not null", "leave it out, or write a map"),
            ("wrong-type", "spec.timeout: must be a string, not null", "leave it out, or write a string"),
        ]

    def test_in_a_field_with_a_default_required_or_not(self) -> None:
        chart = {"spec": CHART["spec"] | {"version": None, "reconcileStrategy": None, "verify": {"provider": None}}}
        assert field_faults(manifest("HelmRelease", chart=chart)) == []
        bucket = manifest("Bucket", serviceAccountName="a")
        bucket["spec"]["provider"] = None
        assert [one.code for one in field_faults(bucket)] == ["refused-combination"]

    def test_in_values_and_metadata(self) -> None:
        full = manifest("HelmRelease") | {"metadata": {"name": "a", "labels": {"a": None}, "annotations": None}}
        full["spec"]["values"] = None
        assert field_faults(full) == []

    def test_among_the_items_of_a_list(self) -> None:
        assert only_fault("HelmRelease", dependsOn=[None]).what == "spec.dependsOn[0]: must be a map, not null"


class TestUnknownFields:
    def test_a_misspelled_one_gets_the_right_name(self) -> None:
        fault = only_fault("HelmRelease", driftdetection={})
        assert (fault.code, fault.path) == ("unknown-field", ("spec", "driftdetection"))
        assert fault.what == "spec.driftdetection: HelmRelease has no such field"
        assert fault.fix == "did you mean 'driftDetection'?"

    def test_a_misspelled_required_one_is_not_missing_too(self) -> None:
        assert only_fault("HelmRelease", interval=None, intervall="5m").fix == "did you mean 'interval'?"

    def test_one_that_stands_elsewhere_gets_the_place(self) -> None:
        fix = only_fault("HelmRelease", createNamespace=True).fix
        assert fix == "HelmRelease has it at spec.install.createNamespace"

    def test_one_of_an_older_flux_gets_what_stands_in_its_place(self) -> None:
        assert only_fault("Kustomization", validation="server").fix.startswith("leave it out")
        kustomize: dict[str, Any] = {"kustomize": {"patchesJson6902": []}}
        assert only_fault("HelmRelease", postRenderers=[kustomize]).fix == "write patches: [{patch: …, target: …}]"

    def test_one_like_nothing_gets_what_is_known_there(self) -> None:
        assert only_fault("GitRepository", ref={"xyz": "1"}).fix == "known here: branch, commit, name, semver, tag"

    def test_beside_the_spec(self) -> None:
        faults = field_faults(manifest("GitRepository") | {"url": "https://example.org"})
        assert [(one.field, one.fix) for one in faults] == [("url", "GitRepository has it at spec.url")]


def test_a_missing_field_says_what_may_stand_there() -> None:
    source = {"chart": "podinfo", "interval": "1h", "sourceRef": {}}
    faults = field_faults(manifest("HelmChart", **source)) + field_faults(
        manifest("OCIRepository", url=None, interval=None)
    )
    assert [(one.code, one.field, one.fix) for one in faults] == [
        ("missing-field", "spec.sourceRef.kind", "one of HelmRepository, GitRepository, Bucket"),
        ("missing-field", "spec.sourceRef.name", "a string"),
        ("missing-field", "spec.interval", "a duration such as 5m"),
        ("missing-field", "spec.url", "a URL that starts with oci://"),
    ]


@pytest.mark.parametrize(
    ("kind", "fields", "what", "fix"),
    [
        (
            "HelmRelease",
            {"chart": {"spec": CHART["spec"] | {"version": 6.1}}},
            "spec.chart.spec.version: must be a string, not a number (6.1)",
            'write it in quotes: "6.1"; without quotes YAML drops a last zero',
        ),
        ("HelmRelease", {"interval": 5}, "spec.interval: must be a string, not a number (5)", "5s, 5m or 5h?"),
        ("HelmRelease", {"suspend": "no"}, "spec.suspend: must be true or false, not a string ('no')", "write false"),
        ("HelmRelease", {"suspend": "maybe"}, "not a string ('maybe')", "true or false"),
        ("HelmRelease", {"maxHistory": "3"}, "spec.maxHistory: must be a whole number, not a string ('3')", "write 3 "),
        ("HelmRelease", {"maxHistory": 2.5}, "must be a whole number, not a number (2.5)", "a whole number"),
        ("HelmRelease", {"maxHistory": True}, "must be a whole number, not true", "a whole number"),
        (
            "HelmRelease",
            {"driftDetection": {"mode": True}},
            "spec.driftDetection.mode: must be a string, not true",
            "one of enabled, warn, disabled, in quotes",
        ),
        ("HelmRelease", {"dependsOn": "a"}, "spec.dependsOn: must be a list, not a string ('a')", "[{name: a}]"),
        ("HelmRelease", {"dependsOn": ["a"]}, "spec.dependsOn[0]: must be a map", "write it as a map: {name: a}"),
        ("HelmRelease", {"dependsOn": {"name": "a"}}, "must be a list, not a map", "every item after a '- '"),
        ("HelmRelease", {"test": []}, "must be a map, not a list", "a map with enable, filters"),
        ("HelmRelease", {"commonMetadata": {"labels": {"a.b/c": 1}}}, 'labels["a.b/c"]: must be a string', '"1"'),
        ("GitRepository", {"sparseCheckout": 1}, "must be a list, not a number (1)", "write it as a list: [1]"),
        ("GitRepository", {"sparseCheckout": [{}]}, "spec.sparseCheckout[0]: must be a string, not a map", "a string"),
    ],
    ids=str,
)
def test_a_wrong_type_says_what_was_found(kind: str, fields: dict[str, Any], what: str, fix: str) -> None:
    fault = only_fault(kind, **fields)
    assert fault.code == "wrong-type"
    assert what in fault.what
    assert fix in fault.fix


DURATION = "durations are written like 30s, 5m, 1h30m"
NO_HOURS = "durations are written like 30s, 5m"


@pytest.mark.parametrize(
    ("kind", "fields", "what", "fix"),
    [
        ("HelmRelease", {"interval": "1d"}, "spec.interval: '1d' is not a duration", f"{DURATION}; d is not a unit"),
        ("HelmRelease", {"interval": "5"}, "'5' is not a duration", f"{DURATION}: 5s, 5m or 5h?"),
        ("HelmRelease", {"interval": "5 m"}, "'5 m' is not a duration", DURATION),
        ("HelmRelease", {"interval": "5m\n"}, "is not a duration", DURATION),
        ("HelmRelease", {"interval": ""}, "'' is not a duration", DURATION),
        (
            "GitRepository",
            {"timeout": "1h"},
            "'1h' is not a duration without hours",
            f"{NO_HOURS}; h is not a unit here",
        ),
        ("GitRepository", {"timeout": "7"}, "'7' is not a duration", f"{NO_HOURS}: 7s, 7m?"),
        (
            "HelmRelease",
            {"install": {"crds": "createreplace"}},
            "is not one of Skip, Create, CreateReplace",
            "'CreateReplace'?",
        ),
        ("HelmRelease", {"upgrade": {"crds": "x"}}, "'x' is not one of", "write one of Skip, Create, CreateReplace"),
        ("Kustomization", {"decryption": {"provider": "age"}}, "'age' is not sops", "write sops"),
        (
            "HelmRelease",
            {"chart": {"spec": {"chart": "a", "sourceRef": {"kind": "OCIRepository", "name": "a"}}}},
            "'OCIRepository' is not one of HelmRepository, GitRepository, Bucket",
            "charts of an OCIRepository are named by spec.chartRef",
        ),
        ("HelmRelease", {"releaseName": "a" * 54}, f"'{'a' * 54}' has 54 characters", "53 at most"),
        ("HelmRelease", {"targetNamespace": ""}, "spec.targetNamespace: must not be empty", "leave the field out"),
        (
            "HelmRelease",
            {"valuesFrom": [{"kind": "Secret", "name": "a", "valuesKey": "a/b"}]},
            "spec.valuesFrom[0].valuesKey: 'a/b' is not a key of a ConfigMap or Secret",
            "such as values.yaml",
        ),
        (
            "HelmRelease",
            {"valuesFrom": [{"kind": "Secret", "name": "a", "targetPath": "a b"}]},
            "'a b' is not a path in Helm values",
            "image.tag",
        ),
        (
            "GitRepository",
            {"url": "git@example.org:me/fleet.git"},
            "is not a URL that starts with http://, https:// or ssh://",
            "write ssh://git@example.org/me/fleet.git",
        ),
        ("HelmRepository", {"url": "example.org/x"}, "http://, https:// or oci://", "write https://example.org/x"),
        ("HelmRepository", {"url": "HTTPS://example.org"}, "is not a URL", "write https://example.org"),
        ("HelmRepository", {"url": ""}, "'' is not a URL", "write "),
        ("OCIRepository", {"url": "https://example.org"}, "starts with oci://", "a HelmRepository's"),
        ("GitRepository", {"url": "file:///srv"}, "is not a URL", "write http://… or https://… or ssh://…"),
    ],
    ids=str,
)
def test_a_wrong_value_says_what_would_be_right(kind: str, fields: dict[str, Any], what: str, fix: str) -> None:
    fault = only_fault(kind, **fields)
    assert fault.code == "wrong-value"
    assert what in fault.what
    assert fix in fault.fix


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"name": "Podinfo"}, "metadata.name"),
        ({"name": "a" * 254}, "metadata.name"),
        ({}, "metadata.name"),
        ({"name": "a", "namespace": "a.b"}, "metadata.namespace"),
        ({"name": "a", "labels": {"a": "b c"}}, "metadata.labels.a"),
        ({"name": "a", "labels": {"a": True}}, "metadata.labels.a"),
        ({"name": "a", "labels": {"A/b": "c"}}, "metadata.labels"),
        ({"name": "a", "labels": {f"{'x' * 254}/b": "c"}}, "metadata.labels"),
        ({"name": "a", "annotations": {"a/b/c": "d"}}, "metadata.annotations"),
        ({"name": "a", "annotation": {}}, "metadata.annotation"),
    ],
    ids=str,
)
def test_metadata_is_checked_as_for_every_kind(metadata: dict[str, Any], field: str) -> None:
    faults = field_faults(manifest("HelmRelease") | {"metadata": metadata})
    assert [one.field for one in faults] == [field]


def test_metadata_may_say_what_the_api_server_lets_it() -> None:
    metadata = {
        "name": "a.b-c",
        "namespace": "apps",
        "labels": {"example.org/team": "", "x": "a_b.C"},
        "annotations": {"Example.ORG/note": "any text: é\n"},
        "creationTimestamp": None,
    }
    assert field_faults(manifest("HelmRelease") | {"metadata": metadata}) == []


@pytest.mark.parametrize("text", ["\ud800", {1: "a"}], ids=ascii)
def test_what_json_cannot_hold_is_a_fault_and_no_traceback(text: object) -> None:
    assert [one.code for one in field_faults(manifest("HelmRelease", interval=text))] == ["wrong-value"]


def test_a_long_value_is_shown_in_part() -> None:
    assert len(only_fault("HelmRelease", interval="x" * 10_000).what) < 120


def test_known_fields_follow_maps_and_lists() -> None:
    assert known_fields("HelmRelease", ("spec", "chart", "spec", "sourceRef")) == (
        "apiVersion",
        "kind",
        "name",
        "namespace",
    )
    assert known_fields("HelmRelease", ("spec", "dependsOn", 0)) == ("name", "namespace", "readyExpr")
    assert known_fields("HelmRelease") == ("apiVersion", "kind", "metadata", "spec", "status")
    assert known_fields("HelmRelease", ("spec", "values", "anything")) == ()
    assert known_fields("HelmRelease", ("spec", "nothing", "below")) == ()
    assert known_fields("ConfigMap") == ()


class TestSpecSchema:
    def test_the_whole_requires_what_flux_requires(self) -> None:
        schema = spec_schema("HelmRelease")
        assert schema["required"] == ["interval"]
        assert schema["additionalProperties"] is False
        assert "x-kubernetes-validations" not in schema

    def test_a_layer_requires_nothing_and_may_delete(self) -> None:
        schema = spec_schema("HelmRelease", partial=True)
        assert "required" not in schema
        assert schema["properties"]["interval"]["type"] == ["string", "null"]
        assert None in schema["properties"]["install"]["properties"]["crds"]["enum"]

    def test_a_list_in_a_layer_is_whole(self) -> None:
        items = spec_schema("HelmRelease", partial=True)["properties"]["dependsOn"]["items"]
        assert (items["required"], items["properties"]["name"]["type"]) == (["name"], "string")

    def test_each_caller_gets_a_schema_to_change(self) -> None:
        schema = spec_schema("HelmRelease")
        schema["properties"]["postRenderStrategy"]["enum"].clear()
        schema["properties"].clear()
        assert spec_schema("HelmRelease")["properties"]["postRenderStrategy"]["enum"] == [
            "nohooks",
            "combined",
            "separate",
        ]

    def test_there_is_none_of_other_kinds(self) -> None:
        with pytest.raises(KeyError):
            spec_schema("ConfigMap")


def test_a_valid_manifest_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(_faults: object) -> list[FieldFault]:
        raise AssertionError("faults were looked for in a manifest that has none")

    monkeypatch.setattr(flux_schema, "without_echoes", too_long)
    assert [field_faults(manifest(kind)) for kind in VALID] == [[]] * len(VALID)
