"""Ensembles whose data goes with their pods: what is refused, and when one is founded again."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import (
    applied,
    at_rest,
    changed,
    disruptive,
    edited,
    outdated,
    pod,
    with_children,
    without_answer,
)

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble.actions import RestartMember
from zookeeper_operator.ensemble.forecast.election import looking
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import Plan, build_plan
from zookeeper_operator.ensemble.report.notices import build_notices
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.zookeeper.answers import Answers

EPHEMERAL = {"storage": {"ephemeral": True}}


def ephemeral(size: int, **spec: Any) -> Observed:
    return with_children(replace(at_rest(size, {**EPHEMERAL, **spec}), claims=()))


def says(member_id: int, database: str) -> Answers:
    """The answer of a member that does not serve."""
    return replace(looking(Answers(member_id, reachable=True)), database=database)


def emptied(scene: Observed, ids: Iterable[int], database: str = "none") -> Observed:
    """The same scene after every pod was replaced: these members say that they hold nothing."""
    gone = {p.id for p in scene.pods}
    told = {i: says(i, database if i in set(ids) else "kept") for i in gone}
    lost = replace(scene, answers={**scene.answers, **told}, committed=None)
    for member_id in gone:
        lost = changed(lost, member_id, ready=False, never_ready=member_id in set(ids))
    return lost


def membership(plan: Plan) -> dict[str, str]:
    (body,) = [
        b for b in applied(plan.actions, "ConfigMap") if b["metadata"]["name"] == "zk-membership"
    ]
    return dict(body["data"])


# ---- founded again ----


@pytest.mark.parametrize("size", [1, 3])
def test_an_ensemble_of_which_nothing_is_left_is_founded_again(size: int) -> None:
    scene = emptied(ephemeral(size), range(1, size + 1))
    plan = build_plan(scene)
    data = membership(plan)
    assert data["founders"] == " ".join(str(i) for i in range(1, size + 1))
    assert data["configVersion"] == "100000000", "members that run go by it, and by nothing older"
    assert int(data["epoch"]) > 1, "clients refuse a server that is behind what they have seen"
    status = build_status(plan, restarted={})
    assert "foundedAt" not in status
    assert status["foundedAgainAt"]
    notices = build_notices(scene.ensemble.status, status)
    assert reasons.FOUNDED_AGAIN in {notice.reason for notice in notices}


def founding_again(scene: Observed) -> Observed:
    """What the next pass sees."""
    plan = build_plan(scene)
    ensemble = replace(scene.ensemble, status=build_status(plan, restarted={}))
    return with_children(replace(scene, ensemble=ensemble))


def test_founders_that_do_not_know_it_are_restarted_one_by_one() -> None:
    scene = founding_again(emptied(ephemeral(3), (1, 2, 3)))
    (restart,) = disruptive(build_plan(scene).actions)
    assert isinstance(restart, RestartMember)
    assert restart.member_id == 1
    knows = replace(scene, answers={**scene.answers, 1: says(1, "founder")})
    (restart,) = disruptive(build_plan(knows).actions)
    assert isinstance(restart, RestartMember)
    assert restart.member_id == 2


def test_a_pass_that_was_interrupted_between_its_two_writes_goes_on() -> None:
    scene = emptied(ephemeral(3), (1, 2, 3))
    epoch = membership(build_plan(scene))["epoch"]
    interrupted = replace(founding_again(scene), ensemble=scene.ensemble)
    again = replace(interrupted, answers={**scene.answers, 1: says(1, "founder")})
    plan = build_plan(again)
    assert not plan.situation.founded
    assert plan.situation.membership.epoch == int(epoch)
    assert build_status(plan, restarted={}).get("foundedAt") is None


def test_the_quorum_ends_it() -> None:
    scene = founding_again(emptied(ephemeral(3), (1, 2, 3)))
    rest = ephemeral(3)
    data = membership(build_plan(replace(scene, answers=rest.answers, committed=rest.committed)))
    assert data["founders"] == ""
    assert int(data["epoch"]) > 1, "the next time goes on from there"


SOMETHING_LEFT = {
    "one member may hold data": lambda s: emptied(s, (1, 2)),
    "one member does not answer": lambda s: without_answer(emptied(s, (1, 2, 3)), 3),
    "one pod is still ending": lambda s: changed(emptied(s, (1, 2, 3)), 3, terminating=True),
    "one pod has served since its member started": lambda s: changed(
        emptied(s, (1, 2, 3)), 3, never_ready=False
    ),
    "one pod is not there yet": lambda s: replace(
        emptied(s, (1, 2, 3)), pods=emptied(s, (1, 2, 3)).pods[:2]
    ),
    "an observer may hold data": lambda s: replace(
        emptied(s, (1, 2, 3)),
        pods=(*emptied(s, (1, 2, 3)).pods, pod(101)),
        answers={**emptied(s, (1, 2, 3)).answers, 101: says(101, "kept")},
    ),
    "a pod of an older StatefulSet is there": lambda s: replace(
        emptied(s, (1, 2, 3)), previous_pods=("zk-3",)
    ),
    "the members do not say": lambda s: emptied(s, (1, 2, 3), database=""),
}


@pytest.mark.parametrize("case", SOMETHING_LEFT)
def test_as_long_as_something_may_be_left_nobody_founds(case: str) -> None:
    plan = build_plan(SOMETHING_LEFT[case](ephemeral(3)))
    assert plan.situation.founded
    assert plan.situation.membership.founders == ()
    assert disruptive(plan.actions) == []


@pytest.mark.parametrize("spec", [{"paused": True}, {"version": "9.9.9"}])
def test_what_is_not_carried_out_is_not_recorded(spec: dict[str, Any]) -> None:
    plan = build_plan(edited(emptied(ephemeral(3), (1, 2, 3)), spec))
    assert build_status(plan, restarted={})["foundedAt"]


def test_empty_volumes_found_nothing() -> None:
    assert build_plan(emptied(at_rest(3), (1, 2, 3))).situation.founded


# ---- what is told of data that is lost ----


def told(plan: Plan) -> dict[str, tuple[str, str]]:
    found = build_status(plan, restarted={})["conditions"]
    return {c["type"]: (c["reason"], c["message"]) for c in found}


@pytest.mark.parametrize("empty", [(1, 2, 3), (2, 3)])
def test_a_majority_of_empty_volumes_is_told_with_what_to_do(empty: tuple[int, ...]) -> None:
    verdicts = told(build_plan(emptied(at_rest(3), empty)))
    for type_ in (conditions.READY, conditions.QUORUM_HEALTHY, conditions.STORAGE_HEALTHY):
        reason, message = verdicts[type_]
        assert reason == reasons.VOLUME_LOST
        assert f"member {', '.join(map(str, empty))} holds no data" in message
        assert "from a backup" in message


def test_one_empty_member_is_no_loss_while_the_others_may_elect() -> None:
    assert told(build_plan(emptied(at_rest(3), (3,))))[conditions.QUORUM_HEALTHY][0] == (
        reasons.ELECTION_IN_PROGRESS
    )


def test_what_ephemeral_storage_waits_for_is_told() -> None:
    scene = without_answer(emptied(ephemeral(3), (1, 2, 3)), 3)
    reason, message = told(build_plan(scene))[conditions.STORAGE_HEALTHY]
    assert reason == reasons.VOLUME_LOST
    assert "zk-3" in message


# ---- refused before it is done ----


def test_the_only_member_is_not_restarted_for_a_new_revision() -> None:
    scene = outdated(ephemeral(1), 1)
    plan = build_plan(scene)
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.DATA_WOULD_BE_LOST
    assert plan.settled, "nothing changes before somebody acts"
    assert build_plan(outdated(at_rest(1), 1)).actions, "with a volume it is"


def test_more_members_are_the_way_out() -> None:
    plan = build_plan(edited(outdated(ephemeral(1), 1), {"replicas": 3}))
    assert plan.scale.state is True


def test_without_a_quorum_no_member_that_may_hold_data_is_restarted() -> None:
    scene = outdated(without_answer(replace(ephemeral(3), committed=None), 2, 3), 1, 2, 3)
    scene = replace(scene, answers={**scene.answers, 1: says(1, "kept")})
    scene = changed(changed(scene, 2, running=False), 3, running=False)
    plan = build_plan(changed(scene, 1, ready=False))
    assert disruptive(plan.actions) == []
    assert plan.rollout.reason == reasons.DATA_WOULD_BE_LOST
    (restart,) = disruptive(build_plan(changed(scene, 2, never_ready=True)).actions)
    assert isinstance(restart, RestartMember)
    assert restart.member_id == 2, "it has served nobody, so it holds nothing"


def test_others_that_have_the_data_let_a_member_be_restarted() -> None:
    (restart,) = disruptive(build_plan(outdated(ephemeral(3), 1)).actions)
    assert isinstance(restart, RestartMember)


def test_a_stop_that_would_delete_the_data_is_refused() -> None:
    plan = build_plan(edited(ephemeral(3), {"stopped": True}))
    assert [a for a in applied(plan.actions, "StatefulSet") if a["spec"]["replicas"] == 0] == []
    assert disruptive(plan.actions) == []
    verdicts = told(plan)
    assert verdicts[conditions.STORAGE_HEALTHY][0] == reasons.DATA_WOULD_BE_LOST
    assert verdicts[conditions.READY][0] == reasons.DATA_WOULD_BE_LOST
    assert verdicts[conditions.QUORUM_HEALTHY][0] == reasons.SERVING


def test_one_that_is_stopped_already_stays_so() -> None:
    scene = replace(edited(ephemeral(3), {"stopped": True}), pods=(), answers={}, committed=None)
    assert told(build_plan(scene))[conditions.READY][0] == reasons.STOPPED
