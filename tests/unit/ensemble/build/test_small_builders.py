"""Membership, auth, Services, budget, policy, connection, hashes."""

import base64
import copy
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ensemble.build.targets import ensemble, target

from zookeeper_operator.api.schema.metadata_rules import OWN_LABELS
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import build_auth, read_password
from zookeeper_operator.ensemble.build.config import build_config
from zookeeper_operator.ensemble.build.connection import (
    build_binding,
    build_connection,
    connection_string,
)
from zookeeper_operator.ensemble.build.disruption_budget import build_disruption_budget
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.build.objects import common_labels, owner_reference
from zookeeper_operator.ensemble.build.services import (
    build_client_service,
    build_external_service,
    build_member_service,
    build_members_service,
)
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.build.statefulset import build_statefulset
from zookeeper_operator.ensemble.membership import Membership, read_membership
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.hashes import content_hash
from zookeeper_operator.zookeeper.servers import Server

EXTERNAL = {
    "type": "NodePort",
    "adminServer": True,
    "members": [{"id": 2, "nodePort": 30002, "adminNodePort": 30082}, {"id": 3, "nodePort": 30003}],
    "annotations": {"a": "b"},
}
PLAIN = target(1)
OPEN = target(1, external=EXTERNAL)
BUILDERS: list[Callable[[], Object]] = [
    lambda: build_auth(PLAIN, "secret"),
    lambda: build_config(PLAIN),
    lambda: build_membership(PLAIN),
    lambda: build_members_service(PLAIN),
    lambda: build_member_service(PLAIN, 1),
    lambda: build_client_service(PLAIN),
    lambda: build_external_service(OPEN, 2),
    lambda: build_connection(PLAIN),
    lambda: build_binding(PLAIN),
    lambda: build_disruption_budget(PLAIN),
    lambda: build_network_policy(PLAIN),
    lambda: build_statefulset(PLAIN, names.VOTER, replicas=3, config="c", auth_hash="a"),
]


def nulls_and_empty_maps(value: Any, path: str = "") -> list[str]:
    # An empty one of these means all there is.
    meant = path.endswith((".emptyDir", ".namespaceSelector"))
    if value is None or (value == {} and not meant):
        return [path]
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in nulls_and_empty_maps(v, f"{path}.{k}")]
    if isinstance(value, list):
        return [p for v in value for p in nulls_and_empty_maps(v, path)]
    return []


@pytest.mark.parametrize("build", BUILDERS)
def test_every_child_says_whose_it_is_and_is_built_the_same_each_time(
    build: Callable[[], Object],
) -> None:
    body = build()
    metadata = body["metadata"]
    assert metadata["namespace"] == "demo"
    assert metadata["name"].startswith("zk")
    assert metadata["labels"].items() >= common_labels("zk").items()
    assert metadata["ownerReferences"] == [owner_reference(PLAIN)]
    assert nulls_and_empty_maps(body) == []
    assert repr(build()) == repr(body)


_memberships = st.builds(
    Membership,
    servers=st.lists(
        st.builds(
            Server,
            id=st.integers(1, 255),
            host=st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5})?", fullmatch=True),
            role=st.sampled_from(["participant", "observer"]),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda s: s.id,
    ).map(lambda servers: tuple(sorted(servers, key=lambda s: s.id))),
    version=st.integers(0, 2**63 - 1),
    founders=st.frozensets(st.integers(1, 9)).map(lambda ids: tuple(sorted(ids))),
    identity=st.uuids().map(str),
)


@given(_memberships)
def test_a_membership_is_read_as_it_was_written(wanted: Membership) -> None:
    assert read_membership(build_membership(replace(PLAIN, membership=wanted))) == wanted


def test_the_published_version_is_hexadecimal() -> None:
    data = build_membership(target(2, 1, version=0x100000000))["data"]
    assert data["configVersion"] == "100000000"
    assert [line[:9] for line in data["ZOO_SERVERS"].splitlines()] == ["server.1=", "server.2="]


@pytest.mark.parametrize(
    "change",
    [
        {"ZOO_SERVERS": ""},
        {"ZOO_SERVERS": "nonsense"},
        {"configVersion": "x"},
        {"founders": "a"},
        {"configVersion": None},
    ],
)
def test_an_unreadable_membership_is_not_guessed(change: dict[str, str | None]) -> None:
    body = build_membership(PLAIN)
    data = {k: v for k, v in {**body["data"], **change}.items() if v is not None}
    with pytest.raises((KeyError, ValueError)):
        read_membership({**body, "data": data})
    with pytest.raises((KeyError, ValueError)):
        read_membership({"kind": "ConfigMap"})


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_the_password_is_read_as_it_was_written(password: str) -> None:
    assert read_password(build_auth(PLAIN, password)) == password


def test_the_digest_is_what_zookeeper_compares_with() -> None:
    data = {k: base64.b64decode(v).decode() for k, v in build_auth(PLAIN, "secret")["data"].items()}
    digest = base64.b64encode(hashlib.sha1(b"super:secret").digest()).decode()  # noqa: S324
    assert data == {"username": "super", "password": "secret", "digest": f"super:{digest}"}


@pytest.mark.parametrize("data", [None, {}, {"password": "***"}, {"password": "/w=="}])
def test_a_secret_without_a_password_has_none(data: dict[str, str] | None) -> None:
    assert read_password({"data": data}) == ""


def test_members_are_found_before_they_are_ready() -> None:
    """Pains 20 and 22."""
    headless, member = (
        build_members_service(PLAIN)["spec"],
        build_member_service(PLAIN, 101)["spec"],
    )
    assert headless["clusterIP"] == "None"
    assert headless["publishNotReadyAddresses"] is member["publishNotReadyAddresses"] is True
    assert member["selector"] == {
        names.LABEL_ENSEMBLE: "zk",
        names.LABEL_POD_NAME: "zk-observer-101",
    }
    assert [p["port"] for p in member["ports"]] == [2181, 2888, 3888]


def test_the_name_of_a_member_service_is_its_host() -> None:
    name = build_member_service(PLAIN, 2)["metadata"]["name"]
    assert ensemble().server(2).host == f"{name}.demo.svc.cluster.local"


def test_clients_get_who_is_ready_and_the_client_port_only() -> None:
    """Pain 37: the AdminServer is in no Service that was not asked for."""
    spec = build_client_service(PLAIN)["spec"]
    assert "publishNotReadyAddresses" not in spec
    assert [p["port"] for p in spec["ports"]] == [2181]
    assert spec["selector"] == {names.LABEL_ENSEMBLE: "zk"}


def test_external_services_take_the_ports_that_are_asked_for() -> None:
    ports = {i: build_external_service(OPEN, i)["spec"]["ports"] for i in (1, 2, 3)}
    assert [[p.get("nodePort") for p in ports[i]] for i in (1, 2, 3)] == [
        [None, None],
        [30002, 30082],
        [30003, None],
    ]
    assert build_external_service(OPEN, 1)["metadata"]["annotations"] == {"a": "b"}


def test_the_admin_server_is_exposed_only_if_asked_for() -> None:
    closed = target(external={**EXTERNAL, "adminServer": False})
    assert [p["port"] for p in build_external_service(closed, 2)["spec"]["ports"]] == [2181]
    with pytest.raises(ValueError, match="not set"):
        build_external_service(PLAIN, 1)


def test_a_broken_voter_never_blocks_a_drain() -> None:
    spec = build_disruption_budget(PLAIN)["spec"]
    assert spec["maxUnavailable"] == 1
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert spec["selector"]["matchLabels"][names.LABEL_COMPONENT] == names.VOTER


def opened(body: Object) -> dict[int, Any]:
    return {p["port"]: rule.get("from") for rule in body["spec"]["ingress"] for p in rule["ports"]}


def test_only_the_client_port_is_open_to_all() -> None:
    found = opened(build_network_policy(PLAIN))
    assert sorted(found) == [2181, 2888, 3888, 7000, 8080]
    assert found[2181] is None
    labels = (names.LABEL_ENSEMBLE, names.LABEL_BACKUP_OF)
    peers = [{"podSelector": {"matchLabels": {label: "zk"}}} for label in labels]
    assert found[2888] == found[3888] == peers
    (operator,) = found[8080]
    assert operator["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "zookeeper-operator"
    }
    assert operator["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": "zookeeper-operator"
    }


def test_the_policy_follows_the_spec() -> None:
    assert opened(build_network_policy(OPEN))[8080] is None


MARKED: dict[str, Any] = {
    "labels": {"team": "a"},
    "annotations": {"example.org/note": "b", "a": "from the spec"},
}


def test_children_bear_the_labels_and_annotations_of_the_spec() -> None:
    marked = target(1, external=EXTERNAL, **MARKED)
    for body in (
        build_auth(marked, "secret"),
        build_config(marked),
        build_client_service(marked),
        build_network_policy(marked),
        build_statefulset(marked, names.VOTER, replicas=1, config="c", auth_hash="a"),
    ):
        assert body["metadata"]["labels"]["team"] == "a"
        assert body["metadata"]["annotations"]["example.org/note"] == "b"
    external = build_external_service(marked, 1)["metadata"]["annotations"]
    assert external["a"] == "b", "what is said of one kind of objects outweighs what is said of all"


def test_neither_pods_nor_claims_take_them() -> None:
    plain, marked = (
        build_statefulset(of, names.VOTER, replicas=1, config="c", auth_hash="a")["spec"]
        for of in (PLAIN, target(1, **MARKED))
    )
    assert plain == marked


def test_a_label_by_which_children_are_found_cannot_be_taken_away() -> None:
    taken = target(1, labels=dict.fromkeys(OWN_LABELS, "x"))
    found = build_client_service(taken)["metadata"]["labels"]
    assert common_labels("zk").items() <= found.items()
    assert {*common_labels("zk"), names.LABEL_COMPONENT} == {*OWN_LABELS, names.LABEL_ENSEMBLE}


def test_applications_read_the_voters_by_id() -> None:
    server = ensemble().server
    servers = (server(3), server(1, "observer"), server(101, "observer"))
    demoted = replace(PLAIN, membership=Membership(servers, 1, (), "u"))
    assert connection_string(demoted) == (
        "zk-1.demo.svc.cluster.local:2181,zk-3.demo.svc.cluster.local:2181"
    )
    data = build_connection(demoted)["data"]
    assert data["port"] == "2181"
    assert data["hosts"] == "zk-1.demo.svc.cluster.local,zk-3.demo.svc.cluster.local"
    binding = build_binding(demoted)
    read = {k: base64.b64decode(v).decode() for k, v in binding["data"].items()}
    assert binding["type"] == "servicebinding.io/zookeeper"
    assert read["type"] == "zookeeper"
    assert read["host"] == "zk-client.demo.svc.cluster.local"
    assert read["uri"] == f"zookeeper://{connection_string(demoted)}"


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), _json, max_size=5))
def test_the_hash_does_not_depend_on_the_order_of_keys(obj: dict[str, Any]) -> None:
    assert content_hash(obj) == content_hash(dict(reversed(obj.items())))
    assert re.fullmatch("[0-9a-f]{16}", content_hash(obj))


@pytest.mark.parametrize("build", BUILDERS)
def test_a_stamp_is_the_hash_of_the_body_without_it(build: Callable[[], Object]) -> None:
    body = build()
    before = copy.deepcopy(body)
    once = stamped(body)
    assert body == before
    assert stamped(once) == once
    assert once["metadata"]["annotations"][names.ANNOTATION_APPLIED] == content_hash(body)
    other = {**body, "metadata": {**body["metadata"], "annotations": {"x": "y"}}}
    assert (
        stamped(other)["metadata"]["annotations"][names.ANNOTATION_APPLIED]
        != once["metadata"]["annotations"][names.ANNOTATION_APPLIED]
    )
