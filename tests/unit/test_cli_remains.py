"""What is said of a stack once pulumi has ended: what remains, what runs on, what stays, each with its way out."""

from typing import Any

from fluxapps.cli.remains import Before, tell_held, tell_left, tell_remnants
from fluxapps.engine.departure import Found
from fluxapps.model.live.departure import HelmName
from fluxapps.model.live.held import Held
from fluxapps.model.objects import ObjectId

LABELS = {"fluxapps/stack": "fleet.dev"}
HELM = "helm.toolkit.fluxcd.io"
WEB = HelmName("web", "web")


def release(name: str = "web") -> ObjectId:
    return ObjectId(HELM, "HelmRelease", "web", name)


def live(identity: ObjectId, labels: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
    metadata = {"name": identity.name, "namespace": identity.namespace, "labels": LABELS if labels is None else labels}
    return {"apiVersion": f"{HELM}/v2", "kind": identity.kind, "metadata": metadata, "spec": {}, **body}


def left(before: Before, *objects: dict[str, Any], told: tuple[ObjectId, ...] = (), **found: Any) -> tuple[bool, str]:
    said: list[str] = []
    there = {ObjectId(HELM, one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]): one for one in objects}
    seen: dict[str, Any] = {"claims": {}, "helm": {}, "controllers": {}, "kubectl": "kubectl", "selector": "s=d"}
    now = Found(**{**seen, "objects": there, "namespaces": frozenset(), **found})
    return tell_left(now, before, told, said.append, "fluxapps up"), "\n".join(said)


def test_nothing_is_said_where_nothing_is_left() -> None:
    assert left(Before(kept=frozenset({release()}))) == (False, "")


def test_what_no_state_knows_is_named_with_both_ways_out() -> None:
    assert left(Before(), live(release())) == (
        True,
        (
            "remains: HelmRelease web/web: not in the state (a killed run made it)\n"
            "    take it in, then destroy again: fluxapps up\n"
            "    or, where no file declares it any more: kubectl delete helmrelease.helm.toolkit.fluxcd.io -A -l s=d"
        ),
    )


def test_what_flux_applied_is_in_no_state_and_not_lost() -> None:
    assert left(Before(), live(release(), labels={})) == (True, "remains: HelmRelease web/web: not reached")


def test_what_was_told_is_not_told_again() -> None:
    assert left(Before(kept=frozenset({release()})), live(release()), told=(release(),)) == (False, "")


def test_a_release_without_its_object_runs_on() -> None:
    before = Before(releases={WEB: live(release())})
    deployed = {WEB: "deployed", HelmName("web", "somebodys"): "deployed"}
    assert left(before, helm=deployed) == (
        False,
        "runs on: Helm release web/web; to end it: helm uninstall web -n web",
    )
    assert "runs on" not in left(before, live(release()), told=(release(),), helm=deployed)[1]


def test_of_a_suspended_one_flux_keeps_the_chart() -> None:
    suspended = live(release()) | {"spec": {"suspend": True}, "status": {"helmChart": "flux-system/web-web"}}
    said = left(Before(releases={WEB: suspended}), helm={WEB: "deployed"})[1]
    assert said.endswith("helm uninstall web -n web, kubectl delete helmchart web-web -n flux-system")


def test_who_may_not_list_secrets_is_told() -> None:
    assert "you may not list Secrets" in left(Before(), helm=None)[1]


def test_namespaces_and_claims_that_stay_are_named() -> None:
    namespace = ObjectId("", "Namespace", "", "web")
    claims = {
        ObjectId("", "PersistentVolumeClaim", place, "data"): dict[str, Any]()
        for place in ("web", "elsewhere", "somebodys")
    }
    before = Before(claims=frozenset({ObjectId("", "PersistentVolumeClaim", "elsewhere", "data")}))
    objects = {namespace: {"metadata": {"name": "web", "labels": LABELS}}}
    remains, said = left(before, objects=objects, claims=claims)
    assert not remains
    assert said == (
        "stays: namespace web; to end it: kubectl delete namespace -l s=d\nstays: volume claim elsewhere/data, web/data"
    )


def test_what_is_held_up_for_one_reason_is_told_once() -> None:
    said: list[str] = []
    some = [Held(id=release(name), why="waits", moves=False, ways_out=(f"mend {name}",)) for name in ("a", "b")]
    tell_held(some, said.append, "fluxapps destroy")
    assert said == [
        "remains: 2 objects (HelmRelease web/a, HelmRelease web/b): each waits",
        "    mend a",
        "    and the same for the others",
        "then run this again, it goes on where it ended: fluxapps destroy",
    ]


def test_what_an_uninstalled_release_left_is_named_with_the_way_out() -> None:
    said: list[str] = []
    assert not tell_remnants({}, "kubectl", said.append)
    role = ObjectId("rbac.authorization.k8s.io", "ClusterRole", "", "web")
    assert tell_remnants({WEB: [ObjectId("apps", "Deployment", "web", "web"), role]}, "kubectl", said.append)
    assert said == [
        "remains: Deployment web/web, ClusterRole web: of Helm release web/web, which counts as uninstalled",
        "    delete it: kubectl delete deployment.apps web -n web",
        "    delete it: kubectl delete clusterrole.rbac.authorization.k8s.io web",
    ]


def test_namespaces_that_flux_made_are_named_while_they_are_there() -> None:
    before = Before(namespaces=frozenset({"web", "gone"}))
    said = left(before, namespaces=frozenset({"web", "somebodys"}))[1]
    assert said == "stays: namespace web; to end it: kubectl delete namespace web"
