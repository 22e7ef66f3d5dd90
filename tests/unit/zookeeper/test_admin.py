"""How long a probe waits for members that do not answer, and that slow is not taken for silent."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from zookeeper_operator.zookeeper.admin import AdminServers
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Address

pytestmark = pytest.mark.looptime

MEMBER = Address(1, "demo", "zk-1", "192.0.2.1")
ANSWER = b'{"command": "leader", "error": null, "is_leader": true, "leader_id": 1}'
QUICK = "198.51.100."
NEXT_POD = Address(1, "demo", "zk-1", "192.0.2.2")


class SlowAdmin:
    """A member that takes its time."""

    def __init__(self) -> None:
        self.seconds = 3600.0
        self.under_way = 0
        self.most = 0

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        if member.ip.startswith(QUICK):
            return ANSWER
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.under_way -= 1
        return ANSWER

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


async def test_a_member_that_has_not_answered_is_not_asked_again(
    admin: SlowAdmin, servers: AdminServers
) -> None:
    await probe(servers)
    times = [(await probe(servers))[1] for _ in range(50)]
    assert times == [0.3] + [0.0] * 49
    assert admin.under_way == 1


async def test_however_many_are_silent_who_answers_is_heard_at_once(
    admin: SlowAdmin, servers: AdminServers
) -> None:
    """300 members of 100 ensembles, probed every second for two minutes, beside a healthy one."""
    lost = [
        [Address(n, f"lost{e}", f"zk-{n}", f"192.0.{e}.{n}") for n in (1, 2, 3)] for e in range(100)
    ]
    healthy = [Address(n, "demo", f"zk-{n}", f"{QUICK}{n}") for n in (1, 2, 3)]
    loop = asyncio.get_running_loop()
    waits, tasks = [], 0
    beginning = 3
    async with asyncio.TaskGroup() as group:
        for second in range(120):
            for members in lost:
                group.create_task(servers.probe(members, thorough=True))
            await asyncio.sleep(0.5)
            started = loop.time()
            answers = await servers.probe(healthy, thorough=True)
            waits.append(loop.time() - started)
            if second == beginning:
                admin.most = 0
            assert all(answer.reachable for answer in answers.values())
            tasks = max(tasks, len(asyncio.all_tasks()))
            await asyncio.sleep(0.5)
    assert max(waits) < 0.5, "behind those that are silent for the first time"
    assert max(waits[beginning:]) == 0
    assert tasks < 1000
    assert 0 < admin.most <= len(lost) * 3


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
