"""How long a look waits for members that say nothing, and that slow is not taken for silent."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.client import DirectClients, ZooKeeperClient
from zookeeper_operator.zookeeper.protocol import Address

pytestmark = pytest.mark.looptime

MEMBER = Address(1, "demo", "zk-1", "192.0.2.1")
NEXT_POD = Address(1, "demo", "zk-1", "192.0.2.2")


class SlowAdmin:
    """A member that takes its time."""

    def __init__(self) -> None:
        self.seconds = 3600.0

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        await asyncio.sleep(self.seconds)
        return b'{"command": "leader", "error": null, "is_leader": true, "leader_id": 1}'

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def admin() -> SlowAdmin:
    return SlowAdmin()


@pytest.fixture
async def client(admin: SlowAdmin) -> AsyncIterator[ZooKeeperClient]:
    client = ZooKeeperClient(admin, DirectClients(), probe_timeout_seconds=1.5)
    yield client
    await client.close()


async def look(client: ZooKeeperClient, member: Address = MEMBER) -> tuple[Answers, float]:
    """What a look learns of the member, and the seconds it took."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    answers = (await client.probe([member], thorough=False))[member.id]
    return answers, round(loop.time() - started, 3)


async def test_the_second_look_waits_shortly_and_tells_the_same(client: ZooKeeperClient) -> None:
    first, patient = await look(client)
    second, impatient = await look(client)
    assert (patient, impatient) == (1.5, 0.3)
    assert first == second == Answers(1, reachable=False, problem="no answer within 1.5 s")


async def test_a_late_answer_gives_a_member_the_whole_time_again(
    admin: SlowAdmin, client: ZooKeeperClient
) -> None:
    await look(client)
    admin.seconds = 1.0
    assert not (await look(client))[0].reachable
    await asyncio.sleep(1.0)
    told, seconds = await look(client)
    assert told.reachable
    assert seconds == 1.0


async def test_who_answers_at_once_is_heard_at_once(
    admin: SlowAdmin, client: ZooKeeperClient
) -> None:
    await look(client)
    admin.seconds = 0.1
    told, seconds = await look(client)
    assert told.reachable
    assert seconds == 0.1


async def test_silence_is_no_grudge_against_the_next_pod_nor_for_ever(
    client: ZooKeeperClient,
) -> None:
    await look(client)
    assert (await look(client, NEXT_POD))[1] == 1.5
    await asyncio.sleep(60)
    assert (await look(client))[1] == 1.5


async def test_nothing_is_asked_after_the_end(admin: SlowAdmin) -> None:
    client = ZooKeeperClient(admin, DirectClients(), probe_timeout_seconds=1.5)
    await look(client)
    await look(client)
    await client.close()
    running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not running, running
