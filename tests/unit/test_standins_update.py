"""An update by the stand-in provider, against a server in this process that says how each request ends."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import pytest

from fluxapps.devcluster.standins.engine_log import EngineLog
from fluxapps.devcluster.standins.kubernetes_provider.call import Call, PartialError
from fluxapps.devcluster.standins.kubernetes_provider.cluster import APPLY, JSON_PATCH, ApiError, Cluster, Request
from fluxapps.devcluster.standins.kubernetes_provider.reach import Reach
from fluxapps.devcluster.standins.kubernetes_provider.settings import Settings
from fluxapps.devcluster.standins.kubernetes_provider.update import update

Object = dict[str, Any]

CALL = Call("urn:pulumi:dev::trial::kubernetes:core/v1:ConfigMap::web", EngineLog(""))
WANTED: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "web",
        "namespace": "web",
        "annotations": {"pulumi.com/patchFieldManager": "ours"},
    },
    "data": {"a": "2"},
}
LIVE: Object = {
    **WANTED,
    "metadata": {
        **WANTED["metadata"],
        "resourceVersion": "7",
        "managedFields": [
            {"manager": "pulumi-kubernetes", "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}},
        ],
    },
    "data": {"a": "1"},
}


class Server(Cluster):
    """Has one object; refuses requests of some forms."""

    def __init__(self, refused: Mapping[str, str]) -> None:
        self._known = {}
        self.refused = refused
        """By the form of the request: what is said."""

    def request(self, request: Request, *, timeout: float | None = None) -> Object:
        assert timeout is None
        if request.path == "/api/v1":
            return {"resources": [{"kind": "ConfigMap", "name": "configmaps", "namespaced": True}]}
        if (said := self.refused.get(request.form)) is not None and request.method == "PATCH":
            raise ApiError(HTTPStatus.CONFLICT, {"reason": "Conflict", "message": said})
        return LIVE


def failure(refused: Mapping[str, str]) -> str:
    reach = Reach(Settings(), Server(refused), "default", "")
    state = {**LIVE, "__inputs": LIVE, "__fieldManager": "ours"}
    with pytest.raises(PartialError) as error:
        update(reach, CALL, state, WANTED)
    return str(error.value)


def test_a_conflict_of_fields_comes_with_what_helps() -> None:
    said = failure({APPLY: 'conflict with "flux": .data.a'})
    assert "server-side apply field conflict detected" in said
    assert 'The resource managed by field manager "ours" had an apply conflict: conflict with "flux": .data.a' in said


def test_a_hand_over_that_is_refused_is_no_conflict_of_fields() -> None:
    said = failure({JSON_PATCH: "the object has been modified"})
    assert said.endswith('"web/web" failed to fully initialize or become live: the object has been modified')
    assert "field conflict" not in said
