"""What every part of the simulated cluster shares: the clock, the dice, the history, the verdict."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    at: float
    actor: str
    what: str


@dataclass(frozen=True)
class Violation:
    """A rule that was broken, when, and by what."""

    rule: str
    what: str
    at: float


class Stage:
    """The clock, the dice, the history. All randomness of a run comes from `dice`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seed: str) -> None:
        self.loop = loop
        self.dice = random.Random(seed)  # noqa: S311 -- to be repeated, not to be guessed
        self.history: list[Entry] = []
        self.violation: Violation | None = None
        self.over: asyncio.Future[None] = loop.create_future()
        self.broken: Exception | None = None

    @property
    def now(self) -> float:
        """Virtual seconds since the simulation began."""
        return self.loop.time()

    def wall_clock(self) -> datetime:
        """The same moment as a date, for everything that writes one."""
        return _EPOCH + timedelta(seconds=self.loop.time())

    def timestamp(self) -> str:
        """The moment as the Kubernetes API writes it."""
        return self.wall_clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    def later(self, low: float, high: float, action: Callable[..., None], *args: Any) -> None:
        """Let something happen after a random time."""
        self.loop.call_later(self.dice.uniform(low, high), action, *args)

    def chance(self, probability: float) -> bool:
        """Throw the dice."""
        return probability > 0 and self.dice.random() < probability

    def tell(self, actor: str, what: str) -> None:
        """Note down what happened."""
        self.history.append(Entry(self.loop.time(), actor, what))

    def violate(self, rule: str, what: str) -> None:
        """A rule is broken: the run ends here. Only the first one counts."""
        self.tell("INVARIANT", f"{rule}: {what}")
        if self.violation is None:
            self.violation = Violation(rule, what, self.loop.time())
            if not self.over.done():
                self.over.set_result(None)
