"""Events about any object: written once, reported once, and never a reason to fail."""

import logging
from datetime import UTC, datetime
from typing import cast

import pytest

from zookeeper_operator.kube.api import Kube, KubeError, NamespaceEndingError, Object, Resource
from zookeeper_operator.kube.events import EventRecorder, ObjectReference

NOW = datetime(2026, 11, 24, 4, 5, 6, 789000, UTC)
ABOUT = ObjectReference("example.org/v1", "Thing", "demo", "one", "uid-of-one")


class Store:
    """Keeps what is created, or refuses it."""

    def __init__(self, refusal: KubeError | None = None) -> None:
        self.refusal = refusal
        self.objects: list[Object] = []

    async def create(self, resource: Resource, body: Object) -> Object:
        if self.refusal is not None:
            raise self.refusal
        self.objects.append(body)
        return body


async def record(store: Store, instance: str = "pod-1", message: str = "It began") -> list[str]:
    """Record one Event; what was reported to have been written."""
    written: list[str] = []
    recorder = EventRecorder(
        cast("Kube", store),
        instance,
        on_event=lambda type_, reason: written.append(f"{type_} {reason}"),
        log_extra=lambda about: {"thing": about.name},
    )
    await recorder.record(ABOUT, type="Warning", reason="Began", message=message, now=NOW)
    return written


async def test_an_event_names_its_object_and_who_reports() -> None:
    store = Store()
    assert await record(store) == ["Warning Began"]
    (event,) = store.objects
    name = event["metadata"].pop("name")
    assert name.startswith("one.")
    assert event == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": "demo"},
        "involvedObject": {
            "apiVersion": "example.org/v1",
            "kind": "Thing",
            "namespace": "demo",
            "name": "one",
            "uid": "uid-of-one",
        },
        "type": "Warning",
        "reason": "Began",
        "message": "It began",
        "action": "Began",
        "firstTimestamp": "2026-11-24T04:05:06Z",
        "lastTimestamp": "2026-11-24T04:05:06Z",
        "count": 1,
        "reportingComponent": "zookeeper-operator",
        "reportingInstance": "pod-1",
        "source": {"component": "zookeeper-operator"},
    }


async def test_two_events_have_two_names() -> None:
    store = Store()
    await record(store)
    await record(store)
    assert len({event["metadata"]["name"] for event in store.objects}) == 2


async def test_a_process_without_a_name_reports_as_the_operator() -> None:
    store = Store()
    await record(store, instance="")
    assert store.objects[0]["reportingInstance"] == "zookeeper-operator"


async def test_a_long_message_is_cut_to_what_the_api_server_accepts() -> None:
    store = Store()
    await record(store, message="x" * 5000)
    assert store.objects[0]["message"] == "x" * 996 + " …"


@pytest.mark.parametrize(
    ("refusal", "level"),
    [
        (KubeError(403, "Forbidden", "no right to create events"), logging.WARNING),
        (KubeError(0, "Unreachable", "no answer in time"), logging.WARNING),
        (NamespaceEndingError(403, "Forbidden", "it is being deleted"), logging.DEBUG),
    ],
)
async def test_a_refusal_is_logged_and_not_reported_as_written(
    refusal: KubeError, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await record(Store(refusal)) == []
    (line,) = caplog.records
    assert line.levelno == level
    assert "Event Began" in line.getMessage()
    if level == logging.WARNING:
        assert vars(line)["thing"] == "one"
