"""The objects of an ensemble are deleted, in parts and as a whole, and come back."""

import time
from typing import Any

import pytest
from e2e.cluster import OPERATOR_NAMESPACE, Object, wait_until
from e2e.ensembles import Ensemble, comparable, manifest
from e2e.places import Operator, Places

from zookeeper_operator.ensemble.children import CHILD_KINDS

pytestmark = pytest.mark.chaos

BACK_SECONDS = 20

CONFIG = "zk-config"
"""Stands for the configuration, whose name ends with a hash of its content."""
STATELESS = (
    ("configmap", CONFIG),
    ("configmap", "zk-membership"),
    ("configmap", "zk-connection"),
    ("secret", "zk-connection"),
    ("service", "zk-1"),
    ("service", "zk-2"),
    ("service", "zk-3"),
    ("service", "zk-members"),
    ("service", "zk-client"),
    ("poddisruptionbudget", "zk"),
    ("networkpolicy", "zk"),
)
"""What can be recreated without touching any member."""

MADE_BY_KUBERNETES = {"Pod", "PersistentVolumeClaim"}
KINDS = ",".join(
    kind.resource.plural for kind in CHILD_KINDS if kind.resource.kind not in MADE_BY_KUBERNETES
)


def children(ensemble: Ensemble) -> dict[tuple[str, str], Object]:
    """Every object that the ensemble owns, by kind and name, without what is set differently each time."""
    uid = ensemble.body()["metadata"]["uid"]
    return {
        (body["kind"], body["metadata"]["name"]): comparable(body)
        for body in ensemble.cluster.list(KINDS, ensemble.namespace)
        if any(o["uid"] == uid for o in body["metadata"].get("ownerReferences") or ())
    }


def stateless(ensemble: Ensemble) -> list[tuple[str, str]]:
    """Kind and name of each child that can be recreated without touching any member."""
    config = next(
        name for kind, name in children(ensemble) if kind == "ConfigMap" and name.startswith(CONFIG)
    )
    return [(kind, config if name == CONFIG else name) for kind, name in STATELESS]


def delete(ensemble: Ensemble, kind: str, name: str) -> None:
    """Delete a child. Secrets are not watched: to get one back soon, touch the ensemble."""
    ensemble.cluster.delete(kind, name, ensemble.namespace)
    if kind == "secret":
        touched = {"metadata": {"annotations": {"e2e/touched": str(time.time())}}}
        ensemble.cluster.patch("zke", ensemble.name, ensemble.namespace, touched)


def test_the_list_of_children_is_complete(three: Ensemble) -> None:
    """Each of them is deleted below: add a new kind of child there."""
    tried = {*stateless(three), ("secret", "zk-auth"), ("statefulset", "zk")}
    assert {(kind.lower(), name) for kind, name in children(three)} == tried


def test_every_child_comes_back_the_same_and_no_member_is_touched(three: Ensemble) -> None:
    """Delete every object but the StatefulSet and its password in turn: no restart, no election."""
    before, pods, leader = children(three), three.pod_uids(), three.status()["leader"]
    for kind, name in stateless(three):
        old = three.cluster.get(kind, name, three.namespace)
        assert old is not None
        delete(three, kind, name)

        def is_back(kind: str = kind, name: str = name, old: Object = old) -> bool:
            new = three.cluster.get(kind, name, three.namespace)
            return new is not None and new["metadata"]["uid"] != old["metadata"]["uid"]

        wait_until(f"{kind} {name} is back", is_back, seconds=BACK_SECONDS, every=0.2)
    three.wait_settled()
    assert children(three) == before
    assert three.pod_uids() == pods
    assert three.status()["leader"] == leader


def test_a_child_that_was_edited_is_mended(three: Ensemble) -> None:
    """A person edits what the operator owns: the value is put back; what they add stays."""
    before = children(three)
    three.cluster.patch(
        "service",
        "zk-client",
        three.namespace,
        {"spec": {"ports": [{"name": "client", "port": 2182}]}},
    )
    three.cluster.patch(
        "poddisruptionbudget", "zk", three.namespace, {"spec": {"maxUnavailable": 2}}
    )
    wait_until(
        "both are as before",
        lambda: children(three) == before,
        seconds=BACK_SECONDS,
        seen=lambda: [k for k, v in children(three).items() if before.get(k) != v],
    )


def test_the_password_comes_back_and_the_members_learn_it(three: Ensemble) -> None:
    """Delete zk-auth: a new password is created, the members are rolled to it, and scaling works with it."""
    three.write("/kept", "through")
    old = three.cluster.get("secret", "zk-auth", three.namespace)
    assert old is not None
    delete(three, "secret", "zk-auth")

    def fresh() -> bool:
        new = three.cluster.get("secret", "zk-auth", three.namespace)
        return new is not None and new["metadata"]["uid"] != old["metadata"]["uid"]

    pods = three.pod_uids()
    wait_until("zk-auth is back", fresh, seconds=BACK_SECONDS)
    wait_until(
        "every member was restarted",
        lambda: not set(three.pod_uids().values()) & set(pods.values()),
        seconds=120,
    )
    three.wait_settled()
    new = three.cluster.get("secret", "zk-auth", three.namespace)
    assert new is not None
    assert new["data"].keys() == old["data"].keys()
    assert three.read("/kept", member=2) == "through"
    three.delete("/kept")


def test_the_statefulset_comes_back_and_takes_its_pods_up_again(three: Ensemble) -> None:
    """Delete the StatefulSet and leave its pods: it comes back, and no member is restarted."""
    before, pods, old = children(three), three.pod_uids(), uid_of_statefulset(three)
    three.cluster.delete("statefulset", "zk", three.namespace, "--cascade=orphan")
    # The old one stays for a moment, until its pods have no owner.
    wait_until(
        "another one is there", lambda: uid_of_statefulset(three) != old, seconds=BACK_SECONDS
    )
    wait_until("it is the same", lambda: children(three) == before, seconds=BACK_SECONDS)
    three.wait_settled()
    assert three.pod_uids() == pods


def uid_of_statefulset(ensemble: Ensemble) -> str:
    """The UID of the StatefulSet.

    Raises:
        KeyError: there is none.
    """
    return str(
        (ensemble.cluster.get("statefulset", "zk", ensemble.namespace) or {})["metadata"]["uid"]
    )


def test_the_statefulset_is_deleted_with_its_pods(three: Ensemble) -> None:
    """Delete the StatefulSet as `kubectl delete` does: everything goes, comes back, and the data is there."""
    three.write("/statefulset", "kept")
    before, old = children(three), set(three.pod_uids().values())
    three.cluster.delete("statefulset", "zk", three.namespace)
    wait_until(
        "the pods go", lambda: not old & set(three.pod_uids().values()), seconds=60, every=0.2
    )
    three.wait_settled()
    assert children(three) == before
    assert three.read("/statefulset", member=3) == "kept"
    three.delete("/statefulset")


def test_all_pods_are_deleted_at_once(three: Ensemble) -> None:
    """As when a node pool is drained by force: back with a quorum, with every acknowledged write."""
    pods = three.pod_uids()
    with three.counting() as writer:
        since = time.time()
        three.cluster.kubectl(
            *("--namespace", three.namespace, "delete", "pod", *pods, "--wait=false"),
            *("--force", "--grace-period=0"),
        )
        wait_until(
            "they are new ones",
            lambda: (
                not set(three.pod_uids().values()) & set(pods.values())
                and len(three.pods()) == len(pods)
            ),
            seconds=60,
        )
        status = three.wait_settled()
        print(f"back after {time.time() - since:.1f} s")
        result = writer.stop()
    print(result)
    assert (result.lost, result.sessions_lost) == (0, 0)
    assert status["quorum"]["voters"] == len(pods)


def test_an_ensemble_that_is_made_again_finds_its_data(places: Places) -> None:
    """Delete the ensemble and create it again: it takes over retained volumes, with their identity."""
    ensemble = places.ensemble(replicas=3)
    namespace, cluster = ensemble.namespace, ensemble.cluster
    ensemble.write("/survivor", "of-deletion")
    identity, old = ensemble.status()["identity"], ensemble.body()
    cluster.delete("zke", "zk", namespace)
    wait_until(
        "everything it owned is gone",
        lambda: not [o for o in owned_by(places, namespace, old) if o] and not ensemble.pods(),
        seconds=60,
    )
    claims = {c["metadata"]["name"]: c["status"]["phase"] for c in cluster.list("pvc", namespace)}
    assert claims == dict.fromkeys(("data-zk-1", "data-zk-2", "data-zk-3"), "Bound")

    cluster.apply(manifest(namespace, replicas=3))
    status = ensemble.wait_settled()
    assert status["identity"] == identity
    assert status["leader"]["epoch"] > old["status"]["leader"]["epoch"]
    for member in (1, 2, 3):
        assert ensemble.read("/survivor", member=member) == "of-deletion"


def test_an_ensemble_that_is_made_again_smaller_keeps_all_its_data(places: Places) -> None:
    """Three retained volumes, but the new spec asks for one member.

    A single member might lack what the other two acknowledged. All three start, agree, and then two leave.
    """
    ensemble = places.ensemble(replicas=3)
    namespace, cluster = ensemble.namespace, ensemble.cluster
    ensemble.write("/survivor", "of-shrinking")
    cluster.delete("zke", "zk", namespace)
    wait_until("its pods are gone", lambda: not ensemble.pods(), seconds=60)
    cluster.apply(manifest(namespace, replicas=1))
    status = ensemble.wait_settled()
    assert status["quorum"]["voters"] == 1
    assert ensemble.read("/survivor", member=1) == "of-shrinking"


def owned_by(places: Places, namespace: str, owner: Object) -> list[Any]:
    """What an ensemble that is gone has left behind."""
    return [
        o
        for body in places.cluster.list(KINDS, namespace)
        for o in body["metadata"].get("ownerReferences") or ()
        if o["uid"] == owner["metadata"]["uid"]
    ]


def test_a_namespace_with_a_running_ensemble_goes(places: Places) -> None:
    """Delete the namespace: no finalizer blocks it, nothing comes back in it."""
    ensemble = places.ensemble(replicas=1)
    since = time.monotonic()
    places.cluster.delete("namespace", ensemble.namespace)
    wait_until(
        "the namespace is gone",
        lambda: places.cluster.get("namespace", ensemble.namespace) is None,
        seconds=90,
    )
    print(f"gone after {time.monotonic() - since:.1f} s")


@pytest.mark.alone
def test_an_ensemble_can_be_deleted_while_the_operator_is_down(
    places: Places, operator: Operator
) -> None:
    """A deletion needs no operator: no finalizer waits for it."""
    ensemble = places.ensemble(replicas=1)
    scale = ("--namespace", OPERATOR_NAMESPACE, "scale", f"deployment/{operator.name}")
    replicas = len(operator.pods())
    places.cluster.kubectl(*scale, "--replicas=0")
    try:
        wait_until("the operator is down", lambda: not operator.pods(), seconds=60)
        places.cluster.delete("zke", "zk", ensemble.namespace)
        wait_until("the pod is gone", lambda: not ensemble.pods(), seconds=60)
        assert places.cluster.get("zke", "zk", ensemble.namespace) is None
    finally:
        places.cluster.kubectl(*scale, f"--replicas={replicas}")
        operator.wait_working()
