"""Taking over, on a cluster in memory: whatever write is the last one of a killed run, the next one ends well."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import pytest

from fluxapps.engine.cluster_writer import ClusterWriter
from fluxapps.engine.handover import Handover
from fluxapps.model import Declaration, ObjectId, Role, declare
from fluxapps.model.declare.names import APP_LABEL, SSA_IGNORE, STACK_LABEL
from fluxapps.model.live.applied import applied_by
from fluxapps.model.live.drift import differences
from fluxapps.model.live.hand_over import SUSPENDED_BY
from fluxapps.model.live.standing import delivered
from fluxapps.model.live.takeover import End, OfOtherStack, Takeover
from tests.unit.flux_in_memory import FluxInMemory, KilledError, Object
from tests.unit.written import GIT, declared, resolved
from tests.unit.written import cluster as cluster_file

MOST_WRITES = 60
SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: site}\n"


def app(chart: str = "podinfo", **fields: str) -> str:
    said = "".join(f"{key}: {value}\n" for key, value in fields.items())
    return f"chart: {chart}\nrepository: podinfo\nversion: 6.x\nvalues: {{replicas: 1}}\n{said}"


def flux(kind: str, name: str, namespace: str = "flux-system", **spec: Any) -> Object:
    group = {"HelmRelease": "helm", "Kustomization": "kustomize"}.get(kind, "source")
    version = "v2" if kind == "HelmRelease" else "v1"
    return {
        "apiVersion": f"{group}.toolkit.fluxcd.io/{version}",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def release(name: str, namespace: str, **spec: Any) -> Object:
    origin = {"kind": "HelmRepository", "name": "podinfo", "namespace": "flux-system"}
    chart = {"spec": {"chart": "podinfo", "version": "6.x", "sourceRef": origin}}
    values = [{"kind": "ConfigMap", "name": f"{name}-values"}]
    return flux("HelmRelease", name, namespace, interval="1h", chart=chart, valuesFrom=values, **spec)


def config_map(name: str, namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"a": "b"},
    }


def legacy() -> FluxInMemory:
    """Return a cluster on which others made everything: see the comments."""
    cluster = FluxInMemory()
    for name in ("podinfo", "whole", "part", "named"):
        cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    cluster.add(flux("HelmRepository", "podinfo", interval="5m", url="https://stefanprodan.github.io/podinfo"))
    folders = {
        # Its very name is the one of the app's Kustomization.
        "podinfo": [
            release("podinfo", "podinfo"),
            config_map("podinfo-values", "podinfo"),
            config_map("kept", "podinfo"),
        ],
        # All of it is taken.
        "bundle": [release("whole", "whole"), config_map("whole-values", "whole")],
        # It has something else as well.
        "mixed": [release("part", "part"), config_map("part-values", "part"), config_map("other", "part")],
        # Its HelmRelease has another name than ours.
        "renaming": [release("old-name", "named", releaseName="named"), config_map("other", "named")],
    }
    for name, objects in folders.items():
        made = flux("Kustomization", name, path=f"./legacy/{name}", sourceRef={"kind": "GitRepository", "name": "old"})
        cluster.git[f"./legacy/{name}"] = objects
        cluster.add(made)
    cluster.controllers()
    return cluster


@pytest.fixture
def stack(tmp_path: Path) -> Declaration:
    files = {f"apps/{name}/app.yaml": app() for name in ("podinfo", "whole", "part", "named")}
    return declared(tmp_path, files)


def handover(cluster: FluxInMemory, stack: Declaration, *apps: str) -> Handover:
    return Handover(
        cluster=cast("ClusterWriter", cluster),
        objects=delivered(stack),
        label=stack.label,
        apps=apps or None,
        say=lambda _: None,
    )


def attach(cluster: FluxInMemory, stack: Declaration, *apps: str) -> list[tuple[ObjectId, End]]:
    """Do all that `fluxapps attach` does."""
    taking = handover(cluster, stack, *apps)
    taking.carry_out(taking.plan())
    cluster.up(stack.for_pulumi().objects(), stack.label)
    return taking.end()


def killed_anywhere(
    make: Callable[[], FluxInMemory], attaching: Callable[[FluxInMemory], object]
) -> list[FluxInMemory]:
    """Return what there is in the end, for each write after which the first run was killed."""
    ended: list[FluxInMemory] = []
    for writes in range(MOST_WRITES):
        cluster = make()
        cluster.writes_left = writes
        try:
            attaching(cluster)
        except KilledError:
            cluster.writes_left = None
            # Controllers look again in between.
            cluster.controllers()
            attaching(cluster)
        else:
            assert len(ended) >= 3
            return [*ended, cluster]
        ended.append(cluster)
    raise AssertionError("it never ends")


def test_a_run_killed_at_any_write_is_finished_by_the_next_and_nothing_is_lost(stack: Declaration) -> None:
    before = legacy().objects
    for cluster in killed_anywhere(legacy, lambda cluster: attach(cluster, stack)):
        assert cluster.uninstalled == []
        assert {one.name for one in cluster.pruned} <= {"podinfo-values"}
        for one in stack.for_pulumi().objects():
            live = cluster.objects[one.id]
            assert live["metadata"]["labels"][STACK_LABEL] == stack.label
            assert SSA_IGNORE.items() <= live["metadata"]["annotations"].items()
            assert differences(one.manifest, live) == ()
            assert "kustomize.toolkit.fluxcd.io/name" not in live["metadata"]["labels"]
        for name in ("podinfo", "whole", "part"):
            same = ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", name, name)
            assert cluster.objects[same]["metadata"]["uid"] == before[same]["metadata"]["uid"]
        for name, namespace in (("kept", "podinfo"), ("other", "part"), ("other", "named")):
            assert ObjectId("", "ConfigMap", namespace, name) in cluster.objects
        kustomizations = {one.name: live for one, live in cluster.objects.items() if one.kind == "Kustomization"}
        assert "bundle" not in kustomizations
        assert "suspend" not in kustomizations["mixed"]["spec"]
        assert SUSPENDED_BY not in kustomizations["mixed"]["metadata"].get("annotations", {})
        # Git would bring the old HelmRelease back.
        assert kustomizations["renaming"]["spec"]["suspend"] is True
        assert not any(one.name == "old-name" for one in cluster.objects)
        assert not any(
            live["spec"].get("suspend") for one, live in kustomizations.items() if one in {"podinfo", "part"}
        )


def push(cluster: FluxInMemory, stack: Declaration) -> None:
    """Have the folders of Git hold what is rendered of *stack*, and no other tree."""
    cluster.git = {path: held for path, held in cluster.git.items() if not path.startswith("./deploy/")}
    shared = [one.manifest for one in stack.objects() if one.app is None and one not in stack.system]
    cluster.git["./deploy/dev/bootstrap"] = [
        *shared,
        *(one.manifest for one in stack.objects() if one.app is not None and one.role is Role.KUSTOMIZATION),
    ]
    for app in stack.apps:
        (folder,) = (one.manifest["spec"]["path"] for one in app.objects if one.role is Role.KUSTOMIZATION)
        cluster.git[folder] = [one.manifest for one in app.objects if one.role is not Role.KUSTOMIZATION]


def test_an_app_that_flux_delivers_gets_another_name(tmp_path: Path) -> None:
    files = {"Pulumi.dev.yaml": cluster_file("context: dev", "delivery: git", GIT)}
    old = declared(tmp_path / "old", {**files, "apps/podinfo/app.yaml": app()})
    fields = {"namespace": "podinfo", "release": "{releaseName: podinfo}"}
    renamed = {"apps/podinfo/app.yaml": None, "apps/site/app.yaml": app(**fields)}
    new = declared(tmp_path / "new", {**files, **renamed})

    def deployed() -> FluxInMemory:
        cluster = FluxInMemory()
        push(cluster, old)
        cluster.up(old.for_pulumi().objects(), old.label)
        for _ in range(3):
            cluster.controllers()
        assert any(one.kind == "HelmRelease" for one in cluster.objects)
        return cluster

    for cluster in killed_anywhere(deployed, lambda cluster: attach(cluster, new, "site")):
        push(cluster, new)
        for _ in range(3):
            cluster.controllers()
        assert cluster.uninstalled == []
        releases = {one.name for one in cluster.objects if one.kind == "HelmRelease"}
        assert releases == {"site"}
        assert {one.name for one in cluster.objects if one.kind == "Kustomization"} == {"fleet", "site"}


def test_a_stack_that_flux_delivers_takes_over_too(tmp_path: Path) -> None:
    files = {f"apps/{name}/app.yaml": app() for name in ("podinfo", "whole", "part", "named")}
    stack = declared(tmp_path, {**files, "Pulumi.dev.yaml": cluster_file("context: dev", "delivery: git", GIT)})
    before = legacy().objects

    def committed() -> FluxInMemory:
        cluster = legacy()
        push(cluster, stack)
        return cluster

    def attached(cluster: FluxInMemory) -> None:
        attach(cluster, stack)
        for _ in range(3):
            cluster.controllers()

    for cluster in killed_anywhere(committed, attached):
        assert cluster.uninstalled == []
        assert {one.name for one in cluster.pruned} == set()
        for one in stack.objects():
            assert differences(one.manifest, cluster.objects[one.id]) == ()
        for name in ("podinfo", "whole", "part"):
            same = ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", name, name)
            assert cluster.objects[same]["metadata"]["uid"] == before[same]["metadata"]["uid"]
            assert cluster.objects[same]["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == name
        kustomizations = {one.name: live for one, live in cluster.objects.items() if one.kind == "Kustomization"}
        assert "bundle" not in kustomizations
        # Their Git says what Flux applies for the stack, or would bring it back under the old name.
        assert {name for name, live in kustomizations.items() if live["spec"].get("suspend")} == {"mixed", "renaming"}


def test_an_app_of_ours_gets_another_name(tmp_path: Path) -> None:
    old = declared(tmp_path / "old", {"apps/podinfo/app.yaml": app()})
    fields = {"namespace": "podinfo", "release": "{releaseName: podinfo}"}
    new = declared(tmp_path / "new", {"apps/podinfo/app.yaml": None, "apps/site/app.yaml": app(**fields)})
    other = {"id": "podinfo_settings__ConfigMap"}

    def deployed() -> FluxInMemory:
        cluster = FluxInMemory()
        cluster.up(old.for_pulumi().objects(), old.label)
        found = next(live for one, live in cluster.objects.items() if one.kind == "Kustomization")
        settings = config_map("settings", "podinfo")
        settings["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "podinfo"}
        cluster.add(settings)
        found["status"] = {"inventory": {"entries": [other]}}
        # Its folder still holds that: here Flux reads no folder but those of others.
        cluster.git["./legacy/podinfo"] = [settings]
        found["spec"]["path"] = "./legacy/podinfo"
        return cluster

    for cluster in killed_anywhere(deployed, lambda cluster: attach(cluster, new, "site")):
        assert cluster.uninstalled == []
        assert cluster.pruned == []
        names = {(one.kind, one.name) for one in cluster.objects if one.kind in {"HelmRelease", "Kustomization"}}
        assert names == {("HelmRelease", "site"), ("Kustomization", "site")}
        assert ObjectId("", "ConfigMap", "podinfo", "settings") in cluster.objects


def test_what_controllers_write_meanwhile_is_no_obstacle(stack: Declaration) -> None:
    class Busy(FluxInMemory):
        """Whose controllers write the status of each object once after it was read."""

        def __init__(self) -> None:
            super().__init__()
            self.seen: set[str] = set()

        def get(self, path: str, **query: str) -> Object | None:
            found = super().get(path, **query)
            if found is not None and "kind" in found and path not in self.seen:
                self.seen.add(path)
                self.add({**found, "status": {**found.get("status", {}), "seen": True}})
            return found

    cluster = Busy()
    before = legacy()
    cluster.objects, cluster.git = before.objects, before.git
    taking = handover(cluster, stack)
    plan = taking.plan()
    for one in plan.take:
        cluster.add({**cluster.objects[one.id], "status": {"seen": "after the look"}})
    assert [each.declared for each in taking.takings(plan)] == list(plan.take)
    attach(cluster, stack)
    assert all(cluster.objects[one.id]["metadata"]["labels"][STACK_LABEL] == stack.label for one in stack.objects())


class TestPlan:
    def test_the_kustomization_of_an_app_of_another_name_leaves_its_yaml(self, tmp_path: Path) -> None:
        files = {"apps/site/app.yaml": "namespace: site\n", "apps/site/settings.yaml": SETTINGS}
        new = resolved(tmp_path / "new", {"apps/podinfo/app.yaml": None, **files})
        old = {"apps/podinfo/app.yaml": None, **{name.replace("/site/", "/old/"): text for name, text in files.items()}}
        before = declared(tmp_path / "old", old)
        cluster = FluxInMemory()
        cluster.up(before.for_pulumi().objects(), before.label)
        (kustomization,) = (one for one in cluster.objects if one.kind == "Kustomization")
        cluster.objects[kustomization]["status"] = {"inventory": {"entries": [{"id": "site_settings__ConfigMap"}]}}
        taking = handover(cluster, declare(new), "site")
        taking.applied = applied_by(new)
        assert dict(taking.plan().end) == {kustomization: End.ORPHAN}
        taking.applied = {}
        assert taking.plan().end == ()

    def test_only_what_an_app_needs_is_taken(self, stack: Declaration) -> None:
        plan = handover(legacy(), stack, "whole").plan()
        assert [str(one.id) for one in plan.take] == [
            "Namespace whole",
            "HelmRepository flux-system/podinfo",
            "HelmRelease whole/whole",
        ]
        assert [str(one) for one in plan.suspend] == ["Kustomization flux-system/bundle"]
        # Another app's would stand in the way.
        assert "HelmRelease part/part" in [str(one) for one in plan.others]

    def test_what_another_stack_has_is_named_with_its_label(self, stack: Declaration) -> None:
        cluster = legacy()
        one = ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", "whole", "whole")
        cluster.objects[one]["metadata"]["labels"] = {STACK_LABEL: "fleet.other", APP_LABEL: "site"}
        assert handover(cluster, stack).plan().other_stacks == (OfOtherStack(one, "fleet.other", "site"),)

    def test_bootstraps_own_is_never_touched(self, stack: Declaration) -> None:
        cluster = legacy()
        labels = {f"kustomize.toolkit.fluxcd.io/{key}": "flux-system" for key in ("name", "namespace")}
        cluster.add(flux("Kustomization", "flux-system", path="./", sourceRef={"kind": "GitRepository"}))
        for name in ("whole", "part"):
            found = ObjectId("helm.toolkit.fluxcd.io", "HelmRelease", name, name)
            cluster.objects[found]["metadata"]["labels"] = labels
        plan = handover(cluster, stack).plan()
        assert "flux-system" not in {one.name for one in plan.suspend}
        assert "flux-system" not in {one.name for one, _ in plan.end}

    def test_bootstraps_own_forgets_what_is_taken_once_an_operator_has_suspended_it(self, tmp_path: Path) -> None:
        site = {"apps/site/app.yaml": "namespace: site\n", "apps/site/settings.yaml": SETTINGS}
        fleet = resolved(tmp_path, {"apps/podinfo/app.yaml": None, **site})
        cluster = FluxInMemory()
        root = flux("Kustomization", "flux-system", path="./", sourceRef={"kind": "GitRepository"})
        root["status"] = {"inventory": {"entries": [{"id": "site_settings__ConfigMap"}]}}
        cluster.add(root)
        identity = ObjectId("kustomize.toolkit.fluxcd.io", "Kustomization", "flux-system", "flux-system")
        taking = handover(cluster, declare(fleet))
        taking.applied = applied_by(fleet)
        plan = taking.plan()
        assert [one.name for one in plan.contested] == ["settings"]
        assert plan.released == ()
        cluster.objects[identity]["spec"]["suspend"] = True
        plan = taking.plan()
        assert (plan.contested, plan.released) == ((), (identity,))
        taking.carry_out(plan)
        assert "inventory" not in cluster.objects[identity]["status"]
        assert cluster.objects[identity]["spec"]["suspend"] is True
        assert taking.plan().released == ()

    def test_a_kustomization_that_another_one_applies_is_not_removed(self, stack: Declaration) -> None:
        cluster = legacy()
        bundle = next(one for one in cluster.objects if one.name == "bundle")
        assert dict(handover(cluster, stack).plan().end)[bundle] is End.REMOVE
        labels = {f"kustomize.toolkit.fluxcd.io/{key}": "flux-system" for key in ("name", "namespace")}
        cluster.objects[bundle]["metadata"]["labels"] = labels
        assert dict(handover(cluster, stack).plan().end)[bundle] is End.RESUME

    def test_what_an_operator_suspended_stays_so(self, stack: Declaration) -> None:
        cluster = legacy()
        for one, live in cluster.objects.items():
            if one.name in {"mixed", "whole"} and one.kind in {"HelmRelease", "Kustomization"}:
                live["spec"]["suspend"] = True
        attach(cluster, stack)
        for kind, name in (("Kustomization", "mixed"), ("HelmRelease", "whole")):
            (live,) = [each for one, each in cluster.objects.items() if (one.kind, one.name) == (kind, name)]
            assert live["spec"]["suspend"] is True

    def test_nothing_is_left_to_do_of_what_is_ours(self, stack: Declaration) -> None:
        cluster = FluxInMemory()
        cluster.up(stack.for_pulumi().objects(), stack.label)
        plan = handover(cluster, stack).plan()
        assert plan == Takeover()


def test_the_stacks_own_repository_is_read_as_declared_before_a_kustomization_goes_on(stack: Declaration) -> None:
    cluster = legacy()
    (source,) = (one for one in stack.objects() if one.id.kind == "GitRepository")
    before = deepcopy(source.manifest)
    before["spec"]["ref"] = {"branch": "before"}
    cluster.add(before)
    plan = handover(cluster, stack).plan()
    assert source.id in {one.id for one in plan.take}
