"""Waiting for what others do."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(check: Callable[[], Awaitable[bool]], *, seconds: float = 30) -> None:
    """Return as soon as the check says so.

    Raises:
        TimeoutError: it did not within the time.
    """
    async with asyncio.timeout(seconds):
        while True:
            if await check():
                return
            await asyncio.sleep(0.05)
