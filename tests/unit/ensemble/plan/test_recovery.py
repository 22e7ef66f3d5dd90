"""Recovering an ensemble on one survivor: every guard, and each step until the others may join."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.disasters import asking, disaster, leading, published, restarted
from tests.unit.ensemble.plan.scenes import (
    answers,
    applied,
    at_rest,
    changed,
    claim,
    disruptive,
    edited,
    pod,
    reconfigurations,
)

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble.actions import RestartMember
from zookeeper_operator.ensemble.membership import VERSION_KEY, Membership, read_membership
from zookeeper_operator.ensemble.observed import FormerVolume, Observed
from zookeeper_operator.ensemble.plan import build_plan, understand
from zookeeper_operator.ensemble.plan.recovery import read_request
from zookeeper_operator.ensemble.report.status import build_status


def quorum_condition(scene: Observed) -> dict[str, Any]:
    status = build_status(build_plan(scene), restarted={})
    return next(c for c in status["conditions"] if c["type"] == conditions.QUORUM_HEALTHY)


def lists(scene: Observed) -> list[Membership]:
    """The lists that the plan of a scene publishes: one, or none."""
    found = applied(build_plan(scene).actions, "ConfigMap")
    return [read_membership(b) for b in found if b["metadata"]["name"] == "zk-membership"]


@pytest.mark.parametrize("survivor", [1, 2, 3])
def test_the_survivor_becomes_the_whole_list_at_the_same_version(survivor: int) -> None:
    scene = disaster(survivor)
    plan = build_plan(scene)
    (membership,) = lists(scene)
    before = scene.child("ConfigMap", "zk-membership")
    assert before is not None
    assert membership.voters == {survivor}
    assert membership.version == read_membership(before).version
    assert membership.founders == ()
    (restart,) = disruptive(plan.actions)
    assert isinstance(restart, RestartMember)
    assert (restart.member_id, restart.uid) == (survivor, f"uid-of-zk-{survivor}")
    assert plan.actions[-1] == restart, "the list is published before the pod that reads it starts"
    assert restart.basis is not None
    assert restart.basis.silent == survivor
    assert restart.basis.claims == ((f"data-zk-{survivor}", f"uid-of-data-zk-{survivor}"),)
    told = quorum_condition(scene)
    assert told["reason"] == reasons.RECOVERING
    assert "have acknowledged without it are lost" in told["message"]


@pytest.mark.parametrize(("reported", "version"), [("200000007", 0x200000007), ("", 0), ("x", 0)])
def test_a_list_that_was_lost_as_well_is_replaced_at_the_version_that_was_reported(
    reported: str, version: int
) -> None:
    """What is published in its place has no version, and would lose against the survivor's own."""
    scene = disaster(2)
    children = [
        {**body, "data": {**body["data"], VERSION_KEY: "0"}}
        if (body["kind"], body["metadata"]["name"]) == ("ConfigMap", "zk-membership")
        else body
        for body in scene.children
    ]
    status = {**scene.ensemble.status, "membership": {"configVersion": reported}}
    known = replace(scene.ensemble, status=status)
    scene = replace(scene, ensemble=known, children=tuple(children))
    (membership,) = lists(scene)
    assert membership.voters == {2}
    assert membership.version == version


def test_nothing_is_recovered_unasked() -> None:
    scene = disaster()
    unasked = replace(scene, ensemble=replace(scene.ensemble, recover=""))
    assert build_plan(unasked).actions == ()
    assert quorum_condition(unasked)["reason"] == reasons.VOLUME_LOST


@pytest.mark.parametrize("uid", ["uid-of-an-earlier-pod", "second-uid-of-zk-2"])
def test_a_request_is_used_up_with_the_pod_that_it_names(uid: str) -> None:
    scene = asking(disaster(), 2, uid)
    assert build_plan(scene).actions == ()
    assert quorum_condition(scene)["reason"] == reasons.VOLUME_LOST


@pytest.mark.parametrize(
    "text", ["", "2", "2/", "/uid", "two/uid", "2/uid; rm", "0/uid", "1234/uid"]
)
def test_what_names_no_pod_is_no_request(text: str) -> None:
    assert read_request(text) is None


def test_a_member_that_serves_ends_every_recovery() -> None:
    scene = asking(at_rest(3), 2)
    assert understand(scene).recovery is None
    assert build_plan(scene).actions == ()


def with_claims(scene: Observed, member_id: int, **changes: Any) -> Observed:
    claims = tuple(replace(c, **changes) if c.member_id == member_id else c for c in scene.claims)
    return replace(scene, claims=claims)


MAY_RETURN: dict[str, Callable[[Observed], Observed]] = {
    "its claim is the one that was marked": lambda s: with_claims(s, 1, member=True),
    "its claim is being deleted": lambda s: with_claims(s, 3, terminating=True),
    "its volume is released": lambda s: replace(
        s, former_volumes=(FormerVolume("pv-1", "data-zk-1", "Released"),)
    ),
    "volumes may not be read": lambda s: replace(s, former_volumes=None),
    "it says that it holds data": lambda s: replace(
        s, answers={**s.answers, 1: replace(s.answers[1], database="kept")}
    ),
    "it does not answer": lambda s: replace(
        s, answers={i: a for i, a in s.answers.items() if i != 1}
    ),
    "it was ready": lambda s: changed(s, 1, never_ready=False),
    "its pod is going": lambda s: changed(s, 3, terminating=True),
    "a pod of its name is another's": lambda s: replace(
        s,
        pods=tuple(p for p in s.pods if p.id != 1),
        claims=tuple(c for c in s.claims if c.member_id != 1),
        unclaimed=frozenset({"zk-1"}),
    ),
    "a pod of a deleted ensemble is there": lambda s: replace(s, previous_pods=("zk-1",)),
    "only a claim that was marked is left of it": lambda s: replace(
        with_claims(s, 1, member=True), pods=tuple(p for p in s.pods if p.id != 1)
    ),
}


@pytest.mark.parametrize("how", MAY_RETURN)
def test_nothing_is_recovered_while_another_member_may_return_with_its_data(how: str) -> None:
    scene = MAY_RETURN[how](disaster())
    assert disruptive(build_plan(scene).actions) == []
    assert lists(scene) == []
    assert quorum_condition(scene)["reason"] == reasons.LOST_MEMBERS_MAY_RETURN


def test_a_member_without_a_volume_holds_none() -> None:
    """Its node is gone and no other has room for its pod: there is nothing to start with."""
    scene = with_claims(disaster(), 1, phase="Pending")
    waiting = changed(scene, 1, running=False, never_ready=True)
    waiting = replace(waiting, answers={i: a for i, a in scene.answers.items() if i != 1})
    assert len(disruptive(build_plan(waiting).actions)) == 1


def test_a_released_volume_of_the_survivor_is_no_obstacle() -> None:
    scene = replace(disaster(), former_volumes=(FormerVolume("pv-2", "data-zk-2", "Released"),))
    assert len(disruptive(build_plan(scene).actions)) == 1


NO_SURVIVOR: dict[str, Callable[[Observed], Observed]] = {
    "a member of an ensemble that is taken over votes": lambda s: edited(s, {"firstMemberId": 2}),
    "it is empty": lambda s: changed(
        replace(s, answers={**s.answers, 2: replace(s.answers[2], database="none")}),
        2,
        never_ready=True,
    ),
    "it does not answer": lambda s: replace(
        s, answers={i: a for i, a in s.answers.items() if i != 2}
    ),
    "its claim is being deleted": lambda s: with_claims(s, 2, terminating=True),
    "its claim is lost": lambda s: with_claims(s, 2, phase="Lost"),
    "it has no vote": lambda s: asking(
        replace(
            s,
            pods=(*s.pods, pod(4, ready=False)),
            claims=(*s.claims, claim(4)),
            answers={**s.answers, 4: replace(answers(4, None, ()), database="kept")},
        ),
        4,
    ),
}


@pytest.mark.parametrize("how", NO_SURVIVOR)
def test_only_a_voter_that_holds_data_is_a_survivor(how: str) -> None:
    scene = NO_SURVIVOR[how](disaster())
    assert disruptive(build_plan(scene).actions) == []
    assert quorum_condition(scene)["reason"] == reasons.RECOVERY_REFUSED


def test_a_survivor_that_synced_after_an_empty_start_holds_the_data() -> None:
    scene = disaster()
    told = {**scene.answers, 2: replace(scene.answers[2], database="none")}
    assert len(disruptive(build_plan(replace(scene, answers=told)).actions)) == 1


def test_data_in_an_empty_dir_goes_with_the_restart_that_a_recovery_needs() -> None:
    scene = edited(disaster(), {"storage": {"ephemeral": True}})
    assert disruptive(build_plan(scene).actions) == []


def test_a_recovery_waits_for_two_minutes_without_a_quorum() -> None:
    assert disruptive(build_plan(disaster(since=timedelta(seconds=119))).actions) == []
    assert len(disruptive(build_plan(disaster(since=timedelta(seconds=120))).actions)) == 1


@pytest.mark.parametrize("spec", [{"paused": True}, {"stopped": True}])
def test_a_pause_and_a_stop_are_left_as_they_are(spec: dict[str, Any]) -> None:
    assert disruptive(build_plan(edited(disaster(), spec)).actions) == []


def test_an_invalid_spec_does_not_prevent_a_recovery() -> None:
    scene = edited(disaster(), {"config": {"clientPort": "1"}})
    assert [membership.voters for membership in lists(scene)] == [{2}]
    assert len(disruptive(build_plan(scene).actions)) == 1


# ---- what was begun ----


def test_a_recovery_whose_request_is_gone_is_completed_from_the_list() -> None:
    begun = published(disaster())
    begun = replace(begun, ensemble=replace(begun.ensemble, recover=""))
    (restart,) = disruptive(build_plan(begun).actions)
    assert isinstance(restart, RestartMember)
    assert restart.uid == "uid-of-zk-2"
    assert lists(begun) == []


def test_the_restart_of_the_survivor_is_no_refusal() -> None:
    """Its pod is being deleted because it is recovered on."""
    begun = published(disaster())
    pods = tuple(replace(p, terminating=p.id == 2 or p.terminating) for p in begun.pods)
    scene = replace(begun, pods=pods)
    assert quorum_condition(scene)["reason"] == reasons.RECOVERING
    not_begun = disaster()
    going = tuple(replace(p, terminating=p.id == 2 or p.terminating) for p in not_begun.pods)
    refused = quorum_condition(replace(not_begun, pods=going))
    assert refused["reason"] == reasons.RECOVERY_REFUSED


@pytest.mark.parametrize("survivor", [1, 2, 3])
def test_the_empty_members_are_restarted_one_after_the_other(survivor: int) -> None:
    scene = restarted(published(disaster(survivor)), survivor)
    first, second = [i for i in (1, 2, 3) if i != survivor]
    (restart,) = disruptive(build_plan(scene).actions)
    assert isinstance(restart, RestartMember)
    assert restart.member_id == first
    (restart,) = disruptive(build_plan(restarted(scene, first)).actions)
    assert isinstance(restart, RestartMember)
    assert restart.member_id == second


def test_the_recovered_ensemble_commits_who_it_is_before_any_member_joins() -> None:
    scene = leading(restarted(published(disaster()), 1, 2, 3), 2, 0x100000000)
    (step,) = reconfigurations(build_plan(scene).actions)
    assert step.leaving == (1, 3)
    assert step.joining == ()
    assert step.based_on.version == 0x100000000


def test_the_others_join_as_they_would_join_any_ensemble() -> None:
    scene = leading(restarted(published(disaster()), 1, 2, 3), 2, 0x200000001)
    (membership,) = lists(scene)
    assert membership.restart == ()
    assert membership.version == 0x200000001
    scene = published(scene)
    synced = {i: answers(i, 2, [2], epoch=2) for i in (1, 2, 3)}
    (step,) = reconfigurations(build_plan(replace(scene, answers=synced)).actions)
    assert [s.id for s in step.joining] == [1]


def test_a_member_that_was_not_restarted_yet_stays_on_the_list() -> None:
    scene = leading(restarted(published(disaster()), 2, 3), 2, 0x200000001)
    (restart,) = disruptive(build_plan(scene).actions)
    assert isinstance(restart, RestartMember)
    assert restart.member_id == 1
    (membership,) = lists(scene)
    assert membership.restart == ((1, "second-uid-of-zk-1"),)


def test_no_pod_is_taken_away_before_the_survivor_leads() -> None:
    scene = disaster(survivor=1, size=5)
    assert applied(build_plan(scene).actions, "StatefulSet") == []
    begun = restarted(published(scene), 1)
    assert applied(build_plan(begun).actions, "StatefulSet") == []


def test_a_quorum_of_the_old_list_ends_a_recovery_that_has_begun() -> None:
    scene = published(disaster())
    old = at_rest(3)
    back = replace(scene, answers=old.answers, committed=old.committed, pods=old.pods)
    (membership,) = lists(back)
    assert membership.voters == {1, 2, 3}
    assert membership.restart == ()
