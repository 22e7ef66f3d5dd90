"""What tests of the queue and of its workers share."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine

from looptime import new_event_loop

from zookeeper_operator.control.queue import Result

ZERO: Callable[[], float] = lambda: 0.0  # noqa: E731


def now() -> float:
    return asyncio.get_running_loop().time()


def run(scenario: Coroutine[None, None, None]) -> None:
    """Run on a loop of its own, in virtual time: one for each example of hypothesis."""
    loop = new_event_loop()
    try:
        loop.run_until_complete(scenario)
    finally:
        loop.close()


class Recorder:
    """A listener that writes everything down."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.depths: list[int] = []
        self.waited: list[float] = []
        self.worked: list[float] = []
        self.results: list[tuple[Result, float]] = []
        self.oldest: Callable[[], float] = lambda: -1.0

    def added(self) -> None:
        self.counts["added"] += 1

    def depth(self, waiting: int) -> None:
        self.depths.append(waiting)

    def retried(self) -> None:
        self.counts["retried"] += 1

    def started(self, waited_seconds: float) -> None:
        self.waited.append(waited_seconds)

    def finished(self, worked_seconds: float) -> None:
        self.worked.append(worked_seconds)

    def reconciled(self, result: Result, seconds: float) -> None:
        self.results.append((result, seconds))

    def running(self, oldest_seconds: Callable[[], float]) -> None:
        self.oldest = oldest_seconds
