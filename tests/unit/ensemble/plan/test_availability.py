"""When a quorum is reported as lost, when as healthy, and when as not known."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import (
    NOW,
    answers,
    at_rest,
    changed,
    refusing,
    without_answer,
)

from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.ensemble.plan.availability import availability
from zookeeper_operator.kube.times import format_time

ALL = (1, 2, 3)


def reported(observed: Observed, status: str, reason: str, *, since: timedelta) -> Observed:
    """The scene with a status that stands: what was reported about the quorum before."""
    condition: dict[str, Any] = {
        "type": "QuorumHealthy",
        "status": status,
        "reason": reason,
        "lastTransitionTime": format_time(NOW - since),
    }
    standing = {**observed.ensemble.status, "conditions": [condition]}
    return replace(observed, ensemble=replace(observed.ensemble, status=standing))


def found(observed: Observed) -> tuple[bool | None, str]:
    """The state and the reason."""
    verdict = availability(understand(observed))
    return verdict.state, verdict.reason


def half_silent() -> Observed:
    """Member 1 has no leader; the other two do not answer, and their pods are not ready."""
    scene = without_answer(at_rest(3), 2, 3)
    return replace(scene, answers={**scene.answers, 1: answers(1, None, ALL)}, committed=None)


def test_members_that_do_not_answer_are_not_lost() -> None:
    scene = replace(without_answer(at_rest(3), *ALL), committed=None)
    assert found(scene) == (None, "NotProbed")
    long_ago = reported(scene, "Unknown", "NotProbed", since=timedelta(hours=1))
    assert found(long_ago) == (None, "NotProbed"), "nobody has said that it has no leader"


@pytest.mark.parametrize(("seconds", "lost"), [(54, False), (56, True)])
def test_a_silence_of_a_minute_is_a_loss_if_a_member_without_a_leader_says_so(
    seconds: int, *, lost: bool
) -> None:
    scene = reported(half_silent(), "Unknown", "NotProbed", since=timedelta(seconds=seconds))
    assert found(scene) == ((False, "NoQuorum") if lost else (None, "NotProbed"))
    if lost:
        message = availability(understand(scene)).message
        assert message == "member 1 has no leader; members 2, 3 do not answer the operator"


@pytest.mark.parametrize(
    "reason",
    ["NoQuorum", "ElectionInProgress", "ElectionExpected", "MembersNotConnected", "VolumeLost"],
)
def test_a_loss_stands_until_somebody_proves_the_opposite(reason: str) -> None:
    down = reported(half_silent(), "False", reason, since=timedelta(0))
    assert found(down) == (False, "NoQuorum")
    kubelets = changed(changed(down, 2, ready=True), 3, ready=True)
    assert found(kubelets) == (None, "NotProbed")


@pytest.mark.parametrize(("seconds", "stands"), [(40, True), (20, False)])
def test_a_member_that_became_ready_after_a_loss_has_had_a_leader(
    seconds: int, *, stands: bool
) -> None:
    down = reported(half_silent(), "False", "NoQuorum", since=timedelta(seconds=30))
    ready = changed(
        changed(down, 1, ready=False),
        2,
        ready=True,
        ready_since=NOW - timedelta(seconds=seconds),
    )
    assert found(ready) == ((False, "NoQuorum") if stands else (None, "NotProbed"))


def test_members_that_are_known_not_to_serve_are_lost_at_once() -> None:
    assert found(replace(refusing(at_rest(3), 2, 3), committed=None)) == (False, "NoQuorum")
    electing = {i: answers(i, None, ALL) for i in ALL}
    scene = replace(at_rest(3), answers=electing, committed=None)
    assert found(scene) == (False, "ElectionInProgress")


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_vote_that_changed_without_an_answer_counts_as_possible(size: int) -> None:
    """Member 2 may have handed its vote over, or member 3 may have got one: then who is left may serve."""
    quiet = [i for i in range(1, size + 1) if i <= size // 2]
    others = [i for i in range(1, size + 1) if i > size // 2]
    scene = refusing(without_answer(at_rest(size), *quiet), *others)
    known = (False, "NoQuorum")
    assert found(scene) == known
    unread = replace(scene, committed=None)
    assert found(unread) == (known if size % 2 else (None, "NotProbed"))


def test_the_leaders_count_is_enough_to_report_a_quorum() -> None:
    scene = at_rest(3, leader=3)
    counting = replace(
        scene.answers[3], synced_followers=2, synced_non_voting_followers=0, synced_observers=0
    )
    busy = replace(scene, answers={1: silent(1), 2: silent(2), 3: counting}, committed=None)
    verdict = availability(understand(busy))
    assert verdict.state is True
    assert verdict.message == (
        "member 3 leads 3 of 3 voters; 1 more may be lost; members 1, 2 do not answer the operator"
    )


@pytest.mark.parametrize(("seconds", "lasted"), [(14, False), (16, True)])
def test_two_leaders_are_reported_after_the_time_in_which_one_gives_up(
    seconds: int, *, lasted: bool
) -> None:
    """By default a leader without followers gives up after five ticks of two seconds."""
    rivals = {i: answers(i, i if i in (2, 3) else 3, ALL, epoch=i) for i in ALL}
    scene = replace(at_rest(3), answers=rivals, contradicted_since=NOW - timedelta(seconds=seconds))
    assert found(scene) == ((False, "SplitBrain") if lasted else (True, "Serving"))


def test_the_time_follows_the_ticks_of_the_spec() -> None:
    rivals = {i: answers(i, i if i in (2, 3) else 3, ALL, epoch=i) for i in ALL}
    slow = at_rest(3, {"config": {"tickTime": 4000, "syncLimit": "10"}})
    since = NOW - timedelta(seconds=40)
    assert found(replace(slow, answers=rivals, contradicted_since=since))[0] is True
