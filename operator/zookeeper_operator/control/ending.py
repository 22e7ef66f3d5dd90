"""Tasks that live and die together, and ending them for sure.

A cancellation can get lost: `asyncio.wait_for` of Python 3.11 swallows one that comes in the same instant as
what it waits for. A process that waits for such a task holds no Lease, does nothing and seems healthy.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
"""Longer than any task needs that ends in order."""


async def end(tasks: Iterable[asyncio.Future[Any]], *, patience: float = PATIENCE_SECONDS) -> None:
    """Cancel tasks and wait until all have ended; those that have not after a while are cancelled again."""
    pending = set(tasks)
    for task in pending:
        task.cancel()
    pending = {task for task in pending if not task.done()}
    while pending:
        _, pending = await asyncio.wait(pending, timeout=patience)
        for task in pending:
            task.cancel()
        if pending:
            logger.warning("Still ending: %s", ", ".join(sorted(map(_name, pending))))


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run parts that live and die together; the first to end ends all, and its error is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task.done()]
    finally:
        await end(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


async def unless_stopped(part: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """Run a part until it ends or `stop` is set; whether it ended by itself."""
    working = asyncio.ensure_future(part)
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        await end({working, stopping})
        await asyncio.gather(working, stopping, return_exceptions=True)


def _name(task: asyncio.Future[Any]) -> str:
    return task.get_name() if isinstance(task, asyncio.Task) else repr(task)
