"""The rules Flux's CRDs add in CEL: every one is known, and each holds and breaks where it should."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fluxapps.schemas
from fluxapps.model.flux_rules import RULES
from fluxapps.model.flux_schema import API_VERSIONS, field_faults
from fluxapps.model.flux_wording import DURATION, DURATION_WITHOUT_HOURS, PATTERNS, URL

DATA = Path(fluxapps.schemas.__file__).parent
BUCKET = {"interval": "1m", "bucketName": "fleet", "endpoint": "example.org"}
CHART = {"spec": {"chart": "a", "sourceRef": {"kind": "HelmRepository", "name": "a"}}}
CHART_REF = {"kind": "OCIRepository", "name": "a"}
GIT = {"interval": "1m", "url": "https://example.org/fleet.git"}
HELM_CHART = {"chart": "a", "interval": "1h"}
NAMED = {"name": "a"}
RELEASE = {"interval": "1m", "chart": CHART}
STS = {"endpoint": "https://example.org"}
SYNC = {"interval": "1h", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "a"}}
BOTH = {"configMapRef": NAMED, "secretRef": NAMED}


def schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield *schema* and every schema in it."""
    yield schema
    for inner in [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]:
        if isinstance(inner, dict):
            yield from schemas(inner)


def in_the_data(keyword: str) -> list[Any]:
    """Return every value of *keyword* in the schemas of all kinds."""
    kinds = [json.loads((DATA / f"{kind}.json").read_text("utf-8"))["spec"] for kind in API_VERSIONS]
    return [schema[keyword] for kind in kinds for schema in schemas(kind) if keyword in schema]


def test_every_rule_of_the_schemas_is_said_in_python() -> None:
    in_data = {entry["rule"] for rules in in_the_data("x-kubernetes-validations") for entry in rules}
    assert in_data - set(RULES) == set(), "said by Flux, unknown to flux_rules"
    assert set(RULES) - in_data == set(), "no longer said by Flux"


def test_every_pattern_of_the_schemas_has_words() -> None:
    known = {DURATION, DURATION_WITHOUT_HOURS, *PATTERNS}
    assert [pattern for pattern in in_the_data("pattern") if pattern not in known and not URL.fullmatch(pattern)] == []
    assert set(PATTERNS) <= set(in_the_data("pattern"))


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("HelmRelease", RELEASE),
        ("HelmRelease", {"interval": "1m", "chartRef": CHART_REF}),
        ("HelmRelease", RELEASE | {"install": {"strategy": {"name": "RetryOnFailure", "retryInterval": "5m"}}}),
        ("HelmRelease", RELEASE | {"upgrade": {"strategy": {"name": "RemediateOnFailure"}}}),
        ("HelmRelease", RELEASE | {"kubeConfig": {"secretRef": NAMED}}),
        ("Kustomization", SYNC | {"kubeConfig": {"configMapRef": NAMED}}),
        ("GitRepository", GIT | {"provider": "aws", "serviceAccountName": "a"}),
        ("HelmChart", HELM_CHART | {"sourceRef": {"kind": "HelmRepository", "name": "a"}, "verify": {}}),
        ("Bucket", BUCKET | {"sts": STS | {"provider": "ldap", "secretRef": NAMED}}),
        ("Bucket", BUCKET | {"provider": "aws", "sts": STS | {"provider": "aws"}, "serviceAccountName": "a"}),
    ],
    ids=str,
)
def test_a_manifest_that_keeps_the_rules_has_no_faults(kind: str, spec: dict[str, Any]) -> None:
    assert broken(kind, spec) == []


@pytest.mark.parametrize(
    ("kind", "spec", "field", "what"),
    [
        ("HelmRelease", {"interval": "1m"}, "spec", "exactly one of chart and chartRef"),
        ("HelmRelease", RELEASE | {"chartRef": CHART_REF}, "spec.chartRef", "exactly one of chart and chartRef"),
        (
            "HelmRelease",
            RELEASE | {"install": {"strategy": {"name": "RemediateOnFailure", "retryInterval": "5m"}}},
            "spec.install.strategy.retryInterval",
            "strategy RemediateOnFailure has no retryInterval",
        ),
        (
            "HelmRelease",
            RELEASE | {"upgrade": {"strategy": {"name": "RemediateOnFailure", "retryInterval": "5m"}}},
            "spec.upgrade.strategy.retryInterval",
            "only strategy RetryOnFailure has a retryInterval",
        ),
        ("HelmRelease", RELEASE | {"kubeConfig": {}}, "spec.kubeConfig", "neither a configMapRef nor a secretRef"),
        ("Kustomization", SYNC | {"kubeConfig": BOTH}, "spec.kubeConfig.configMapRef", "both a configMapRef and a"),
        (
            "GitRepository",
            GIT | {"serviceAccountName": "a"},
            "spec.serviceAccountName",
            "only with provider azure or aws",
        ),
        (
            "HelmChart",
            HELM_CHART | {"sourceRef": {"kind": "Bucket", "name": "a"}, "verify": {}},
            "spec.verify",
            "only charts of a HelmRepository",
        ),
        ("Bucket", BUCKET | {"provider": "gcp", "sts": STS | {"provider": "aws"}}, "spec.sts", "aws or generic"),
        ("Bucket", BUCKET | {"provider": "aws", "sts": STS | {"provider": "ldap"}}, "spec.sts", "sts.provider aws"),
        (
            "Bucket",
            BUCKET | {"sts": STS | {"provider": "aws"}},
            "spec.sts",
            "generic (the default) has sts.provider ldap",
        ),
        (
            "Bucket",
            BUCKET | {"provider": "aws", "sts": STS | {"provider": "aws", "secretRef": NAMED}},
            "spec.sts",
            "no secretRef",
        ),
        (
            "Bucket",
            BUCKET | {"provider": "aws", "sts": STS | {"provider": "aws", "certSecretRef": NAMED}},
            "spec.sts",
            "no certSecretRef",
        ),
        ("Bucket", BUCKET | {"serviceAccountName": "a"}, "spec.serviceAccountName", "has no serviceAccountName"),
        (
            "Bucket",
            BUCKET | {"provider": "aws", "serviceAccountName": "a", "secretRef": NAMED},
            "spec.serviceAccountName",
            "exclude each other",
        ),
    ],
    ids=str,
)
def test_a_broken_rule_is_a_refused_combination(kind: str, spec: dict[str, Any], field: str, what: str) -> None:
    faults = broken(kind, spec)
    assert [(code, at) for code, at, _ in faults] == [("refused-combination", field)]
    assert what in faults[0][2]


def broken(kind: str, spec: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return code, field and sentence of each fault of a manifest with *spec*."""
    whole = {"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": NAMED, "spec": spec}
    return [(one.code, one.field, one.what) for one in field_faults(whole)]


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
@pytest.mark.parametrize("junk", [None, 1, "a", [], {}, {"provider": [], "kind": {}}], ids=str)
def test_no_rule_raises_whatever_the_types(rule: Any, junk: Any) -> None:
    names = ("chart", "chartRef", "configMapRef", "secretRef", "sts", "sourceRef", "verify", "name", "retryInterval")
    assert isinstance(rule.holds(dict.fromkeys((*names, "provider", "serviceAccountName"), junk)), bool)


def test_the_fields_a_rule_points_at_are_in_its_text() -> None:
    for text, rule in RULES.items():
        assert all(re.search(rf"self\.{field}\b", text) for field in rule.fields)
