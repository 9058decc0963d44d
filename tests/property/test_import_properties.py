"""Laws of bringing a repository in: what we render ourselves comes in as the fleet that it was."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from fluxapps.importing.proof import prove, rendered_objects
from fluxapps.importing.repository import found_in, imported
from fluxapps.importing.said import Destination
from fluxapps.model import Fleet, load, resolve, tree_files
from fluxapps.model.declare import declare
from fluxapps.model.objects import Manifest, ObjectId
from tests.property.test_fleet_laws import Files, fleets

STACK = "dev"


def _write(root: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def _applied(fleet: Fleet) -> dict[ObjectId, tuple[Manifest, str]]:
    """Return what Flux applies from the rendered tree, and by which Kustomization; not what Pulumi declares."""
    system = {one.id for one in declare(fleet).system}
    return {
        identity: (found.manifest, found.applied_by)
        for identity, found in rendered_objects(fleet).items()
        if identity not in system
    }


@settings(deadline=None, max_examples=30)
@given(fleets())
def test_what_we_render_comes_in_as_the_same_fleet(files: Files) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, tree, ours = Path(folder) / "fleet", Path(folder) / "tree", Path(folder) / "ours"
        git = {path: text.replace('"apply"', '"git"') for path, text in files.items()}
        _write(root, {path: text.encode() for path, text in git.items()})
        fleet = resolve(load(root), STACK)
        rendered = tree_files(fleet, declare(fleet))
        _write(tree, {f"deploy/{STACK}/{path}": content for path, content in rendered.items()})
        original, builder, clusters = found_in(tree, stack=STACK)
        found = imported(
            original, builder, clusters, project="fleet", to=Destination(url="https://example.org/fleet.git")
        )
        _write(ours, {**found.files, "Pulumi.yaml": b"name: fleet\n"})
        ((cluster, said),) = found.stacks
        proof = prove(cluster, ours, STACK, said)
        assert proof.unexplained == ()
        # Flux's watch label is our settings' doing, and `preset: none` has no word for it.
        assert all(one.object.startswith("ConfigMap ") for one in said.kept)
        again = resolve(load(ours), STACK)
        assert _without_variants(_applied(again)) == _without_variants(_applied(fleet))
        assert [app.name for app in again.apps] == [app.name for app in fleet.apps]
        assert _charts(again) == _charts(fleet)


def _without_variants(
    objects: dict[ObjectId, tuple[Manifest, str]],
) -> dict[ObjectId, tuple[Manifest, str]]:
    """Return *objects*, sources without who applies them: fleet.yaml's are the root's."""
    return {
        identity: (manifest, "" if identity.kind == "OCIRepository" else by)
        for identity, (manifest, by) in objects.items()
    }


def _charts(fleet: Fleet) -> dict[tuple[str, str], tuple[str | None, dict[str, Any] | None]]:
    """Return chart and values of each release; not values in a ConfigMap that Flux watches, which stays other YAML."""
    return {
        (release.namespace, release.name): (
            release.chart,
            (release.values or None) if release.values_name is None else None,
        )
        for app in fleet.apps
        for release in app.releases
    }
