"""The members in the status, and why each was last restarted."""

from dataclasses import replace

import pytest
from tests.unit.ensemble.plan.scenes import answers, at_rest, ensemble, pod

from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observed import Observed, Pod, Trouble
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.answers import Answers


def member(member_id: int, observed: Observed) -> Object:
    """What the status says of one member when this pass has restarted nobody."""
    status = build_status(build_plan(observed), restarted={})
    found: Object = next(m for m in status["members"] if m["id"] == member_id)
    return found


def left_by_a_crash(now: Pod | None, *, reason: str = "") -> Observed:
    """Member 2 ran revision `old` when the status was last written; and this is its pod now."""
    before = {"id": 2, "pod": "zk-2", "revision": "old", "restartReason": reason}
    observed = at_rest()
    pods = [p for p in observed.pods if p.id != 2]
    return replace(
        observed,
        ensemble=ensemble({"replicas": 3}, members=[before]),
        pods=tuple(sorted([*pods, *([now] if now else [])], key=lambda p: p.id)),
    )


@pytest.mark.parametrize(
    "now", [None, pod(2, "old", terminating=True), pod(2)], ids=["gone", "going", "back"]
)
def test_a_restart_that_was_not_reported_is_reported_by_the_next_pass(now: Pod | None) -> None:
    found = member(2, left_by_a_crash(now))
    assert found["restartReason"] == "its pod template changed (old → new)"
    assert found["restartedAt"] == "2026-01-01T00:00:00Z"


def test_a_reason_that_was_reported_is_kept() -> None:
    reason = "it does not serve and runs an old revision (old → new)"
    found = member(2, left_by_a_crash(pod(2), reason=reason))
    assert found["restartReason"] == reason


def test_a_pod_of_the_same_revision_was_restarted_by_somebody_else() -> None:
    found = member(2, left_by_a_crash(pod(2, "old")))
    assert found.get("restartReason", "") == ""


@pytest.mark.parametrize(
    ("answer", "running", "role", "state"),
    [
        (answers(2, 3, (1, 2, 3)), pod(2), "follower", "broadcast"),
        (answers(2, None, (1, 2, 3)), pod(2), "looking", "election"),
        (silent(2), None, "", "absent"),
        (silent(2), pod(2, terminating=True), "", "stopping"),
        (silent(2), pod(2), "", "starting"),
        (silent(2), pod(2, answered=True), "", "silent"),
        (silent(2), pod(2, answered=True, terminating=True), "", "stopping"),
        (silent(2), pod(2, trouble=Trouble("CrashLooping", "ends")), "", "CrashLooping"),
    ],
)
def test_a_member_is_in_the_state_it_reports_or_else_its_pod(
    answer: Answers, running: Pod | None, role: str, state: str
) -> None:
    observed = at_rest()
    pods = [p for p in observed.pods if p.id != 2]
    scene = replace(
        observed,
        answers={**observed.answers, 2: answer},
        pods=(*pods, *([running] if running else [])),
    )
    found = member(2, scene)
    assert (found["role"], found["state"]) == (role, state)


def test_the_lag_is_counted_from_the_leader_across_an_election() -> None:
    observed = at_rest()
    leader = replace(observed.answers[3], zxid=(7 << 32) + 9)
    behind = replace(observed.answers[1], zxid=(7 << 32) + 4)
    before = replace(observed.answers[2], zxid=(6 << 32) + 1000)
    scene = replace(observed, answers={1: behind, 2: before, 3: leader})
    assert [member(i, scene)["lag"] for i in (1, 2, 3)] == [5, 9, 0]


def test_a_member_in_sync_is_in_the_epoch_of_its_leader() -> None:
    """Its last transaction may be of the epoch before, until somebody writes: no event tells when."""
    observed = at_rest(3, leader=3)
    elected = replace(observed.answers[3], zxid=2 << 32)
    status = member(1, replace(observed, answers={**observed.answers, 3: elected}))
    assert status["epoch"] == 2
    outside = member(1, replace(observed, answers={**observed.answers, 1: silent(1)}))
    assert "epoch" not in outside
