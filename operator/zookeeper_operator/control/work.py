"""The workers that empty a work queue: one reconcile per key, limited in time, each failure kept to its key.

A reconcile is limited twice: in all, and in what it may compute between two awaits, during which no other key
is served.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

from zookeeper_operator.control.computing import limited
from zookeeper_operator.control.queue import ClosedError, Result, WorkQueue

logger = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)


def _key_as_extra(key: Hashable) -> dict[str, object]:
    return {"key": str(key)}


async def work(
    queue: WorkQueue[K],
    handle: Callable[[K], Coroutine[Any, Any, float | None]],
    *,
    workers: int,
    timeout: float,  # noqa: ASYNC109 -- the limit of each reconcile, not of this call
    log_extra: Callable[[K], dict[str, object]] = _key_as_extra,
    expected: tuple[type[Exception], ...] = (),
    computing_seconds: float | None = None,
) -> None:
    """Let `workers` workers handle the keys of a queue until it is closed.

    One more is reserved for keys that were added first (`WorkQueue.add_first`).

    `handle` returns in how many seconds to handle the key again, or None. A reconcile that raises or outlasts
    `timeout` is logged once, with what `log_extra` says of its key, and comes back with backoff; it
    never disturbs another key. What is `expected` says all in its own sentence; anything else is
    logged with where it came from. After `queue.close()` this returns when the running reconciles are over;
    cancelling it cancels them.

    A reconcile that computes for more than `computing_seconds` at a stretch is interrupted by `OverrunError`.
    Only the main thread can be interrupted; None: never.
    """

    async def bounded(key: K) -> float | None:
        running = handle(key)
        return await (running if computing_seconds is None else limited(running, computing_seconds))

    async with asyncio.TaskGroup() as group:
        for number in range(workers + 1):
            group.create_task(
                _worker(queue, bounded, timeout, log_extra, expected, reserved=number == workers),
                name=f"queue worker {number}",
            )


async def _worker(
    queue: WorkQueue[K],
    handle: Callable[[K], Coroutine[Any, Any, float | None]],
    limit: float,
    log_extra: Callable[[K], dict[str, object]],
    expected: tuple[type[Exception], ...],
    *,
    reserved: bool,
) -> None:
    while True:
        try:
            key = await queue.get(reserved=reserved)
        except ClosedError:
            return
        try:
            await _reconcile_once(queue, key, handle, limit, log_extra, expected)
        finally:
            queue.done(key)


async def _reconcile_once(  # noqa: PLR0917 -- the arguments of `work`, as they are
    queue: WorkQueue[K],
    key: K,
    handle: Callable[[K], Coroutine[Any, Any, float | None]],
    limit: float,
    log_extra: Callable[[K], dict[str, object]],
    expected: tuple[type[Exception], ...],
) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    result: Result = "done"
    again: float | None = None
    try:
        async with asyncio.timeout(limit) as deadline:
            again = await handle(key)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # What the reconcile waited for was cancelled, not the worker: that fails the reconcile alone.
        result = "error"
        logger.exception("Reconcile was cancelled from within", extra=log_extra(key))
    except TimeoutError:
        result = "timeout" if deadline.expired() else "error"
        if result == "timeout":
            logger.error(  # noqa: TRY400 -- where it stood when time was up means nothing
                "Reconcile did not end within %g seconds", limit, extra=log_extra(key)
            )
        else:
            logger.exception("Reconcile failed", extra=log_extra(key))
    except expected as error:
        result = "error"
        logger.warning("Reconcile failed: %s", error, extra=log_extra(key))
    except Exception:
        result = "error"
        logger.exception("Reconcile failed", extra=log_extra(key))
    queue.listener.reconciled(result, loop.time() - started)
    if result != "done":
        queue.retry(key)
        return
    queue.forget(key)
    if again is not None:
        queue.add_after(key, again)
