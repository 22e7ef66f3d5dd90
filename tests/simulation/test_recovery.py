"""One survivor of three: whatever happens to the operator, the ensemble serves again and nothing is torn."""

import pytest
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
MOST_WRITES = 60


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
    """Same end; a write is not told to the next process by anything but what it wrote."""
    for writes in range(1, MOST_WRITES):
        crash = Event(LOST_AT + 110.0, "crash after", {"writes": writes})
        result = recover(survivor, crash, seed=writes)
        if not any("crashes" in text for text in told(result)):
            break
    else:
        raise AssertionError(f"a recovery takes more than {MOST_WRITES} writes")
    assert writes > 10


def test_nodes_that_only_hang_are_waited_for() -> None:
    """What is asked for too early is refused: the members come back with their data."""
    for seed in range(4):
        hang = Event(LOST_AT, "hang nodes", {"members": (2, 3), "for": 200.0})
        asked = Event(LOST_AT + 1, "recover", {"survivor": 1})
        scenario = Scenario(seed, SPEC, (hang, asked), Weather(), calm_at=LOST_AT + 5)
        result = run(scenario)
        assert result.violation is None, result.violation
        words = told(result)
        assert any("LostMembersMayReturn" in text for text in words), words
        assert not any("reconfigures" in text for text in words)
