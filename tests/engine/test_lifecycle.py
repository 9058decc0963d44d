"""The life of a stack: a real engine, a real API server, Flux's real kinds; by `pulumi up` and by `fluxapps up`.

No Flux controllers run: where what they write matters, the test writes it.
"""

import shutil

import pytest

from fluxapps.engine.resource import FIELD_MANAGER
from tests.engine.fleet import GIT_URL, Fleet, changes
from tests.engine.live import Live, Object, is_being_deleted, named, version_of

pytestmark = pytest.mark.engine

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: extra, namespace: {namespace}}}\ndata: {{a: b}}\n"
SSA_IGNORE = {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}


def test_up_makes_what_render_shows_and_then_nothing(fleet: Fleet, live: Live) -> None:
    database = fleet.app("database", {"replicas": 1, "password": None, "big": 2**60 + 1})
    fleet.app("web", {"replicas": 2}, dependsOn=[database], namespace=f"{fleet.name}-site")
    fleet.app("inline", {"replicas": 3, "nested": {"list": [1, "two"]}}, valuesIn="inline")
    fleet.app("from-oci", repository=f"{fleet.name}-oci", version="1.2.3")
    plain = f"{fleet.name}-plain"
    fleet.write(f"apps/{plain}/app.yaml", {"namespace": plain})
    fleet.write(f"apps/{plain}/configmap.yaml", CONFIG_MAP.format(namespace=plain))
    fleet.stack_says(
        git=followed(fleet),
        repositories={f"{fleet.name}-oci": {"kind": "OCIRepository", "url": "oci://registry.example.org/charts"}},
        namespaces={plain: {"labels": {"tier": "test"}}},
    )

    shown = {"pulumi": f"{database}-helm-chart-value-overrides", "fluxapps": f"+ {database}  install: database 1.x\n"}
    assert shown[fleet.way] in fleet.preview()
    assert live.ours(fleet.label) == {}
    fleet.up()

    made = live.ours(fleet.label)
    rendered = fleet.rendered()
    expected = {named(each): as_declared(live, fleet, path, each) for path, each in rendered.items()}
    assert {what: as_found(found) for what, found in made.items()} == expected

    # As Flux's controllers do, once they see the objects.
    for what in made:
        if not what.startswith(("Namespace", "ConfigMap")):
            live.set_finalizer(what)
            live.set_ready(what)
    before = versions(live.ours(fleet.label))
    fleet.unchanged()
    assert versions(live.ours(fleet.label)) == before


def test_up_by_hand_from_a_folder_of_the_repository(fleet: Fleet, live: Live) -> None:
    """With a kubeconfig that the repository holds, and no plugin found beforehand."""
    web = fleet.app("web", {"replicas": 2})
    shutil.copy(fleet.cluster.kubeconfig, fleet.root / "kubeconfig")
    fleet.stack_says(kubeconfig="kubeconfig")
    fleet.up_by_hand()
    assert f"HelmRelease {web}/{web}" in live.ours(fleet.label)


def test_new_values_and_version_come_in_one_write_and_touch_nothing_else(fleet: Fleet, live: Live) -> None:
    fleet.app("database", {"replicas": 1})
    web = fleet.app("web", {"replicas": 2})
    fleet.stack_says(git=followed(fleet))
    fleet.up()
    before = live.ours(fleet.label)
    release = f"HelmRelease {web}/{web}"

    fleet.app("web", {"replicas": 3}, version="2.x")
    assert changes(fleet.up()) == {"updated": 1, "replaced": 1}

    after = live.ours(fleet.label)
    old, new = values_of(before[release]), values_of(after[release])
    assert after[new]["data"] == {"values.yaml": "replicas: 3\n"}
    assert new not in before
    assert old not in after
    # Every version of the release that was ever stored has chart and values of one kind.
    seen = {
        (each["spec"]["chart"]["spec"]["version"], values_of(each)) for each in live.versions_since(before[release])
    }
    assert seen - {("1.x", old)} == {("2.x", new)}
    assert after[release]["metadata"]["generation"] == before[release]["metadata"]["generation"] + 1
    touched = {release, old, new}
    assert versions(after, without=touched) == versions(before, without=touched)
    fleet.unchanged()


def test_a_removed_app_leaves_its_namespace_and_can_come_back(fleet: Fleet, live: Live) -> None:
    kept = fleet.app("kept", {"replicas": 1})
    gone = fleet.app("gone", {"replicas": 2})
    fleet.stack_says(git=followed(fleet))
    fleet.up()
    before = live.ours(fleet.label)
    namespace = f"Namespace {gone}"

    fleet.remove(gone)
    fleet.up()
    after = live.ours(fleet.label)
    others = {what for what in before if gone not in what}
    assert after.keys() == {*others, namespace}
    assert versions(after) == {what: version_of(before[what]) for what in after}
    assert f"HelmRelease {kept}/{kept}" in after

    fleet.app("gone", {"replicas": 2})
    said = fleet.up()
    assert changes(said)["imported"] == 1
    back = live.ours(fleet.label)
    assert back.keys() == before.keys()
    assert uids(back)[namespace] == uids(before)[namespace]
    fleet.unchanged()


def test_folders_apps_and_releases_can_be_rearranged_without_a_replacement(fleet: Fleet, live: Live) -> None:
    web = fleet.app("web", {"replicas": 2})
    other = fleet.app("other", {"replicas": 1})
    fleet.stack_says(git=followed(fleet))
    fleet.up()
    first = live.ours(fleet.label)

    # A renamed folder, whose app keeps its name: Flux is told where it lies now, and that is all.
    fleet.remove(web)
    fleet.app("web", {"replicas": 2}, folder="frontend/site", name=web)
    assert changes(fleet.up()) == {"updated": 1}
    moved = live.ours(fleet.label)
    kustomization = f"Kustomization flux-system/{web}"
    assert moved[kustomization]["spec"]["path"] == "./apps/frontend/site"
    assert uids(moved) == uids(first)
    assert versions(moved, without={kustomization}) == versions(first, without={kustomization})

    # One release turned into two.
    fleet.remove("frontend")
    one = {"chart": "web", "repository": fleet.charts, "version": "1.x"}
    admin = f"{web}-admin"
    fleet.app("web", releases={web: {**one, "values": {"replicas": 2}}, admin: {**one, "values": {"replicas": 4}}})
    said = changes(fleet.up())
    assert said["created"] == 2
    assert not {"deleted", "replaced"} & said.keys()
    two = live.ours(fleet.label)
    assert uids(two).items() >= uids(first).items()
    assert f"HelmRelease {web}/{admin}" in two

    # One of them moved to another app: only its mark says another app now.
    fleet.app("web", {"replicas": 2})
    fleet.app(
        "other",
        releases={
            other: {"chart": "other", "repository": fleet.charts, "version": "1.x", "values": {"replicas": 1}},
            admin: {**one, "namespace": web, "values": {"replicas": 4}},
        },
    )
    (fleet.root / "apps" / other / "values.yaml").unlink()
    said = changes(fleet.up())
    assert not {"created", "deleted", "replaced"} & said.keys()
    last = live.ours(fleet.label)
    assert uids(last) == uids(two)
    assert last[f"HelmRelease {web}/{admin}"]["metadata"]["labels"]["fluxapps/app"] == other
    assert generations(last) == generations(two)
    fleet.unchanged()


def test_destroy_takes_an_app_apart_in_order_and_keeps_namespaces(fleet: Fleet, live: Live) -> None:
    web = fleet.app("web", {"replicas": 2})
    brief = fleet.app("brief", {"replicas": 1})
    fleet.stack_says(git=followed(fleet), namespaces={brief: {"delete": True}})
    fleet.up()
    before = live.ours(fleet.label)
    release, kustomization = f"HelmRelease {web}/{web}", f"Kustomization flux-system/{web}"
    values = values_of(before[release])
    for what in (release, kustomization):
        live.set_finalizer(what)

    with fleet.running("destroy", "--skip-preview") as destroy:
        # While its Kustomization takes away what it applied, the release and its operator live.
        live.until(kustomization, is_being_deleted)
        assert not is_being_deleted(live.get(release))
        live.set_finalizer(kustomization, present=False)
        # While Helm uninstalls, its values are there.
        live.until(release, is_being_deleted)
        assert live.find(kustomization) is None
        assert not is_being_deleted(live.get(values))
        assert destroy.is_running()
        live.set_finalizer(release, present=False)
        destroy.succeeds()

    left = live.ours(fleet.label)
    assert left.keys() == {f"Namespace {web}"}
    assert uids(left).items() <= uids(before).items()
    assert live.find(f"Namespace {brief}") is None
    assert fleet.is_empty()


def followed(fleet: Fleet) -> Object:
    """Return a stack's ``git`` that Flux follows by itself, so that no test needs a repository; named as its stack."""
    return {"url": GIT_URL, "follow": "branch", "name": fleet.name}


def as_declared(live: Live, fleet: Fleet, path: str, rendered: Object) -> Object:
    """Return what the cluster must hold of a rendered object: with the API server's defaults, and our marks."""
    metadata = rendered["metadata"]
    # Under another name, because it is there already.
    made = live.dry_run({**rendered, "metadata": {**metadata, "name": f"{metadata['name']}-x"}})
    labels = {**metadata.get("labels", {}), "fluxapps/stack": fleet.label}
    if rendered["kind"] == "Namespace":
        labels["kubernetes.io/metadata.name"] = metadata["name"]
    folder = path.partition("/")[0]
    if rendered["kind"] == "Kustomization":
        labels["fluxapps/app"] = metadata["name"]
    elif folder != "bootstrap":
        labels["fluxapps/app"] = folder
    annotations = {**metadata.get("annotations", {}), **SSA_IGNORE, **FIELD_MANAGER}
    return {**_content(made), "labels": labels, "annotations": annotations}


def as_found(found: Object) -> Object:
    metadata = found["metadata"]
    return {**_content(found), "labels": metadata["labels"], "annotations": metadata["annotations"]}


def _content(found: Object) -> Object:
    return {key: value for key, value in found.items() if key not in {"metadata", "status"}}


def versions(objects: dict[str, Object], without: set[str] | None = None) -> dict[str, str]:
    return {what: version_of(found) for what, found in objects.items() if what not in (without or ())}


def uids(objects: dict[str, Object]) -> dict[str, str]:
    return {what: found["metadata"]["uid"] for what, found in objects.items()}


def generations(objects: dict[str, Object]) -> dict[str, int | None]:
    return {what: found["metadata"].get("generation") for what, found in objects.items()}


def values_of(release: Object) -> str:
    """Return the values ConfigMap that a HelmRelease reads."""
    return f"ConfigMap {release['metadata']['namespace']}/{release['spec']['valuesFrom'][0]['name']}"
