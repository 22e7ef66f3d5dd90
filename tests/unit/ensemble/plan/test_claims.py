"""What is edited on a volume claim: its mark and its size."""

from dataclasses import replace

from tests.unit.ensemble.plan.scenes import (
    applied,
    at_rest,
    committed,
    disruptive,
    edited,
    voting,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import (
    Delete,
)
from zookeeper_operator.ensemble.observed import Observed, StorageClass
from zookeeper_operator.ensemble.plan import build_plan


def test_a_member_that_has_left_loses_its_pod_and_its_mark() -> None:
    scene = edited(at_rest(3, leader=1), {"replicas": 2})
    left = replace(scene, committed=committed(scene.ensemble, voting(1, 2), 0x100000009))
    left = replace(
        left,
        answers={i: replace(a, voting_view=frozenset({1, 2})) for i, a in left.answers.items()},
    )
    plan = build_plan(left)
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 2
    (mark,) = applied(plan.actions, "PersistentVolumeClaim")
    assert mark["metadata"]["name"] == "data-zk-3"
    assert mark["metadata"]["annotations"] == {"zookeeper.ensemble.dev/member": "false"}
    order = [a.body["kind"] for a in plan.actions if hasattr(a, "body")]
    assert order.index("PersistentVolumeClaim") < order.index("StatefulSet")


def grown(*, expandable: bool) -> Observed:
    scene = edited(at_rest(3), {"storage": {"data": {"size": "10Gi"}}})
    return replace(
        scene,
        storage_classes={"standard": StorageClass("standard", expandable=expandable, default=True)},
    )


def test_volumes_grow_where_the_class_allows_it() -> None:
    plan = build_plan(grown(expandable=True))
    sizes = {
        b["metadata"]["name"]: b["spec"]["resources"]["requests"]["storage"]
        for b in applied(plan.actions, "PersistentVolumeClaim")
    }
    assert sizes == dict.fromkeys(("data-zk-1", "data-zk-2", "data-zk-3"), "10Gi")
    assert [a for a in plan.actions if isinstance(a, Delete)] == [
        Delete(
            "apps/v1",
            "StatefulSet",
            "zk",
            "uid-of-StatefulSet-zk",
            why=plan.actions[-1].why,
            orphan=True,
        )
    ], "new members get the new size, and no pod is restarted for it"
    assert disruptive(plan.actions) == []


def test_volumes_that_cannot_grow_are_told_and_left_alone() -> None:
    plan = build_plan(grown(expandable=False))
    assert applied(plan.actions, "PersistentVolumeClaim") == []
    assert plan.storage.reason == reasons.RESIZE_REFUSED
