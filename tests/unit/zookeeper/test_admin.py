"""How long a probe waits for members that do not answer, and that slow is not taken for silent."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from zookeeper_operator.zookeeper.admin import AdminServers
from zookeeper_operator.zookeeper.answers import Answers
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
async def servers(admin: SlowAdmin) -> AsyncIterator[AdminServers]:
    servers = AdminServers(admin, timeout_seconds=1.5)
    yield servers
    await servers.close()


async def probe(servers: AdminServers, member: Address = MEMBER) -> tuple[Answers, float]:
    """What a probe learns of the member, and the seconds it took."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    answers = (await servers.probe([member], thorough=False))[member.id]
    return answers, round(loop.time() - started, 3)


async def test_the_second_probe_waits_shortly_and_says_the_same(servers: AdminServers) -> None:
    first, patient = await probe(servers)
    second, impatient = await probe(servers)
    assert (patient, impatient) == (1.5, 0.3)
    assert first == second == Answers(1, reachable=False, problem="no answer within 1.5 s")


async def test_a_late_answer_gives_a_member_the_whole_time_again(
    admin: SlowAdmin, servers: AdminServers
) -> None:
    await probe(servers)
    admin.seconds = 1.0
    assert not (await probe(servers))[0].reachable
    await asyncio.sleep(1.0)
    answers, seconds = await probe(servers)
    assert answers.reachable
    assert seconds == 1.0


async def test_who_answers_at_once_is_heard_at_once(
    admin: SlowAdmin, servers: AdminServers
) -> None:
    await probe(servers)
    admin.seconds = 0.1
    answers, seconds = await probe(servers)
    assert answers.reachable
    assert seconds == 0.1


async def test_silence_is_no_grudge_against_the_next_pod_nor_for_ever(
    servers: AdminServers,
) -> None:
    await probe(servers)
    assert (await probe(servers, NEXT_POD))[1] == 1.5
    await asyncio.sleep(60)
    assert (await probe(servers))[1] == 1.5


async def test_nothing_is_asked_after_the_end(admin: SlowAdmin) -> None:
    servers = AdminServers(admin, timeout_seconds=1.5)
    await probe(servers)
    await probe(servers)
    started = asyncio.get_running_loop().time()
    await servers.close()
    assert asyncio.get_running_loop().time() == started, "nobody waits for a late answer"
    running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not running, running


class NotServing:
    """A member that answers, and has no leader."""

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        if command == "system_properties":
            return b'{"member.database": "none", "command": "system_properties", "error": null}'
        return b'{"error": "This ZooKeeper instance is not currently serving requests"}'

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(("thorough", "database"), [(True, "none"), (False, "")])
async def test_only_a_thorough_probe_asks_who_does_not_serve_what_it_holds(
    *, thorough: bool, database: str
) -> None:
    servers = AdminServers(NotServing(), timeout_seconds=1.5)
    answers = await servers.probe([MEMBER], thorough=thorough)
    await servers.close()
    assert answers[MEMBER.id].database == database
    assert not answers[MEMBER.id].serving
