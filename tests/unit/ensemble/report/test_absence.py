"""Which members are lost, since when one is away, and what is said of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.ensemble.plan.scenes import (
    NOW,
    answers,
    at_rest,
    changed,
    edited,
    handed_over,
    refusing,
    without_answer,
    without_pod,
)

from zookeeper_operator.api.ensemble_status import MemberStatus
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.ensemble.report.absence import Absence, describe_absence, judge_absence
from zookeeper_operator.kube.times import format_time


def ago(seconds: float) -> str:
    return format_time(NOW - timedelta(seconds=seconds))


def served(
    *, away: float | None = None, restarted: float | None = None, lost: bool = False
) -> MemberStatus:
    """Member 2 as the status has it: serving, or away for so many seconds."""
    return MemberStatus(
        id=2,
        pod="zk-2",
        serving=away is None,
        not_serving_since=None if away is None else ago(away),
        restarted_at=None if restarted is None else ago(restarted),
        lost=lost,
    )


GONE = without_pod(at_rest(), 2)
LOOKING = replace(at_rest(), answers={**at_rest().answers, 2: answers(2, None, (1, 2, 3))})
NO_LEADER = replace(
    at_rest(), answers={i: answers(i, None, (1, 2, 3)) for i in (1, 2, 3)}, committed=None
)
UNHEARD = replace(at_rest(), answers={**at_rest().answers, 2: silent(2)})


@pytest.mark.parametrize(
    ("scene", "before", "lost"),
    [
        pytest.param(GONE, served(), True, id="its pod is gone"),
        pytest.param(changed(GONE, 2), served(restarted=5), False, id="restarted by the operator"),
        pytest.param(GONE, served(away=130, restarted=140), True, id="and did not come back"),
        pytest.param(refusing(at_rest(), 2), served(), True, id="it refuses connections"),
        pytest.param(without_answer(at_rest(), 2), served(away=90), False, id="it may be too busy"),
        pytest.param(UNHEARD, served(), False, id="it is ready: one question was not answered"),
        pytest.param(LOOKING, served(), False, id="it looks for its leader for a moment"),
        pytest.param(LOOKING, served(away=11), True, id="it does not find it"),
        pytest.param(NO_LEADER, served(away=60), False, id="nobody has a leader"),
        pytest.param(edited(GONE, {"replicas": 1}), served(), False, id="the spec wants it away"),
        pytest.param(edited(GONE, {"stopped": True}), served(), False, id="all are stopped"),
    ],
)
def test_a_member_is_lost_when_nobody_wanted_that(
    scene: Observed, before: MemberStatus, *, lost: bool
) -> None:
    found = judge_absence(understand(scene), 2, before, serving=False, restarted=False)
    assert found.lost is lost


def test_a_member_that_has_handed_its_vote_over_is_not_lost() -> None:
    scene = handed_over()
    gone = replace(scene, pods=scene.pods[1:], answers={**scene.answers, 1: silent(1)})
    before = served().model_copy(update={"id": 1})
    assert not judge_absence(understand(gone), 1, before, serving=False, restarted=False).lost


def test_who_never_served_is_not_away() -> None:
    fresh = MemberStatus(id=2, pod="zk-2")
    for before in (None, fresh):
        assert (
            judge_absence(understand(GONE), 2, before, serving=False, restarted=False) == Absence()
        )


def test_the_time_stays_until_the_member_serves_again() -> None:
    first = judge_absence(understand(UNHEARD), 2, served(), serving=False, restarted=False)
    assert first == Absence(since=ago(0))
    later = replace(UNHEARD, now=NOW + timedelta(seconds=30))
    again = judge_absence(understand(later), 2, served(away=0), serving=False, restarted=False)
    assert again == Absence(since=ago(0))
    back = judge_absence(
        understand(at_rest()), 2, served(away=30, lost=True), serving=True, restarted=False
    )
    assert back == Absence()


@pytest.mark.parametrize(
    ("scene", "before", "said"),
    [
        (GONE, served(), "zk-2 has no pod"),
        (changed(UNHEARD, 2, terminating=True), served(), "the pod of zk-2 is being deleted"),
        (UNHEARD, served(away=60), "zk-2 is starting"),
        (
            changed(UNHEARD, 2, answered=True),
            served(away=60),
            f"zk-2 does not answer since {ago(60)}",
        ),
        (
            replace(changed(UNHEARD, 2, answered=True, node="n1"), lost_nodes=frozenset({"n1"})),
            served(away=60),
            "zk-2 is on node n1, which is not ready",
        ),
        (LOOKING, served(away=2), "zk-2 does not follow zk-3 yet"),
        (
            LOOKING,
            served(away=45),
            f"zk-2 answers, but has not followed zk-3 since {ago(45)}: it does not",
        ),
        (NO_LEADER, served(away=45), "zk-2 answers, but has no leader"),
    ],
)
def test_what_is_known_is_said(scene: Observed, before: MemberStatus, said: str) -> None:
    assert describe_absence(understand(scene), 2, before).startswith(said)
