"""The conditions: which reason each gives, and which one is the most telling."""

from dataclasses import replace

import pytest
from tests.unit.ensemble.plan.scenes import answers, at_rest, ensemble

from zookeeper_operator.api import conditions
from zookeeper_operator.api.conditions import CONDITION_TYPES
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.conditions import build_conditions
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.zookeeper.answers import Answers


def quorum_healthy(observed: Observed) -> tuple[str, str]:
    """Status and reason of `QuorumHealthy`."""
    found = conditions.find(build_conditions(build_plan(observed)), conditions.QUORUM_HEALTHY)
    assert found is not None
    return found.status, found.reason


def test_every_condition_is_reported_in_the_order_of_the_documentation() -> None:
    assert [c.type for c in build_conditions(build_plan(at_rest()))] == list(CONDITION_TYPES)


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
    status = build_status(build_plan(at_rest()), restarted={}, failure=said, refused=True)
    found = {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}
    assert found["Ready"] == found["SpecValid"] == ("False", "InvalidSpec", said)


def ready_of(observed: Observed) -> tuple[str, str, str]:
    """Status, reason of `Ready`, and the summary."""
    status = build_status(build_plan(observed), restarted={})
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
