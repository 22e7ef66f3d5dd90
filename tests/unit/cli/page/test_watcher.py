"""Whether the cluster is lost or a member: the API server may be the way to the members."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cli.page.scenes import answer, scene
from tests.unit.ensemble.plan.scenes import answers

from zookeeper_operator.cli.page.picture import Scene
from zookeeper_operator.cli.page.watcher import PICTURE, EnsembleWatcher, Watcher, is_whole
from zookeeper_operator.ensemble.observe import addresses_of
from zookeeper_operator.kube.api import KubeError
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Address

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


WHOLE = answers(1, 1, [1])


@pytest.mark.parametrize(
    "partly",
    [
        replace(WHOLE, zxid=None),
        replace(WHOLE, leader_id=None, is_leader=False),
        replace(WHOLE, voting_view=None),
        replace(WHOLE, problem="the answer to leader is cut off", leader_id=None),
        Answers(1, reachable=False, problem="the connection was reset"),
    ],
)
@pytest.mark.parametrize("answered", [0, 1], ids=lambda n: f"{n} answered meanwhile")
async def test_an_answer_that_the_loss_of_the_cluster_cuts_off_changes_no_picture(
    partly: Answers, answered: int
) -> None:
    class Member:
        said = WHOLE

        async def probe(self, _: Sequence[Address], *, thorough: bool) -> dict[int, Answers]:
            del thorough
            return {1: self.said}

    questions, member = Questions(), Member()
    watcher = EnsembleWatcher(questions, member, "demo", "zk")  # type: ignore[arg-type]
    body = {"metadata": {"namespace": "demo", "name": "zk"}, "spec": {"replicas": 1}}
    watcher._scene = Scene(body)
    address = Address(1, "demo", "zk-1", "192.0.2.1")
    asking = asyncio.create_task(watcher._keep_asking(address))
    watcher._asking[address] = asking
    try:
        await asyncio.sleep(0.05)
        before = watcher.channel.get(PICTURE)
        assert before["leader"]["id"] == 1
        member.said = partly
        async with asyncio.timeout(5):
            for _ in range(answered):
                (await questions.next()).set_result({})
            (await questions.next()).set_exception(LOST)
        await asyncio.sleep(0.05)
        assert watcher.channel.get(PICTURE) == before
    finally:
        asking.cancel()


@pytest.mark.parametrize("first", [(1,), (2,), (3,), (1, 3)], ids=str)
async def test_a_page_that_is_just_opened_keeps_the_leader_when_the_cluster_is_lost(
    first: tuple[int, ...],
) -> None:
    """Some members have answered, the others never do: what the operator wrote stays."""

    class Members:
        async def probe(self, members: Sequence[Address], *, thorough: bool) -> dict[int, Answers]:
            del thorough
            (member,) = members
            if member.id not in first:
                await asyncio.Event().wait()
            return {member.id: answer(member.id)}

    questions = Questions()
    watcher = EnsembleWatcher(questions, Members(), "demo", "zk")  # type: ignore[arg-type]
    watcher._pods = scene().pods
    watcher._show(scene({}))
    written = watcher.channel.get(PICTURE)["leader"]
    assert written["id"] == 2
    addresses = addresses_of("demo", watcher._pods)
    for address in addresses:
        watcher._asking[address] = watcher._spawn(watcher._keep_asking(address))
    try:
        await asyncio.sleep(0.05)
        assert watcher._scene is not None
        assert set(watcher._scene.answers) == set(first)
        asked = asyncio.create_task(watcher.ask_cluster())
        (await questions.next()).set_exception(LOST)
        assert not await asked
        assert watcher.channel.get(PICTURE)["leader"] == written
        assert watcher.channel.get(PICTURE)["summary"] == "Serving"
    finally:
        await watcher.stop()


def test_a_member_that_denies_has_said_all() -> None:
    assert is_whole(WHOLE)
    assert is_whole(Answers(1, reachable=True, problem="does not serve", denies=True))
