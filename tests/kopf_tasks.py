"""Ending kopf in a loop that goes on, as only a test's does: a process exits with kopf running."""

import asyncio
from pathlib import Path
from typing import Any, Final

import kopf

_KOPF: Final = Path(kopf.__file__).parent
_PATIENCE_SECONDS: Final = 20


async def end_kopf() -> None:
    """Cancel what kopf has left running, and wait until none of its tasks is left.

    Not the tasks of its schedulers: a stream closes its own at its end, and would wait for ever for one
    that somebody else has cancelled.

    Raises:
        TimeoutError: a task does not end.
    """
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while left := {task for task in asyncio.all_tasks() if _qualified_name(task)}:
            for task in left:
                # A second time would keep kopf from closing its connections.
                if not task.cancelling() and not _qualified_name(task).startswith("Scheduler."):
                    task.cancel()
            await asyncio.wait(left, timeout=1, return_when=asyncio.FIRST_COMPLETED)


def _qualified_name(task: "asyncio.Task[Any]") -> str:
    """What a task of kopf runs; empty if it is not kopf's."""
    code = getattr(task.get_coro(), "cr_code", None)
    if code is None or not Path(code.co_filename).is_relative_to(_KOPF):
        return ""
    return str(code.co_qualname)
