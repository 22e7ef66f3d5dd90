"""What the status keeps and what it works out anew."""

from dataclasses import replace

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, claim, ensemble, pod, silent

from zookeeper_operator.ensemble.observed import Observed, Pod
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.kube.api import Object


def told_of(member_id: int, observed: Observed) -> Object:
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
def test_a_restart_that_nobody_lived_to_tell_is_told_by_the_next(now: Pod | None) -> None:
    told = told_of(2, left_by_a_crash(now))
    assert told["restartReason"] == "its revision is old (old → new)"
    assert told["restartedAt"] == "2026-01-01T00:00:00Z"


def test_a_reason_that_was_told_is_kept() -> None:
    reason = "it does not serve and runs an old revision (old → new)"
    told = told_of(2, left_by_a_crash(pod(2), reason=reason))
    assert told["restartReason"] == reason


def test_what_the_api_server_refuses_is_told_as_the_reason() -> None:
    """It refuses what podTemplate makes of the pods, say: to wait for a quorum would be no answer."""
    said = "applying StatefulSet zk failed: Invalid (422): spec.template: no"
    status = build_status(build_plan(at_rest()), restarted={}, failure=said, refused=True)
    told = {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}
    assert told["Ready"] == told["SpecValid"] == ("False", "InvalidSpec", said)


def test_versions_that_nobody_tells_are_left_out() -> None:
    """An empty table over a full one is refused by the API server, and with it the whole status."""
    observed = at_rest()
    silent_ones = {i: silent(i) for i in observed.answers}
    status = build_status(build_plan(replace(observed, answers=silent_ones)), restarted={})
    assert status["version"] == {"target": "3.9.4"}


def test_a_pod_of_the_same_revision_was_restarted_by_somebody_else() -> None:
    told = told_of(2, left_by_a_crash(pod(2, "old")))
    assert told.get("restartReason", "") == ""


def ready_of(observed: Observed) -> tuple[str, str, str]:
    """Status, reason of `Ready`, and the summary."""
    status = build_status(build_plan(observed), restarted={})
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    return ready["status"], ready["reason"], status["summary"]


def test_what_only_we_could_change_waits_for_the_end_of_a_pause() -> None:
    new = replace(
        at_rest(), ensemble=ensemble({"paused": True}, foundedAt=""), pods=(), claims=(), answers={}
    )
    assert ready_of(new) == ("False", "Paused", "Paused")


def test_a_lost_quorum_is_told_during_a_pause_too() -> None:
    observed = at_rest(spec={"paused": True})
    answers = {i: silent(i) for i in observed.answers}
    status, reason, _ = ready_of(replace(observed, answers=answers))
    assert (status, reason) not in {("False", "Paused"), ("True", "Serving")}


def test_the_volumes_of_members_that_have_left_are_listed() -> None:
    scene = at_rest(3)
    left = tuple(claim(i, member=False) for i in (5, 4))
    status = build_status(build_plan(replace(scene, claims=(*scene.claims, *left))), restarted={})
    assert status["retainedClaims"] == ["data-zk-4", "data-zk-5"]
    assert build_status(build_plan(scene), restarted={})["retainedClaims"] == []
