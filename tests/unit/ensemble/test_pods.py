"""What of a pod is told: why it does not come up, and when that is sure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.pods import read_pod

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def trouble(status: dict[str, Any]) -> str | None:
    """The reason that is told of a pod with this status."""
    pod = read_pod({"metadata": {"name": "zk-1", "uid": "u"}, "status": status}, now=NOW)
    assert pod is not None
    return None if pod.trouble is None else pod.trouble.reason


def container(state: dict[str, Any], *, restarts: int, ran: float) -> dict[str, Any]:
    """The status of a server that was ended before, after so many seconds."""
    ended = {"exitCode": 1, "startedAt": ago(100 + ran), "finishedAt": ago(100)}
    return {
        "containerStatuses": [
            {
                "name": "zookeeper",
                "ready": False,
                "restartCount": restarts,
                "state": state,
                "lastState": {"terminated": ended},
            }
        ]
    }


@pytest.mark.parametrize(("seconds", "told"), [(1, None), (6, reasons.UNSCHEDULABLE)])
def test_a_pod_without_a_node_is_told_when_the_scheduler_has_had_time(
    seconds: float, told: str | None
) -> None:
    # Seen on kind: a scheduler that knew a pod before its claim said "persistentvolumeclaim not found".
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "lastTransitionTime": ago(seconds),
    }
    assert trouble({"conditions": [scheduled]}) == told


BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}
ENDED = {"terminated": {"exitCode": 1, "startedAt": ago(3), "finishedAt": ago(1)}}


@pytest.mark.parametrize("state", [BACK_OFF, ENDED, {"running": {"startedAt": ago(2)}}])
def test_a_crash_loop_is_told_in_each_of_its_moments(state: dict[str, Any]) -> None:
    assert trouble(container(state, restarts=3, ran=2)) == reasons.CRASH_LOOPING


@pytest.mark.parametrize(
    ("running", "restarts", "ran"),
    [(2, 1, 2), (61, 3, 2), (2, 3, 3600)],
    ids=["the first time", "it has run on", "it had run for long"],
)
def test_a_server_that_was_ended_is_not_in_a_crash_loop_for_it(
    running: float, restarts: int, ran: float
) -> None:
    state = {"running": {"startedAt": ago(running)}}
    assert trouble(container(state, restarts=restarts, ran=ran)) is None


# ---- whether it was ever ready ----


def times(ready: str, changed: float, initialized: float | None) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "lastTransitionTime": ago(changed)}]
    if initialized is not None:
        begun = {"type": "Initialized", "status": "True", "lastTransitionTime": ago(initialized)}
        conditions.append(begun)
    return {"conditions": conditions}


@pytest.mark.parametrize(
    ("status", "never"),
    [
        pytest.param({}, True, id="no kubelet has seen it"),
        pytest.param(times("False", 60, 60), True, id="all conditions are of its beginning"),
        pytest.param(times("False", 60, 50), True, id="its init containers took a while"),
        pytest.param(times("True", 50, 60), False, id="it is ready"),
        pytest.param(times("False", 10, 60), False, id="it was ready until a moment ago"),
        pytest.param(times("False", 60, None), False, id="not known"),
    ],
)
def test_a_pod_that_was_never_ready_is_told_by_its_conditions(
    status: dict[str, Any], *, never: bool
) -> None:
    pod = read_pod({"metadata": {"name": "zk-1", "uid": "u"}, "status": status}, now=NOW)
    assert pod is not None
    assert pod.never_ready is never
