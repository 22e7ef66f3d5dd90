"""Which keys an event wakes, and what a resync finds."""

import asyncio
from collections.abc import Iterable

import pytest
from tests.unit.control.things import BOX, LABEL, POD, THING, Controller, key, thing

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Event, Key, Listed, WatchedResource
from zookeeper_operator.control.registry import Registry
from zookeeper_operator.control.waking import Waker
from zookeeper_operator.kube.api import Resource

THINGS = WatchedResource(THING)
PODS = WatchedResource(POD, LABEL)


class Woken:
    """A waker and what it has woken since last asked."""

    def __init__(self, *controllers: Controller) -> None:
        self._keys: list[Key] = []
        self.drifted: list[int] = []
        self.waker = Waker(
            Registry(controllers, Board()), self._keys.append, on_drift=self.drifted.append
        )

    def by(self, watched: WatchedResource, type_: str | None, body: dict[str, object]) -> list[Key]:
        self.waker.on_event(watched, Event(type_, body))
        return self.keys()

    def keys(self) -> list[Key]:
        found = list(self._keys)
        self._keys.clear()
        return found


def test_an_object_is_woken_by_itself_and_by_its_child() -> None:
    woken = Woken(Controller())
    assert woken.by(THINGS, None, thing("one")) == [key("one")]
    assert woken.by(PODS, "MODIFIED", thing("pod", labels={LABEL: "one"})) == [key("one")]
    assert woken.by(PODS, "MODIFIED", thing("pod", labels={LABEL: "one"})) == [key("one")]


def test_a_change_of_the_status_alone_wakes_nobody() -> None:
    woken = Woken(Controller())
    assert woken.by(THINGS, "ADDED", thing("one", 1))
    assert woken.by(THINGS, "MODIFIED", thing("one", 2)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"labels": {"a": "b"}},
        {"annotations": {"a": "b"}},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_change_wakes_it_once(change: dict[str, object]) -> None:
    woken = Woken(Controller())
    woken.by(THINGS, "ADDED", thing("one", 1))
    assert woken.by(THINGS, "MODIFIED", thing("one", 2, **change)) == [key("one")]
    assert woken.by(THINGS, "MODIFIED", thing("one", 3, **change)) == []


def test_a_deletion_wakes_it_and_so_does_what_follows() -> None:
    woken = Woken(Controller())
    woken.by(THINGS, "ADDED", thing("one", 1))
    assert woken.by(THINGS, "DELETED", thing("one", 2)) == [key("one")]
    assert woken.by(THINGS, "ADDED", thing("one", 3)) == [key("one")]


class OfThings(Controller):
    """A controller of boxes that follows what things say of themselves."""

    def keys_of(self, resource: Resource, event: Event) -> Iterable[Key]:
        return [key(event.body["metadata"]["name"], BOX)]


def test_another_controller_hears_of_a_status_too() -> None:
    boxes = OfThings(BOX, THINGS)
    woken = Woken(Controller(), boxes)
    assert woken.by(THINGS, "ADDED", thing("one", 1)) == [key("one"), key("one", BOX)]
    assert woken.by(THINGS, "MODIFIED", thing("one", 2)) == [key("one", BOX)]


@pytest.mark.looptime
async def test_nothing_is_kept_of_an_object_whose_deletion_no_event_told() -> None:
    things = Controller(THING)
    woken = Woken(things)
    woken.by(THINGS, "ADDED", thing("one", 1))
    assert woken.by(THINGS, "MODIFIED", thing("one", 2)) == []
    things.live = []
    task = asyncio.create_task(woken.waker.resync(10))
    await asyncio.sleep(31)  # the first list may be younger than the event, the second is not
    task.cancel()
    assert woken.by(THINGS, "ADDED", thing("one", 2)) == [key("one")]


@pytest.mark.looptime
async def test_a_resync_wakes_what_is_live_and_counts_what_no_event_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    things, boxes = Controller(THING), Controller(BOX)
    woken = Woken(things, boxes)
    woken.by(THINGS, "ADDED", thing("told", 1))
    things.live = [
        Listed(key("told"), "uid-of-told", "1"),
        Listed(key("missed"), "uid-of-missed", "1"),
    ]
    boxes.live = None
    woken.keys()
    task = asyncio.create_task(woken.waker.resync(10))
    await asyncio.sleep(11)
    assert woken.keys() == [key("told"), key("missed")]
    assert woken.drifted == []
    assert [r.getMessage() for r in caplog.records] == ["Resync: InternalError (500): not now"]
    boxes.live = [Listed(key("box", BOX), "uid-of-box", "1")]
    await asyncio.sleep(10)
    assert woken.keys() == [key("told"), key("missed"), key("box", BOX)]
    assert woken.drifted == [1]
    assert "The watch has missed changes of 1 objects of Thing" in caplog.messages
    task.cancel()


@pytest.mark.looptime
async def test_a_resync_wakes_only_what_no_event_reported_or_what_would_not_come_back() -> None:
    things = Controller(THING)
    woken: list[Key] = []
    scheduled = {key("same"), key("edited")}
    waker = Waker(
        Registry([things], Board()),
        woken.append,
        on_drift=lambda _objects: None,
        is_due=scheduled.__contains__,
    )
    for name in ("same", "edited", "dropped"):
        waker.on_event(THINGS, Event("ADDED", thing(name, 1)))
    things.live = [
        Listed(key("same"), "uid-of-same", "1"),
        Listed(key("edited"), "uid-of-edited", "2"),
        Listed(key("dropped"), "uid-of-dropped", "1"),
    ]
    woken.clear()
    task = asyncio.create_task(waker.resync(10))
    await asyncio.sleep(11)
    task.cancel()
    assert woken == [key("edited"), key("dropped")]


def test_an_object_that_has_itself_changed_comes_first() -> None:
    first: list[Key] = []
    later: list[Key] = []
    waker = Waker(
        Registry([Controller()], Board()),
        later.append,
        on_drift=lambda _objects: None,
        wake_first=first.append,
    )
    waker.on_event(THINGS, Event("MODIFIED", thing("one")))
    waker.on_event(PODS, Event("MODIFIED", thing("pod", labels={LABEL: "two"})))
    assert (first, later) == ([key("one")], [key("two")])
