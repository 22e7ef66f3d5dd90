"""The conditions: which reason each gives, and which one is the most telling."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import (
    answers,
    at_rest,
    changed,
    edited,
    ensemble,
    outdated,
    pod,
    with_children,
)

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.conditions import CONDITION_TYPES, Condition
from zookeeper_operator.ensemble.failure import NO_FAILURE, Failure
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observed import Observed, Trouble
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.conditions import build_conditions
from zookeeper_operator.ensemble.report.notices import build_notices
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.zookeeper.answers import Answers


def quorum_healthy(observed: Observed) -> tuple[str, str]:
    """Status and reason of `QuorumHealthy`."""
    found = conditions.find(build_conditions(build_plan(observed)), conditions.QUORUM_HEALTHY)
    assert found is not None
    return found.status, found.reason


def test_every_condition_is_reported_in_the_order_of_the_documentation() -> None:
    sometimes = {conditions.SECURED, conditions.BACKUP_RECENT, conditions.ADOPTED}
    found = [c.type for c in build_conditions(build_plan(at_rest()))]
    assert found == [name for name in CONDITION_TYPES if name not in sometimes]
    recent = Condition(type=conditions.BACKUP_RECENT, status="True")
    adopt = {"firstMemberId": 11, "adopt": {"connectionString": "old:2181"}}
    with_all = replace(edited(at_rest(), {"tls": {}, **adopt}), backup_recent=recent)
    assert [c.type for c in build_conditions(build_plan(with_all))] == list(CONDITION_TYPES)


LOOKING = {i: answers(i, None, (1, 2, 3)) for i in (1, 2, 3)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("True", "Serving")),
        ({**LOOKING, 3: silent(3)}, ("False", "ElectionInProgress")),
        ({**LOOKING, 2: silent(2), 3: silent(3)}, ("Unknown", "NotProbed")),
        ({i: silent(i) for i in (1, 2, 3)}, ("Unknown", "NotProbed")),
        ({i: answers(i, i, (1, 2, 3)) for i in (1, 2)}, ("Unknown", "NotProbed")),
    ],
)
def test_the_quorum_is_what_the_answers_show(
    given: dict[int, Answers], expected: tuple[str, str]
) -> None:
    observed = at_rest()
    scene = replace(observed, answers={**observed.answers, **given})
    if given:
        scene = replace(scene, committed=None)
    assert quorum_healthy(scene) == expected


def test_what_the_api_server_refuses_is_reported_as_the_reason() -> None:
    """It refuses what podTemplate makes of the pods, say: to wait for a quorum would be no answer."""
    said = "applying StatefulSet zk failed: Invalid (422): spec.template: no"
    status = build_status(build_plan(at_rest()), restarted={}, failure=Failure(said, "spec"))
    found = {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}
    assert found["Ready"] == found["SpecValid"] == ("False", "InvalidSpec", said)


def unfounded(**changes: Any) -> Observed:
    """An ensemble whose children exist and which has not had a quorum yet."""
    new = replace(
        at_rest(),
        ensemble=ensemble(foundedAt=""),
        children=(),
        pods=(),
        claims=(),
        answers={},
        committed=None,
    )
    return replace(with_children(new), **changes)


DENIED = Failure(
    "applying ConfigMap zk-membership failed: Forbidden (403): denied by policy", "api"
)


def test_what_keeps_an_ensemble_from_being_created_leads() -> None:
    """Neither the founding nor a pod's trouble says why nothing happens."""
    broken = pod(1, ready=False, trouble=Trouble(reasons.CRASH_LOOPING, "ends again and again"))
    new = unfounded(pods=(broken,))
    assert ready_of(new, DENIED) == ("False", "ApplyFailed", "ApplyFailed")


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(
            outdated(at_rest(), 1), ("False", "ApplyFailed"), id="a change that waits for it"
        ),
        pytest.param(at_rest(), ("Unknown", "ApplyFailed"), id="nothing waits for it"),
        pytest.param(
            replace(at_rest(), answers={**LOOKING, 3: silent(3)}, committed=None),
            ("False", "ElectionInProgress"),
            id="a lost quorum is worse",
        ),
    ],
)
def test_a_refused_apply_leads_where_it_is_the_cause(
    scene: Observed, expected: tuple[str, str]
) -> None:
    assert ready_of(scene, DENIED)[:2] == expected


def test_a_conflict_passes_by_itself_and_leads_nowhere() -> None:
    lost_race = Failure("applying StatefulSet zk failed: Conflict (409): uid")
    new = unfounded()
    assert ready_of(new, lost_race)[1] == "Founding"


def ready_of(observed: Observed, failure: Failure = NO_FAILURE) -> tuple[str, str, str]:
    """Status, reason of `Ready`, and the summary."""
    status = build_status(build_plan(observed), restarted={}, failure=failure)
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    return ready["status"], ready["reason"], status["summary"]


def test_what_only_the_operator_could_change_waits_for_the_end_of_a_pause() -> None:
    new = replace(
        at_rest(),
        ensemble=ensemble({"paused": True}, foundedAt=""),
        children=(),
        pods=(),
        claims=(),
        answers={},
    )
    assert ready_of(new) == ("False", "Paused", "Paused")


def test_a_lost_quorum_is_reported_during_a_pause_too() -> None:
    observed = at_rest(spec={"paused": True})
    answers = {i: silent(i) for i in observed.answers}
    status, reason, _ = ready_of(replace(observed, answers=answers))
    assert (status, reason) not in {("False", "Paused"), ("True", "Serving")}


# ---- an ensemble that serves, and lacks something ----


def test_a_failed_sidecar_is_a_warning_about_an_ensemble_that_serves() -> None:
    scene = changed(
        at_rest(),
        1,
        ready=False,
        sidecar=Trouble(reasons.SIDECAR_FAILED, "container shipper: ends again and again"),
    )
    status = build_status(build_plan(scene), restarted={})
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "SidecarFailed")
    assert "zk-1: container shipper" in ready["message"]
    assert status["nextAction"] == ready["message"]
    (notice,) = build_notices(build_status(build_plan(at_rest()), restarted={}), status)
    assert (notice.type, notice.reason) == ("Warning", "SidecarFailed")


def test_a_load_balancer_without_an_address_says_what_it_waits_for() -> None:
    scene = at_rest(3, {"external": {"type": "LoadBalancer"}})
    assert ready_of(scene) == ("True", "WaitingForAddress", "WaitingForAddress")
    said = build_status(build_plan(scene), restarted={})["nextAction"]
    assert "zk-1-external, zk-2-external, zk-3-external" in said
    assert "provider" in said


def test_a_refused_node_port_is_reported_and_the_ensemble_is_ready() -> None:
    refused = Failure(
        optional=("applying Service zk-1-external failed: port is already allocated",)
    )
    status = build_status(build_plan(at_rest()), restarted={}, failure=refused)
    assert ready_of(at_rest(), refused) == ("True", "ApplyFailed", "ApplyFailed")
    assert "already allocated" in status["nextAction"]


# ---- pods that are not there ----


def test_a_refused_pod_is_the_reason_before_the_founding() -> None:
    said = 'cannot be created: pods "zk-1" is forbidden: exceeded quota: small'
    new = unfounded(refused={"zk-1": Trouble(reasons.POD_REFUSED, said)})
    plan = build_plan(new)
    status = build_status(plan, restarted={})
    found = {c["type"]: c for c in status["conditions"]}
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "PodRefused")
    assert found["Ready"]["message"] == f"zk-1: {said}"
    assert (found["RolledOut"]["status"], found["RolledOut"]["reason"]) == (
        "False",
        "RolloutStopped",
    )
    assert next(m for m in status["members"] if m["id"] == 1)["state"] == "PodRefused"
    came = replace(new, pods=(pod(1, ready=False),))
    assert ready_of(came)[1] == "Founding", "what was said of a pod that is there is past"
