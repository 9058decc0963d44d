"""The stand-in provider's own reasoning, without engine or cluster."""

import base64
import copy
from pathlib import Path
from typing import Any

import pytest
import urllib3
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from fluxapps.devcluster.standins.kubernetes_provider import field_managers, shape
from fluxapps.devcluster.standins.kubernetes_provider.connection import connect
from fluxapps.devcluster.standins.kubernetes_provider.diff import detailed, merge_patch
from fluxapps.devcluster.standins.kubernetes_provider.force_new import force_new
from fluxapps.devcluster.standins.kubernetes_provider.jsonpath import JSONPathError, parse_wait
from fluxapps.devcluster.standins.kubernetes_provider.properties import (
    UNKNOWN,
    Secret,
    from_struct,
    has_secret,
    has_unknown,
    revealed,
    to_struct,
    with_secrets_of,
)
from fluxapps.devcluster.standins.kubernetes_provider.settings import (
    SettingsError,
    diff_settings,
    parse_kubeconfig,
    settings,
)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=6), below, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(max_size=6), PLAIN, max_size=5)


@given(OBJECTS)
def test_properties_survive_the_wire(properties: dict[str, Any]) -> None:
    assert from_struct(to_struct(properties)) == properties


def test_marks_survive_the_wire() -> None:
    back = from_struct(to_struct({"a": Secret({"b": "c"}), "d": [UNKNOWN], "e": {}, "f": []}))
    assert isinstance(back["a"], Secret)
    assert back["a"].value == {"b": "c"}
    assert back["d"] == [UNKNOWN]
    assert (back["e"], back["f"]) == ({}, [])
    assert has_secret(back)
    assert has_unknown(back)


def test_whole_numbers_are_integers_again() -> None:
    bag = struct_pb2.Struct()
    bag.update({"whole": 3.0, "part": 2.5, "huge": 1e300})
    plain = from_struct(bag)
    assert plain == {"whole": 3, "part": 2.5, "huge": 1e300}
    assert isinstance(plain["whole"], int)
    assert isinstance(plain["huge"], float)


def test_secrets_of_inputs_are_secrets_of_outputs() -> None:
    marked = with_secrets_of(
        {"spec": {"password": "x", "name": "y"}, "list": [1, 2], "other": "z"},
        {"spec": {"password": Secret("x"), "name": "y"}, "list": [1, Secret(2)]},
    )
    assert isinstance(marked["spec"]["password"], Secret)
    assert marked["spec"]["name"] == "y"
    assert isinstance(marked["list"], Secret)
    assert marked["other"] == "z"
    assert revealed(marked) == {"spec": {"password": "x", "name": "y"}, "list": [1, 2], "other": "z"}


def test_a_secrets_data_is_secret_unasked() -> None:
    marked = with_secrets_of({"kind": "Secret", "data": {"a": "b"}}, {})
    assert isinstance(marked["data"], Secret)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leads_from_old_to_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    def applied(have: Any, patch: Any) -> Any:
        if not isinstance(patch, dict):
            return patch
        result = dict(have) if isinstance(have, dict) else {}
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = applied(result.get(key), value)
        return result

    def without_nulls(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without_nulls(each) for key, each in value.items() if each is not None}
        return value

    old, new = without_nulls(old), without_nulls(new)
    assert applied(old, merge_patch(old, new)) == new


@given(OBJECTS)
def test_nothing_changed_is_no_difference(manifest: dict[str, Any]) -> None:
    same = copy.deepcopy(manifest)
    assert detailed(merge_patch(manifest, same), manifest, same, ["metadata.name"]) == {}


def differences(old: dict[str, Any], new: dict[str, Any], *replacing: str) -> dict[str, str]:
    found = detailed(merge_patch(old, new), old, new, replacing)
    names = {value: name for name, value in type(next(iter(found.values()))).Kind.items()} if found else {}
    return {path: names[change.kind] for path, change in found.items()}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": 1}, {"a": True}, {"a": "UPDATE"}),
        ({"a": 1}, {}, {"a": "DELETE"}),
        ({}, {"a": {}}, {"a": "ADD"}),
        ({"a": {"b": 1}}, {"a": UNKNOWN}, {"a": "UPDATE"}),
        ({"a": {"b.c": 1}}, {"a": {"b.c": 2}}, {'a["b.c"]': "UPDATE"}),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, {"a[1]": "UPDATE", "a[2]": "ADD"}),
        ({"a": [1, 2]}, {"a": [1]}, {"a[1]": "DELETE"}),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}, {"a[0].c": "DELETE"}),
    ],
)
def test_differences_are_said_by_path(old: dict[str, Any], new: dict[str, Any], expected: dict[str, str]) -> None:
    assert differences(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"data": {"a": "1"}}, {"data": {"a": "2"}}, {"data.a": "UPDATE_REPLACE"}),
        ({"data": {"a": "1"}}, {"data": {}}, {"data.a": "DELETE_REPLACE"}),
        ({}, {"data": {"a": "1"}}, {"data": "ADD_REPLACE"}),
        (
            {"spec": {"list": [{"image": "a"}]}},
            {"spec": {"list": [{"image": "b"}]}},
            {"spec.list[0].image": "UPDATE_REPLACE"},
        ),
        ({"datatype": 1}, {"datatype": 2}, {"datatype": "UPDATE"}),
        ({}, {"spec": {"list": [{"image": "b"}]}}, {"spec": "ADD_REPLACE"}),
        ({}, {"spec": {"list": [{"name": "b"}]}}, {"spec": "ADD"}),
    ],
)
def test_fields_that_cannot_change_replace(old: dict[str, Any], new: dict[str, Any], expected: dict[str, str]) -> None:
    assert differences(old, new, "data", "spec.list.image") == expected


@pytest.mark.parametrize(
    ("kind", "immutable", "mutable", "data_replaces"),
    [
        ("ConfigMap", False, False, True),
        ("ConfigMap", False, True, False),
        ("ConfigMap", True, True, True),
        ("Secret", False, False, True),
        ("Secret", False, True, False),
        ("Secret", True, True, True),
    ],
)
def test_data_replaces_unless_it_is_mutable(kind: str, *, immutable: bool, mutable: bool, data_replaces: bool) -> None:
    manifest = {"apiVersion": "v1", "kind": kind, "immutable": immutable}
    fields = force_new(manifest, mutable_config_maps=mutable, mutable_secrets=mutable)
    assert ("data" in fields) == data_replaces
    assert "metadata.name" in fields
    assert "metadata.namespace" in fields


def test_the_live_object_is_cut_to_the_inputs_shape() -> None:
    live = {"spec": {"a": 1, "b": 2, "list": [{"x": 1, "y": 2}, {"x": 3}]}, "status": {}, "metadata": {"name": "n"}}
    inputs = {"spec": {"a": 0, "list": [{"x": 0}], "gone": 1}}
    assert shape.pruned(live, inputs) == {"spec": {"a": 1, "list": [{"x": 1}]}}


def test_a_secrets_text_is_its_data() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "YQ==\n"}, "stringData": {"b": "b"}}
    encoded = base64.b64encode(b"b").decode()
    assert shape.normalized(secret)["data"] == {"a": "YQ==\n", "b": encoded}
    assert "stringData" not in shape.normalized(secret)
    assert shape.normalized({**secret, "stringData": {}})["data"] == {"a": "YQ=="}


def managed(manager: str, operation: str, *fields: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": {f"f:{field}": {} for field in fields}}


def test_earlier_writers_hand_over() -> None:
    live = {
        "apiVersion": "v1",
        "metadata": {
            "managedFields": [
                managed("pulumi-kubernetes", "Update", "a"),
                managed("kubectl-edit", "Update", "b"),
                managed("flux", "Apply", "c"),
                {**managed("kubectl-edit", "Update", "d"), "subresource": "status"},
                managed("ours", "Apply", "e"),
            ]
        },
    }
    entries = field_managers.handed_over(live, "ours")
    assert entries is not None
    owned = {(each["manager"], each["operation"]): set(each["fieldsV1"]) for each in entries}
    assert owned == {
        ("flux", "Apply"): {"f:c"},
        ("kubectl-edit", "Update"): {"f:d"},
        ("ours", "Apply"): {"f:a", "f:b", "f:e"},
    }


def test_where_nobody_hands_over_nothing_is_written() -> None:
    live = {"metadata": {"managedFields": [managed("flux", "Apply", "c"), managed("ours", "Apply", "e")]}}
    assert field_managers.handed_over(live, "ours") is None


READY = {
    "status": {
        "phase": "Running",
        "count": 2,
        "flag": True,
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Done"},
            {"type": "Stalled", "status": "False"},
        ],
    }
}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("{.status.phase}", True),
        ("{.status.nothing}", False),
        ("{$.status.phase}=Running", True),
        ("{.status.phase}=Failed", False),
        ("{.status.count}=2", True),
        ("{.status.flag}=true", True),
        ("{.status.conditions[?(@.type=='Ready')].status}=True", True),
        ("{.status.conditions[?(@.type=='Ready' && @.status=='False')].type}", False),
        ("{.status.conditions[?(@.type=='Other' || @.status=='False')].type}=Stalled", True),
        ("{.status.conditions[?@.type != 'Ready'].type}=Stalled", True),
        ("{.status.conditions[?(!@.reason)].type}=Stalled", True),
        ("{.status[?(@ >= 2)]}=2", True),
        ("{.status.conditions[-1].type}=Stalled", True),
        ("{.status.conditions[0:1].type}=Ready", True),
        ("{.status['phase','count']}=Running", True),
        ("{..reason}=Done", True),
        ("{.status.conditions[*].type}=Ready", True),
        ("{.status.conditions}", True),
    ],
)
def test_paths_select_as_rfc_9535_has_it(expression: str, *, holds: bool) -> None:
    assert (parse_wait(expression)(READY) == "") == holds


@pytest.mark.parametrize(
    "expression",
    ["", ".status.phase", "{.status.phase}=", "{.status.}", "{.a}=b=c", "'{.a}'", "{.a[?(@.b==)]}", "{.a[x]}"],
)
def test_unreadable_paths_are_refused(expression: str) -> None:
    with pytest.raises(JSONPathError):
        parse_wait(expression)


@pytest.mark.parametrize(
    ("server", "environ", "through"),
    [
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://proxy:1"}, False),
        ("https://localhost:6443", {"HTTPS_PROXY": "http://proxy:1"}, False),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": "http://proxy:1"}, True),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "10.0.0.0/8"}, False),
        ("https://api.example.org", {"https_proxy": "http://proxy:1", "no_proxy": ".example.org"}, False),
        ("https://api.example.org", {"https_proxy": "http://proxy:1", "no_proxy": "ample.org"}, True),
        ("https://api.example.org", {"http_proxy": "http://proxy:1"}, False),
    ],
)
def test_proxies_are_passed_by_as_go_does(server: str, environ: dict[str, str], *, through: bool) -> None:
    connection, namespace = connect(settings({"kubeconfig": kubeconfig(server)}, environ), environ)
    assert isinstance(connection.pool, urllib3.ProxyManager) == through
    assert connection.host == server
    assert namespace == "default"


def test_without_a_kubeconfig_the_files_of_the_environment_count(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two" / "config"
    two.parent.mkdir()
    one.write_text("{current-context: b, contexts: [{name: b, context: {cluster: c, user: u, namespace: n}}]}")
    two.write_text(
        "{clusters: [{name: c, cluster: {server: https://there}}], users: [{name: u, user: {tokenFile: t}}]}"
    )
    (two.parent / "t").write_text("token\n")
    environ = {"KUBECONFIG": f"{one}:{two}:{tmp_path / 'nowhere'}"}
    connection, namespace = connect(settings({}, environ), environ)
    assert (connection.host, namespace) == ("https://there", "n")
    assert connection.headers()["Authorization"] == "Bearer token"


def test_without_any_kubeconfig_there_is_no_connection(tmp_path: Path) -> None:
    environ = {"KUBECONFIG": str(tmp_path / "nowhere")}
    with pytest.raises(SettingsError, match="no configuration has been provided"):
        connect(settings({}, environ), environ)


def kubeconfig(server: str) -> str:
    return (
        "{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}, {name: b, context: {cluster: d}}],"
        f" clusters: [{{name: c, cluster: {{server: '{server}'}}}}, {{name: d, cluster: {{server: other}}}}],"
        " users: [{name: u, user: {token: t}}]}"
    )


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({"kubeconfig": kubeconfig("one")}, {"kubeconfig": kubeconfig("one") + "\n"}, []),
        ({"kubeconfig": kubeconfig("one")}, {"kubeconfig": kubeconfig("two")}, ["kubeconfig"]),
        ({"kubeconfig": kubeconfig("one")}, {"kubeconfig": kubeconfig("one"), "context": "b"}, ["context"]),
        (
            {"kubeconfig": kubeconfig("one"), "clusterIdentifier": "x"},
            {"kubeconfig": kubeconfig("two"), "clusterIdentifier": "x"},
            [],
        ),
        (
            {"kubeconfig": kubeconfig("one"), "clusterIdentifier": "x"},
            {"kubeconfig": kubeconfig("one"), "clusterIdentifier": "y"},
            ["clusterIdentifier"],
        ),
        ({"kubeconfig": kubeconfig("one")}, {"kubeconfig": kubeconfig("one"), "clusterIdentifier": "x"}, []),
        ({"kubeconfig": kubeconfig("one")}, {"kubeconfig": UNKNOWN}, ["kubeconfig"]),
        (
            {"kubeconfig": kubeconfig("one"), "clusterIdentifier": "x"},
            {"kubeconfig": UNKNOWN, "clusterIdentifier": "x"},
            [],
        ),
    ],
)
def test_another_cluster_replaces_the_provider(old: dict[str, Any], new: dict[str, Any], replaces: list[str]) -> None:
    changed, replaced = diff_settings(old, new)
    assert changed
    assert replaced == replaces


def test_the_same_settings_change_nothing() -> None:
    arguments = {"kubeconfig": Secret(kubeconfig("one")), "version": "4.34.2"}
    assert diff_settings(arguments, arguments) == ([], [])


def test_settings_come_from_arguments_then_variables() -> None:
    read = settings(
        {"enablePatchForce": "true", "kubeClientSettings": '{"qps": 10, "burst": 20}', "somethingNew": "1"},
        {"PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE": "true", "PULUMI_K8S_CLIENT_TIMEOUT": "5"},
    )
    assert (read.enable_patch_force, read.enable_config_map_mutable, read.enable_secret_mutable) == (True, True, False)
    assert (read.limits.qps, read.limits.burst, read.limits.timeout) == (10, 20, 5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"renderYamlToDirectory": "there"},
        {"enableServerSideApply": "false"},
        {"kubeClientSettings": "{"},
        {"kubeClientSettings": '{"qps": "many"}'},
    ],
)
def test_settings_that_cannot_be_honoured_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        settings(arguments, {})


@pytest.mark.parametrize("text", ["nowhere/kubeconfig", "[1]", "a: ["])
def test_what_is_no_kubeconfig_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="failed to parse kubeconfig"):
        parse_kubeconfig(text)
