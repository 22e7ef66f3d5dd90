"""What belongs into a report."""

from typing import Any

from zookeeper_operator.cli.report.scope import COMMANDS, LISTED, about_ensemble, containers_of
from zookeeper_operator.ensemble import names

BODY: dict[str, Any] = {"kind": names.KIND, "metadata": {"name": "zk", "uid": "1"}}


def event(name: str, at: str, uid: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": "e"},
        "involvedObject": {"name": name, "uid": uid},
        "reason": name,
        "lastTimestamp": at,
    }


def test_events_about_the_ensemble_its_objects_and_its_pods_of_the_past() -> None:
    events = [
        event("other", "2026-01-01T00:00:01Z"),
        event("zk-3", "2026-01-01T00:00:05Z"),
        event("data-zk-1", "2026-01-01T00:00:04Z"),
        event("zk", "2026-01-01T00:00:03Z"),
        event("something", "2026-01-01T00:00:02Z", uid="7"),
        event("zkother-1", "2026-01-01T00:00:01Z"),
    ]
    pod = {"kind": "Pod", "metadata": {"name": "zk-1", "uid": "7"}}
    found = [e["reason"] for e in about_ensemble(events, BODY, [pod])]
    assert found == ["something", "zk", "data-zk-1", "zk-3"]


def test_containers_with_a_log_and_those_that_have_one_of_before() -> None:
    status = {
        "initContainerStatuses": [{"name": "init", "restartCount": 0}],
        "containerStatuses": [{"name": "zookeeper", "restartCount": 2}, {"name": "side"}],
    }
    assert list(containers_of({"status": status})) == [
        ("init", False),
        ("zookeeper", True),
        ("side", False),
    ]
    assert list(containers_of({})) == []


def test_neither_secrets_nor_answers_that_hold_them_are_asked_for() -> None:
    assert "Secret" not in {resource.kind for resource in LISTED}
    assert not {"system_properties", "environment", "dump"} & set(COMMANDS)
