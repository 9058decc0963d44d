"""Apps, repositories and whole stacks get other names and another delivery, and nothing is uninstalled or restarted."""

from functools import partial

import pytest

from tests.engine.fleet import Fleet
from tests.engine.live import Live, Object
from tests.engine.test_handover import Clone, Fleets, extra, ready, running

pytestmark = pytest.mark.engine


def test_an_app_a_repository_and_the_delivery_change(flux_fleet: Fleets, flux_live: Live) -> None:  # noqa: PLR0915 - one stack's life
    fleet = flux_fleet("fluxapps")
    url = fleet.cluster.charts_url
    fleet.write("fleet.yaml", {"repositories": {fleet.charts: url}})
    old, other = f"{fleet.name}-old", f"{fleet.name}-other"
    podinfo = {"chart": "podinfo", "version": "6.x"}
    fleet.app("old", {"replicaCount": 2}, **podinfo)
    fleet.write(f"apps/{old}/settings.yaml", extra(old, "settings"))
    plain = plain_yaml(fleet, "plain", old)
    fleet.app("other", {"replicaCount": 1}, **podinfo)
    clone = Clone(fleet)
    git = {"url": clone.url, "branch": "main", "name": fleet.name, "follow": "branch"}
    fleet.stack_says(git=git)
    clone.commit()
    fleet.up()
    for name in (old, other):
        ready(flux_live, f"HelmRelease {name}/{name}")
    for name in (old, other, plain):
        ready(flux_live, f"Kustomization flux-system/{name}")
    pods = {name: running(flux_live, name)[0] for name in (old, other)}
    yaml = {name: flux_live.uid(f"ConfigMap {old}/{name}") for name in ("settings", "plain")}

    # An app gets another name: what that would do is said, and what keeps its name or hands it over.
    new = rename(fleet, podinfo, old)
    fleet.remove(plain)
    plain = plain_yaml(fleet, "renamed-plain", old)
    clone.commit()
    said = fleet.refused("preview")
    assert f"name: {old} in apps/{new}/app.yaml" in said
    assert f"would delete ConfigMap {old}/settings" in said
    fleet.app("new", {"replicaCount": 2}, namespace=old, release={"releaseName": old}, **podinfo)
    clone.commit()
    said = fleet.refused("up")
    assert "[release-taken-over]" in said
    assert f"fluxapps attach {new} --stack {fleet.name}" in said
    fleet.fluxapps("attach", new, plain, "--stack", fleet.name, "--yes")
    fleet.unchanged()
    ready(flux_live, f"HelmRelease {old}/{new}")
    ready(flux_live, f"Kustomization flux-system/{new}")
    assert running(flux_live, old) == (pods[old], [f"{old}.v1", f"{old}.v2"])
    assert flux_live.find(f"HelmRelease {old}/{old}") is None
    assert flux_live.find(f"Kustomization flux-system/{old}") is None
    assert {name: flux_live.uid(f"ConfigMap {old}/{name}") for name in yaml} == yaml

    # What Helm can't change is refused; a repository's name is none of it.
    fleet.app("other", {"replicaCount": 1}, release={"releaseName": "another"}, **podinfo)
    clone.commit()
    said = fleet.refused("preview")
    assert f"releaseName '{other}' becomes 'another'" in said
    assert "[reinstall]" in said
    renamed = f"{fleet.name}-renamed"
    fleet.write("fleet.yaml", {"repositories": {renamed: url}})
    podinfo["repository"] = renamed
    fleet.app("other", {"replicaCount": 1}, **podinfo)
    fleet.app("new", {"replicaCount": 2}, namespace=old, release={"releaseName": old}, **podinfo)
    clone.commit()
    fleet.up()
    assert flux_live.find(f"HelmRepository flux-system/{fleet.charts}") is None
    releases = {f"HelmRelease {old}/{new}": old, f"HelmRelease {other}/{other}": other}
    for release in releases:
        ready(flux_live, release)
    here = {name: running(flux_live, name) for name in releases.values()}
    assert here == {old: (pods[old], [f"{old}.v1", f"{old}.v2"]), other: (pods[other], [f"{other}.v1"])}
    uids = {release: flux_live.uid(release) for release in releases}

    # From Pulumi to Flux.
    fleet.stack_says(git=git, delivery="git")
    fleet.fluxapps("render", "--stack", fleet.name)
    clone.commit()
    assert f"fluxapps detach --all --stack {fleet.name}" in fleet.refused("up")
    fleet.stack_says(git=git)
    fleet.fluxapps("detach", "--all", "--stack", fleet.name, "--yes")
    assert f"fluxapps attach {new} --stack {fleet.name}" in fleet.refused("up")
    fleet.stack_says(git=git, delivery="git")
    fleet.up()
    tree = f"Kustomization flux-system/{fleet.name}"
    ready(flux_live, tree)
    for name in (new, other):
        flux_live.until(f"Kustomization flux-system/{name}", partial(reads, f"./deploy/{fleet.name}/{name}"))
        ready(flux_live, f"Kustomization flux-system/{name}")
    for release in releases:
        ready(flux_live, release)
        labels = flux_live.get(release)["metadata"]["labels"]
        assert "fluxapps/stack" not in labels
        assert labels["kustomize.toolkit.fluxcd.io/namespace"] == "flux-system"
    assert {release: flux_live.uid(release) for release in releases} == uids
    assert {name: running(flux_live, name) for name in releases.values()} == here

    # And back.
    fleet.stack_says(git=git)
    said = fleet.refused("up")
    assert "[delivery-changed]" in said
    assert "[not-ours]" not in said
    assert f"fluxapps attach --all --stack {fleet.name}" in said
    fleet.fluxapps("attach", "--all", "--stack", fleet.name, "--yes")
    fleet.unchanged()
    assert flux_live.find(tree) is None
    for release in releases:
        ready(flux_live, release)
    for name in (new, other):
        found = ready(flux_live, f"Kustomization flux-system/{name}")
        assert found["spec"]["path"] == f"./apps/{name}"
    assert {release: flux_live.uid(release) for release in releases} == uids
    assert {name: running(flux_live, name) for name in releases.values()} == here
    assert {name: flux_live.uid(f"ConfigMap {old}/{name}") for name in yaml} == yaml
    fleet.destroy()


def plain_yaml(fleet: Fleet, name: str, namespace: str) -> str:
    """Write an app of plain YAML, and return its name."""
    full = fleet.app(name, releases={})
    fleet.write(f"apps/{full}/app.yaml", "")
    fleet.write(f"apps/{full}/plain.yaml", extra(namespace, "plain"))
    return full


def reads(path: str, kustomization: Object) -> bool:
    return bool(kustomization["spec"]["path"] == path)


def rename(fleet: Fleet, fields: dict[str, str], old: str) -> str:
    """Rename an app's folder, and return the new name."""
    new = fleet.app("new", {"replicaCount": 2}, **fields)
    settings = fleet.root / "apps" / old / "settings.yaml"
    settings.rename(fleet.root / "apps" / new / "settings.yaml")
    fleet.remove(old)
    return new
