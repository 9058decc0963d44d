"""How a declared object is said to Pulumi."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fluxapps.engine import resource
from fluxapps.engine.resource import import_id, provider_version, type_token


@pytest.mark.parametrize(
    ("api_version", "kind", "token"),
    [
        ("v1", "ConfigMap", "kubernetes:core/v1:ConfigMap"),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "kubernetes:helm.toolkit.fluxcd.io/v2:HelmRelease"),
    ],
)
def test_type_tokens_are_the_providers(api_version: str, kind: str, token: str) -> None:
    assert type_token({"apiVersion": api_version, "kind": kind}) == token


@pytest.mark.parametrize(("metadata", "expected"), [({"name": "a"}, "a"), ({"namespace": "b", "name": "a"}, "b/a")])
def test_objects_are_imported_by_place(metadata: dict[str, Any], expected: str) -> None:
    assert import_id({"metadata": metadata}) == expected


@pytest.fixture
def version_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    def wanted(installed: str) -> str:
        provider_version.cache_clear()
        monkeypatch.setattr(resource, "version", lambda _: installed)
        return provider_version()

    yield wanted
    provider_version.cache_clear()


@pytest.mark.parametrize(
    ("installed", "wanted"),
    [
        ("4.34.2", "4.34.2"),
        ("4.35.0a1712345678", "4.35.0-alpha.1712345678"),
        ("4.35.0b2", "4.35.0-beta.2"),
        ("4.35.0rc1", "4.35.0-rc.1"),
    ],
)
def test_the_sdks_own_provider_is_asked_for(version_of: Callable[[str], str], installed: str, wanted: str) -> None:
    assert version_of(installed) == wanted
