"""A thousand ensembles come and go: what the process keeps does not grow with them."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.ensemble.many import Members, objects_of
from tests.unit.ensemble.store import Store

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Event, Key, WatchedResource
from zookeeper_operator.control.metrics import Metrics
from zookeeper_operator.control.prober import Prober
from zookeeper_operator.control.queue import WorkQueue
from zookeeper_operator.control.registry import Registry
from zookeeper_operator.control.waking import Waker
from zookeeper_operator.control.work import work
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.controller import EnsembleController
from zookeeper_operator.settings import Settings

pytestmark = pytest.mark.looptime
OWN = WatchedResource(names.ENSEMBLES)


class Process:
    """The parts of an operator that remember something, as they work together."""

    def __init__(self) -> None:
        self.store = Store([])
        self.board = Board()
        self.metrics = Metrics(self.board)
        self.members = Members()
        self.queue = WorkQueue[Key](random=lambda: 0.0, listener=self.metrics.queue)
        self.controller = EnsembleController(
            self.store,
            self.members,
            Settings(),
            self.board,
            on_event_written=self.metrics.event,
            now=lambda: datetime(2026, 7, 1, tzinfo=UTC),
        )
        self.registry = Registry([self.controller], self.board)
        self.waker = Waker(self.registry, self.queue.add, on_drift=lambda _objects: None)
        self.prober = Prober(self.board, self.queue.add, period_seconds=10)

    async def make_and_delete(self, number: int) -> None:
        """One ensemble, from its creation to the last that is heard of it."""
        bodies = objects_of(f"zk{number}")
        self.store.objects.update({(b["kind"], b["metadata"]["name"]): b for b in bodies})
        self.waker.on_event(OWN, Event("ADDED", bodies[0]))
        await asyncio.sleep(2.5)
        assert Key(names.KIND, "demo", f"zk{number}") in list(self.board)
        self.store.objects.clear()
        self.waker.on_event(OWN, Event("DELETED", bodies[0]))
        await asyncio.sleep(40)  # what is remembered of silent members ends too

    def kept(self) -> dict[str, int]:
        """How many entries each table of these parts has."""
        parts = {
            "board": self.board,
            "queue": self.queue,
            "controller": self.controller,
            "waker": self.waker,
            "prober": self.prober,
            "members": self.members,
        }
        return {
            path: len(table) for name, part in parts.items() for path, table in _tables(name, part)
        }


def _tables(path: str, part: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every table of a part, and of the parts of our own that it holds."""
    if isinstance(part, dict | set | list):
        yield path, part
        values = part.values() if isinstance(part, dict) else part
        for value in list(values):
            yield from _tables(f"{path}[]", value, depth + 1) if depth < 6 else ()
    elif type(part).__module__.startswith("zookeeper_operator.") and depth < 6:
        for name, value in vars(part).items():
            if not isinstance(value, Store | Metrics | Registry):
                yield from _tables(f"{path}.{name}", value, depth + 1)


async def test_what_is_kept_does_not_grow_with_ensembles_that_are_gone() -> None:
    process = Process()
    working = asyncio.create_task(
        work(process.queue, process.registry.reconcile, workers=2, timeout=90)
    )
    probing = asyncio.create_task(process.prober.run())
    for number in range(1000):
        await process.make_and_delete(number)
        if number == 9:
            few = process.kept()
    many = process.kept()
    probing.cancel()
    process.queue.close()
    await working
    await process.members.silent.close()
    assert many == few
    assert "controller._memories" in many, "the walk has found the tables"
    assert process.metrics.render().count(b"\n") < 400
