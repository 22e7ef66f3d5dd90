"""The Events of one ensemble, oldest first."""

from datetime import UTC, datetime
from typing import Any

from tests.unit.cli.screens import check_screen

from zookeeper_operator.cli.events import events_as_values, events_of, render_events
from zookeeper_operator.ensemble import names

NOW = datetime(2026, 1, 1, 0, 10, tzinfo=UTC)


def event(reason: str, at: str, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": reason.lower(), "resourceVersion": str(version)},
        "involvedObject": {"kind": names.KIND, "name": "zk"},
        "type": "Normal",
        "reason": reason,
        "message": f"about {reason}",
        "lastTimestamp": at,
        **more,
    }


def test_only_those_about_the_ensemble_in_the_order_they_happened() -> None:
    events = [
        event("Third", "2026-01-01T00:00:02Z", 12),
        event("Second", "2026-01-01T00:00:02Z", 9),
        event("First", "2026-01-01T00:00:01Z", 20),
        event("Other", "2026-01-01T00:00:00Z", involvedObject={"kind": names.KIND, "name": "b"}),
        event("OfAPod", "2026-01-01T00:00:00Z", involvedObject={"kind": "Pod", "name": "zk"}),
    ]
    assert [e["reason"] for e in events_of(events, "zk")] == ["First", "Second", "Third"]


def test_the_time_is_that_of_the_last_occurrence_in_either_form_of_the_api() -> None:
    series = event("A", "", series={"lastObservedTime": "2026-01-01T00:03:00Z", "count": 4})
    once = event("B", "", eventTime="2026-01-01T00:02:00.5Z")
    bare = event("C", "", metadata={"creationTimestamp": "2026-01-01T00:01:00Z"})
    found = events_as_values(events_of([series, once, bare], "zk"))
    assert [(e["reason"], e["time"]) for e in found] == [
        ("C", "2026-01-01T00:01:00Z"),
        ("B", "2026-01-01T00:02:00.5Z"),
        ("A", "2026-01-01T00:03:00Z"),
    ]
    assert [e["count"] for e in found] == [1, 1, 4]


def test_the_screen() -> None:
    events = [
        event("Founded", "2026-01-01T00:00:00Z", message="three\nmembers"),
        event("MemberLost", "2026-01-01T00:09:30Z", type="Warning", count=3),
    ]
    check_screen("events", render_events(events, NOW))
