"""The workers of the queue, on virtual time."""

import asyncio
import logging
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.control.queues import ZERO, Recorder, now, run

from zookeeper_operator.control.queue import WorkQueue
from zookeeper_operator.control.work import work

pytestmark = pytest.mark.looptime


async def run_workers(
    queue: WorkQueue[str], handle: Callable[[str], object], seconds: float, workers: int = 2
) -> None:
    """Let workers run for some virtual seconds."""
    running = asyncio.create_task(work(queue, handle, workers=workers, timeout=10))  # type: ignore[arg-type]
    await asyncio.sleep(seconds)
    queue.close()
    await running


async def test_the_result_says_when_to_look_again() -> None:
    queue = WorkQueue[str](random=ZERO)
    looks: list[float] = []

    async def handle(_: str) -> float | None:
        looks.append(now())
        return 5 if len(looks) < 3 else None

    queue.add("a")
    await run_workers(queue, handle, 100)
    assert looks == [0, 5, 10]


async def test_a_failing_key_comes_back_with_backoff_and_disturbs_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = Recorder()
    queue = WorkQueue[str](random=ZERO, listener=seen)
    looks: list[tuple[str, float]] = []

    async def handle(key: str) -> float | None:
        looks.append((key, now()))
        if key == "bad" and len([look for look in looks if look[0] == "bad"]) < 4:
            raise ZeroDivisionError(key)
        return None

    queue.add("bad")
    queue.add("good")
    with caplog.at_level(logging.INFO):
        await run_workers(queue, handle, 100, workers=1)
    assert looks == [("bad", 0), ("good", 0), ("bad", 1), ("bad", 3), ("bad", 7)]
    assert queue.failures("bad") == 0
    assert len(caplog.records) == 3
    assert {vars(record)["key"] for record in caplog.records} == {"bad"}
    assert all(record.exc_info for record in caplog.records)
    assert [result for result, _ in seen.results] == ["error", "done", "error", "error", "done"]


async def test_an_expected_failure_is_one_line_and_an_unexpected_one_tells_where(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = WorkQueue[str](random=lambda: 0.0)
    failures = {"known": OSError("the other side said no"), "new": ValueError("a mistake")}

    async def fail(key: str) -> float | None:
        raise failures[key]

    for key in failures:
        queue.add(key)
    with caplog.at_level(logging.INFO):
        working = asyncio.create_task(work(queue, fail, workers=1, timeout=5, expected=(OSError,)))
        await asyncio.sleep(0.1)
        queue.close()
        await working
    told = {record.getMessage(): record.exc_info for record in caplog.records}
    assert told["Reconcile failed: the other side said no"] is None
    assert told["Reconcile failed"] is not None


async def test_a_pass_that_hangs_is_cut_off_and_retried(caplog: pytest.LogCaptureFixture) -> None:
    seen = Recorder()
    queue = WorkQueue[str](random=ZERO, listener=seen)
    looks: list[float] = []

    async def handle(_: str) -> float | None:
        looks.append(now())
        if len(looks) == 1:
            await asyncio.sleep(1000)
        return None

    queue.add("a")
    await run_workers(queue, handle, 100)
    assert looks == [0, 11]
    assert seen.results == [("timeout", 10), ("done", 0)]
    assert len(caplog.records) == 1


async def test_a_timeout_of_its_own_is_an_error_not_the_limit() -> None:
    seen = Recorder()
    queue = WorkQueue[str](random=ZERO, listener=seen)

    async def handle(_: str) -> float | None:
        if not seen.results:
            raise TimeoutError
        return None

    queue.add("a")
    await run_workers(queue, handle, 100)
    assert [result for result, _ in seen.results] == ["error", "done"]


async def test_a_cancellation_from_within_fails_the_pass_and_not_the_worker() -> None:
    queue = WorkQueue[str](random=ZERO)
    looks: list[float] = []

    async def handle(_: str) -> float | None:
        looks.append(now())
        if len(looks) == 1:
            raise asyncio.CancelledError
        return None

    queue.add("a")
    await run_workers(queue, handle, 100, workers=1)
    assert looks == [0, 1]


async def test_close_lets_running_passes_finish() -> None:
    queue = WorkQueue[str](random=ZERO)
    ended: list[float] = []

    async def handle(_: str) -> float | None:
        await asyncio.sleep(5)
        ended.append(now())
        return 1

    queue.add("a")
    await run_workers(queue, handle, 2)
    assert ended == [5]
    assert now() == 5


async def test_cancelling_the_workers_cancels_the_passes() -> None:
    queue = WorkQueue[str](random=ZERO)
    cancelled: list[str] = []

    async def handle(key: str) -> float | None:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            cancelled.append(key)
            raise
        return None

    queue.add("a")
    queue.add("b")
    running = asyncio.create_task(work(queue, handle, workers=3, timeout=10))
    await asyncio.sleep(1)
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert sorted(cancelled) == ["a", "b"]


# -------------------------------------------------------------------------------- properties

KEYS = "abcd"
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(KEYS), st.just(0.0)),
        st.tuples(st.just("after"), st.sampled_from(KEYS), st.floats(0, 20)),
        st.tuples(st.just("sleep"), st.just(""), st.floats(0, 5)),
    ),
    max_size=40,
)
OUTCOMES = st.lists(
    st.tuples(st.sampled_from(["ok", "again", "raise", "hang"]), st.floats(0, 12)), max_size=60
)


@given(actions=ACTIONS, outcomes=OUTCOMES, workers=st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_never_two_workers_on_a_key_and_nothing_is_lost(
    actions: list[tuple[str, str, float]],
    outcomes: list[tuple[str, float]],
    workers: int,
) -> None:
    async def scenario() -> None:
        seen = Recorder()
        queue = WorkQueue[str](random=ZERO, listener=seen)
        script = iter(outcomes)
        running: set[str] = set()
        owed: dict[str, float] = {}  # key → from when on a look must begin that has not yet

        async def handle(key: str) -> float | None:
            assert key not in running
            running.add(key)
            if key in owed and now() >= owed[key] - 1e-9:
                del owed[key]
            try:
                what, seconds = next(script, ("ok", 0.0))
                await asyncio.sleep(seconds if what != "hang" else 1000)
                if what == "raise":
                    raise ZeroDivisionError
                return seconds if what == "again" else None
            finally:
                running.discard(key)

        logging.getLogger("zookeeper_operator.control.work").setLevel(logging.CRITICAL)
        task = asyncio.create_task(work(queue, handle, workers=workers, timeout=10))
        for what, key, seconds in actions:
            if what == "sleep":
                await asyncio.sleep(seconds)
            elif what == "add":
                queue.add(key)
                owed[key] = now()
            else:
                queue.add_after(key, seconds)
                # A delayed add must lead to a look, at its deadline or, by another add, before.
                owed.setdefault(key, now())
        await asyncio.sleep(100_000)
        assert not owed
        assert not running
        assert len(queue) == 0
        assert all(queue.failures(key) == 0 for key in KEYS)
        queue.close()
        await task
        assert len(seen.waited) == len(seen.worked)

    run(scenario())
