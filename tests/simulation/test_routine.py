"""Routine work, without any fault: nothing about it is a warning, and causes are reported before effects."""

import pytest
from tests.simulation.run import run
from tests.simulation.scenario import AUTHENTICATIONS, Event, Scenario
from tests.simulation.weather import Weather

from zookeeper_operator.kube.api import Object

SPEC: Object = {
    "replicas": 3,
    "image": {"tag": "3.9.4"},
    "storage": {"data": {"size": "5Gi"}},
    "allowEvenReplicas": True,
}
LIFE = (
    Event(60, "image", {"to": "3.9.5"}),
    Event(180, "replicas", {"to": 5}),
    Event(300, "replicas", {"to": 3}),
    Event(420, "restart", {"number": 1}),
    Event(540, "observers", {"to": 1}),
    Event(660, "stop", {"for": 20}),
    Event(780, "config", {"tickTime": 3000}),
)
ENCRYPTED = (
    Event(60, "tls", {"to": {}}),
    Event(600, "tls", {"to": {"clients": "Required"}}),
    Event(720, "tls", {"to": None}),
)
AUTHENTICATED = (
    Event(60, "auth", {"to": AUTHENTICATIONS[3]}),
    Event(400, "password", {"to": "second"}),
    Event(600, "auth", {"to": None}),
)
ALONE = (
    Event(60, "image", {"to": "3.9.5"}),
    Event(180, "stop", {"for": 20}),
    Event(300, "replicas", {"to": 3}),
    Event(420, "replicas", {"to": 1}),
)


def events_of(seed: int, spec: Object, life: tuple[Event, ...]) -> list[str]:
    """The Events that the operator writes over a life, as `Type Reason: message`."""
    result = run(Scenario(seed, spec, life, Weather(), calm_at=life[-1].at + 60))
    assert result.violation is None, result.violation
    return [entry.what for entry in result.history if entry.actor == "event"]


@pytest.mark.parametrize("seed", range(12))
def test_routine_work_is_no_warning(seed: int) -> None:
    for spec, life in ((SPEC, LIFE), ({**SPEC, "replicas": 1}, ALONE)):
        told = events_of(seed, spec, life)
        assert [event for event in told if event.startswith("Warning")] == []
        for wanted in ("Founded", "RestartingMember", "AddingMember", "RemovingMember", "Stopped"):
            assert any(wanted in event for event in told), wanted


@pytest.mark.parametrize("seed", range(2))
def test_tls_turned_on_and_off_is_no_warning(seed: int) -> None:
    told = events_of(seed, SPEC, ENCRYPTED)
    assert [event for event in told if event.startswith("Warning")] == []
    restarts = [event for event in told if "RestartingMember" in event]
    assert len(restarts) == 6 * SPEC["replicas"], "three rolls there, and three back"
    assert sum("ClosingPlainPort" in event for event in told) == 2 * SPEC["replicas"]


@pytest.mark.parametrize("seed", range(2))
def test_authentication_required_and_given_up_is_no_warning(seed: int) -> None:
    told = events_of(seed, SPEC, AUTHENTICATED)
    assert [event for event in told if event.startswith("Warning")] == []
    restarts = [event for event in told if "RestartingMember" in event]
    assert len(restarts) == 5 * SPEC["replicas"], "two rolls there, one for a password, two back"
    assert not any("second" in event for event in told)


@pytest.mark.parametrize("seed", range(4))
def test_a_restart_says_which_field_changed_and_is_no_loss(seed: int) -> None:
    told = events_of(seed, SPEC, LIFE[:1])
    restarts = [event for event in told if "RestartingMember" in event]
    assert sorted(event.split()[3] for event in restarts) == ["zk-1:", "zk-2:", "zk-3:"]
    assert all("spec.image.tag changed in generation 2" in event for event in restarts)
    assert not any("MemberLost" in event or "MemberBack" in event for event in told)


def test_a_member_that_is_deleted_by_somebody_else_is_lost_and_comes_back() -> None:
    told = events_of(1, SPEC, (Event(60, "delete pod", {"member": 1}),))
    members = [e for e in told if "MemberLost" in e or "MemberBack" in e]
    assert [event.partition(":")[0] for event in members] == [
        "Warning MemberLost",
        "Normal MemberBack",
    ]
