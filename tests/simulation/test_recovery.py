"""One survivor of three: whatever happens to the operator, the ensemble serves again and nothing is torn."""

import pytest
from tests.simulation import wrong_minds
from tests.simulation.mind import RIGHT, Mind
from tests.simulation.run import Result, run
from tests.simulation.scenario import Event, Scenario
from tests.simulation.weather import Weather

from zookeeper_operator.kube.api import Object

SPEC: Object = {
    "replicas": 3,
    "image": {"tag": "3.9.4"},
    "storage": {"data": {"size": "5Gi"}},
    "allowEvenReplicas": True,
}
LOST_AT = 40.0
BEGINS_AT = LOST_AT + 110.0
"""Shortly before there has been no quorum for two minutes."""
MOST_WRITES = 90


def recover(survivor: int, *more: Event, seed: int = 1, replicas: int = 3) -> Result:
    disaster = Event(LOST_AT, "disaster", {"survivor": survivor})
    spec = {**SPEC, "replicas": replicas}
    result = run(Scenario(seed, spec, (disaster, *more), Weather(), calm_at=LOST_AT + 5))
    assert result.violation is None, result.violation
    return result


def told(result: Result) -> list[str]:
    return [entry.what for entry in result.history if entry.at >= LOST_AT]


@pytest.mark.parametrize("survivor", [1, 2, 3])
def test_one_survivor_becomes_the_whole_ensemble(survivor: int) -> None:
    for replicas in (3, 5):
        words = told(recover(survivor, replicas=replicas))
        assert any("volumes but that" in text for text in words)
        assert any("reconfigures" in text for text in words)
        assert not any("RecoveryRefused" in text for text in words), "its restart is no refusal"


@pytest.mark.parametrize("survivor", [1, 2, 3])
def test_the_operator_may_be_killed_after_each_write_of_a_recovery(survivor: int) -> None:
    """Same end, with nothing to go on but what was written; each survivor takes every third write."""
    for writes in range(survivor, MOST_WRITES, 3):
        crash = Event(BEGINS_AT, "crash after", {"writes": writes})
        result = recover(survivor, crash, seed=writes)
        if not any("crashes" in text for text in told(result)):
            break
    else:
        raise AssertionError(f"a recovery takes more than {MOST_WRITES} writes")
    assert writes > 10


def hanging(seed: int, mind: Mind) -> Result:
    """Two of three nodes hang, and somebody gives them up for lost before they go on."""
    hang = Event(LOST_AT, "hang nodes", {"members": (2, 3), "for": 170.0 + seed})
    asked = Event(LOST_AT + 1, "recover", {"survivor": 1})
    return run(Scenario(seed, SPEC, (hang, asked), Weather(), calm_at=LOST_AT + 5), mind)


def test_nodes_that_only_hang_are_waited_for() -> None:
    """What is asked for too early is refused: the members come back with their data."""
    for seed in range(3):
        result = hanging(seed, RIGHT)
        assert result.violation is None, result.violation
        words = told(result)
        assert any("LostMembersMayReturn" in text for text in words), words
        assert not any("reconfigures" in text for text in words)


def test_an_operator_that_does_not_ask_who_may_return_is_found_out() -> None:
    """Its survivor acknowledges writes that the others, who are the old majority, do not have."""
    rules = {"no acknowledged write is lost", "never two leaders that commit"}
    results = (hanging(seed, wrong_minds.IGNORES_WHO_MAY_RETURN) for seed in range(8))
    assert any(r.violation is not None and r.violation.rule in rules for r in results)
