"""Which changes of the status are reported as Events, and which are not."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import NOW, answers, at_rest, changed, edited, without_answer

from zookeeper_operator.api.conditions import QUORUM_HEALTHY, find_written
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observed import Observed, Trouble
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.notices import Notice, build_notices
from zookeeper_operator.ensemble.report.status import build_status


def status(observed: Observed) -> dict[str, Any]:
    """The status of a scene; it stands while the next one is made."""
    return build_status(build_plan(observed), restarted={})


def after(before: dict[str, Any], observed: Observed) -> dict[str, Any]:
    standing = replace(observed, now=NOW, ensemble=replace(observed.ensemble, status=before))
    return build_status(build_plan(standing), restarted={})


def test_stopping_is_reported_once_and_is_no_alarm() -> None:
    serving = status(at_rest(3))
    stopping = edited(at_rest(3), {"stopped": True})
    begun = after(serving, stopping)
    gone = after(begun, replace(stopping, pods=(), answers={i: silent(i) for i in (1, 2, 3)}))
    assert [(n.type, n.reason) for n in build_notices(serving, begun)] == [("Normal", "Stopped")]
    assert build_notices(begun, gone) == ()
    assert "members" not in gone["version"], (
        "an empty map that had keys is refused by the API server"
    )


def test_starting_again_reports_who_leads_and_that_it_serves() -> None:
    stopped = after(
        status(at_rest(3)),
        replace(
            edited(at_rest(3), {"stopped": True}),
            pods=(),
            answers={i: silent(i) for i in (1, 2, 3)},
            committed=None,
        ),
    )
    told = build_notices(stopped, after(stopped, at_rest(3)))
    assert {n.reason for n in told} >= {"LeaderChanged", "QuorumRestored"}
    assert {n.type for n in told} == {"Normal"}


def without_answers(scene: Observed, **pods: Any) -> Observed:
    """The same ensemble, whose members are silent and whose pods have changed."""
    changed_pods = tuple(replace(pod, **pods) for pod in scene.pods)
    quiet = {pod.id: silent(pod.id) for pod in scene.pods}
    return replace(scene, pods=changed_pods, answers=quiet, committed=None)


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("between", ["ending", "gone", "starting"])
def test_a_start_is_no_alarm_whatever_was_left_of_the_stop(between: str, *, ended: bool) -> None:
    """Whether pods that end still serve is not known; that they do not, once they are gone, is no loss."""
    serving, running = status(at_rest(3)), at_rest(3)
    stopping = edited(running, {"stopped": True})
    stopped = after(serving, without_answers(stopping, ready=False) if ended else stopping)
    starting = without_answers(running, running=False, ready=False)
    first = {
        "ending": without_answers(running, terminating=True),
        "gone": replace(without_answers(running), pods=()),
        "starting": starting,
    }
    statuses = [stopped]
    for scene in (first[between], starting, starting, running):
        statuses.append(after(statuses[-1], scene))
    told = [n for pair in pairwise(statuses) for n in build_notices(*pair)]
    assert {n.type for n in told} == {"Normal"}, told
    assert find_written(statuses[2], QUORUM_HEALTHY)["reason"] in {"NoQuorum", "ElectionExpected"}
    lost = build_notices(serving, after(serving, starting))
    assert ("Warning", "NoQuorum") in {(n.type, n.reason) for n in lost}


def test_an_open_admin_server_is_warned_of_once() -> None:
    external = {"type": "NodePort", "adminServer": True}
    closed, opened = status(at_rest(3)), status(at_rest(3, {"external": external}))
    (notice,) = build_notices(closed, opened)
    assert isinstance(notice, Notice)
    assert (notice.type, notice.reason) == ("Warning", "AdminServerExposed")
    assert "password" in notice.message
    assert build_notices(opened, opened) == ()
    plain = status(at_rest(3, {"external": {**external, "adminServer": False}}))
    assert build_notices(closed, plain) == ()
    assert [n.reason for n in build_notices(plain, opened)] == ["AdminServerExposed"]


def test_another_leader_is_reported() -> None:
    another = after(status(at_rest(3)), at_rest(3, leader=1))
    assert [n.reason for n in build_notices(status(at_rest(3)), another)] == ["LeaderChanged"]


@pytest.mark.parametrize("deleting", [False, True])
def test_two_leaders_are_reported_also_where_the_quorum_was_lost_before(*, deleting: bool) -> None:
    scene = at_rest(3)
    scene = replace(scene, ensemble=replace(scene.ensemble, deleting=deleting))
    looking = {i: replace(silent(i), reachable=True, denies=True) for i in (1, 2, 3)}
    lost = after(status(scene), replace(scene, answers=looking, committed=None))
    two = {
        **scene.answers,
        **{i: answers(i, i, (1, 2, 3), epoch=i) for i in (1, 2)},
    }
    since = NOW - timedelta(minutes=1)
    rivals = replace(scene, answers=two, committed=None, contradicted_since=since)
    split = after(lost, rivals)
    assert [n.reason for n in build_notices(lost, split) if n.type == "Warning"] == ["SplitBrain"]
    assert [n for n in build_notices(split, split) if n.reason == "SplitBrain"] == []


def test_an_ensemble_made_again_over_its_volumes_is_not_founded_a_second_time() -> None:
    scene = at_rest(3)
    fresh = replace(scene, ensemble=replace(scene.ensemble, status={}))
    kept = status(replace(fresh, pods=(), answers={}, committed=None))
    assert kept["foundedAt"]
    assert [n.reason for n in build_notices({}, kept)] == []
    assert "Founded" not in {n.reason for n in build_notices(kept, after(kept, scene))}


def lost(before: dict[str, Any], **member: Any) -> dict[str, Any]:
    """The same status, in which member 2 is so."""
    members = [{**m, **member} if m["id"] == 2 else m for m in before["members"]]
    return {**before, "members": members}


def test_a_member_is_lost_once_and_only_who_was_lost_comes_back() -> None:
    calm = status(at_rest(3))
    gone = lost(calm, serving=False, lost=True, state="absent")
    away = lost(calm, serving=False, state="absent")
    assert [n.message for n in build_notices(calm, gone)] == ["zk-2 has no pod"]
    assert build_notices(gone, gone) == ()
    assert [n.reason for n in build_notices(gone, calm)] == ["MemberBack"]
    assert build_notices(calm, away) == ()
    assert build_notices(away, calm) == ()


def test_causes_are_reported_before_their_effects() -> None:
    scene = at_rest(3)
    calm = status(scene)
    broken = Trouble("Unschedulable", "no node fits")
    down = without_answer(scene, 1, 2)
    for member_id in (1, 2):
        down = changed(down, member_id, trouble=broken, running=False)
    now = after(calm, replace(down, committed=None))
    told = [n.reason for n in build_notices(calm, now)]
    assert told.index("Unschedulable") < told.index("MemberLost") < told.index("NoQuorum")
    returned = [n.reason for n in build_notices(now, after(now, at_rest(3, leader=2)))]
    assert returned == ["LeaderChanged", "QuorumRestored", "MemberBack", "MemberBack"]
