"""Restarting members one by one."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.ensemble.plan.scenes import (
    NOW,
    answers,
    applied,
    at_rest,
    changed,
    claim,
    disruptive,
    edited,
    handed_over,
    outdated,
    pod,
    refusing,
    reported,
    voting,
    with_children,
    without_answer,
    without_leader,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import (
    Reconfigure,
    RestartMember,
)
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observed import Observed, Refusal, Trouble
from zookeeper_operator.ensemble.plan import build_plan


def test_followers_are_restarted_before_the_leader() -> None:
    (step,) = disruptive(build_plan(outdated(at_rest(3, leader=1), 1, 2, 3)).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-2"


def test_nobody_is_restarted_while_a_follower_is_lost_that_has_not_noticed() -> None:
    assert disruptive(build_plan(without_leader(outdated(at_rest(3, leader=1), 2))).actions) == []
    assert disruptive(build_plan(without_leader(outdated(at_rest(3, leader=1), 1))).actions) == []


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_leader_hands_over_before_its_restart(size: int) -> None:
    (step,) = disruptive(build_plan(outdated(at_rest(size, leader=1), 1)).actions)
    assert isinstance(step, Reconfigure)
    assert [(s.id, s.role) for s in step.joining] == [(1, "observer")]


@pytest.mark.parametrize("key", ["syncEnabled", "observer.syncEnabled"])
@pytest.mark.parametrize("value", ["false", "FALSE"])
def test_who_would_not_log_what_it_observes_keeps_its_vote(key: str, value: str) -> None:
    """It would lack after the next start what it has seen without a vote."""
    unlogged = {"config": {key: value}}
    (step,) = disruptive(build_plan(outdated(at_rest(3, unlogged, leader=1), 1)).actions)
    assert isinstance(step, RestartMember)
    assert step.why.endswith("without a hand-over, since spec.config.syncEnabled is not true")
    plan = build_plan(outdated(at_rest(2, unlogged, leader=1), 1, 2))
    assert disruptive(plan.actions) == []
    assert "delete the pod by hand" in plan.next_action
    logged = {"config": {key: "TRUE"}}
    (step,) = disruptive(build_plan(outdated(at_rest(3, logged, leader=1), 1)).actions)
    assert isinstance(step, Reconfigure)


def test_of_two_voters_neither_is_restarted_with_a_vote() -> None:
    (step,) = disruptive(build_plan(outdated(at_rest(2, leader=1), 2)).actions)
    assert isinstance(step, Reconfigure)
    assert [(s.id, s.role) for s in step.joining] == [(2, "observer")]


def test_who_has_handed_over_is_restarted_before_it_votes_again() -> None:
    (step,) = disruptive(build_plan(outdated(handed_over(), 1)).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-1"


def test_a_refused_hand_over_falls_back_to_leader_last() -> None:
    refused = replace(
        outdated(at_rest(3, leader=1), 1), refusal=Refusal("no rights", NOW, handing_over=1)
    )
    (step,) = disruptive(build_plan(refused).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-1"


def test_a_refused_hand_over_never_costs_the_majority() -> None:
    scene = outdated(at_rest(2, leader=1), 1)
    refused = replace(scene, refusal=Refusal("no rights", NOW, handing_over=1))
    plan = build_plan(refused)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.ROLLOUT_STOPPED
    later = replace(refused, now=NOW + timedelta(seconds=2))
    (step,) = disruptive(build_plan(later).actions)
    assert isinstance(step, Reconfigure)


def test_a_single_member_is_restarted_as_it_is() -> None:
    (step,) = disruptive(build_plan(outdated(at_rest(1), 1)).actions)
    assert isinstance(step, RestartMember)


def test_the_next_member_waits_until_the_last_one_votes_again() -> None:
    scene = changed(without_answer(outdated(at_rest(3, leader=3), 2), 1), 1, trouble=None)
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.WAITING_FOR_MEMBER


def test_a_member_that_does_not_come_back_stops_the_rollout() -> None:
    scene = without_answer(outdated(at_rest(3, leader=3), 2, 3), 1)
    scene = changed(scene, 1, trouble=Trouble(reasons.IMAGE_PULL_FAILED, "no such image"))
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.ROLLOUT_STOPPED
    assert "zk-1" in plan.rollout.message
    assert "no such image" in plan.rollout.message


def test_a_mended_spec_moves_a_stopped_rollout_on() -> None:
    # The broken pod runs an old revision now, and is restarted first.
    scene = without_answer(outdated(at_rest(3, leader=3), 1, 2, 3), 1)
    scene = changed(scene, 1, trouble=Trouble(reasons.IMAGE_PULL_FAILED, "no such image"))
    (step,) = disruptive(build_plan(scene).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-1"


def test_silence_without_a_quorum_restarts_nobody() -> None:
    scene = replace(
        without_answer(outdated(at_rest(3, leader=3), 1, 2, 3), 1, 2, 3), committed=None
    )
    assert disruptive(build_plan(scene).actions) == []


def test_without_a_quorum_only_members_that_are_not_ready_are_touched() -> None:
    scene = replace(refusing(outdated(at_rest(3, leader=3), 1, 2, 3), 1, 3), committed=None)
    looking = {**scene.answers, 2: answers(2, None, (1, 2, 3))}
    (step,) = disruptive(build_plan(replace(scene, answers=looking)).actions)
    assert isinstance(step, RestartMember)
    assert step.pod in {"zk-1", "zk-3"}


def test_without_a_quorum_who_may_be_on_the_way_back_is_not_touched() -> None:
    scene = replace(without_answer(outdated(at_rest(3, leader=3), 1, 2, 3), 1, 3), committed=None)
    looking = {**scene.answers, 2: answers(2, None, (1, 2, 3))}
    lately = replace(scene, answers=looking)
    for member_id in (1, 3):
        lately = changed(lately, member_id, unready_since=NOW - timedelta(seconds=20))
    assert disruptive(build_plan(lately).actions) == []
    broken = changed(lately, 3, trouble=Trouble(reasons.CRASH_LOOPING, "ends again and again"))
    (step,) = disruptive(build_plan(broken).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-3"
    assert step.basis is not None
    assert not step.basis.answered
    up = replace(broken, answers={**looking, 3: answers(3, None, (1, 2, 3))})
    assert disruptive(build_plan(up).actions) == [], "its process runs now, and may form the quorum"


def test_an_election_is_not_a_reason_to_restart_anybody() -> None:
    scene = outdated(at_rest(3, leader=3), 1, 2, 3)
    electing = {i: answers(i, None, (1, 2, 3)) for i in (1, 2, 3)}
    assert disruptive(build_plan(replace(scene, answers=electing, committed=None)).actions) == []


def test_stopping_interrupts_a_rollout_and_keeps_who_has_handed_over() -> None:
    handed_over = outdated(at_rest(3, roles={**voting(1, 2), 3: "observer"}), 3)
    plan = build_plan(edited(handed_over, {"stopped": True}))
    assert disruptive(plan.actions) == []
    scene = with_children(edited(handed_over, {"stopped": True}))
    stopped = replace(scene, pods=(), answers={}, committed=None)
    started = build_plan(edited(stopped, {"stopped": False}))
    assert applied(started.actions, "StatefulSet")[0]["spec"]["replicas"] == 3
    assert applied(started.actions, "ConfigMap") == [], "its membership is as it was"


def test_a_pod_whose_statefulset_is_being_recreated_is_not_restarted() -> None:
    rest = at_rest(3, {"observers": {"replicas": 1}})
    scene = replace(
        rest,
        children=tuple(c for c in rest.children if c["metadata"]["name"] != "zk-observer"),
        pods=(*rest.pods, pod(101)),
        claims=(*rest.claims, claim(101, file_system_resize_pending=True)),
        answers={**rest.answers, 101: answers(101, 3, (1, 2, 3))},
    )
    plan = build_plan(scene)
    assert not any(isinstance(a, RestartMember) for a in plan.actions)
    assert "zk-observer" in {s["metadata"]["name"] for s in applied(plan.actions, "StatefulSet")}


def test_a_pod_that_is_starting_is_not_restarted_for_its_file_system_again() -> None:
    rest = at_rest()
    waiting = tuple(
        replace(c, file_system_resize_pending=True) if c.member_id == 1 else c for c in rest.claims
    )
    due = replace(rest, claims=waiting)
    assert any(isinstance(a, RestartMember) for a in build_plan(due).actions)
    starting = tuple(replace(p, ready=False) if p.id == 1 else p for p in rest.pods)
    again = build_plan(replace(due, pods=starting, answers={**rest.answers, 1: silent(1)}))
    assert not any(isinstance(a, RestartMember) for a in again.actions)


# ---- a quorum that has just formed ----


def seen_since(scene: Observed, leader: int, since: datetime) -> Observed:
    """The same scene whose status reports this leader and its quorum since then."""
    status = {**scene.ensemble.status, **reported(leader, since)}
    return replace(scene, ensemble=replace(scene.ensemble, status=status))


@pytest.mark.parametrize("due", [1, 3], ids=["follower", "leader"])
@pytest.mark.parametrize(("tick", "seconds"), [(2000, 6), (6000, 18), (500, 6)])
def test_a_quorum_counts_as_back_after_some_ticks(due: int, tick: int, seconds: int) -> None:
    scene = outdated(at_rest(3, leader=3), due)
    spec = scene.ensemble.spec.model_copy(update={"config": {"tickTime": tick}})
    scene = replace(scene, ensemble=replace(scene.ensemble, spec=spec))
    assert disruptive(build_plan(seen_since(scene, 3, NOW - timedelta(seconds=seconds))).actions)
    fresh = build_plan(seen_since(scene, 3, NOW - timedelta(seconds=seconds - 1)))
    assert disruptive(fresh.actions) == []
    assert fresh.rollout.reason == reasons.WAITING_FOR_MEMBER


def test_a_quorum_that_the_status_does_not_know_has_just_formed() -> None:
    scene = outdated(at_rest(3, leader=3), 1)
    assert disruptive(build_plan(seen_since(scene, 2, NOW - timedelta(hours=1))).actions) == []
    lost = reported(3)
    lost["conditions"][0]["status"] = "False"
    lately = replace(scene, ensemble=replace(scene.ensemble, status={"foundedAt": "x", **lost}))
    assert disruptive(build_plan(lately).actions) == []
    epoch = reported(3)
    epoch["leader"]["epoch"] = 0
    again = replace(scene, ensemble=replace(scene.ensemble, status={"foundedAt": "x", **epoch}))
    assert disruptive(build_plan(again).actions) == []


def test_who_has_handed_over_is_restarted_without_a_wait() -> None:
    scene = seen_since(outdated(handed_over(), 1), 3, NOW)
    (step,) = disruptive(build_plan(scene).actions)
    assert isinstance(step, RestartMember)
    assert step.pod == "zk-1"


# ---- a hand-over that is refused for a while ----


def test_a_hand_over_that_is_transient_is_tried_again_before_the_leader_is_restarted() -> None:
    scene = outdated(at_rest(3, leader=1), 1)
    refusal = Refusal("a follower is not in sync", NOW, handing_over=1, transient=True)
    waiting = build_plan(replace(scene, refusal=refusal))
    assert disruptive(waiting.actions) == []
    assert waiting.rollout.reason == reasons.HANDING_OVER_LEADERSHIP
    for seconds in (2, 14):
        later = replace(scene, refusal=refusal, now=NOW + timedelta(seconds=seconds))
        (step,) = disruptive(build_plan(later).actions)
        assert isinstance(step, Reconfigure)
    over = replace(scene, refusal=refusal, now=NOW + timedelta(seconds=15))
    (step,) = disruptive(build_plan(over).actions)
    assert isinstance(step, RestartMember)


def test_the_time_for_it_does_not_begin_again_with_each_refusal() -> None:
    refusal = Refusal("not in sync", NOW, handing_over=1, transient=True)
    for seconds in range(3, 15, 3):
        at = NOW + timedelta(seconds=seconds)
        refusal = refusal.followed_by(Refusal("not in sync", at, handing_over=1, transient=True))
    assert refusal.since == NOW
    assert not refusal.is_transient(NOW + timedelta(seconds=15))
    other = refusal.followed_by(Refusal("not in sync", refusal.at, handing_over=2, transient=True))
    assert other.is_transient(NOW + timedelta(seconds=15))


def test_what_another_member_was_refused_is_no_reason_to_restart_the_leader() -> None:
    scene = outdated(at_rest(3, leader=1), 1)
    refused = replace(scene, refusal=Refusal("no rights", NOW, handing_over=3))
    (step,) = disruptive(build_plan(refused).actions)
    assert isinstance(step, Reconfigure)


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        pytest.param(
            replace(at_rest(), pods=at_rest().pods[:2]), "zk-3 to be created", id="absent"
        ),
        pytest.param(changed(at_rest(), 3, terminating=True), "zk-3 to be created", id="going"),
        pytest.param(
            changed(without_answer(at_rest(), 3), 3, running=False),
            "zk-3 to serve",
            id="does not serve",
        ),
        pytest.param(replace(at_rest(), pods=()), "zk-1, zk-2, zk-3 to be created", id="no pod"),
    ],
)
def test_only_pods_that_exist_and_serve_are_rolled_out(scene: Observed, said: str) -> None:
    plan = build_plan(scene)
    assert (plan.rollout.state, plan.rollout.reason) == (False, reasons.WAITING_FOR_MEMBER)
    assert said in plan.rollout.message
    assert not plan.under_way, "a member that is away for days is no reason to hurry"


def test_a_ready_member_that_was_not_heard_once_is_rolled_out() -> None:
    scene = at_rest()
    unheard = replace(scene, answers={**scene.answers, 2: silent(2)})
    assert build_plan(unheard).rollout.state is True


def test_of_a_silent_member_nothing_is_claimed() -> None:
    plan = build_plan(without_answer(at_rest(), 3))
    assert (plan.rollout.state, plan.rollout.reason) == (None, reasons.NOT_PROBED)
    assert "zk-3" in plan.rollout.message


def test_a_pod_of_a_recreated_statefulset_is_there() -> None:
    scene = replace(at_rest(), pods=at_rest().pods[:2], unclaimed=frozenset({"zk-3"}))
    assert build_plan(scene).rollout.state is True


def test_a_sidecar_that_fails_with_the_new_revision_stops_the_rollout() -> None:
    failed = Trouble(reasons.SIDECAR_FAILED, "container shipper: ends again and again")
    scene = changed(outdated(at_rest(3, leader=3), 2, 3), 1, ready=False, sidecar=failed)
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.ROLLOUT_STOPPED
    fixed = changed(outdated(scene, 1), 1, sidecar=failed)
    (step,) = disruptive(build_plan(fixed).actions)
    assert isinstance(step, RestartMember)


def test_a_pod_that_is_refused_stops_the_rollout() -> None:
    scene = outdated(at_rest(3, leader=3), 2, 3)
    refused = {"zk-1": Trouble(reasons.POD_REFUSED, "exceeded quota")}
    scene = replace(scene, pods=scene.pods[1:], refused=refused)
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.ROLLOUT_STOPPED
    assert "exceeded quota" in plan.rollout.message
