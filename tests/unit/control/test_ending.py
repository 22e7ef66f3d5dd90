"""A task that does not heed its first cancellation ends all the same."""

import asyncio

import pytest

from zookeeper_operator.control.ending import end, together, unless_stopped


@pytest.mark.parametrize("deaf", [0, 1, 3])
async def test_a_lost_cancellation_is_sent_again(deaf: int) -> None:
    heard = 0

    async def hard_of_hearing() -> None:
        nonlocal heard
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                heard += 1
                if heard > deaf:
                    raise

    async def fails() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError

    tasks = [asyncio.create_task(hard_of_hearing(), name="deaf"), asyncio.create_task(fails())]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(tasks, patience=0.05)
    assert all(task.done() for task in tasks)
    assert heard == deaf + 1
    assert isinstance(tasks[1].exception(), ValueError)


async def test_what_has_ended_already_is_left_alone() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    await end([task])
    assert not task.cancelled()


async def test_the_first_part_to_end_ends_all_and_its_error_is_raised() -> None:
    ended: list[str] = []

    async def lasts() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("lasts")

    async def breaks() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await together(lasts(), breaks())
    assert ended == ["lasts"]


@pytest.mark.parametrize("stopped", [True, False])
async def test_a_part_runs_until_it_ends_or_is_stopped(*, stopped: bool) -> None:
    stop = asyncio.Event()
    ended: list[str] = []

    async def part() -> None:
        try:
            if stopped:
                stop.set()
                await asyncio.sleep(3600)
        finally:
            ended.append("part")

    assert await unless_stopped(part(), stop) is not stopped
    assert ended == ["part"]
