"""The contract of the queue, on virtual time."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.queues import ZERO, Recorder, now, run

from zookeeper_operator.control.queue import ClosedError, WorkQueue

pytestmark = pytest.mark.looptime


async def test_a_key_waits_once_and_the_order_is_first_come_first_served() -> None:
    queue = WorkQueue[str](random=ZERO)
    for key in ("a", "b", "a", "c", "b"):
        queue.add(key)
    assert len(queue) == 3
    assert [await queue.get() for _ in range(3)] == ["a", "b", "c"]


async def test_who_was_handled_longest_ago_comes_first() -> None:
    queue = WorkQueue[str](random=ZERO)
    for number, key in enumerate(("rests", "a", "b", "a", "b")):
        await asyncio.sleep(1)
        queue.add(key)
        assert await queue.get() == key
        queue.add_after(key, 1000 + number)
        queue.done(key)
    await asyncio.sleep(1)
    for key in ("b", "a", "rests", "new"):
        queue.add(key)
    assert [await queue.get() for _ in range(4)] == ["new", "rests", "a", "b"]


async def test_keys_that_come_back_at_once_do_not_delay_another() -> None:
    queue = WorkQueue[str](random=ZERO)
    for key in ("rests", *map(str, range(50))):
        queue.add(key)
    for step in range(500):
        if step == 400:
            queue.add("rests")
        key = await queue.get()
        await asyncio.sleep(0.1)
        if step == 400:
            assert key == "rests"
        queue.add_after(key, 1000 if key == "rests" else 0.01)
        queue.done(key)


async def test_a_key_added_first_comes_before_those_that_were_handled_longer_ago() -> None:
    queue = WorkQueue[str](random=ZERO)
    for key in ("edited", "other"):
        queue.add(key)
        assert await queue.get() == key
        queue.add_after(key, 1000)
        await asyncio.sleep(1)
        queue.done(key)
    await asyncio.sleep(2)
    for key in ("new", "other", "edited"):
        queue.add(key)
    queue.add_first("other")
    assert [await queue.get() for _ in range(3)] == ["other", "new", "edited"]


async def test_a_key_that_is_added_first_all_the_time_stops_no_other() -> None:
    queue = WorkQueue[str](random=ZERO)
    others = [str(number) for number in range(20)]
    for key in others:
        queue.add(key)
    handled: list[str] = []
    while not set(others) <= set(handled):
        queue.add_first("edited")
        key = await queue.get()
        await asyncio.sleep(0.1)
        queue.add_after(key, 1000)
        queue.done(key)
        handled.append(key)
    assert handled.count("edited") == 2
    assert now() < 2.3


async def test_a_reserved_worker_gets_what_was_added_first_and_nothing_else() -> None:
    queue = WorkQueue[str](random=ZERO)
    queue.add("often")
    queue.add("edited")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(reserved=True), 1)
    queue.add_first("edited")
    assert await queue.get(reserved=True) == "edited"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(reserved=True), 1)
    assert await queue.get() == "often"


async def test_a_reserved_worker_gets_a_key_when_its_pause_is_over() -> None:
    queue = WorkQueue[str](random=ZERO)
    queue.add_first("edited")
    await queue.get(reserved=True)
    queue.add_first("edited")  # once more while it is worked on
    queue.done("edited")
    since = now()
    assert await asyncio.wait_for(queue.get(reserved=True), 60) == "edited"
    assert 0.9 < now() - since < 2.1


async def test_it_knows_which_keys_will_be_reconciled_soon() -> None:
    queue = WorkQueue[str](random=ZERO)
    assert not queue.is_due("a", within=60)
    queue.add_after("a", 10)
    assert queue.is_due("a", within=10)
    assert not queue.is_due("a", within=9)
    queue.add("a")
    assert queue.is_due("a", within=0)
    await queue.get()
    assert queue.is_due("a", within=0)
    queue.done("a")
    assert not queue.is_due("a", within=60)


async def test_a_key_added_while_it_is_worked_on_runs_once_more_afterwards() -> None:
    queue = WorkQueue[str](random=ZERO)
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 1)
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 1)


async def test_the_earliest_deadline_wins() -> None:
    queue = WorkQueue[str](random=ZERO)
    queue.add_after("a", 10)
    queue.add_after("a", 5)
    queue.add_after("a", 20)
    assert await queue.get() == "a"
    assert now() == 5
    queue.done("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 100)


async def test_a_plain_add_cancels_a_delayed_one() -> None:
    queue = WorkQueue[str](random=ZERO)
    queue.add_after("a", 10)
    queue.add("a")
    assert await queue.get() == "a"
    assert now() == 0
    queue.done("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 100)


async def test_no_delay_is_a_plain_add() -> None:
    queue = WorkQueue[str](random=ZERO)
    queue.add_after("a", 0)
    assert len(queue) == 1


async def test_backoff_doubles_up_to_five_minutes_and_is_reset_by_forget() -> None:
    queue = WorkQueue[str](random=ZERO)
    pauses = [queue.retry("a") for _ in range(12)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert queue.failures("a") == 12
    queue.forget("a")
    assert queue.retry("a") == 1
    assert queue.retry("b") == 1


@given(failures=st.integers(0, 5000), luck=st.floats(0, 1, exclude_max=True))
def test_backoff_stays_within_its_bounds(failures: int, luck: float) -> None:
    async def scenario() -> None:
        queue = WorkQueue[str](random=lambda: luck)
        queue._failures["a"] = failures
        ceiling = min(300.0, 2.0 ** min(failures, 20))
        assert 0.8 * ceiling <= queue.retry("a") <= ceiling

    run(scenario())


async def test_close_wakes_those_who_wait_and_drops_what_waits() -> None:
    queue = WorkQueue[str](random=ZERO)
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(1)
    queue.add_after("b", 1)
    queue.close()
    for task in waiting:
        with pytest.raises(ClosedError):
            await task
    queue.add("a")
    queue.add_after("a", 1)
    await asyncio.sleep(5)
    with pytest.raises(ClosedError):
        await queue.get()


async def test_what_waits_is_not_handed_out_after_close() -> None:
    queue = WorkQueue[str](random=ZERO)
    queue.add("a")
    queue.close()
    with pytest.raises(ClosedError):
        await queue.get()


async def test_a_cancelled_getter_takes_no_key_with_it() -> None:
    queue = WorkQueue[str](random=ZERO)
    getter = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add("a")
    getter.cancel()
    await asyncio.wait({getter})
    assert getter.cancelled()
    assert await asyncio.wait_for(queue.get(), 1) == "a"


async def test_the_listener_hears_everything() -> None:
    seen = Recorder()
    queue = WorkQueue[str](random=ZERO, listener=seen)
    queue.add("a")
    queue.add("a")
    await asyncio.sleep(3)
    assert seen.oldest() == 0
    await queue.get()
    await asyncio.sleep(2)
    assert seen.oldest() == 2
    queue.add("a")
    queue.done("a")
    queue.retry("b")
    assert seen.counts == {"added": 2, "retried": 1}
    assert seen.waited == [3]
    assert seen.worked == [2]
    assert seen.depths == [1, 0, 1]
    assert seen.oldest() == 0
