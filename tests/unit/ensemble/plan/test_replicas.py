"""How many replicas each StatefulSet must have."""

from dataclasses import replace

import pytest
from tests.unit.ensemble.plan.scenes import (
    applied,
    at_rest,
    claim,
    disruptive,
    edited,
    refusing,
    with_children,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.plan import build_plan


def test_growing_starts_one_pod_first() -> None:
    plan = build_plan(edited(at_rest(3), {"replicas": 5}))
    assert disruptive(plan.actions) == []
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 4
    assert {b["metadata"]["name"] for b in applied(plan.actions, "Service")} == {"zk-4", "zk-5"}


def test_nothing_shrinks_without_a_quorum() -> None:
    # A lost quorum and a smaller StatefulSet is a lost ensemble.
    down = refusing(edited(at_rest(3), {"replicas": 1}), 1, 2)
    down = replace(down, committed=None)
    plan = build_plan(down)
    assert applied(plan.actions, "StatefulSet") == []
    assert disruptive(plan.actions) == []
    assert plan.scale.reason == reasons.NO_QUORUM


def test_stopping_takes_the_pods_away_and_keeps_the_membership() -> None:
    plan = build_plan(edited(at_rest(3), {"stopped": True}))
    (statefulset,) = applied(plan.actions, "StatefulSet")
    assert statefulset["spec"]["replicas"] == 0
    assert applied(plan.actions, "ConfigMap") == []


def test_starting_brings_back_every_member_of_the_membership() -> None:
    scene = at_rest(3)
    stopped = replace(
        with_children(edited(scene, {"stopped": True})), pods=(), answers={}, committed=None
    )
    assert build_plan(stopped).settled
    (statefulset,) = applied(build_plan(edited(stopped, {"stopped": False})).actions, "StatefulSet")
    assert statefulset["spec"]["replicas"] == 3


@pytest.mark.parametrize(("size", "asked", "back"), [(5, 3, 5), (3, 5, 3)])
def test_a_scaling_that_was_stopped_starts_with_who_had_a_vote(
    size: int, asked: int, back: int
) -> None:
    scene = edited(at_rest(size), {"replicas": asked, "stopped": True})
    stopped = replace(with_children(scene), pods=(), answers={}, committed=None)
    assert build_plan(stopped).settled
    (statefulset,) = applied(build_plan(edited(stopped, {"stopped": False})).actions, "StatefulSet")
    assert statefulset["spec"]["replicas"] == back


@pytest.mark.parametrize("evidence", ["claim", "status"])
def test_a_statefulset_that_was_deleted_comes_back_with_who_may_have_got_a_vote(
    evidence: str,
) -> None:
    """Member 2 got its vote, which nobody had published yet: member 1 alone is no majority any more."""
    scene = edited(at_rest(1), {"replicas": 5})
    children = tuple(c for c in scene.children if c["kind"] != "StatefulSet")
    gone = replace(scene, pods=(), children=children, answers={}, committed=None)
    unknown = build_plan(gone)
    assert applied(unknown.actions, "StatefulSet")[0]["spec"]["replicas"] == 1
    if evidence == "claim":
        left = (claim(2, member=None), claim(3, member=False))
        gone = replace(gone, claims=(*gone.claims, *left))
    else:
        ran = [{"id": 1, "revision": "r"}, {"id": 2, "revision": "r"}, {"id": 3, "revision": ""}]
        status = {**gone.ensemble.status, "members": ran}
        gone = replace(gone, ensemble=replace(gone.ensemble, status=status))
    plan = build_plan(gone)
    assert applied(plan.actions, "StatefulSet")[0]["spec"]["replicas"] == 2
