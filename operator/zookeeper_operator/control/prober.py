"""Probing between reconciles, so that a change is noticed that Kubernetes does not see.

Every report on the board is probed once per period, unless its last probe has not ended. When the probe says
that something has changed, the key goes into the queue: the reconcile that follows reads everything and
decides.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Key

logger = logging.getLogger(__name__)

_SHORTEST_PAUSE_SECONDS = 0.05


class Prober:
    """Probes all reports of a board, evenly spread over the period."""

    def __init__(self, board: Board, wake: Callable[[Key], None], *, period_seconds: float) -> None:
        self._board = board
        self._wake = wake
        self._period = period_seconds

    async def run(self) -> None:
        """Probe until cancelled."""
        loop = asyncio.get_running_loop()
        running: dict[Key, asyncio.Task[None]] = {}
        while True:
            started = loop.time()
            keys = list(self._board)
            for number, key in enumerate(keys):
                due = started + self._period * number / len(keys)
                await asyncio.sleep(max(due - loop.time(), 0))
                if key not in running:
                    task = asyncio.create_task(self._probe(key), name=f"probe {key}")
                    running[key] = task
                    task.add_done_callback(partial(_ended, running, key))
            await asyncio.sleep(max(started + self._period - loop.time(), _SHORTEST_PAUSE_SECONDS))

    async def _probe(self, key: Key) -> None:
        report = self._board.get(key)
        if report is None:
            return
        try:
            changed = await report.probe()
        except Exception:
            logger.exception("Probe failed", extra={"key": str(key)})
            return
        # A reconcile that has ended meanwhile has seen at least as much.
        if changed and self._board.get(key) is report:
            self._wake(key)


def _ended(running: dict[Key, asyncio.Task[None]], key: Key, _: object) -> None:
    del running[key]
