"""What real servers answer to a probe, in every state a member can be in."""

import asyncio
import dataclasses
import socket
import struct
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator

import pytest
from kazoo.client import KazooClient
from tests.integration.zookeeper_servers import ZooKeeperServers

from zookeeper_operator.ensemble import names
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients

_TIMEOUT = 1.0
_ZNODES = 20
_ZNODE_BYTES = 1000


@pytest.fixture
async def client() -> AsyncIterator[ZooKeeperClient]:
    client = ZooKeeperClient(DirectAdmin(), DirectClients(), probe_timeout_seconds=_TIMEOUT)
    yield client
    await client.close()


@pytest.fixture(scope="module")
def ensemble(zookeeper: ZooKeeperServers) -> ZooKeeperServers:
    zookeeper.restore([1, 2, 3])
    return zookeeper


async def test_leader_and_followers_tell_everything(
    ensemble: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    leader = ensemble.leader([1, 2, 3])
    answers = await client.probe(ensemble.addresses([1, 2, 3]), thorough=True)

    counts = [answers[leader].synced_followers, answers[leader].synced_non_voting_followers]
    assert counts == [2, 0]
    assert answers[leader].synced_observers == 0
    for member, answer in answers.items():
        assert answer.serving
        assert not answer.denies
        assert answer.problem is None
        assert answer.is_leader is (member == leader)
        assert answer.leader_id == leader
        assert answer.server_state == ("leader" if member == leader else "follower")
        assert answer.voting_view == frozenset({1, 2, 3})
        assert answer.version == "3.9.5"
        assert answer.exports_metrics is False
        assert answer.connections == 0
        assert answer.data_bytes is not None
        assert answer.log_bytes is not None
        assert answer.zxid is not None
    epoch = answers[leader].epoch
    assert epoch is not None
    assert epoch >= 1


async def test_the_size_of_the_tree_is_that_of_data_and_paths(
    ensemble: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    """What a member holds in memory follows from it, and from the number of znodes."""
    (address,) = ensemble.addresses([1])
    before = (await client.probe([address], thorough=True))[1]
    session = KazooClient(f"{address.ip}:{names.CLIENT_PORT}")
    session.start()
    try:
        session.create("/size")
        for number in range(_ZNODES):
            session.create(f"/size/{number:03}", bytes(_ZNODE_BYTES))
        after = (await client.probe([address], thorough=True))[1]
        session.delete("/size", recursive=True)
    finally:
        session.stop()
        session.close()
    assert before.tree_bytes is not None
    assert before.znodes is not None
    added = len("/size") + _ZNODES * (_ZNODE_BYTES + len("/size/000"))
    assert after.tree_bytes == before.tree_bytes + added
    assert after.znodes == before.znodes + 1 + _ZNODES


async def test_cheap_probe_tells_who_serves_and_whom_it_follows(
    ensemble: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    leader = ensemble.leader([1, 2, 3])
    answers = await client.probe(ensemble.addresses([1, 2, 3]), thorough=False)
    assert answers == {
        n: Answers(n, reachable=True, leader_id=leader, is_leader=n == leader) for n in (1, 2, 3)
    }


async def test_absent_member_is_unreachable_and_the_others_answer(
    ensemble: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    answers = await client.probe(ensemble.addresses([1, 9]), thorough=True)
    assert answers[1].serving
    assert not answers[9].reachable
    assert answers[9].refuses, "nothing listens there, which is a fact"
    assert "refused" in (answers[9].problem or "").lower() or "connect" in (
        answers[9].problem or ""
    )


async def test_frozen_member_costs_one_timeout_and_no_more(
    ensemble: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    follower = next(n for n in (1, 2, 3) if n != ensemble.leader([1, 2, 3]))
    ensemble[follower].freeze()
    try:
        started = time.monotonic()
        answers = await client.probe(ensemble.addresses([1, 2, 3]), thorough=True)
        assert time.monotonic() - started < _TIMEOUT + 0.8
    finally:
        ensemble[follower].thaw()
        ensemble.wait_until_serving([1, 2, 3])
    assert not answers[follower].reachable
    assert answers[follower].problem == "no answer within 1 s"
    assert not answers[follower].refuses
    assert not answers[follower].denies, "a frozen member says nothing"


async def test_who_was_silent_is_not_waited_for_again_until_it_answers(
    ensemble: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    """A frozen leader must not slow down the looks that are to find the next one."""
    follower = next(n for n in (1, 2, 3) if n != ensemble.leader([1, 2, 3]))
    addresses = ensemble.addresses([1, 2, 3])
    ensemble[follower].freeze()
    try:
        first = await client.probe(addresses, thorough=True)
        started = time.monotonic()
        second = await client.probe(addresses, thorough=True)
        assert time.monotonic() - started < _TIMEOUT / 2
        assert second[follower] == first[follower]
        assert not second[follower].reachable
        assert [second[n].serving for n in (1, 2, 3) if n != follower] == [True, True]
    finally:
        ensemble[follower].thaw()
        ensemble.wait_until_serving([1, 2, 3])
    await asyncio.sleep(_TIMEOUT)  # the last one asked is answered, or given up
    await client.probe(addresses, thorough=True)
    assert (await client.probe(addresses, thorough=True))[follower].serving


def status_of(command: str, ip: str) -> int:
    """What the kubelet's probes go by."""
    try:
        with urllib.request.urlopen(f"http://{ip}:8080/commands/{command}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


async def test_member_without_quorum_answers_but_does_not_serve(
    ensemble: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    ensemble[1].kill()
    ensemble[2].kill()
    try:
        deadline = time.monotonic() + 20
        # One that stops between two questions of a look has another problem for a moment.
        while (
            answer := (await client.probe(ensemble.addresses([3]), thorough=True))[3]
        ).problem != "This ZooKeeper instance is not currently serving requests":
            assert time.monotonic() < deadline, answer
        assert status_of("monitor", ensemble[3].ip) == 500
        assert status_of("ruok", ensemble[3].ip) == 200
    finally:
        ensemble[1].start()
        ensemble[2].start()
        ensemble.wait_until_serving([1, 2, 3])
    assert answer.reachable
    assert not answer.serving
    assert answer.denies
    assert [status_of("monitor", ensemble[n].ip) for n in (1, 2, 3)] == [200, 200, 200]
    assert not answer.is_leader
    assert answer.leader_id is None


async def test_an_address_that_drops_packets_is_unreachable(client: ZooKeeperClient) -> None:
    nowhere = Address(1, "test", "zk-1", "192.0.2.1")
    answer = (await client.probe([nowhere], thorough=True))[1]
    assert not answer.reachable
    assert dataclasses.replace(answer, problem=None) == Answers(1, reachable=False)


def connect(member: str, source: str, *, session: bool) -> socket.socket:
    """A connection from an address of this machine, with or without a session."""
    found = socket.create_connection((member, 2181), timeout=5, source_address=(source, 0))
    if session:
        request = struct.pack(">iqiqi16s?", 0, 0, 10_000, 0, 16, bytes(16), False)
        found.sendall(struct.pack(">i", len(request)) + request)
        assert found.recv(4), "the session begins"
    return found


async def test_clients_without_tls_are_counted_if_they_come_from_outside(
    ensemble: ZooKeeperServers, client: ZooKeeperClient
) -> None:
    member, outside = ensemble[1].ip, "10.128.0.5"
    with (
        connect(member, outside, session=True),
        connect(member, outside, session=True),
        connect(member, outside, session=False),
        connect(member, "127.0.0.1", session=True),
    ):
        counts = await client.count_plain_clients(ensemble.addresses([1, 2, 9]))
    assert counts == {1: 2, 2: 0}, "9 is not there"
