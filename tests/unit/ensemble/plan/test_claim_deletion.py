"""Claims that are being deleted: nothing ends a pod that may hold the last copy of the data."""

from dataclasses import replace

import pytest
from tests.unit.ensemble.plan.ensemble_under_test import IN_TROUBLE
from tests.unit.ensemble.plan.scenes import (
    NOW,
    applied,
    at_rest,
    changed,
    disruptive,
    edited,
    ensemble,
    handed_over,
    outdated,
    reconfigurations,
    reported,
    with_children,
    without_answer,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Apply, ReplaceMember, RestartMember
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.notices import build_notices
from zookeeper_operator.ensemble.report.status import build_status


def losing(scene: Observed, *ids: int) -> Observed:
    """The same scene in which somebody has deleted the claims of these members."""
    claims = tuple(replace(c, terminating=c.member_id in ids) for c in scene.claims)
    return replace(scene, claims=claims)


def replaced(scene: Observed) -> list[int]:
    return [a.member_id for a in build_plan(scene).actions if isinstance(a, ReplaceMember)]


def restarted(scene: Observed) -> list[int]:
    return [a.member_id for a in build_plan(scene).actions if isinstance(a, RestartMember)]


# ---- it is reported ----


def test_it_is_reported_with_a_reason_of_its_own_and_an_event() -> None:
    scene = losing(at_rest(3), 1, 2, 3)
    plan = build_plan(scene)
    assert plan.storage.reason == reasons.CLAIM_BEING_DELETED
    assert plan.storage.message.startswith("data-zk-1, data-zk-2, data-zk-3 is being deleted")
    before = build_status(build_plan(at_rest(3)), restarted={})
    notices = build_notices(before, build_status(plan, restarted={}))
    assert [(n.type, n.reason) for n in notices] == [("Warning", "ClaimBeingDeleted")]


@pytest.mark.parametrize("spec", [{"paused": True}, {"config": {"clientPort": "1"}}])
def test_it_is_reported_while_nothing_may_be_done(spec: dict[str, object]) -> None:
    plan = build_plan(losing(edited(at_rest(3), spec), 1, 2, 3))
    assert plan.storage.reason == reasons.CLAIM_BEING_DELETED
    assert plan.actions == ()


# ---- restarts ----


def test_a_member_is_not_restarted_while_its_data_would_be_lost() -> None:
    scene = losing(outdated(at_rest(3, leader=3), 1), 1, 2)
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.CLAIM_BEING_DELETED
    assert "zk-1 must be restarted" in plan.rollout.message


def test_the_members_that_keep_their_volumes_are_restarted() -> None:
    (step,) = disruptive(build_plan(losing(outdated(at_rest(3, leader=1), 1, 2, 3), 1, 2)).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-3"
    assert step.basis is not None
    assert step.basis.claims == (("data-zk-3", "uid-of-data-zk-3"),)


def test_a_leader_that_may_not_be_restarted_does_not_hand_over() -> None:
    plan = build_plan(losing(outdated(at_rest(3, leader=3), 3), 2, 3))
    assert disruptive(plan.actions) == []


def test_a_member_in_trouble_is_not_restarted_either() -> None:
    scene = losing(without_answer(outdated(at_rest(3, leader=3), 1), 1), 1, 2)
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.CLAIM_BEING_DELETED


def test_a_single_member_is_not_restarted() -> None:
    assert disruptive(build_plan(losing(outdated(at_rest(1), 1), 1)).actions) == []


def test_who_may_not_be_restarted_gets_the_vote_back_at_once() -> None:
    scene = losing(outdated(handed_over(), 1), 1, 2)
    (step,) = reconfigurations(build_plan(scene).actions)
    assert [(s.id, s.role) for s in step.joining] == [(1, "participant")]


# ---- replacement ----


def test_a_member_is_replaced_as_soon_as_a_majority_keeps_the_data() -> None:
    (step,) = disruptive(build_plan(losing(at_rest(3, leader=3), 1)).actions)
    assert isinstance(step, ReplaceMember)
    assert (step.member_id, step.pod, step.claims) == (1, ("zk-1", "uid-of-zk-1"), ())
    assert step.basis is not None
    assert [name for name, _ in step.basis.claims] == ["data-zk-2", "data-zk-3"]


def test_the_leader_is_the_last_to_be_replaced() -> None:
    assert replaced(losing(at_rest(5, leader=1), 1, 2)) == [2]


def test_no_member_is_replaced_while_a_majority_would_not_keep_the_data() -> None:
    assert replaced(losing(at_rest(3), 1, 2)) == []
    assert replaced(losing(at_rest(5), 1, 2, 3)) == []
    assert replaced(losing(at_rest(1), 1)) == []


def test_nobody_is_replaced_beside_a_member_that_is_missing() -> None:
    assert replaced(losing(without_answer(at_rest(5, leader=1), 5), 2)) == []


def test_nobody_is_replaced_under_a_quorum_that_has_just_formed() -> None:
    fresh = ensemble({"replicas": 3}, **reported(3, NOW))
    assert replaced(replace(losing(at_rest(3, leader=3), 1), ensemble=fresh)) == []


def test_a_person_may_ask_for_the_replacement_of_a_member_whose_claim_is_being_deleted() -> None:
    scene = changed(losing(at_rest(3), 1, 2, 3), 2, replace_requested=True)
    assert replaced(scene) == [2]
    assert replaced(without_answer(scene, 1)) == [], "not without a majority in sync"


def test_a_member_that_keeps_its_volume_is_not_replaced_while_the_others_lose_theirs() -> None:
    scene = changed(losing(at_rest(3), 1, 3), 2, replace_requested=True)
    assert replaced(scene) == []
    assert build_plan(scene).storage.reason == reasons.CLAIM_BEING_DELETED


def test_a_claim_that_was_never_bound_holds_nothing() -> None:
    scene = without_answer(at_rest(3, leader=1), 3)
    never = tuple(
        replace(c, phase="Pending", member=False, terminating=True) if c.member_id == 3 else c
        for c in scene.claims
    )
    assert replaced(replace(scene, claims=never)) == [3]


def test_a_replacement_that_was_left_half_done_is_completed_under_an_invalid_spec() -> None:
    scene = changed(losing(at_rest(3, leader=3), 1), 1, replace_requested=True)
    assert replaced(edited(scene, {"config": {"clientPort": "1"}})) == [1]
    assert replaced(edited(scene, {"paused": True})) == []


# ---- stop and removal ----


def test_a_stop_is_refused_until_every_claim_stays() -> None:
    scene = losing(edited(at_rest(3), {"stopped": True}), 1, 2, 3)
    plan = build_plan(scene)
    assert applied(plan.actions, "StatefulSet") == []
    status = build_status(plan, restarted={})
    (ready,) = [c for c in status["conditions"] if c["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ClaimBeingDeleted")
    assert ready["message"].startswith("the stop is refused for now: data-zk-1")
    assert status["nextAction"].startswith("data-zk-1, data-zk-2, data-zk-3 is being deleted")
    assert replaced(losing(scene, 1)) == [1]
    (statefulset,) = applied(build_plan(losing(scene)).actions, "StatefulSet")
    assert statefulset["spec"]["replicas"] == 0


def test_a_member_that_must_be_in_sync_before_the_stop_is_restarted() -> None:
    """Found by seed 129872: one that does not come up kept another from being replaced, and so the stop."""
    scene = losing(edited(at_rest(3, leader=2), {"stopped": True}), 1)
    broken = changed(outdated(without_answer(scene, 3), 1, 2, 3), 3, trouble=IN_TROUBLE)
    assert restarted(broken) == [3]
    assert replaced(broken) == []
    serving = outdated(scene, 1, 2, 3)
    assert restarted(serving) == [], "nobody else, since all are about to stop"
    assert replaced(serving) == [1]


def test_a_stop_that_has_begun_is_completed() -> None:
    stopping = with_children(edited(at_rest(3), {"stopped": True}))
    plan = build_plan(losing(stopping, 1))
    assert plan.actions == ()
    assert plan.next_action == "nothing: the ensemble is stopped"


def test_a_stop_depends_on_the_claims_of_every_member() -> None:
    plan = build_plan(edited(at_rest(3), {"stopped": True}))
    (basis,) = [a.basis for a in plan.actions if isinstance(a, Apply) and a.basis is not None]
    assert [name for name, _ in basis.claims] == ["data-zk-1", "data-zk-2", "data-zk-3"]


def test_nobody_leaves_while_a_member_that_stays_loses_its_claim() -> None:
    scene = losing(edited(at_rest(5, leader=1), {"replicas": 3}), 1)
    plan = build_plan(scene)
    assert reconfigurations(plan.actions) == []
    assert plan.membership.reason == reasons.CLAIM_BEING_DELETED
    assert replaced(losing(scene, 2)) == [2]
    for leaver in (4, 5):
        (step,) = reconfigurations(build_plan(losing(scene, leaver)).actions)
        assert step.leaving == (5,)
