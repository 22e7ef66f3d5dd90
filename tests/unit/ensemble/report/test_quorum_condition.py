"""Why there is no quorum: what the operator did itself, and members that do not reach each other."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import NOW, answers, at_rest, changed, ensemble, without_pod

from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.notices import build_notices
from zookeeper_operator.ensemble.report.quorum_condition import judge_quorum_condition
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.kube.times import format_time

ROLLING = {"type": "RolledOut", "status": "False", "reason": "HandingOverLeadership"}
SETTLED = {"type": "RolledOut", "status": "True", "reason": "UpToDate"}
HEALTHY = {"type": "QuorumHealthy", "status": "True", "reason": "Serving"}


def away(seconds: float, reason: str = "ElectionExpected") -> dict[str, Any]:
    since = format_time(NOW - timedelta(seconds=seconds))
    return {
        "type": "QuorumHealthy",
        "status": "False",
        "reason": reason,
        "lastTransitionTime": since,
    }


def electing(*standing: dict[str, Any], founded: bool = True, ran: float = 600) -> Observed:
    """Three members that answer and have no leader, while these conditions stand in the status."""
    members = [{"id": i, "pod": f"zk-{i}", "serving": True} for i in (1, 2, 3)]
    status: dict[str, Any] = {"conditions": list(standing), "members": members}
    if not founded:
        status["foundedAt"] = ""
    scene = replace(
        at_rest(),
        ensemble=ensemble({"replicas": 3}, **status),
        answers={i: answers(i, None, (1, 2, 3)) for i in (1, 2, 3)},
        committed=None,
        claims=at_rest().claims if founded else (),
    )
    for member_id in (1, 2, 3):
        scene = changed(scene, member_id, running_since=NOW - timedelta(seconds=ran))
    return scene


def reason(scene: Observed) -> str:
    return judge_quorum_condition(build_plan(scene)).reason


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(electing(ROLLING, HEALTHY), "ElectionExpected", id="after a hand-over"),
        pytest.param(electing(ROLLING, away(10)), "ElectionExpected", id="for some seconds"),
        pytest.param(electing(ROLLING, away(20)), "ElectionInProgress", id="not for long"),
        pytest.param(electing(SETTLED, HEALTHY), "ElectionInProgress", id="nothing was done"),
    ],
)
def test_an_election_that_follows_from_the_operators_work_is_told_apart(
    scene: Observed, expected: str
) -> None:
    assert reason(scene) == expected


def test_a_member_that_is_lost_meanwhile_is_no_work_of_the_operators() -> None:
    scene = electing(ROLLING, HEALTHY)
    lost = without_pod(scene, 1)
    assert reason(lost) == "ElectionInProgress"


def test_what_is_not_known_stays_unknown_during_the_operators_work() -> None:
    scene = electing(ROLLING, HEALTHY)
    unheard = replace(scene, answers={i: silent(i) for i in (1, 2, 3)})
    assert reason(unheard) == "NotProbed"


def test_an_expected_election_is_no_event_until_it_lasts() -> None:
    def after(scene: Observed) -> dict[str, Any]:
        return build_status(build_plan(scene), restarted={})

    def told(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
        return [n.reason for n in build_notices(before, now)]

    healthy = {**after(at_rest()), "conditions": [ROLLING, HEALTHY]}
    begun = after(electing(ROLLING, HEALTHY))
    assert told(healthy, begun) == []
    assert told(begun, after(electing(ROLLING, away(20)))) == ["ElectionInProgress"]
    assert "QuorumRestored" not in told(begun, after(at_rest()))


@pytest.mark.parametrize("founded", [True, False])
def test_members_that_answer_and_agree_on_nobody_do_not_reach_each_other(*, founded: bool) -> None:
    standing = away(70, "ElectionInProgress" if founded else "Founding")
    scene = electing(SETTLED, standing, founded=founded)
    found = judge_quorum_condition(build_plan(scene))
    assert found.reason == "MembersNotConnected"
    for member_id in (1, 2, 3):
        assert f"zk-{member_id}.demo.svc.cluster.local" in found.message
    assert standing["lastTransitionTime"] in found.message


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(electing(SETTLED, away(50, "ElectionInProgress")), id="an election lasts"),
        pytest.param(electing(SETTLED, away(600, "NoQuorum"), ran=30), id="they have just started"),
    ],
)
def test_members_get_the_time_of_an_election(scene: Observed) -> None:
    assert reason(scene) == "ElectionInProgress"
