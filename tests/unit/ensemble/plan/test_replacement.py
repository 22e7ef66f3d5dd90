"""Replacing members whose volumes are lost."""

from dataclasses import replace

import pytest
from tests.unit.ensemble.plan.scenes import (
    at_rest,
    changed,
    disruptive,
    edited,
    without_answer,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import (
    ReplaceMember,
)
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.status import build_status


def test_a_member_is_replaced_when_asked_while_the_others_are_a_majority() -> None:
    scene = changed(at_rest(3), 2, replace_requested=True)
    (step,) = disruptive(build_plan(scene).actions)
    assert isinstance(step, ReplaceMember)
    assert step.claims == (("data-zk-2", "uid-of-data-zk-2"),)
    assert step.pod == ("zk-2", "uid-of-zk-2")


def test_a_member_is_replaced_once_and_then_waited_for() -> None:
    scene = changed(at_rest(3), 2, replace_requested=True, terminating=True)
    going = tuple(replace(c, terminating=c.member_id == 2) for c in scene.claims)
    plan = build_plan(replace(scene, claims=going))
    assert disruptive(plan.actions) == []
    assert plan.storage.reason == reasons.VOLUME_LOST


def test_a_replacement_that_has_to_wait_does_not_hold_up_the_one_it_waits_for() -> None:
    scene = changed(without_answer(at_rest(3, leader=2), 3), 1, replace_requested=True)
    lost = tuple(replace(c, phase="Lost" if c.member_id == 3 else c.phase) for c in scene.claims)
    (step,) = disruptive(build_plan(replace(scene, claims=lost)).actions)
    assert isinstance(step, ReplaceMember)
    assert step.member_id == 3


def test_a_second_member_is_not_replaced_beside_the_first() -> None:
    scene = changed(
        without_answer(at_rest(5, leader=2), 4), 4, replace_requested=True, terminating=True
    )
    going = tuple(replace(c, terminating=c.member_id == 4) for c in scene.claims)
    plan = build_plan(changed(replace(scene, claims=going), 1, replace_requested=True))
    assert disruptive(plan.actions) == []
    assert "zk-4 is being replaced" in plan.storage.message


@pytest.mark.parametrize("size", [1, 2])
def test_a_member_without_which_there_is_no_majority_is_never_replaced(size: int) -> None:
    plan = build_plan(changed(at_rest(size), 1, replace_requested=True))
    assert disruptive(plan.actions) == []
    assert plan.storage.reason == reasons.DATA_WOULD_BE_LOST
    (ready,) = (c for c in build_status(plan, restarted={})["conditions"] if c["type"] == "Ready")
    assert ready["status"] == "True", "it serves as before"


def test_no_member_is_replaced_while_the_ensemble_is_stopped() -> None:
    scene = changed(edited(at_rest(3), {"stopped": True}), 2, replace_requested=True)
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.storage.reason == reasons.BOUND
