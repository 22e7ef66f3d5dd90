"""A keyed work queue with the contract of client-go's, and the workers that empty it.

The rules are those of `k8s.io/client-go/util/workqueue`, restated:

* a key waits at most once, however often it is added;
* two workers never have the same key; a key added while it is worked on runs once more afterwards;
* of several delayed adds the earliest deadline wins, and a plain add cancels it;
* a key that fails comes back after a growing, jittered pause; success resets the pause.

The only clock is the running loop's, so that tests run on virtual time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Literal, Protocol, TypeVar

logger = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

Result = Literal["done", "error", "timeout"]

_BACKOFF_BASE_SECONDS = 1.0
_BACKOFF_CAP_SECONDS = 300.0
_JITTER = 0.2
_EXPONENT_LIMIT = 32  # 2.0**n stays a sane float; the cap decides long before


class ClosedError(Exception):
    """The queue was closed; there is nothing more to get."""


class Observer(Protocol):
    """What a queue and its workers tell about themselves. Its methods must return at once."""

    def added(self) -> None:
        """A key came to wait (adds that changed nothing are not counted)."""

    def depth(self, waiting: int) -> None:
        """So many keys wait now; delayed ones are not among them."""

    def retried(self) -> None:
        """A key was put back with a backoff pause."""

    def started(self, waited_seconds: float) -> None:
        """A worker took a key that had waited so long."""

    def finished(self, worked_seconds: float) -> None:
        """A worker gave a key back after so long."""

    def passed(self, result: Result, seconds: float) -> None:
        """One pass of `work` ended like this."""

    def running(self, oldest_seconds: Callable[[], float]) -> None:
        """Called once: where to ask how long the oldest running key has been worked on."""


class _Silent:
    """The observer of a queue nobody observes."""

    def added(self) -> None:
        pass

    def depth(self, waiting: int) -> None:
        pass

    def retried(self) -> None:
        pass

    def started(self, waited_seconds: float) -> None:
        pass

    def finished(self, worked_seconds: float) -> None:
        pass

    def passed(self, result: Result, seconds: float) -> None:
        pass

    def running(self, oldest_seconds: Callable[[], float]) -> None:
        pass


class WorkQueue(Generic[K]):
    """Keys that need a look, each at most once and never with two workers at a time.

    Make it inside the loop it is used in; it is not safe for other threads. `random` returns
    numbers in [0, 1) and shortens each backoff pause by up to a fifth, so that keys which failed
    together do not come back together.
    """

    def __init__(
        self,
        *,
        random: Callable[[], float],
        observer: Observer | None = None,
        backoff_base: float = _BACKOFF_BASE_SECONDS,
        backoff_cap: float = _BACKOFF_CAP_SECONDS,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._random = random
        self._observer: Observer = observer or _Silent()
        self._base = backoff_base
        self._cap = backoff_cap
        self._waiting: dict[K, float] = {}  # key → since when; the order of insertion is the order
        self._running: dict[K, float] = {}  # key → since when
        self._dirty: dict[K, float] = {}  # running keys to run once more → since when
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._wake = asyncio.Event()
        self._closed = False
        self._observer.running(self.oldest_running)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def observer(self) -> Observer:
        """Who is told about this queue; `work` tells it too."""
        return self._observer

    def oldest_running(self) -> float:
        """For how many seconds the oldest running key is being worked on; 0 if none is."""
        if not self._running:
            return 0.0
        return self._loop.time() - min(self._running.values())

    def failures(self, key: K) -> int:
        """How often a key was retried since it was last forgotten."""
        return self._failures.get(key, 0)

    def add(self, key: K) -> None:
        """Have a key looked at soon. After `close` this does nothing."""
        if self._closed:
            return
        self._cancel_timer(key)
        if key in self._waiting or key in self._dirty:
            return
        self._observer.added()
        if key in self._running:
            self._dirty[key] = self._loop.time()
            return
        self._enqueue(key, self._loop.time())

    def add_after(self, key: K, seconds: float) -> None:
        """Have a key looked at in so many seconds, unless something asks for it sooner."""
        if seconds <= 0:
            self.add(key)
            return
        if self._closed:
            return
        due = self._loop.time() + seconds
        pending = self._timers.get(key)
        if pending is not None and pending.when() <= due:
            return
        self._cancel_timer(key)
        self._timers[key] = self._loop.call_at(due, self.add, key)

    def retry(self, key: K) -> float:
        """Have a key looked at again after a pause that doubles with every failure; the pause."""
        exponent = min(self._failures.get(key, 0), _EXPONENT_LIMIT)
        self._failures[key] = self._failures.get(key, 0) + 1
        ceiling = min(self._cap, self._base * 2.0**exponent)
        pause = ceiling * (1 - _JITTER * self._random())
        self._observer.retried()
        self.add_after(key, pause)
        return pause

    def forget(self, key: K) -> None:
        """Reset the backoff of a key that is fine, or gone."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """Take the key that waits longest, and wait for one if there is none.

        Every key taken must be given back by `done`.

        Raises:
            ClosedError: the queue was closed; keys that still waited are not handed out.
        """
        while not self._closed:
            if self._waiting:
                key = next(iter(self._waiting))
                since = self._waiting.pop(key)
                now = self._loop.time()
                self._running[key] = now
                self._observer.depth(len(self._waiting))
                self._observer.started(now - since)
                return key
            self._wake.clear()
            await self._wake.wait()
        raise ClosedError

    def done(self, key: K) -> None:
        """Give a key back. If it was added meanwhile, it waits again.

        Raises:
            KeyError: nobody is working on that key.
        """
        since = self._running.pop(key)
        self._observer.finished(self._loop.time() - since)
        dirty_since = self._dirty.pop(key, None)
        if dirty_since is not None and not self._closed:
            self._enqueue(key, dirty_since)

    def close(self) -> None:
        """Hand out nothing more. What is being worked on may finish; everything else is dropped."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()
        self._dirty.clear()
        self._observer.depth(0)
        self._wake.set()

    def _enqueue(self, key: K, since: float) -> None:
        self._waiting[key] = since
        self._observer.depth(len(self._waiting))
        self._wake.set()

    def _cancel_timer(self, key: K) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()


def _key_as_extra(key: Hashable) -> dict[str, object]:
    return {"key": str(key)}


async def work(
    queue: WorkQueue[K],
    handle: Callable[[K], Awaitable[float | None]],
    *,
    workers: int,
    timeout: float,  # noqa: ASYNC109 -- the limit of each pass, not of this call
    log_extra: Callable[[K], dict[str, object]] = _key_as_extra,
    expected: tuple[type[Exception], ...] = (),
) -> None:
    """Let `workers` workers handle the keys of a queue until it is closed.

    `handle` returns in how many seconds to look again, or None. A pass that raises or outlasts
    `timeout` is logged once, with what `log_extra` says of its key, and comes back with backoff; it
    never disturbs another key. What is `expected` says all in its own sentence; anything else is
    logged with where it came from. After `queue.close()` this returns when the running passes are over;
    cancelling it cancels them.
    """
    async with asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(
                _worker(queue, handle, timeout, log_extra, expected), name=f"queue worker {number}"
            )


async def _worker(
    queue: WorkQueue[K],
    handle: Callable[[K], Awaitable[float | None]],
    limit: float,
    log_extra: Callable[[K], dict[str, object]],
    expected: tuple[type[Exception], ...],
) -> None:
    while True:
        try:
            key = await queue.get()
        except ClosedError:
            return
        try:
            await _one_pass(queue, key, handle, limit, log_extra, expected)
        finally:
            queue.done(key)


async def _one_pass(  # noqa: PLR0917 -- the arguments of `work`, as they are
    queue: WorkQueue[K],
    key: K,
    handle: Callable[[K], Awaitable[float | None]],
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
        # Somebody cancelled what the pass waited for, not us: that fails the pass, not the worker.
        result = "error"
        logger.exception("Pass was cancelled from within", extra=log_extra(key))
    except TimeoutError:
        result = "timeout" if deadline.expired() else "error"
        if result == "timeout":
            logger.error(  # noqa: TRY400 -- where it stood when time was up tells nothing
                "Pass did not end within its %g seconds", limit, extra=log_extra(key)
            )
        else:
            logger.exception("Pass failed", extra=log_extra(key))
    except expected as error:
        result = "error"
        logger.warning("Pass failed: %s", error, extra=log_extra(key))
    except Exception:
        result = "error"
        logger.exception("Pass failed", extra=log_extra(key))
    queue.observer.passed(result, loop.time() - started)
    if result != "done":
        queue.retry(key)
        return
    queue.forget(key)
    if again is not None:
        queue.add_after(key, again)
