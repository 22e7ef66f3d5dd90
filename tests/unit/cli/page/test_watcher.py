"""Whether the cluster is lost or a member: the API server may be the way to the members."""

import asyncio
from typing import Any

from zookeeper_operator.cli.page.watcher import Watcher
from zookeeper_operator.kube.api import KubeError

LOST = KubeError(0, "Unreachable", "it was cut off")


class Questions:
    """A client of an API server whose answers the test gives, question by question."""

    def __init__(self) -> None:
        self.transport = self
        self.count = 0
        self._waiting: asyncio.Queue[asyncio.Future[dict[str, Any]]] = asyncio.Queue()

    async def json(self, *_: str, **__: str) -> dict[str, Any]:
        self.count += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(answer)
        return await answer

    async def next(self) -> asyncio.Future[dict[str, Any]]:
        """The next question that waits for an answer."""
        return await self._waiting.get()


async def test_an_answer_to_an_older_question_does_not_say_that_a_member_is_lost() -> None:
    """It may have been under way when the cluster was lost, and with it the way to the member."""
    questions = Questions()
    watcher = Watcher(questions)  # type: ignore[arg-type]
    older = asyncio.create_task(watcher.ask_cluster())
    under_way = await questions.next()
    asked = asyncio.create_task(watcher.ask_cluster())
    await asyncio.sleep(0)
    under_way.set_result({})
    assert await older
    (await questions.next()).set_exception(LOST)
    assert not await asked


async def test_all_who_wait_share_one_question() -> None:
    questions = Questions()
    watcher = Watcher(questions)  # type: ignore[arg-type]
    first = asyncio.create_task(watcher.ask_cluster())
    under_way = await questions.next()
    others = [asyncio.create_task(watcher.ask_cluster()) for _ in range(8)]
    await asyncio.sleep(0)
    under_way.set_result({})
    (await questions.next()).set_result({})
    assert await asyncio.gather(first, *others) == [True] * 9
    assert questions.count == 2
