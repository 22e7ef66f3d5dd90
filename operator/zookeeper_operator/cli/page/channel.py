"""What browsers are kept up to date with: named values, of which each browser gets the latest.

A browser that is slow, or was away, skips what is outdated: nothing piles up for it.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any


class Channel:
    """Values by topic, and who waits for changes of them."""

    def __init__(self) -> None:
        self._version = 0
        self._values: dict[str, tuple[int, Any]] = {}
        self._changed: set[asyncio.Event] = set()

    @property
    def subscribers(self) -> int:
        """How many browsers follow."""
        return len(self._changed)

    def get(self, topic: str) -> Any:
        """Return the latest value of a topic; None if there is none."""
        return self._values.get(topic, (0, None))[1]

    def put(self, topic: str, value: Any) -> None:
        """Set the value of a topic; the same one again is no change."""
        if topic in self._values and self._values[topic][1] == value:
            return
        self._version += 1
        self._values.pop(topic, None)
        self._values[topic] = (self._version, value)  # the latest change last
        for event in self._changed:
            event.set()

    async def follow(self, quiet_seconds: float) -> AsyncGenerator[list[tuple[str, Any]], None]:
        """Yield every topic's value, then those that have changed; nothing after so long without one."""
        event = asyncio.Event()
        self._changed.add(event)
        seen = 0
        try:
            while True:
                event.clear()
                fresh = []
                for topic, (version, value) in reversed(self._values.items()):
                    if version <= seen:
                        break
                    fresh.append((topic, value))
                seen = self._version
                yield fresh[::-1]
                try:
                    async with asyncio.timeout(quiet_seconds):
                        await event.wait()
                except TimeoutError:
                    continue
        finally:
            self._changed.discard(event)
