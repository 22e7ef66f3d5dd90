"""The limit for what a reconcile may compute, by the CPU clock of this process."""

import asyncio
import signal
import threading

import pytest

from zookeeper_operator.control.computing import can_limit, limited
from zookeeper_operator.control.controller import OverrunError
from zookeeper_operator.control.queue import WorkQueue
from zookeeper_operator.control.work import work


def compute() -> None:
    while True:
        pass


async def answer(*, after: float) -> str:
    await asyncio.sleep(after)
    return "answer"


async def test_what_waits_is_not_limited_and_gives_its_result() -> None:
    assert await limited(answer(after=0.05), 0.01) == "answer"


async def test_what_computes_for_too_long_is_interrupted_where_it_is() -> None:
    ended: list[str] = []

    async def overrun() -> None:
        await asyncio.sleep(0)
        try:
            compute()
        finally:
            ended.append("finally")

    with pytest.raises(OverrunError):
        await limited(overrun(), 0.05)
    assert ended == ["finally"]
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0


async def test_an_overrun_can_be_handled_and_the_limit_holds_again_afterwards() -> None:
    async def overrun_twice() -> int:
        for _ in range(2):
            with pytest.raises(OverrunError):
                compute()
            await asyncio.sleep(0)
        return 2

    assert await limited(overrun_twice(), 0.05) == 2


async def test_errors_and_cancellation_reach_the_coroutine() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await limited(fail(), 1)
    seen: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    waiting = asyncio.create_task(limited(wait(), 1))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert seen == ["cancelled"]


async def test_an_overrun_takes_only_its_own_key_down(caplog: pytest.LogCaptureFixture) -> None:
    queue = WorkQueue[str](random=lambda: 0.0, backoff_base=60)
    handled: list[str] = []

    async def handle(key: str) -> float | None:
        if key == "endless":
            compute()
        handled.append(key)
        queue.close()
        return None

    for key in ("endless", "small"):
        queue.add(key)
    async with asyncio.timeout(30):
        await work(queue, handle, workers=1, timeout=60, computing_seconds=0.05)
    assert handled == ["small"]
    assert queue.failures("endless") == 1
    assert {vars(record)["key"] for record in caplog.records} == {"endless"}


def test_only_the_main_thread_can_be_interrupted() -> None:
    found = [can_limit()]
    thread = threading.Thread(target=lambda: found.append(can_limit()))
    thread.start()
    thread.join()
    assert found == [True, False]
