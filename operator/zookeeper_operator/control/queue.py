"""A keyed work queue with the contract of client-go's; `control.work` has the workers that empty it.

The rules are those of `k8s.io/client-go/util/workqueue`, restated:

* a key waits at most once, however often it is added;
* of those that wait, the one that was handled longest ago comes first: keys that come back every second,
  however many, do not delay one that rests (client-go hands out the one that waits longest);
* a key that was added `first` comes before all others, once a second at most, so that no key stops another;
* a worker may be reserved for keys that were added `first`, so that others that each hold a worker for long,
  as those of silent members do, never hold all of them;
* two workers never have the same key; a key added while it is worked on runs once more afterwards;
* of several delayed adds the earliest deadline wins, and a plain add cancels it;
* a key that fails comes back after a growing, jittered pause; success resets the pause.

The only clock is the running loop's, so that tests run on virtual time.
"""

import asyncio
import contextlib
from collections.abc import Callable, Hashable
from typing import Generic, Literal, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)

Result = Literal["done", "error", "timeout"]

_BACKOFF_BASE_SECONDS = 1.0
_BACKOFF_CAP_SECONDS = 300.0
_JITTER = 0.2
_FIRST_PAUSE_SECONDS = 1.0
_EXPONENT_LIMIT = 32  # 2.0**n stays a sane float; the cap decides long before


class ClosedError(Exception):
    """The queue was closed; there is nothing more to get."""


class QueueListener(Protocol):
    """What a queue and its workers report about themselves. Its methods must return at once."""

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

    def reconciled(self, result: Result, seconds: float) -> None:
        """One reconcile by `work` ended like this."""

    def running(self, oldest_seconds: Callable[[], float]) -> None:
        """Called once: where to ask how long the oldest running key has been worked on."""


class _Silent:
    """The listener of a queue without listeners."""

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

    def reconciled(self, result: Result, seconds: float) -> None:
        pass

    def running(self, oldest_seconds: Callable[[], float]) -> None:
        pass


class WorkQueue(Generic[K]):
    """Keys to reconcile, each at most once and never with two workers at a time.

    Make it inside the loop it is used in; it is not safe for other threads. `random` returns
    numbers in [0, 1) and shortens each backoff pause by up to a fifth, so that keys which failed
    together do not come back together.
    """

    def __init__(
        self,
        *,
        random: Callable[[], float],
        listener: QueueListener | None = None,
        backoff_base: float = _BACKOFF_BASE_SECONDS,
        backoff_cap: float = _BACKOFF_CAP_SECONDS,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._random = random
        self._listener: QueueListener = listener or _Silent()
        self._base = backoff_base
        self._cap = backoff_cap
        self._waiting: dict[K, float] = {}  # key → since when
        self._first: set[K] = set()  # keys that wait, or run and wait again, before all others
        self._handled: dict[K, float] = {}  # key that must come back → when it was handled last
        self._running: dict[K, float] = {}  # key → since when
        self._dirty: dict[K, float] = {}  # running keys to run once more → since when
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._wake = asyncio.Event()
        self._closed = False
        self._listener.running(self.oldest_running)

    def __len__(self) -> int:
        return len(self._waiting)

    def is_due(self, key: K, *, within: float) -> bool:
        """Whether a key waits, is worked on, or comes back by itself within so many seconds."""
        timer = self._timers.get(key)
        soon = timer is not None and timer.when() - self._loop.time() <= within
        return soon or key in self._waiting or key in self._running

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def listener(self) -> QueueListener:
        """What this queue reports to; the workers report to it too."""
        return self._listener

    def oldest_running(self) -> float:
        """For how many seconds the oldest running key is being worked on; 0 if none is."""
        if not self._running:
            return 0.0
        return self._loop.time() - min(self._running.values())

    def failures(self, key: K) -> int:
        """How often a key was retried since it was last forgotten."""
        return self._failures.get(key, 0)

    def add_first(self, key: K) -> None:
        """Queue a key to be reconciled before the others. After `close` this does nothing."""
        if not self._closed:
            self._first.add(key)
            self.add(key)
            self._wake.set()

    def add(self, key: K) -> None:
        """Queue a key to be reconciled soon. After `close` this does nothing."""
        if self._closed:
            return
        self._cancel_timer(key)
        if key in self._waiting or key in self._dirty:
            return
        self._listener.added()
        if key in self._running:
            self._dirty[key] = self._loop.time()
            return
        self._enqueue(key, self._loop.time())

    def add_after(self, key: K, seconds: float) -> None:
        """Queue a key to be reconciled in so many seconds, unless something asks for it sooner."""
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
        """Queue a key to be reconciled again after a pause that doubles with every failure; the pause."""
        exponent = min(self._failures.get(key, 0), _EXPONENT_LIMIT)
        self._failures[key] = self._failures.get(key, 0) + 1
        ceiling = min(self._cap, self._base * 2.0**exponent)
        pause = ceiling * (1 - _JITTER * self._random())
        self._listener.retried()
        self.add_after(key, pause)
        return pause

    def forget(self, key: K) -> None:
        """Reset the backoff of a key that was reconciled, or is gone."""
        self._failures.pop(key, None)

    async def get(self, *, reserved: bool = False) -> K:
        """Take a key that was added first, or else the one that was handled longest ago; wait for one.

        Of those that never were, it is the one that waits longest. A `reserved` worker gets only what was
        added first.

        Every key taken must be given back by `done`.

        Raises:
            ClosedError: the queue was closed; keys that still waited are not handed out.
        """
        while not self._closed:
            key = min(self._waiting, key=self._turn) if self._waiting else None
            if key is not None and (self._goes_first(key) or not reserved):
                since = self._waiting.pop(key)
                self._first.discard(key)
                now = self._loop.time()
                self._running[key] = now
                self._listener.depth(len(self._waiting))
                self._listener.started(now - since)
                return key
            self._wake.clear()
            # Nothing else would wake a reserved worker when the pause of a key is over.
            pause = _FIRST_PAUSE_SECONDS if self._first else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
        raise ClosedError

    def done(self, key: K) -> None:
        """Give a key back. If it was added meanwhile, it waits again.

        Raises:
            KeyError: no worker has that key.
        """
        since = self._running.pop(key)
        now = self._loop.time()
        if key in self._timers or key in self._dirty:
            self._handled[key] = now
        else:
            self._handled.pop(key, None)
        self._listener.finished(now - since)
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
        self._first.clear()
        self._handled.clear()
        self._listener.depth(0)
        self._wake.set()

    def _enqueue(self, key: K, since: float) -> None:
        self._waiting[key] = since
        self._listener.depth(len(self._waiting))
        self._wake.set()

    def _turn(self, key: K) -> tuple[bool, float]:
        return not self._goes_first(key), self._handled.get(key, -1.0)

    def _goes_first(self, key: K) -> bool:
        handled = self._handled.get(key)
        rested = handled is None or self._loop.time() - handled >= _FIRST_PAUSE_SECONDS
        return rested and key in self._first

    def _cancel_timer(self, key: K) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
