"""An asyncio event loop on virtual time: it never waits, it jumps to whatever is due next.

Nothing else on this loop touches the outside, so one seed gives one schedule, on every machine.
"""

import asyncio
from typing import Any


class StandstillError(Exception):
    """Nothing is ready and nothing is scheduled: the simulation has come to an end."""


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop of the standard library with a selector that moves the clock instead of sleeping."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._clock_resolution = 1e-6
        self._selector = self

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """Pass the time until the next timer."""
        if timeout is None:
            raise StandstillError
        if timeout > 0:
            self._now += timeout
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no events: nothing comes from outside."""

    def _write_to_self(self) -> None:
        """There are no other threads to be woken by."""
