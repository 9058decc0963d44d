"""What the three components register: children, parents, order, options, outputs."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import FluxBootstrap, FluxBootstrapArgs, FluxHelmApp, FluxHelmAppArgs, FluxSystem, FluxSystemArgs
from fluxapps.engine import Leaves, register_promptly
from fluxapps.engine.resource import FIELD_MANAGER
from fluxapps.model.objects import DeclaredObject, ObjectId, Role
from tests.unit.recorder import Recording, record

HELM_RELEASE = "helm.toolkit.fluxcd.io/v2"
KUSTOMIZATION = "kustomize.toolkit.fluxcd.io/v1"
SOURCE = "source.toolkit.fluxcd.io/v1"
LABELS = {"fluxapps/stack": "fluxapps.dev"}


def declared(api_version: str, kind: str, name: str, namespace: str | None, role: Role, **more: Any) -> DeclaredObject:
    metadata = {"name": name, "labels": LABELS} | ({"namespace": namespace} if namespace else {})
    content = more.pop("content", {"spec": {"interval": "30m", "maxHistory": 5}})
    logical_name = more.pop("logical_name", f"{namespace}/{name}" if namespace else name)
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
    return DeclaredObject(manifest=manifest, role=role, logical_name=logical_name, **more)


def namespace(name: str) -> DeclaredObject:
    return declared("v1", "Namespace", name, None, Role.NAMESPACE, content={}, retain=True)


def repository(name: str) -> DeclaredObject:
    return declared(SOURCE, "HelmRepository", name, "flux-system", Role.SOURCE)


def app(name: str, *, depends_on: tuple[DeclaredObject, ...] = ()) -> tuple[DeclaredObject, ...]:
    """Return values, release and Kustomization of one app in its own namespace."""
    values = declared(
        "v1",
        "ConfigMap",
        f"{name}-values-0a1b2c3d",
        name,
        Role.VALUES,
        app=name,
        logical_name=f"{name}/{name}-values",
        content={"data": {"values.yaml": "replicas: 2\n"}, "immutable": True},
        after=(ObjectId("", "Namespace", "", name),),
    )
    release = declared(
        HELM_RELEASE, "HelmRelease", name, name, Role.RELEASE, app=name, after=(values.id, *(d.id for d in depends_on))
    )
    kustomization = declared(
        KUSTOMIZATION,
        "Kustomization",
        name,
        "flux-system",
        Role.KUSTOMIZATION,
        app=name,
        after=(release.id,),
        wait_ready=420,
    )
    return values, release, kustomization


def two_apps() -> None:
    leaves = Leaves()
    FluxBootstrap("bootstrap", FluxBootstrapArgs((namespace("db"), namespace("web"), repository("charts")), leaves))
    database = app("db")
    FluxHelmApp("db", FluxHelmAppArgs(database, leaves))
    FluxHelmApp("web", FluxHelmAppArgs(app("web", depends_on=database[2:]), leaves))


@pytest.fixture(params=[False, True], ids=["up", "preview"])
def seen(request: pytest.FixtureRequest) -> Recording:
    return record(two_apps, preview=request.param)


def urns(seen: Recording, *of: tuple[str, str]) -> tuple[str, ...]:
    return tuple(sorted(seen.one(kind, name).urn for kind, name in of))


def test_components_are_direct_children_of_the_stack(seen: Recording) -> None:
    components = [r for r in seen.resources.values() if not r.custom]
    assert {r.parent for r in components} == {seen.stack}
    assert sorted((r.type, r.name) for r in components) == [
        ("fluxapps:index:FluxBootstrap", "bootstrap"),
        ("fluxapps:index:FluxHelmApp", "db"),
        ("fluxapps:index:FluxHelmApp", "web"),
    ]


def test_leaves_are_children_of_their_component_under_their_identity(seen: Recording) -> None:
    leaves = [r for r in seen.resources.values() if r.custom]
    by_parent = {
        name: seen.one(kind, name).urn
        for kind, name in (("FluxBootstrap", "bootstrap"), ("FluxHelmApp", "db"), ("FluxHelmApp", "web"))
    }
    assert sorted((r.type, r.name, r.parent) for r in leaves) == sorted(
        [
            ("kubernetes:core/v1:Namespace", "db", by_parent["bootstrap"]),
            ("kubernetes:core/v1:Namespace", "web", by_parent["bootstrap"]),
            (f"kubernetes:{SOURCE}:HelmRepository", "flux-system/charts", by_parent["bootstrap"]),
            ("kubernetes:core/v1:ConfigMap", "db/db-values", by_parent["db"]),
            (f"kubernetes:{HELM_RELEASE}:HelmRelease", "db/db", by_parent["db"]),
            (f"kubernetes:{KUSTOMIZATION}:Kustomization", "flux-system/db", by_parent["db"]),
            ("kubernetes:core/v1:ConfigMap", "web/web-values", by_parent["web"]),
            (f"kubernetes:{HELM_RELEASE}:HelmRelease", "web/web", by_parent["web"]),
            (f"kubernetes:{KUSTOMIZATION}:Kustomization", "flux-system/web", by_parent["web"]),
        ]
    )


def test_inputs_are_the_manifest_and_under_whose_name_it_is_written(seen: Recording) -> None:
    assert seen.one("HelmRelease", "db/db").inputs == {
        "apiVersion": HELM_RELEASE,
        "kind": "HelmRelease",
        "metadata": {"name": "db", "namespace": "db", "labels": LABELS, "annotations": FIELD_MANAGER},
        "spec": {"interval": "30m", "maxHistory": 5.0},
    }
    assert seen.one("ConfigMap", "db/db-values").inputs == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "db-values-0a1b2c3d",
            "namespace": "db",
            "labels": LABELS,
            "annotations": FIELD_MANAGER,
        },
        "data": {"values.yaml": "replicas: 2\n"},
        "immutable": True,
    }


def test_only_what_waits_for_ready_says_so_with_its_own_timeout(seen: Recording) -> None:
    kustomization = seen.one("Kustomization", "flux-system/db")
    assert kustomization.inputs["metadata"]["annotations"] == {**FIELD_MANAGER, "pulumi.com/waitFor": "condition=Ready"}
    assert kustomization.timeouts == {"create": "420s", "update": "420s"}
    others = [r for r in seen.resources.values() if r.custom and r.kind != "Kustomization"]
    assert all(r.inputs["metadata"]["annotations"] == FIELD_MANAGER and not r.timeouts for r in others)


def test_order_goes_from_leaf_to_leaf_across_components(seen: Recording) -> None:
    assert seen.one("ConfigMap", "web/web-values").depends_on == urns(seen, ("Namespace", "web"))
    assert seen.one("HelmRelease", "db/db").depends_on == urns(seen, ("ConfigMap", "db/db-values"))
    assert seen.one("HelmRelease", "web/web").depends_on == urns(
        seen, ("ConfigMap", "web/web-values"), ("Kustomization", "flux-system/db")
    )
    assert seen.one("Kustomization", "flux-system/web").depends_on == urns(seen, ("HelmRelease", "web/web"))
    for kind, name in (("Namespace", "db"), ("HelmRepository", "flux-system/charts"), ("FluxHelmApp", "web")):
        assert seen.one(kind, name).depends_on == ()


def test_options_say_what_stays_and_nothing_more(seen: Recording) -> None:
    assert {r.name for r in seen.resources.values() if r.retain_on_delete} == {"db", "web"}
    assert not any(r.protect or r.import_id or r.provider for r in seen.resources.values())
    versions = {r.version for r in seen.resources.values() if r.custom}
    assert len(versions) == 1
    assert "." in versions.pop()


def test_outputs_name_what_was_made() -> None:
    seen = record(two_apps)
    assert seen.outputs[seen.one("FluxBootstrap").urn] == {
        "namespaces": ["db", "web"],
        "sources": ["flux-system/charts"],
    }
    assert seen.outputs[seen.one("FluxHelmApp", "web").urn] == {
        "releases": ["web/web"],
        "kustomizations": ["flux-system/web"],
    }


def test_outputs_of_what_is_not_made_yet_are_unknown_in_preview() -> None:
    seen = record(two_apps, preview=True)
    assert seen.outputs[seen.one("FluxHelmApp", "web").urn] == {}


def system(name: str) -> tuple[DeclaredObject, ...]:
    source = declared(SOURCE, "GitRepository", name, "flux-system", Role.SOURCE)
    kustomization = declared(
        KUSTOMIZATION, "Kustomization", name, "flux-system", Role.KUSTOMIZATION, after=(source.id,)
    )
    return source, kustomization


@pytest.mark.parametrize("preview", [False, True])
def test_two_systems_and_bootstraps_live_in_one_stack(preview: bool) -> None:
    def program() -> None:
        for name in ("one", "two"):
            leaves = Leaves()
            FluxSystem(name, FluxSystemArgs(system(name), leaves))
            FluxBootstrap(name, FluxBootstrapArgs((namespace(name), repository(name)), leaves))

    seen = record(program, preview=preview)
    for name in ("one", "two"):
        place = f"flux-system/{name}"
        parent = seen.one("FluxSystem", name)
        assert parent.type == "fluxapps:index:FluxSystem"
        assert seen.one("GitRepository", place).parent == parent.urn
        assert seen.one("Kustomization", place).parent == parent.urn
        assert seen.one("Kustomization", place).depends_on == urns(seen, ("GitRepository", place))
        bootstrap = seen.one("FluxBootstrap", name).urn
        assert seen.one("Namespace", name).parent == bootstrap
        assert seen.one("HelmRepository", place).parent == bootstrap
        if not preview:
            assert seen.outputs[parent.urn] == {"sources": [place], "kustomizations": [place]}
            assert seen.outputs[bootstrap] == {"namespaces": [name], "sources": [place]}


def test_a_system_without_git_is_empty_and_says_so() -> None:
    seen = record(lambda: FluxSystem("flux-system", FluxSystemArgs(())))
    assert seen.names() == ["FluxSystem flux-system"]
    assert seen.outputs[seen.one("FluxSystem").urn] == {"sources": [], "kustomizations": []}


def test_outputs_are_attributes_that_other_resources_can_use() -> None:
    def program() -> None:
        bootstrap = FluxBootstrap("bootstrap", FluxBootstrapArgs((namespace("db"),)))
        pulumi.export("first", bootstrap.namespaces.apply(lambda names: names[0]))

    assert record(program).exports == {"first": "db"}


def test_what_the_cluster_answers_is_an_output() -> None:
    def program() -> None:
        leaves = Leaves()
        FluxBootstrap("bootstrap", FluxBootstrapArgs((repository("charts"),), leaves))
        leaf = leaves[ObjectId("source.toolkit.fluxcd.io", "HelmRepository", "flux-system", "charts")]
        pulumi.export("ready", leaf.status.apply(lambda status: status["conditions"][0]["status"]))
        pulumi.export("name", leaf.metadata.apply(lambda metadata: metadata["name"]))

    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    seen = record(program, statuses={"HelmRepository flux-system/charts": status})
    assert seen.exports == {"ready": "True", "name": "charts"}


def test_what_is_ours_already_is_taken_over() -> None:
    def program() -> None:
        objects = (
            DeclaredObject(manifest=o.manifest, role=o.role, logical_name=o.logical_name, adopt=True)
            for o in (namespace("db"), repository("charts"))
        )
        FluxBootstrap("bootstrap", FluxBootstrapArgs(tuple(objects)))

    seen = record(program)
    assert seen.one("Namespace").import_id == "db"
    assert seen.one("HelmRepository").import_id == "flux-system/charts"


def test_a_long_chain_of_objects_is_no_problem() -> None:
    """The SDK's own search for cycles ends in a RecursionError at some 900 objects in a row."""
    chain: list[DeclaredObject] = []
    for number in range(1000):
        after = (chain[-1].id,) if chain else ()
        chain.append(declared(HELM_RELEASE, "HelmRelease", f"r{number}", "apps", Role.RELEASE, after=after, content={}))

    def program() -> None:
        FluxHelmApp("chain", FluxHelmAppArgs(tuple(chain)))
        register_promptly()

    seen = record(program)
    assert seen.one("HelmRelease", "apps/r999").depends_on == urns(seen, ("HelmRelease", "apps/r998"))


def declared_twice() -> None:
    FluxBootstrap("bootstrap", FluxBootstrapArgs((namespace("db"), namespace("db"))))


def before_what_it_follows() -> None:
    FluxHelmApp("db", FluxHelmAppArgs(app("db")))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (declared_twice, "Namespace db is declared twice"),
        (before_what_it_follows, r"ConfigMap db/db-values-0a1b2c3d comes after Namespace db, not declared yet"),
    ],
)
def test_a_program_that_hands_objects_over_wrongly_is_told(program: Callable[[], None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        record(program)


def test_provider_of_the_caller_reaches_every_leaf() -> None:
    class Cluster(pulumi.ProviderResource):
        def __init__(self) -> None:
            super().__init__("kubernetes", "cluster")

    def program() -> None:
        options = pulumi.ResourceOptions(providers=[Cluster()])
        FluxSystem("flux-system", FluxSystemArgs(system("fleet")), options)

    seen = record(program)
    provider = seen.one("kubernetes", "cluster")
    assert {r.provider for r in seen.resources.values() if r.custom and r is not provider} == {provider.urn}
