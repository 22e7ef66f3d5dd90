"""Removing members from the committed configuration."""

import pytest
from tests.unit.ensemble.plan.scenes import (
    applied,
    at_rest,
    disruptive,
    edited,
    reconfigurations,
    voting,
    without_answer,
    without_leader,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.plan import build_plan


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_shrinking_removes_the_highest_member_from_the_configuration_first(size: int) -> None:
    plan = build_plan(edited(at_rest(size, leader=1), {"replicas": 1}))
    (step,) = disruptive(plan.actions)
    assert isinstance(step, Reconfigure)
    assert (step.leaving, step.joining) == ((size,), ())
    assert applied(plan.actions, "StatefulSet") == [], "its pod stays until that is committed"


def test_shrinking_waits_while_a_member_that_stays_is_down() -> None:
    plan = build_plan(without_answer(edited(at_rest(5, leader=1), {"replicas": 3}), 2))
    assert disruptive(plan.actions) == []
    assert plan.membership.reason == reasons.MEMBER_NOT_SYNCED


def test_shrinking_waits_for_a_member_that_has_lost_its_leader_and_has_not_noticed() -> None:
    """It says that it follows; without the one that leaves it would be half of the votes."""
    plan = build_plan(without_leader(edited(at_rest(5, leader=1), {"replicas": 3})))
    assert disruptive(plan.actions) == []
    assert plan.membership.reason == reasons.MEMBER_NOT_SYNCED
    assert "that leader 1 has lost" in plan.membership.message


def test_a_dead_member_that_is_to_leave_may_leave() -> None:
    plan = build_plan(without_answer(edited(at_rest(5, leader=1), {"replicas": 3}), 5))
    (step,) = reconfigurations(plan.actions)
    assert step.leaving == (5,)


@pytest.mark.parametrize("dead", [(4,), (4, 5)])
def test_what_is_to_leave_does_not_count_among_what_stays(dead: tuple[int, ...]) -> None:
    scene = without_answer(edited(at_rest(5, leader=1), {"replicas": 3}), *dead)
    (step,) = reconfigurations(build_plan(scene).actions)
    assert step.leaving == (max(dead),)


def test_a_dead_member_leaves_although_another_one_is_missing() -> None:
    scene = without_answer(edited(at_rest(5, leader=1), {"replicas": 3}), 2, 5)
    (step,) = reconfigurations(build_plan(scene).actions)
    assert step.leaving == (5,)


def test_a_dead_member_leaves_before_a_vote_can_be_given_back() -> None:
    """Two of three vote, so the vote of an observer would be refused until the dead one has left."""
    scene = at_rest(4, leader=3, roles={1: "observer", **voting(2, 3, 4)})
    plan = build_plan(without_answer(edited(scene, {"replicas": 3}), 4))
    (step,) = reconfigurations(plan.actions)
    assert step.leaving == (4,)


def test_without_a_healthy_quorum_nobody_leaves() -> None:
    scene = without_answer(edited(at_rest(5, leader=1), {"replicas": 3}), 3, 4, 5)
    assert reconfigurations(build_plan(scene).actions) == []
