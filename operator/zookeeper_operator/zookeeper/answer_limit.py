"""A limit for an answer, which counts only time in which this process could have heard it.

A process that computes, or is given no processor, hears nothing. `asyncio.timeout` takes that for silence of
the peer, although the answer has arrived: with many reconciles at once, or a CPU limit that throttles, an
ensemble that is well would be judged unreachable.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_PARTS: Final = 10
"""An exchange takes a few turns of the event loop: to connect, to send, to read. Each may be late."""


@asynccontextmanager
async def answered_within(seconds: float) -> AsyncIterator[None]:
    """End what is awaited inside when it has had `seconds`, each tenth counted once however late it ends.

    Raises:
        TimeoutError: it was not done by then.
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.TimerHandle

    def wait(parts: int) -> None:
        nonlocal waiting
        if parts:
            waiting = loop.call_later(seconds / _PARTS, wait, parts - 1)
        else:
            limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        wait(_PARTS)
        try:
            yield
        finally:
            waiting.cancel()
