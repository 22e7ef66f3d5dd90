"""A pass against a store of objects: what it sees although no list shows it, and where it stops."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.unit.ensemble.plan.scenes import NOW, answers, at_rest, committed, ensemble, voting
from tests.unit.ensemble.store import Key as StoredKey
from tests.unit.ensemble.store import Store

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Event, Key, OverrunError
from zookeeper_operator.control.metrics import Metrics
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Apply, Reconfigure, RestartMember
from zookeeper_operator.ensemble.build.objects import common_labels
from zookeeper_operator.ensemble.controller import EnsembleController
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observe import Inspector
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import Plan, build_plan
from zookeeper_operator.ensemble.security.certificates import read_secret
from zookeeper_operator.ensemble.security.phase import template_phase
from zookeeper_operator.ensemble.security.users import judge_users
from zookeeper_operator.kube.api import RESOURCES, KubeError, NamespaceEndingError, Object, Resource
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import (
    Access,
    Address,
    EnsembleUnreachableError,
    ReconfigureRefusedError,
    ZooKeeper,
)
from zookeeper_operator.zookeeper.served import Handshakes
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server

KEY = Key(names.KIND, "demo", "zk")
ENSEMBLE: Object = {
    "apiVersion": names.API_VERSION,
    "kind": names.KIND,
    "metadata": {
        "namespace": "demo",
        "name": "zk",
        "uid": "uid-of-zk",
        "generation": 1,
        "resourceVersion": "1",
    },
    "spec": {"replicas": 3},
}


def pod_body(member_id: int) -> Object:
    name = f"zk-{member_id}"
    labels = {names.LABEL_ENSEMBLE: "zk", names.LABEL_POD_NAME: name}
    return {
        "kind": "Pod",
        "metadata": {"namespace": "demo", "name": name, "uid": f"uid-of-{name}", "labels": labels},
        "status": {"podIP": f"192.0.2.{member_id}"},
    }


class Members:
    """An ensemble of three in which nothing is wrong."""

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        return {address.id: answers(address.id, 3, (1, 2, 3)) for address in members}

    async def read_config(self, access: Access) -> CommittedConfig:
        found = at_rest(3).committed
        assert found is not None
        return found

    async def shake_hands(self, *_: object) -> Handshakes:
        return {}

    async def write_fence(self, *_: object) -> int:
        raise AssertionError

    async def count_plain_clients(self, *_: object) -> dict[int, int]:
        return {}


class AskedMembers(Members):
    """Remembers whom it was asked for, and to whom the password was offered."""

    def __init__(self) -> None:
        self.pods: set[str] = set()

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        self.pods |= {member.pod for member in members}
        return await super().probe(members, thorough=thorough)

    async def read_config(self, access: Access) -> CommittedConfig:
        self.pods |= {member.pod for member in access.members}
        return await super().read_config(access)


class LosingMembers(Members):
    """An ensemble whose members are heard less and less; asked for its configuration, it says nothing."""

    def __init__(self, *heard: frozenset[int]) -> None:
        self.heard = list(heard)
        self.config_asked = 0

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        heard = self.heard.pop(0)
        return {n: answers(n, 3, (1, 2, 3)) if n in heard else silent(n) for n in (1, 2, 3)}

    async def read_config(self, access: Access) -> CommittedConfig:
        self.config_asked += 1
        raise EnsembleUnreachableError("no answer within 4 s")


def members() -> ZooKeeper:
    return cast("ZooKeeper", Members())


# ---- what no list shows ----


def with_config_map(**metadata: Any) -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": "zk-membership", "uid": "found", **metadata}}


@pytest.mark.parametrize(
    ("labels", "unlisted"),
    [
        pytest.param(
            {names.LABEL_ENSEMBLE: "zk"}, [("ConfigMap", "zk-membership")], id="a stale list"
        ),
        pytest.param({}, [], id="a label taken off by hand"),
    ],
)
async def test_a_child_that_no_list_shows_is_found_by_its_name(
    labels: dict[str, str], unlisted: list[StoredKey]
) -> None:
    owner = {"uid": ensemble().uid, "controller": True}
    child = with_config_map(labels=labels, ownerReferences=[owner])
    store = Store([ENSEMBLE, child], unlisted)
    found = await Inspector(store, members(), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    assert (found.child("ConfigMap", "zk-membership"), found.foreign) == (child, ())


class Counting(Store):
    """Counts what is read, by verb and kind."""

    def __init__(self, objects: Sequence[Object]) -> None:
        super().__init__(objects)
        self.reads: list[str] = []

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        self.reads.append(f"get {resource.kind}")
        return await super().get(resource, namespace, name)

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        self.reads.append(f"list {resource.kind}")
        return await super().list(resource, namespace, labels=labels, fields=fields)


async def test_an_idle_ensemble_is_read_with_eleven_requests() -> None:
    """Eight lists, and what no list shows: the ensemble itself and its two Secrets."""
    store = Counting([ENSEMBLE, *at_rest(3).children, *(pod_body(n) for n in (1, 2, 3))])
    observed = await Inspector(store, members(), Settings(), lambda: NOW).observe(KEY)
    assert observed is not None
    assert len(observed.pods) == 3
    assert sorted(store.reads) == [
        *("get Secret", "get Secret", "get ZookeeperEnsemble"),
        *("list ConfigMap", "list NetworkPolicy", "list PersistentVolumeClaim", "list Pod"),
        *("list PodDisruptionBudget", "list Service", "list StatefulSet"),
        "list ZookeeperBackupSchedule",
    ]


async def test_what_others_have_under_a_name_of_ours_is_theirs() -> None:
    theirs = with_config_map()
    found = await Inspector(Store([ENSEMBLE, theirs]), members(), Settings(), lambda: NOW).observe(
        KEY
    )
    assert found is not None
    assert (found.child("ConfigMap", "zk-membership"), found.foreign) == (None, (theirs,))


@pytest.mark.parametrize(
    ("tls", "taken"),
    [
        pytest.param({}, True, id="our own CA would be there"),
        pytest.param({"source": {"issuerRef": {"name": "zk-ca"}}}, False, id="it is the issuer's"),
        pytest.param(None, False, id="TLS is being left"),
    ],
)
async def test_the_name_of_our_ca_may_be_taken_where_the_certificate_is_another_s(
    tls: Object | None, *, taken: bool
) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": "demo", "name": "zk-ca", "uid": "x"},
    }
    secured = pod_body(1)
    secured["metadata"]["annotations"] = {names.ANNOTATION_SECURITY: "q3,c1,a0"}
    asked = {**ENSEMBLE, "spec": {"replicas": 3, **({} if tls is None else {"tls": tls})}}
    store = Store([asked, theirs, secured])
    found = await Inspector(store, members(), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    assert found.child("Secret", "zk-ca") is None
    assert (found.foreign == (theirs,)) is taken


async def test_what_a_deleted_ensemble_has_left_is_told_from_our_own() -> None:
    """Its StatefulSet is gone already; the garbage collector has not come to its pods and claims yet.

    It comes to nothing that has no owner, so nothing waits for that.
    """
    metadata = {"labels": {names.LABEL_ENSEMBLE: "zk"}, "ownerReferences": [{"uid": "old"}]}
    volume = {"name": names.CONFIG_VOLUME, "configMap": {"name": "zk-config-old"}}
    spec = {"volumes": [volume]}
    pod = {"kind": "Pod", "metadata": {"name": "zk-1", "uid": "pod", **metadata}, "spec": spec}
    copy = {"kind": "Pod", "metadata": {"name": "debug-zk-1", "uid": "copy", **metadata}}
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-zk-1", "uid": "claim", **metadata},
        "status": {"phase": "Bound"},
    }
    store = Store([ENSEMBLE, pod, copy, claim, copied(2, "zk-4")])
    found = await Inspector(store, members(), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    assert (found.pods, found.previous_pods) == ((), ("zk-1",))
    assert "zk-config-old" in found.unclaimed_configs
    assert [found.is_leaving(one) for one in found.claims] == [True]


class Earlier(Store):
    """Its lists are those of an earlier moment, but for pods that are listed again."""

    def __init__(self, objects: Sequence[Object], pods: Sequence[Object]) -> None:
        super().__init__(objects)
        self.earlier: Sequence[Object] | None = pods
        self.stopped: Sequence[Object] = ()

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        if resource.kind == "Pod" and self.earlier is not None:
            earlier, self.earlier = self.earlier, None
            return [*earlier]
        if resource.kind == "StatefulSet":
            return [*self.stopped]
        return await super().list(resource, namespace, labels=labels, fields=fields)


def without_members(statefulset: Object) -> Object:
    return {**statefulset, "spec": {**statefulset["spec"], "replicas": 0}}


def owned_by_the_former_statefulset(pod: Object) -> Object:
    owner = {"uid": "former", "kind": "StatefulSet", "controller": True}
    return {**pod, "metadata": {**pod["metadata"], "ownerReferences": [owner]}}


@pytest.mark.parametrize("shown", ["owned", "none", "none, and the StatefulSet as it was stopped"])
@pytest.mark.parametrize(
    ("phase", "asked"),
    [
        ("q0,c0,a0", {"tls": {}}),
        ("q3,c1,a0", {}),
        ("q0,c0,a0", {"auth": {"required": "Sasl"}}),
        ("q0,c0,a2", {}),
    ],
)
async def test_templates_do_not_leave_pods_behind_that_an_older_list_does_not_show_to_be_ours(
    phase: str, asked: Object, shown: str
) -> None:
    """Their StatefulSet is recreated, or has just been scaled up. No quorum takes part in that."""
    pods = [pod_body(n) for n in (1, 2, 3)]
    for pod in pods:
        pod["metadata"]["annotations"] = {names.ANNOTATION_SECURITY: phase}
    earlier = [owned_by_the_former_statefulset(pod) for pod in pods] if shown == "owned" else []
    founded = {"foundedAt": "2026-01-01T00:00:00Z"}
    children = [c for c in at_rest(3).children if c["kind"] == "StatefulSet"]
    store = Earlier(
        [{**ENSEMBLE, "spec": {"replicas": 3, **asked}, "status": founded}, *pods], earlier
    )
    store.stopped = [without_members(c) for c in children] if "stopped" in shown else []
    losing = cast("ZooKeeper", LosingMembers(frozenset({1})))
    found = await Inspector(store, losing, Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    assert [pod.id for pod in found.pods] == [1, 2, 3]
    applied = {
        action.body["metadata"]["name"]: action.body
        for action in build_plan(found).actions
        if isinstance(action, Apply) and action.body["kind"] == "StatefulSet"
    }
    made = template_phase(applied["zk"]["spec"]["template"])
    assert made is not None
    assert f"q{made.quorum},a{made.auth}" == f"{phase[:2]},{phase[-2:]}"


@pytest.mark.parametrize("live_replicas", [0, 3])
async def test_a_stopped_ensemble_starts_at_its_goal_if_it_is_stopped_now(
    live_replicas: int,
) -> None:
    """A list that shows it stopped may be older than the start: pods of that template are to come."""
    (statefulset,) = (c for c in at_rest(3).children if c["kind"] == "StatefulSet")
    live = {**statefulset, "spec": {**statefulset["spec"], "replicas": live_replicas}}
    asked = {"replicas": 3, "tls": {}}
    founded = {"foundedAt": "2026-01-01T00:00:00Z"}
    store = Earlier([{**ENSEMBLE, "spec": asked, "status": founded}, live], [])
    store.stopped = [without_members(statefulset)]
    losing = cast("ZooKeeper", LosingMembers(frozenset()))
    found = await Inspector(store, losing, Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    phases = {
        phase.text
        for action in build_plan(found).actions
        if isinstance(action, Apply)
        and action.body["kind"] == "StatefulSet"
        and (phase := template_phase(action.body["spec"]["template"])) is not None
    }
    assert ("q3,c1,a0" in phases) is (live_replicas == 0)


async def test_the_password_that_members_mount_in_clear_opens_nothing_else() -> None:
    asked = {**ENSEMBLE, "spec": {**ENSEMBLE["spec"], "tls": {}}}
    found = await Inspector(Store([asked]), members(), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    applies = [action for action in build_plan(found).actions if isinstance(action, Apply)]
    secrets = {a.body["metadata"]["name"]: a.body for a in applies if a.body["kind"] == "Secret"}
    mounted = read_secret(secrets["zk-tls"])["truststore.password"]
    assert len(mounted) >= 24
    assert mounted not in read_secret(secrets["zk-auth"]).values()


@pytest.mark.parametrize("had_users", [True, False])
async def test_users_that_are_left_are_found_by_the_own_user_in_the_other_secret(
    *, had_users: bool
) -> None:
    """And read only then: an ensemble that has none costs no request for them."""

    def secret(name: str, data: dict[str, str]) -> Object:
        owner = {"uid": ENSEMBLE["metadata"]["uid"], "controller": True}
        metadata: Object = {"name": name, "uid": name, "labels": common_labels("zk")}
        metadata |= {"namespace": "demo", "ownerReferences": [owner]}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}

    own = {"sasl-password": "b3du"} if had_users else {}
    left = secret("zk-users", {"jaas.conf": "eA=="})
    store = Store([ENSEMBLE, secret("zk-auth", {"password": "eA==", **own}), left])
    found = await Inspector(store, members(), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    assert (found.child("Secret", "zk-users") is not None) is had_users
    assert judge_users(found).forgotten is had_users
    assert found.foreign == ()


BEARING_OUR_LABELS = [
    pytest.param({names.LABEL_ENSEMBLE: "zk"}, {}, id="the label that people copy"),
    pytest.param(common_labels("zk"), {}, id="all our labels"),
    pytest.param(
        common_labels("zk"),
        {"ownerReferences": [{"uid": "web", "kind": "Deployment", "controller": True}]},
        id="all our labels and an owner",
    ),
]


@pytest.mark.parametrize(("labels", "owned"), BEARING_OUR_LABELS)
@pytest.mark.parametrize("kind", ["Service", "ConfigMap", "StatefulSet", "NetworkPolicy"])
async def test_what_merely_bears_our_labels_is_ignored(
    kind: str, labels: dict[str, str], owned: Object
) -> None:
    spec = {"spec": {"replicas": 1, "template": {"spec": {}}}} if kind == "StatefulSet" else {}
    metadata = {"name": "zk-config-theirs", "uid": "x", "labels": labels, **owned}
    theirs = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **spec}
    store = Store([ENSEMBLE, theirs])
    inspector = Inspector(store, members(), Settings(), lambda: NOW)
    found = await inspector.observe(KEY)
    assert found is not None
    assert (found.children, found.foreign) == ((), ())
    await EnsembleController(store, members(), Settings(), Board(), now=lambda: NOW).reconcile(KEY)
    assert store.objects[kind, "zk-config-theirs"] == theirs
    assert ("StatefulSet", "zk") in store.objects


async def test_what_an_ensemble_left_behind_is_adopted_where_its_name_is_needed() -> None:
    """By `kubectl delete --cascade=orphan`; members that left the spec need their Services too."""
    labels = common_labels("zk")
    left = with_config_map(labels=labels)
    left["data"] = {
        "ZOO_SERVERS": "".join(f"{ensemble().server(n).line()}\n" for n in (1, 2, 3, 4)),
        "configVersion": "100",
        "founders": "",
        "identity": "u",
    }
    service = {"kind": "Service", "metadata": {"name": "zk-4", "uid": "s", "labels": labels}}
    unneeded = {"kind": "Service", "metadata": {"name": "zk-5", "uid": "t", "labels": labels}}
    store = Store([ENSEMBLE, left, service, unneeded])
    found = await Inspector(store, members(), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    assert found.children == (service, left)
    assert found.foreign == ()


async def test_a_name_that_a_leaving_member_needs_may_not_be_taken_either() -> None:
    theirs = {
        "kind": "Service",
        "metadata": {"name": "zk-4", "uid": "s", "labels": {names.LABEL_ENSEMBLE: "zk"}},
    }
    store = Store([ENSEMBLE, theirs, pod_body(4)])
    found = await Inspector(store, members(), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    assert found.foreign == (theirs,)


def copied(member_id: int, name: str, **more: Any) -> Object:
    """A pod with all labels of a member's, as `kubectl debug --copy-to NAME --keep-labels` makes it."""
    body = pod_body(member_id)
    return {**body, "metadata": {**body["metadata"], "name": name, "uid": f"copy {name}", **more}}


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(copied(2, "debug-2"), id="another name"),
        pytest.param(copied(2, "zk-2-debug"), id="a longer name"),
        pytest.param(copied(2, "zk-4"), id="the name of another member"),
        pytest.param(copied(2, "zk-99999999999999999"), id="no id"),
        pytest.param(copied(2, "zk-02"), id="an id with a zero"),
        pytest.param(
            copied(2, "zk-4", ownerReferences=[{"uid": "other", "controller": True}]),
            id="another controller",
        ),
    ],
)
async def test_a_copy_of_a_pod_is_no_member(copy: Object) -> None:
    asked = AskedMembers()
    store = Store([ENSEMBLE, *(pod_body(n) for n in (1, 2, 3)), copy])
    inspector = Inspector(store, cast("ZooKeeper", asked), Settings(), lambda: NOW)
    found = await inspector.observe(KEY)
    assert found is not None
    assert [pod.name for pod in found.pods] == ["zk-1", "zk-2", "zk-3"]
    assert asked.pods == {"zk-1", "zk-2", "zk-3"}


async def test_a_member_is_a_pod_that_our_statefulset_controls() -> None:
    owned = {"ownerReferences": [{"uid": ensemble().uid, "controller": True}]}
    labels = {names.LABEL_ENSEMBLE: "zk"}
    statefulset = {
        "kind": "StatefulSet",
        "metadata": {"name": "zk", "uid": "sts", "labels": labels, **owned},
        "spec": {"template": {"spec": {}}},
    }
    by_us = {"ownerReferences": [{"uid": "sts", "controller": True}]}
    pods = [copied(1, "zk-1", **by_us), copied(2, "zk-observer-101", **by_us)]
    store = Store([ENSEMBLE, statefulset, *pods])
    found = await Inspector(store, members(), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    assert [pod.name for pod in found.pods] == ["zk-1"]


async def test_only_claims_that_a_statefulset_of_ours_would_use_are_members_claims() -> None:
    labels = {names.LABEL_ENSEMBLE: "zk"}
    claims = [
        {"kind": "PersistentVolumeClaim", "metadata": {"name": name, "uid": name, "labels": labels}}
        for name in ("data-zk-1", "data-zk-1-copy", "data-other-2", "backup-zk-1", "data-zk-999")
    ]
    found = await Inspector(Store([ENSEMBLE, *claims]), members(), Settings(), lambda: NOW).observe(
        KEY
    )
    assert found is not None
    assert [claim.name for claim in found.claims] == ["data-zk-1"]


async def test_a_configuration_that_no_list_shows_is_not_taken_for_gone() -> None:
    """The template names it. If it were gone, a pinned template would be built again, and roll."""
    owned = {"ownerReferences": [{"uid": ensemble().uid, "controller": True}]}
    volume = {"name": names.CONFIG_VOLUME, "configMap": {"name": "zk-config-1"}}
    statefulset = {
        "kind": "StatefulSet",
        "metadata": {
            "name": "zk",
            "uid": "sts",
            "labels": {names.LABEL_ENSEMBLE: "zk"},
            **owned,
        },
        "spec": {"template": {"spec": {"volumes": [volume]}}},
    }
    config = {"kind": "ConfigMap", "metadata": {"name": "zk-config-1", "uid": "config", **owned}}
    store = Store([ENSEMBLE, statefulset, config])
    found = await Inspector(store, members(), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    assert found.child("ConfigMap", "zk-config-1") == config


async def test_a_spec_that_cannot_be_read_leaves_no_report_of_an_earlier_one() -> None:
    unreadable = {**ENSEMBLE, "spec": {"storage": {"data": {"size": []}}}}
    store, board = Store([unreadable]), Board()
    board.post(KEY, cast("Any", object()))
    await EnsembleController(store, members(), Settings(), board).reconcile(KEY)
    assert board.get(KEY) is None
    status = store.objects[names.KIND, "zk"]["status"]
    assert {c["reason"] for c in status["conditions"]} == {"InvalidSpec"}


async def test_a_spec_whose_reconcile_computes_for_too_long_is_named_in_its_status() -> None:
    def overrun(_: Observed) -> Plan:
        raise OverrunError

    store = Store([ENSEMBLE])
    controller = EnsembleController(store, members(), Settings(), Board(), decide=overrun)
    assert await controller.reconcile(KEY) == Settings().resync_seconds
    conditions = store.objects[names.KIND, "zk"]["status"]["conditions"]
    assert {c["reason"] for c in conditions} == {"InvalidSpec"}
    assert "computed for too long" in conditions[0]["message"]


class Recreating(Store):
    """The ensemble is deleted and created again right before its status is written."""

    async def apply_status(self, resource: Resource, body: Object) -> Object:
        another = {**ENSEMBLE["metadata"], "uid": "another-uid", "resourceVersion": "8"}
        self.objects[names.KIND, "zk"] = {**ENSEMBLE, "metadata": another}
        return await super().apply_status(resource, body)


@pytest.mark.parametrize("spec", [{"replicas": 3}, {"storage": {"data": {"size": []}}}])
async def test_a_status_is_written_to_the_object_that_was_seen(spec: dict[str, Any]) -> None:
    store = Recreating([{**ENSEMBLE, "spec": spec}])
    await EnsembleController(store, members(), Settings(), Board()).reconcile(KEY)
    assert store.objects[names.KIND, "zk"]["metadata"]["uid"] == "another-uid"
    assert "status" not in store.objects[names.KIND, "zk"]


class Edited(Store):
    """The ensemble is edited while it is reconciled."""

    async def apply_status(self, resource: Resource, body: Object) -> Object:
        live = self.objects[names.KIND, "zk"]
        newer = {**live["metadata"], "resourceVersion": "9", "generation": 2}
        self.objects[names.KIND, "zk"] = {**live, "metadata": newer}
        return await super().apply_status(resource, body)


async def test_an_edit_since_the_reconcile_began_loses_no_status() -> None:
    store = Edited([{**ENSEMBLE, "status": {"managedBy": Settings().installation}}])
    await EnsembleController(store, members(), Settings(), Board()).reconcile(KEY)
    status = store.objects[names.KIND, "zk"]["status"]
    assert status["observedGeneration"] == 1
    assert status["conditions"]


# ---- members that fall silent ----


@pytest.mark.parametrize(
    "heard",
    [pytest.param({1, 2}, id="without the leader"), pytest.param({3}, id="only the leader")],
)
async def test_without_a_quorum_nobody_waits_for_the_configuration(heard: set[int]) -> None:
    losing = LosingMembers(frozenset(heard))
    found = await observe(losing)
    assert (losing.config_asked, found.committed) == (0, None)
    assert found.unreadable.startswith("no majority has answered that it serves")


async def test_a_configuration_that_is_not_had_outdates_what_was_said_before() -> None:
    losing = LosingMembers(frozenset({1, 2, 3}), frozenset({1}))
    found = await observe(losing)
    assert losing.config_asked == 1
    assert found.unreadable == "the configuration could not be read: no answer within 4 s"
    assert {n: a.serving for n, a in found.answers.items()} == {1: True, 2: False, 3: False}


async def observe(losing: LosingMembers) -> Observed:
    store = Store([ENSEMBLE, *(pod_body(n) for n in (1, 2, 3))])
    found = await Inspector(store, cast("ZooKeeper", losing), Settings(), lambda: NOW).observe(KEY)
    assert found is not None
    return found


# ---- a namespace that is being deleted ----


class EndingNamespace(Store):
    """Nothing can be made in it any more."""

    async def apply(self, resource: Resource, body: Object) -> Object:
        raise NamespaceEndingError(403, "Forbidden", "it is being terminated")


async def test_a_namespace_that_is_being_deleted_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = EndingNamespace([ENSEMBLE])
    controller = EnsembleController(store, members(), Settings(), Board(), now=lambda: NOW)
    assert await controller.reconcile(KEY) == Settings().resync_seconds
    assert "conditions" not in store.objects[names.KIND, "zk"]["status"]
    assert not [r for r in caplog.records if r.levelname != "DEBUG"]


# ---- a Lease that is lost in mid-pass ----


async def first_pass(writes: int) -> tuple[Store, int]:
    """The pass that makes the children, by a process that holds the Lease for so many writes."""
    store = Store([ENSEMBLE])
    written = 0

    def count() -> None:
        nonlocal written
        written += 1

    store.after_write = count
    controller = EnsembleController(
        store,
        members(),
        Settings(),
        Board(),
        may_act=lambda: written < writes,
        now=lambda: NOW,
    )
    await controller.reconcile(KEY)
    return store, written


async def test_nothing_is_written_after_the_lease_is_lost() -> None:
    whole, writes = await first_pass(writes=1000)
    assert whole.objects[names.KIND, "zk"]["status"]["conditions"], "the last write of a pass"
    assert 10 < writes < 1000
    for lost_after in range(writes):
        store, written = await first_pass(lost_after)
        assert written == lost_after
        assert "conditions" not in store.objects[names.KIND, "zk"].get("status", {})


RESTART = RestartMember(2, "zk-2", "uid-of-zk-2", "zk", 0, why="its revision is old")


@pytest.mark.parametrize(
    ("may_tell", "told"),
    [
        pytest.param(True, {"Event", names.KIND}, id="holds it"),
        pytest.param(False, set(), id="lost it"),
    ],
)
async def test_what_was_done_is_told_by_who_holds_the_lease(
    *, may_tell: bool, told: set[str]
) -> None:
    """The last thing it did was to restart a member: Event and status are its successor's to write."""
    recorded = {**ENSEMBLE, "status": {"managedBy": Settings().installation}}
    store = Store([recorded, pod_body(2)])
    before = dict(store.objects)
    controller = EnsembleController(
        store,
        members(),
        Settings(),
        Board(),
        may_act=lambda: may_tell or ("Pod", "zk-2") in store.objects,
        now=lambda: NOW,
        decide=lambda observed: replace(build_plan(observed), actions=(RESTART,)),
    )
    await controller.reconcile(KEY)
    assert ("Pod", "zk-2") not in store.objects
    written = {
        kind for (kind, name), body in store.objects.items() if body != before.get((kind, name))
    }
    assert written == told


async def test_an_event_counts_when_it_is_written() -> None:
    """One member is restarted; the Event that the API server refuses counts for nothing."""

    class Refusing(Store):
        async def create(self, resource: Resource, body: Object) -> Object:
            if body["kind"] == "Event" and refused:
                raise KubeError(500, "InternalError", "not now")
            return await super().create(resource, body)

    for refused in (True, False):
        metrics = Metrics(Board())
        controller = EnsembleController(
            Refusing([ENSEMBLE, pod_body(2)]),
            members(),
            Settings(),
            Board(),
            on_event_written=metrics.event,
            now=lambda: NOW,
            decide=lambda observed: replace(build_plan(observed), actions=(RESTART,)),
        )
        await controller.reconcile(KEY)
        value = metrics.registry.get_sample_value(
            "zookeeper_operator_events_emitted_total",
            {"type": "Normal", "reason": "RestartingMember"},
        )
        assert value == (None if refused else 1)


# ---- what wakes an ensemble, and what is left on the board ----


@pytest.mark.parametrize(
    ("resource", "metadata", "keys"),
    [
        pytest.param(names.ENSEMBLES, {"name": "zk"}, [KEY], id="itself"),
        pytest.param(
            RESOURCES["Pod"],
            {"name": "zk-1", "labels": {names.LABEL_ENSEMBLE: "zk"}},
            [KEY],
            id="a child",
        ),
        pytest.param(RESOURCES["Pod"], {"name": "zk-1", "labels": None}, [], id="a stranger"),
    ],
)
def test_an_event_wakes_the_ensemble_that_an_object_belongs_to(
    resource: Resource, metadata: Object, keys: list[Key]
) -> None:
    controller = EnsembleController(Store([]), members(), Settings(), Board())
    event = Event("MODIFIED", {"metadata": {"namespace": "demo", **metadata}})
    assert list(controller.keys_of(resource, event)) == keys


def test_no_secret_is_watched() -> None:
    controller = EnsembleController(Store([]), members(), Settings(), Board())
    kinds = [watched.resource.kind for watched in controller.watches]
    assert kinds[0] == names.KIND
    assert "Secret" not in kinds
    assert all(w.label_selector == names.LABEL_ENSEMBLE for w in controller.watches[1:])


async def test_the_list_says_all_that_a_resync_needs() -> None:
    live = {**ENSEMBLE, "metadata": {**ENSEMBLE["metadata"], "resourceVersion": "7"}}
    controller = EnsembleController(Store([live]), members(), Settings(), Board())
    assert await controller.list_keys() == [(KEY, "uid-of-zk", "7")]


async def test_a_pass_leaves_its_report_on_the_board() -> None:
    board = Board()
    controller = EnsembleController(
        Store([ENSEMBLE]), members(), Settings(), board, now=lambda: NOW
    )
    await controller.reconcile(KEY)
    report = board.get(KEY)
    assert report is not None
    assert ("zookeeper_operator_ensemble_ready", ("demo", "zk"), 0) in report.samples


# ---- what is remembered between two reconciles ----


class Changing(Members):
    """An ensemble whose committed configuration is counted when it is read, and can be changed."""

    def __init__(self, error: Exception | None = None) -> None:
        self.read = 0
        self.error = error
        self.roles = voting(1, 2, 3)

    async def read_config(self, access: Access) -> CommittedConfig:
        self.read += 1
        return committed(ensemble(), self.roles)

    async def reconfigure(
        self,
        access: Access,
        *,
        joining: Sequence[Server],
        leaving: Sequence[int],
        based_on: CommittedConfig,
    ) -> CommittedConfig:
        if self.error is not None:
            raise self.error
        return based_on


def served() -> Store:
    return Store([ENSEMBLE, *(pod_body(n) for n in (1, 2, 3))])


def controller_of(
    store: Store, zookeeper: Members, decide: Callable[[Observed], Plan]
) -> EnsembleController:
    return EnsembleController(
        store,
        cast("ZooKeeper", zookeeper),
        Settings(),
        Board(),
        now=lambda: NOW,
        decide=decide,
    )


def hand_over(observed: Observed) -> Plan:
    assert observed.committed is not None
    joining = (observed.ensemble.server(3, "observer"),)
    step = Reconfigure(observed.committed, "its turn", "HandingOverLeadership", joining=joining)
    return replace(build_plan(observed), actions=(step,))


def idle(observed: Observed) -> Plan:
    return replace(build_plan(observed), actions=())


@pytest.mark.parametrize(
    "error",
    [
        None,
        ReconfigureRefusedError("no rights"),
        EnsembleUnreachableError("the outcome of a reconfiguration is not known"),
        TimeoutError("the time of the reconcile is over"),
    ],
    ids=["done", "refused", "unknown", "interrupted"],
)
async def test_the_configuration_is_read_again_whatever_a_reconfiguration_came_to(
    error: Exception | None,
) -> None:
    zookeeper = Changing(error)
    decisions = iter([hand_over, idle, idle])

    def decide(observed: Observed) -> Plan:
        return next(decisions)(observed)

    controller = controller_of(served(), zookeeper, decide)
    with contextlib.suppress(TimeoutError):
        await controller.reconcile(KEY)
    await controller.reconcile(KEY)
    assert zookeeper.read == 2
    await controller.reconcile(KEY)
    assert zookeeper.read == 2, "nothing has changed since"


async def test_an_ensemble_that_is_created_again_is_not_taken_for_the_deleted_one() -> None:
    seen: list[Observed] = []

    def decide(observed: Observed) -> Plan:
        seen.append(observed)
        return hand_over(observed) if len(seen) == 1 else idle(observed)

    store, zookeeper = served(), Changing(ReconfigureRefusedError("no rights"))
    controller = controller_of(store, zookeeper, decide)
    await controller.reconcile(KEY)
    await controller.reconcile(KEY)
    read = zookeeper.read
    again = {**ENSEMBLE, "metadata": {**ENSEMBLE["metadata"], "uid": "another uid"}}
    store.objects[names.KIND, "zk"] = again
    await controller.reconcile(KEY)
    refused = [None if o.refusal is None else o.refusal.handing_over for o in seen]
    assert refused == [None, 3, None]
    assert zookeeper.read == read + 1


async def test_a_refusal_that_is_transient_is_remembered_as_such() -> None:
    seen: list[Observed] = []

    def decide(observed: Observed) -> Plan:
        seen.append(observed)
        return hand_over(observed)

    error = ReconfigureRefusedError("a follower is not in sync", transient=True)
    controller = controller_of(served(), Changing(error), decide)
    for _ in range(3):
        await controller.reconcile(KEY)
    refusal = seen[-1].refusal
    assert refusal is not None
    assert (refusal.transient, refusal.since) == (True, NOW)


async def test_an_apply_that_changes_nothing_is_not_repeated_and_settles() -> None:
    """The API server stores a value in another form: what is read never equals what is applied."""

    class Rewriting(Store):
        async def apply(self, resource: Resource, body: Object) -> Object:
            applies.append(body["metadata"]["name"])
            if body["metadata"]["name"] == "zk-client":
                body = {**body, "spec": {**body["spec"], "type": "Rewritten"}}
            return await super().apply(resource, body)

    applies: list[str] = []
    plans: list[Plan] = []

    def decide(observed: Observed) -> Plan:
        plans.append(build_plan(observed))
        return plans[-1]

    store = Rewriting([ENSEMBLE])
    controller = controller_of(store, Members(), decide)
    for _ in range(4):
        await controller.reconcile(KEY)
    assert applies.count("zk-client") == 1
    assert plans[-1].actions == ()
    service = store.objects["Service", "zk-client"]
    edited = {**service, "metadata": {**service["metadata"], "resourceVersion": "edited"}}
    store.objects["Service", "zk-client"] = edited
    await controller.reconcile(KEY)
    assert applies.count("zk-client") == 2, "somebody has changed it since"
