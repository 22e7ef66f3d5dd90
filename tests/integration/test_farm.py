"""The stand-in for members keeps the rules that the operator relies on, as the operator's client sees it."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator

import pytest
from tests.integration.farm import EnsembleModel, Farm, Member
from tests.integration.waiting import until

from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.protocol import Access, Address, ReconfigureRefusedError
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients
from zookeeper_operator.zookeeper.servers import Role, Server

PASSWORD = "secret"
DIGEST = base64.b64encode(hashlib.sha1(f"super:{PASSWORD}".encode()).digest()).decode()  # noqa: S324 -- ZooKeeper's own scheme
HOSTS = {number: f"127.0.0.{20 + number}" for number in range(1, 6)}


def line(number: int, role: Role = "participant") -> Server:
    return Server(number, HOSTS[number], role)


class Members:
    """Members of one ensemble, without Kubernetes."""

    def __init__(self) -> None:
        self.ensemble = EnsembleModel("test", "zk")

    async def start(self, number: int, *, founder: bool, disk: str = "") -> None:
        member = Member(self.ensemble, number, f"pod-{number}", HOSTS[number])
        member.servers = tuple(line(n) for n in (1, 2, 3))
        member.founder, member.disk = founder, disk or f"disk-{number}"
        member.digest = f"super:{DIGEST}"
        await Farm.listen(member)
        member.up = True
        self.ensemble.members[number] = member
        self.ensemble.start_sync(member)
        self.ensemble.settle()

    def stop(self, number: int) -> None:
        member = self.ensemble.members.pop(number)
        member.up = False
        Farm.close(member)
        self.ensemble.settle()

    async def serving(self, *numbers: int) -> None:
        """Wait until these serve."""

        async def serve() -> bool:
            members = self.ensemble.members
            return all(self.ensemble.serves(members[n]) for n in numbers)

        await until(serve)

    @staticmethod
    def addresses(*numbers: int) -> list[Address]:
        return [Address(n, "test", f"zk-{n}", HOSTS[n]) for n in numbers]


@pytest.fixture
async def members() -> AsyncIterator[Members]:
    found = Members()
    for number in (1, 2, 3):
        await found.start(number, founder=True)
    await found.serving(1, 2, 3)
    yield found
    for number in list(found.ensemble.members):
        found.stop(number)


@pytest.fixture
async def client() -> AsyncIterator[ZooKeeperClient]:
    client = ZooKeeperClient(DirectAdmin(), DirectClients())
    yield client
    await client.close()


async def test_founders_elect_and_tell(members: Members, client: ZooKeeperClient) -> None:
    answers = await client.probe(members.addresses(1, 2, 3), thorough=True)
    assert all(a.serving and a.leader_id == 3 and a.epoch == 1 for a in answers.values())
    assert [a.is_leader for a in answers.values()] == [False, False, True]
    assert {a.voting_view for a in answers.values()} == {frozenset({1, 2, 3})}
    config = await client.read_config(Access(tuple(members.addresses(1))))
    assert config.version == 1 << 32
    assert config.voters == {1, 2, 3}


async def test_without_a_majority_nobody_serves(members: Members, client: ZooKeeperClient) -> None:
    members.stop(1)
    members.stop(3)
    answer = (await client.probe(members.addresses(2), thorough=True))[2]
    assert answer.reachable
    assert not answer.serving
    await members.start(3, founder=False, disk="empty")
    await asyncio.sleep(0.3)
    assert not (await client.probe(members.addresses(2), thorough=True))[2].serving, (
        "a member without its data made a majority"
    )
    await members.start(1, founder=False)
    await members.serving(1, 2, 3)
    answers = await client.probe(members.addresses(1, 2, 3), thorough=True)
    assert all(a.serving and a.leader_id == 2 and a.epoch == 2 for a in answers.values())


async def test_steps_need_the_super_user_the_version_and_a_quorum(
    members: Members, client: ZooKeeperClient
) -> None:
    everyone = tuple(members.addresses(1, 2, 3))
    config = await client.read_config(Access(everyone))
    with pytest.raises(ReconfigureRefusedError, match="password"):
        await client.reconfigure(
            Access(everyone, "wrong"), joining=[line(4)], leaving=[], based_on=config
        )
    with pytest.raises(ReconfigureRefusedError, match="quorum"):
        await client.reconfigure(
            Access(everyone, PASSWORD), joining=[line(4), line(5)], leaving=[1, 2], based_on=config
        )
    await members.start(4, founder=False)
    await members.serving(4)
    joined = await client.reconfigure(
        Access(everyone, PASSWORD), joining=[line(4)], leaving=[], based_on=config
    )
    assert joined.voters == {1, 2, 3, 4}
    assert joined.version == config.version + 1


async def test_a_leader_without_its_vote_goes_and_the_step_is_committed(
    members: Members, client: ZooKeeperClient
) -> None:
    everyone = tuple(members.addresses(1, 2, 3))
    config = await client.read_config(Access(everyone))
    after = await client.reconfigure(
        Access(everyone, PASSWORD), joining=[line(3, "observer")], leaving=[], based_on=config
    )
    assert after.voters == {1, 2}
    await members.serving(1, 2, 3)
    answers = await client.probe(everyone, thorough=True)
    assert {a.leader_id for a in answers.values()} == {2}
    assert answers[3].peer_state == "observing - broadcast"
