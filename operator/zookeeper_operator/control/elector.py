"""Leader election by a Kubernetes Lease: at most one process leads at any instant.

The elector that comes with the Kubernetes client does not watch the task it leads for, never
releases and lets connection errors escape; this one is small and does. Its rules are client-go's:

* No wall clocks are compared. A standby judges by its *own* monotonic clock how long the record
  has not changed, and takes over when that exceeds the duration in the record. The holder counts
  from the instant it *sent* its last successful renewal, which is never later than when another
  process saw it.
* Every write is a compare-and-swap on the resourceVersion, so of two that try, one wins.
* The holder gives up at the renew deadline, well before the duration is over, and what it led for
  is cancelled and awaited in between.
* A holder that stops on purpose writes an empty holder, after its work has ended; a standby reads
  often enough to lead within a second.

What no elector can give: a process that does not get to run (a frozen node) cannot stop its work
in time. Therefore workers ask `still_leading` before each write, with the time the write may take.

Acquiring, renewing and releasing share when the last write was sent and whether it may have arrived; apart
they would be three modules of one state, which is why this one is longer than the others.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

from zookeeper_operator.control.lease import ConflictError, LeaseError, LeaseRecord, LeaseStore

logger = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """This process led and may not lead any more; its work was cancelled."""


_BLINK_SECONDS = 0.01  # shorter pauses are rounding errors, and would make a busy loop

_SURVIVED = (LeaseError, OSError, TimeoutError)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LeaseElector:
    """Holds, or waits for, one Lease under one identity.

    The identity must not be shared by two processes that may run at once: the Lease of a former
    process of the same identity is taken over at once. A holder writes every
    `retry_period` and a standby reads every `standby_period`, which bounds the hand-over after a
    release.
    """

    def __init__(
        self,
        store: LeaseStore,
        *,
        identity: str,
        duration: float = 15.0,
        renew_deadline: float | None = None,
        retry_period: float | None = None,
        standby_period: float = 0.8,
        attempt_timeout: float | None = None,
        on_change: Callable[[bool], None] | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Set the times.

        Args:
            store: the Lease.
            identity: who we are in it; not empty.
            duration: a holder silent for so long is dead; the Lease stores whole seconds, so it is
                rounded up there.
            renew_deadline: a holder that could not renew for so long gives up; by default 2/3 of
                `duration` (10 of 15 s).
            retry_period: time between renewals; by default 2/15 of `duration` (2 of 15 s).
            standby_period: time between the reads of a standby.
            attempt_timeout: limit of each read and write; by default a third of `renew_deadline`.
            on_change: called with True when this process begins to lead and False when it ends.
            now: the wall clock, for the times people read.

        Raises:
            ValueError: the identity is empty or the times contradict each other.
        """
        self._store = store
        self._identity = identity
        self._duration = duration
        self._deadline = duration * 2 / 3 if renew_deadline is None else renew_deadline
        self._retry = duration * 2 / 15 if retry_period is None else retry_period
        self._standby = standby_period
        self._attempt = self._deadline / 3 if attempt_timeout is None else attempt_timeout
        self._on_change = on_change
        self._now = now
        if not identity:
            raise ValueError("The identity must not be empty")
        if not 0 < self._retry < self._deadline < duration:
            raise ValueError("It must be 0 < retry_period < renew_deadline < duration")
        if min(self._standby, self._attempt) <= 0:
            raise ValueError("standby_period and attempt_timeout must be positive")
        self._held: LeaseRecord | None = None  # our record while we lead
        self._sent_at = -math.inf  # when the last successful write was sent
        self._may_hold = False  # a write of ours may stand in the Lease
        self._announced = False

    @property
    def identity(self) -> str:
        """Who we are in the Lease."""
        return self._identity

    @property
    def at_work(self) -> bool:
        """Whether the work that goes with the Lease has begun and not yet ended."""
        return self._announced

    @property
    def leading(self) -> bool:
        """Whether this process leads at this instant."""
        return self.still_leading()

    def still_leading(self, margin: float = 0.0) -> bool:
        """Whether this process will lead for `margin` more seconds even if no renewal succeeds.

        Ask before each write, with the longest time the write may take until it counts.
        """
        if self._held is None:
            return False
        return asyncio.get_running_loop().time() + margin < self._sent_at + self._duration

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Wait for the Lease, then run `lead()`; both live and die together.

        Returns when `lead()` returns and raises what it raises. When this is cancelled, `lead()`
        is cancelled and awaited while the Lease is still renewed. In all these cases the Lease is
        released last, so that a standby leads at once.

        Raises:
            LeaseLostError: renewals failed up to the deadline, or another process holds the Lease.
                `lead()` was cancelled and has ended.
        """
        try:
            await self._acquire()
            await self._lead_and_renew(lead)
        finally:
            self._announce(leading=False)
            if self._may_hold:
                await self._release()
            self._held = None

    async def _lead_and_renew(self, lead: Callable[[], Awaitable[None]]) -> None:
        self._announce(leading=True)
        working = asyncio.ensure_future(lead())
        renewing = asyncio.create_task(self._renew_until_lost(), name="lease: renew")
        interrupted = False
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            interrupted = True
        # The work first, the Lease last: while the work winds down it must still be ours.
        interrupted = await _end(working) or interrupted
        interrupted = await _end(renewing) or interrupted
        lost = None if renewing.cancelled() else renewing.exception()
        if interrupted:
            _log_failure(working)
            raise asyncio.CancelledError
        if lost is not None:
            _log_failure(working)
            raise lost
        working.result()

    # ------------------------------------------------------------------ acquiring

    async def _acquire(self) -> None:
        """Return when the Lease is ours; survives every store error, for as long as it takes."""
        loop = asyncio.get_running_loop()
        observed: LeaseRecord | None = None
        observed_at = -math.inf
        failing = False
        while True:
            pause = self._standby
            try:
                async with asyncio.timeout(self._attempt):
                    record = await self._store.read()
                if record is not None and (observed is None or not _same(record, observed)):
                    observed, observed_at = record, loop.time()
                # A Lease that vanished does not end its holder's term, which may not know yet.
                expires = -math.inf
                if observed is not None and observed.holder not in {"", self._identity}:
                    expires = observed_at + observed.duration_seconds
                if expires <= loop.time():
                    await self._take(record)
                    return
                pause = max(min(pause, expires - loop.time()), _BLINK_SECONDS)
            except ConflictError:
                logger.debug("Another process changed the Lease first")
            except _SURVIVED as error:
                pause = self._retry
                if not failing:
                    logger.warning("Lease cannot be read or taken", extra={"error": _words(error)})
                failing = True
            else:
                failing = False
            await asyncio.sleep(pause)

    async def _take(self, record: LeaseRecord | None) -> None:
        now = self._now()
        ours = record is not None and record.holder == self._identity
        wanted = LeaseRecord(
            holder=self._identity,
            duration_seconds=math.ceil(self._duration),
            acquire_time=record.acquire_time if record is not None and ours else now,
            renew_time=now,
            transitions=(record.transitions + (not ours)) if record is not None else 0,
            resource_version=record.resource_version if record is not None else "",
        )
        await self._write(wanted, self._attempt)
        logger.info("Leading", extra={"identity": self._identity})

    async def _write(self, wanted: LeaseRecord, limit: float) -> None:
        """Write our record, and count from the instant before it was sent."""
        sent_at = asyncio.get_running_loop().time()
        self._may_hold = True
        async with asyncio.timeout(limit):
            written = await self._store.write(wanted)
        self._held, self._sent_at = written, sent_at

    # ------------------------------------------------------------------ keeping

    async def _renew_until_lost(self) -> None:
        """Renew forever; raises LeaseLostError as soon as the Lease is, or may soon be, lost."""
        loop = asyncio.get_running_loop()
        trouble: BaseException | None = None
        while True:
            left = self._sent_at + self._deadline - loop.time()
            pause = self._retry if trouble is None else min(self._retry, max(left, 0.0))
            await asyncio.sleep(pause)
            left = self._sent_at + self._deadline - loop.time()
            if left < _BLINK_SECONDS:
                self._held = None
                why = _words(trouble) if trouble is not None else "the process did not get to run"
                raise LeaseLostError(
                    f"The Lease could not be renewed for {self._deadline:g} seconds: {why}"
                ) from trouble
            try:
                await self._renew(min(self._attempt, left))
            except _SURVIVED as error:
                if trouble is None:
                    logger.warning("Lease could not be renewed", extra={"error": _words(error)})
                trouble = error
            else:
                if trouble is not None:
                    logger.info("Lease is renewed again")
                trouble = None

    async def _renew(self, limit: float) -> None:
        held = self._held
        if held is None:
            raise LeaseLostError("The Lease is not held")
        async with asyncio.timeout(limit):
            try:
                await self._write(replace(held, renew_time=self._now()), limit)
            except ConflictError:
                # Our own write whose answer was lost, an edit by hand, or another holder.
                record = await self._store.read()
                if record is None or record.holder != self._identity:
                    self._held = None
                    self._may_hold = False
                    holder = record.holder if record is not None else ""
                    raise LeaseLostError(
                        f"The Lease is held by {holder or 'no process'!r}"
                    ) from None
                await self._write(replace(record, renew_time=self._now()), limit)

    # ------------------------------------------------------------------ releasing

    async def _release(self) -> None:
        """Write an empty holder if the Lease is still ours; failing only delays the next leader."""
        record = self._held
        self._held = None
        try:
            async with asyncio.timeout(self._attempt):
                if record is None:
                    record = await self._store.read()
                while record is not None and record.holder == self._identity:
                    now = self._now()
                    try:
                        await self._store.write(
                            replace(
                                record,
                                holder="",
                                duration_seconds=1,
                                acquire_time=now,
                                renew_time=now,
                            )
                        )
                        logger.info("Lease released")
                        break
                    except ConflictError:
                        record = await self._store.read()
        except _SURVIVED as error:
            logger.warning(
                "Lease could not be released; it will expire", extra={"error": _words(error)}
            )
        self._may_hold = False

    def _announce(self, *, leading: bool) -> None:
        if self._announced != leading:
            self._announced = leading
            if self._on_change is not None:
                self._on_change(leading)


def _same(one: LeaseRecord, other: LeaseRecord) -> bool:
    """Whether the record was not written in between; edits of the Lease's labels do not count."""
    return replace(one, resource_version="") == replace(other, resource_version="")


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def _end(task: asyncio.Future[None]) -> bool:
    """Cancel a task once and wait until it has ended; True if we were cancelled meanwhile."""
    interrupted = False
    task.cancel()
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            interrupted = True
    return interrupted


def _log_failure(task: asyncio.Future[None]) -> None:
    """Say how the work ended if it failed while something else already ends the run."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("Work failed while it was being stopped", exc_info=error)
