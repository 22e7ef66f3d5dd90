"""Which members copy the data of the leader, and of which that is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import (
    NOW,
    answers,
    at_rest,
    changed,
    joined,
    outdated,
)

from zookeeper_operator.ensemble.forecast.election import looking, silent
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan, understand
from zookeeper_operator.ensemble.plan.copying import find_copying
from zookeeper_operator.ensemble.report.absence import describe_absence
from zookeeper_operator.kube.times import format_time
from zookeeper_operator.zookeeper.answers import Answers

VOTERS = (1, 2, 3)
MEBIBYTE = 1024**2
# The start, initLimit and syncLimit: 30 s, 10 and 5 ticks of 2 s.
ALLOWED = timedelta(seconds=60)
HINT = "raise spec.config.initLimit and restart zk-3"


def ago(seconds: float) -> str:
    return format_time(NOW - timedelta(seconds=seconds))


def told(
    *away: Answers, followers: int | None, observers: int | None = 0, held: int = 0
) -> dict[int, Answers]:
    """What three members say of which 3 leads, but for those that do not serve."""
    found = {i: answers(i, 3, VOTERS) for i in VOTERS} | {a.id: a for a in away}
    leads = replace(
        found[3], synced_followers=followers, synced_observers=observers, tree_bytes=held
    )
    return found | {3: leads}


def waiting(member_id: int) -> Answers:
    return looking(answers(member_id, None, VOTERS))


@pytest.mark.parametrize(
    ("answered", "leader", "absent", "copying"),
    [
        pytest.param(told(waiting(2), followers=2), 3, {2}, {2}, id="it is counted"),
        pytest.param(told(waiting(2), followers=1), 3, {2}, set(), id="it is not"),
        pytest.param(told(waiting(2), followers=None), 3, {2}, set(), id="the leader does not say"),
        pytest.param(told(waiting(2), followers=2), None, {2}, set(), id="nobody leads"),
        pytest.param(told(followers=2), 3, set(), set(), id="everyone serves"),
        pytest.param(
            told(waiting(1), waiting(2), followers=1), 3, {1, 2}, set(), id="one of two: which?"
        ),
        pytest.param(told(waiting(1), waiting(2), followers=2), 3, {1, 2}, {1, 2}, id="both"),
        pytest.param(
            told(silent(1), waiting(2), followers=1), 3, {2}, set(), id="it may be the silent one"
        ),
        pytest.param(
            told(silent(1), waiting(2), followers=1), 3, {1, 2}, {2}, id="which is not there"
        ),
        pytest.param(
            told(waiting(1001), followers=2, observers=1), 3, {1001}, {1001}, id="an observer"
        ),
    ],
)
def test_a_member_copies_if_the_leader_counts_everyone(
    answered: dict[int, Answers], leader: int | None, absent: set[int], copying: set[int]
) -> None:
    assert find_copying(answered, leader, absent) == copying


def copies(since: timedelta, *, held: int = 0, scene: Observed | None = None) -> Observed:
    """Member 2 has been started so long ago and copies what the leader holds."""
    scene = at_rest() if scene is None else scene
    scene = changed(scene, 2, ready=False, unready_since=NOW - since, running_since=NOW - since)
    return replace(scene, answers=told(waiting(2), followers=2, held=held))


@pytest.mark.parametrize(
    ("scene", "is_told"),
    [
        (copies(ALLOWED - timedelta(seconds=1)), False),
        (copies(ALLOWED), True),
        (copies(ALLOWED, held=100 * MEBIBYTE), False),
        (copies(ALLOWED + timedelta(seconds=10), held=100 * MEBIBYTE), True),
        (copies(ALLOWED, scene=at_rest(3, {"config": {"initLimit": 11}})), False),
    ],
)
def test_it_is_told_when_the_leader_must_have_dropped_it(scene: Observed, *, is_told: bool) -> None:
    message = build_plan(scene).rollout.message
    assert message.startswith("waiting for zk-2 to serve")
    assert message.endswith(HINT) is is_told
    assert (HINT in describe_absence(understand(scene), 2, None)) is is_told


@pytest.mark.parametrize(
    ("status", "is_told"),
    [
        ({"members": [{"id": 2, "serving": True}]}, False),
        ({"members": [{"id": 2, "serving": False, "notServingSince": ago(5)}]}, False),
        ({"members": [{"id": 2, "serving": False, "notServingSince": ago(120)}]}, True),
        ({"leader": {"id": 3, "since": ago(5)}}, False),
        ({"leader": {"id": 3, "since": ago(120)}}, True),
    ],
)
def test_it_is_not_told_of_one_that_served_or_of_another_leader(
    status: dict[str, Any], *, is_told: bool
) -> None:
    """Each follower copies a little after an election, and one that is cut off is counted for a while."""
    scene = copies(timedelta(days=1))
    before = {**scene.ensemble.status, **status}
    scene = replace(scene, ensemble=replace(scene.ensemble, status=before))
    assert build_plan(scene).rollout.message.endswith(HINT) is is_told


def test_it_is_told_in_a_rolling_restart() -> None:
    plan = build_plan(outdated(copies(2 * ALLOWED), 1, 3))
    assert plan.rollout.message.endswith(HINT)
    assert plan.next_action.endswith(HINT)


def test_it_is_told_of_one_that_is_to_join() -> None:
    scene = changed(joined(3, 4, leader=3), 4, ready=False, running_since=NOW - 2 * ALLOWED)
    joins = replace(scene, answers=told(waiting(4), followers=3))
    message = build_plan(joins).membership.message
    said = (
        "waiting for member 4 to sync before it joins: zk-4 has not served since 2025-12-31T23:58"
    )
    assert message.startswith(said)
    assert message.endswith(HINT)
