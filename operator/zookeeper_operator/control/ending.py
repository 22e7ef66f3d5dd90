"""Ending tasks for sure.

A cancellation can get lost: `asyncio.wait_for` of Python 3.11 swallows one that comes in the same instant as
what it waits for. A process that waits for such a task holds no Lease, does nothing and looks well.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
"""Longer than any task needs that ends in order."""


async def end(tasks: Iterable[asyncio.Future[Any]], *, patience: float = PATIENCE_SECONDS) -> None:
    """Cancel tasks and wait until all have ended."""
    ending = set(tasks)
    for task in ending:
        task.cancel()
    await see_end(ending, patience=patience)


async def see_end(
    tasks: Iterable[asyncio.Future[Any]], *, patience: float = PATIENCE_SECONDS
) -> None:
    """Wait until cancelled tasks have ended; those that have not after a while are cancelled again."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        _, pending = await asyncio.wait(pending, timeout=patience)
        for task in pending:
            task.cancel()
        if pending:
            logger.warning("Still ending: %s", ", ".join(sorted(map(_name, pending))))


def _name(task: asyncio.Future[Any]) -> str:
    return task.get_name() if isinstance(task, asyncio.Task) else repr(task)
