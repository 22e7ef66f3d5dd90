"""Membership changes of real ensembles: what commits, what is refused, what has to be looked at again."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from tests.integration.zookeeper_servers import PASSWORD, ZooKeeperServer, ZooKeeperServers

from zookeeper_operator.ensemble.judge.quorum import judge_quorum
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.protocol import (
    ConfigurationChangedError,
    EnsembleUnreachableError,
    ReconfigureRefusedError,
)
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients
from zookeeper_operator.zookeeper.servers import CommittedConfig, Role


@pytest.fixture
async def client() -> AsyncIterator[ZooKeeperClient]:
    threads = threading.active_count()
    client = ZooKeeperClient(DirectAdmin(), DirectClients())
    yield client
    await client.close()
    assert threading.active_count() <= threads + 1, threading.enumerate()  # asyncio's own


@pytest.fixture
def three(zookeeper: ZooKeeperServers) -> ZooKeeperServers:
    """Three members that vote and serve."""
    zookeeper.restore([1, 2, 3])
    return zookeeper


async def test_configuration_is_read(
    three: ZooKeeperServers, client: ZooKeeperClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    config = await client.read_config(three.access([1, 2, 3]))
    assert config.servers == tuple(three[n].line() for n in (1, 2, 3))
    assert config.version > 0
    assert await client.read_config(three.access([1, 2, 3], password="")) == config
    assert PASSWORD not in caplog.text


async def test_leader_hands_over_by_demotion_and_is_promoted_again(
    three: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    access = three.access([1, 2, 3])
    leader = three.leader([1, 2, 3])
    before = await client.read_config(access)

    demoted = await client.reconfigure(
        access, joining=[three[leader].line("observer")], leaving=[], based_on=before
    )
    assert demoted.observers == {leader}
    assert demoted.voters == {1, 2, 3} - {leader}
    three.wait_until_serving([1, 2, 3])
    assert three.leader([1, 2, 3]) != leader

    promoted = await client.reconfigure(
        access, joining=[three[leader].line()], leaving=[], based_on=demoted
    )
    assert promoted.voters == {1, 2, 3}
    assert promoted.version > demoted.version > before.version
    three.wait_until_serving([1, 2, 3])
    assert three.leader([1, 2, 3]) != leader


@pytest.mark.parametrize("line", ["3.9", "3.8"])
async def test_a_leader_counts_every_voter_whatever_it_was_before(
    zookeeper_jars: Path,
    older_zookeeper_jars: Path,
    client: ZooKeeperClient,
    tmp_path: Path,
    line: str,
) -> None:
    """One that it does not count is lost, and a change waits for it (`Quorum.uncounted`)."""
    jars = zookeeper_jars if line == "3.9" else older_zookeeper_jars
    servers = ZooKeeperServers(jars=jars, directory=tmp_path)
    servers.found([1, 2, 3])
    access = servers.access([1, 2, 3])
    config = await client.read_config(access)
    await _all_counted(servers, client, config)
    there_and_back: tuple[Role, Role] = ("observer", "participant")
    for role in there_and_back:  # the leader hands over, and gets its vote back
        leader = servers.leader([1, 2, 3])
        changed = leader if role == "observer" else next(iter(config.observers))
        config = await client.reconfigure(
            access, joining=[servers[changed].line(role)], leaving=[], based_on=config
        )
        servers.wait_until_serving([1, 2, 3])
        await _all_counted(servers, client, config)
    servers.join(4, config.servers)
    await _all_counted(servers, client, config)
    config = await client.reconfigure(
        access, joining=[servers[4].line()], leaving=[], based_on=config
    )
    await _all_counted(servers, client, config)
    leader = servers.leader([1, 2, 3, 4])
    config = await client.reconfigure(
        servers.access([1, 2, 3, 4]), joining=[], leaving=[leader], based_on=config
    )
    servers.wait_until_serving(sorted(config.ids))
    await _all_counted(servers, client, config)
    servers.stop()


async def _all_counted(
    servers: ZooKeeperServers, client: ZooKeeperClient, config: CommittedConfig
) -> None:
    deadline = time.monotonic() + 5
    while True:
        answers = await client.probe(servers.addresses(range(1, 5)), thorough=True)
        quorum = judge_quorum(answers, committed=config.voters, published=config.voters)
        if quorum.all_live:
            assert quorum.counted == len(config.voters)
            return
        assert time.monotonic() < deadline, (quorum, answers)
        await asyncio.sleep(0.1)


async def test_member_joins_and_leaves(three: ZooKeeperServers, client: ZooKeeperClient) -> None:
    access = three.access([1, 2, 3])
    before = await client.read_config(access)
    three.join(4, before.servers)

    grown = await client.reconfigure(access, joining=[three[4].line()], leaving=[], based_on=before)
    assert grown.voters == {1, 2, 3, 4}
    seen = await client.probe(three.addresses([1, 2, 3, 4]), thorough=True)
    assert {answer.voting_view for answer in seen.values()} == {frozenset({1, 2, 3, 4})}

    shrunk = await client.reconfigure(access, joining=[], leaving=[4], based_on=grown)
    assert shrunk.servers == before.servers
    assert shrunk.version > grown.version


async def test_leader_can_leave(three: ZooKeeperServers, client: ZooKeeperClient) -> None:
    access = three.access([1, 2, 3])
    leader = three.leader([1, 2, 3])
    before = await client.read_config(access)
    after = await client.reconfigure(access, joining=[], leaving=[leader], based_on=before)
    assert after.ids == {1, 2, 3} - {leader}


async def test_refused_without_a_quorum_of_the_new_configuration(
    three: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    access = three.access([1, 2, 3])
    before = await client.read_config(access)
    follower = next(n for n in (1, 2, 3) if n != three.leader([1, 2, 3]))
    three[follower].kill()
    absent = [three[n].line() for n in (7, 8)]
    with pytest.raises(ReconfigureRefusedError, match="no quorum of the new configuration"):
        await client.reconfigure(access, joining=absent, leaving=[], based_on=before)
    assert await client.read_config(access) == before


async def test_second_of_two_votes_again_only_after_it_has_left_the_list(
    zookeeper: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    zookeeper.restore([1, 2])
    access = zookeeper.access([1, 2])
    leader = zookeeper.leader([1, 2])
    before = await client.read_config(access)
    demoted = await client.reconfigure(
        access, joining=[zookeeper[leader].line("observer")], leaving=[], based_on=before
    )
    zookeeper.wait_until_serving([1, 2])
    again = [zookeeper[leader].line()]
    with pytest.raises(ReconfigureRefusedError, match="no quorum of the new configuration"):
        await client.reconfigure(access, joining=again, leaving=[], based_on=demoted)

    unlisted = await client.reconfigure(access, joining=[], leaving=[leader], based_on=demoted)
    zookeeper.wait_until_serving([1, 2])
    promoted = await client.reconfigure(access, joining=again, leaving=[], based_on=unlisted)
    assert promoted.voters == {1, 2}


async def test_refused_with_a_wrong_password(
    three: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    before = await client.read_config(three.access([1, 2, 3]))
    for password in ("wrong-one", ""):
        with pytest.raises(ReconfigureRefusedError, match="password is not accepted") as refused:
            await client.reconfigure(
                three.access([1, 2, 3], password=password),
                joining=[],
                leaving=[3],
                based_on=before,
            )
        assert "wrong-one" not in repr(refused.value)


async def test_outdated_base_asks_for_another_look(
    three: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    access = three.access([1, 2, 3])
    before = await client.read_config(access)
    outdated = CommittedConfig(before.version - 1, before.servers)
    with pytest.raises(ConfigurationChangedError, match="BadVersion"):
        await client.reconfigure(access, joining=[], leaving=[3], based_on=outdated)
    assert await client.read_config(access) == before


async def test_the_same_step_twice_succeeds(
    three: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    """As after a crash between the commit and the answer: what is committed decides."""
    access = three.access([1, 2, 3])
    before = await client.read_config(access)
    first = await client.reconfigure(access, joining=[], leaving=[1], based_on=before)
    second = await client.reconfigure(access, joining=[], leaving=[1], based_on=before)
    assert second == first


async def test_without_a_quorum_nothing_is_known_within_the_time(
    three: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    access = three.access([1, 2, 3])
    before = await client.read_config(access)
    three[1].kill()
    three[2].kill()
    started = time.monotonic()
    with pytest.raises(EnsembleUnreachableError):
        await client.reconfigure(access, joining=[], leaving=[1], based_on=before)
    asked = time.monotonic()
    with pytest.raises(EnsembleUnreachableError):
        await client.read_config(access)
    assert time.monotonic() - asked < 5, "four seconds, however long kazoo takes to give up"
    assert time.monotonic() - started < 24


async def test_frozen_members_hold_nobody_up(
    three: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    access = three.access([1, 2, 3])
    follower = next(n for n in (1, 2, 3) if n != three.leader([1, 2, 3]))
    three[follower].freeze()
    started = time.monotonic()
    configs = await asyncio.gather(*(client.read_config(access) for _ in range(6)))
    assert len(set(configs)) == 1
    assert time.monotonic() - started < 12


@pytest.mark.parametrize(
    ("logs", "lost"), [("true", frozenset()), ("false", frozenset({"a0", "a1", "a2"}))]
)
async def test_a_member_that_gives_its_vote_back_lacks_what_it_has_not_logged(
    zookeeper: ZooKeeperServers, client: ZooKeeperClient, logs: str, lost: frozenset[str]
) -> None:
    """Why `syncEnabled` must stay true: a leader that hands over observes for a moment."""
    zookeeper.found([1, 2, 3], {"syncEnabled": logs})
    access = zookeeper.access([1, 2, 3])
    member = zookeeper[zookeeper.leader([1, 2, 3])]
    before = await client.read_config(access)
    observing = await client.reconfigure(
        access, joining=[member.line("observer")], leaving=[], based_on=before
    )
    zookeeper.wait_until_serving([1, 2, 3])
    assert await asyncio.to_thread(_create, member, ["a0", "a1", "a2"]) == {"a0", "a1", "a2"}
    await client.reconfigure(access, joining=[member.line()], leaving=[], based_on=observing)
    zookeeper.wait_until_serving([1, 2, 3])
    await asyncio.to_thread(_create, member, ["b0", "b1"])
    member.kill()
    member.start()
    zookeeper.wait_until_serving([1, 2, 3])
    has = await asyncio.to_thread(_create, member, ["c0"])
    assert {"a0", "a1", "a2", "b0", "b1", "c0"} - has == lost
    zookeeper.stop()


def _create(member: ZooKeeperServer, names: Sequence[str]) -> set[str]:
    """Create znodes by way of a member; what is below / as it sees it."""
    reader = KazooClient(f"{member.ip}:2181", timeout=10)
    reader.start(timeout=30)
    try:
        for name in names:
            reader.ensure_path(f"/{name}")
        return set(reader.get_children("/")) - {"zookeeper"}
    finally:
        reader.stop()
        reader.close()
