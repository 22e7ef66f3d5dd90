"""That a peer is not called silent by a process that was too busy to hear it."""

import asyncio
import contextlib
import socketserver
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from zookeeper_operator.zookeeper.answer_limit import answered_within
from zookeeper_operator.zookeeper.source import ask_source

SECONDS = 0.5
LATE = 0.3


class _AtOnce(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(4)
        self.request.sendall(b"Zookeeper version: 3.9.4\nMode: leader\nNode count: 5\n")


@pytest.fixture
def quick_peer() -> Iterator[str]:
    """The address of one that answers at once, in a thread of its own."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _AtOnce) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
async def late_loop() -> AsyncIterator[None]:
    """Every turn of the event loop takes a good part of the limit."""

    async def compute() -> None:
        while True:
            time.sleep(LATE)  # noqa: ASYNC251 -- that is what it stands for
            await asyncio.sleep(0)

    computing = asyncio.create_task(compute())
    yield
    computing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await computing


@pytest.mark.usefixtures("late_loop")
async def test_who_answers_at_once_is_heard_however_late_the_loop_is(quick_peer: str) -> None:
    answer = await ask_source(quick_peer, seconds=SECONDS)
    assert answer.reachable, answer.problem


@pytest.mark.usefixtures("late_loop")
async def test_who_never_answers_is_given_up_by_a_late_loop_too() -> None:
    with pytest.raises(TimeoutError):
        async with answered_within(SECONDS):
            await asyncio.Event().wait()


@pytest.mark.looptime
async def test_a_loop_in_time_waits_no_longer_than_the_limit() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):
        async with answered_within(SECONDS):
            await asyncio.Event().wait()
    assert loop.time() - began == pytest.approx(SECONDS)


async def test_what_was_done_in_time_is_not_ended_later() -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, failure: failures.append(failure))
    async with answered_within(0.01):
        pass
    await asyncio.sleep(0.05)
    assert failures == []
