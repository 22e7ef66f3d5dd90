"""A healthy ensemble beside many whose members are all silent: the real loop, on virtual time."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.ensemble.many import HEALTHY, Members, objects_of
from tests.unit.ensemble.store import Store

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Key
from zookeeper_operator.control.queue import WorkQueue
from zookeeper_operator.control.work import work
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.controller import EnsembleController
from zookeeper_operator.settings import Settings

pytestmark = pytest.mark.looptime


class Loop:
    """Workers that reconcile a healthy ensemble and so many whose members are silent."""

    def __init__(self, lost: int) -> None:
        self.lost = [Key(names.KIND, "demo", f"lost{n}") for n in range(lost)]
        self.members = Members()
        loop = asyncio.get_running_loop()
        begin = datetime(2026, 7, 1, tzinfo=UTC)
        bodies = [
            body for key in (HEALTHY, *self.lost) for body in objects_of(key.name, paused=True)
        ]
        self._controller = EnsembleController(
            Store(bodies),
            self.members,
            Settings(),
            Board(),
            now=lambda: begin + timedelta(seconds=loop.time()),
        )
        self.queue = WorkQueue[Key](random=lambda: 0.0)
        self.reconciled: dict[Key, list[float]] = {}

    async def _reconcile(self, key: Key) -> float | None:
        again = await self._controller.reconcile(key)
        self.reconciled.setdefault(key, []).append(asyncio.get_running_loop().time())
        return again

    async def run(self, *, wake_after: Sequence[float], edited: bool = False) -> list[float]:
        """How long it takes to reconcile the healthy ensemble when something, or an edit, wakes it then."""
        for key in (HEALTHY, *self.lost):
            self.queue.add(key)
        working = asyncio.create_task(work(self.queue, self._reconcile, workers=2, timeout=90))
        loop, found = asyncio.get_running_loop(), []
        for moment in wake_after:
            await asyncio.sleep(moment - loop.time())
            (self.queue.add_first if edited else self.queue.add)(HEALTHY)
            await asyncio.sleep(5)
            found.append(next(t for t in self.reconciled[HEALTHY] if t >= moment) - moment)
        self.queue.close()
        await working
        await self.members.silent.close()
        return found


async def test_the_time_to_reconcile_a_healthy_ensemble_does_not_depend_on_who_is_silent() -> None:
    times = await Loop(lost=20).run(wake_after=[24.05, 33.15, 41.4, 60.1])
    assert max(times) <= 0.3 + 1e-9, "no more than the reconcile that has a worker"


async def test_an_edit_of_a_healthy_ensemble_does_not_wait_for_silent_members() -> None:
    times = await Loop(lost=100).run(wake_after=[8.05, 24.15, 41.4, 60.1, 200.2], edited=True)
    assert times == [0] * 5


async def test_an_ensemble_whose_members_stay_silent_is_reconciled_ever_more_rarely() -> None:
    running = Loop(lost=1)
    await running.run(wake_after=[600])
    times = running.reconciled[running.lost[0]]
    pauses = [late - early for early, late in itertools.pairwise(times)]
    assert max(pauses[5:20]) < 1.5
    assert min(pauses[-5:]) > 9.9
    assert max(pauses) < 10.5
