"""The newest releases of both lines as real servers: members move to them and back, one at a time."""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from kazoo.client import KazooClient
from tests.integration.test_phases import ALL_KEYS, Walk
from tests.integration.test_zookeeper_probe import status_of
from tests.integration.waiting import until
from tests.integration.zookeeper_servers import ZooKeeperServers

from zookeeper_operator.api.versions import KNOWN_VERSIONS, has_upgrade_path
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.security.phase import Phase
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients

MEMBERS: Final = (1, 2, 3)
SECONDS: Final = 90.0
WAY: Final = ("3.8.6", "3.8.7", "3.9.6", "3.9.5", "3.8.7")


@pytest.fixture
def releases(
    zookeeper: ZooKeeperServers, jars_by_release: Mapping[str, Path], tmp_path: Path
) -> Iterator[Mapping[str, ZooKeeperServers]]:
    """The servers of each release; all releases have the same volumes."""
    zookeeper.stop()  # they have the same addresses
    found = {
        release: ZooKeeperServers(jars=jars, directory=tmp_path)
        for release, jars in jars_by_release.items()
    }
    yield found
    for servers in found.values():
        servers.stop()


async def test_members_move_to_the_newest_releases_and_back_under_one_client(
    releases: Mapping[str, ZooKeeperServers],
) -> None:
    first, *others = WAY
    releases[first].found(MEMBERS, seconds=SECONDS)
    session = KazooClient(
        hosts=",".join(f"{releases[first][n].ip}:{names.CLIENT_PORT}" for n in MEMBERS), timeout=30
    )
    await asyncio.to_thread(session.start, SECONDS)
    client = ZooKeeperClient(DirectAdmin(), DirectClients())
    try:
        await asyncio.to_thread(session.create, "/written", b"")
        before = first
        for release in others:
            assert has_upgrade_path(before, release)
            await asyncio.to_thread(roll, releases[before], releases[release])
            here = partial(answers_as, client, releases[release], release)
            await until(here, seconds=SECONDS)
            await asyncio.to_thread(session.retry, session.ensure_path, f"/written/{release}")
            before = release
        written = await asyncio.to_thread(session.get_children, "/written")
        assert set(written) == set(others)
    finally:
        await client.close()
        await asyncio.to_thread(session.stop)
        session.close()


def roll(before: ZooKeeperServers, after: ZooKeeperServers) -> None:
    """Restart one member after the other as a server of another release, the leader last."""
    leader = before.leader(MEMBERS)
    for n in sorted(MEMBERS, key=lambda n: (n == leader, n)):
        before[n].kill()
        after[n].start()
        after.wait_until_serving(MEMBERS, seconds=SECONDS)


async def answers_as(client: ZooKeeperClient, servers: ZooKeeperServers, release: str) -> bool:
    """Whether every member answers the operator and the kubelet as one of that release that serves."""
    answers = await client.probe(servers.addresses(MEMBERS), thorough=True)
    leader = servers.leader(MEMBERS)
    return all(
        answer.serving
        and answer.version == release
        and answer.leader_id == leader
        and answer.voting_view == frozenset(MEMBERS)
        and status_of("monitor", servers[n].ip) == status_of("ruok", servers[n].ip) == 200
        for n, answer in answers.items()
    )


@pytest.mark.parametrize("release", ["3.9.6", pytest.param("3.8.7", marks=pytest.mark.long)])
async def test_a_member_without_a_quorum_is_alive_and_not_ready(
    releases: Mapping[str, ZooKeeperServers], release: str
) -> None:
    servers = releases[release]
    servers.found(MEMBERS, seconds=SECONDS)
    servers[1].kill()
    servers[2].kill()

    async def is_alive_and_not_ready() -> bool:
        ip = servers[3].ip
        return (status_of("ruok", ip), status_of("monitor", ip)) == (200, 500)

    await until(is_alive_and_not_ready, seconds=SECONDS)


@pytest.mark.parametrize("release", ["3.9.6", "3.8.7"])
def test_members_with_tls_form_a_quorum(
    releases: Mapping[str, ZooKeeperServers], release: str, tmp_path: Path
) -> None:
    """Here as in a cluster, a member dials from an address that its certificate does not name."""
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    walk = Walk(releases[release], certificates, release)
    walk.found(*[Phase(3, 1)] * len(MEMBERS))
    walk.servers.wait_until_serving(MEMBERS, seconds=SECONDS)


@pytest.mark.parametrize("way", [("3.8.6", "3.9.5"), pytest.param(WAY, marks=pytest.mark.long)])
def test_members_that_speak_tls_alone_move_to_other_releases(
    releases: Mapping[str, ZooKeeperServers], way: tuple[str, ...], tmp_path: Path
) -> None:
    """Members of two lines beside each other, each with what the operator renders for its release."""
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    first, *others = way
    walk = Walk(releases[first], certificates, first)
    walk.found(*[Phase(3, 1)] * len(MEMBERS))
    walk.servers.wait_until_serving(MEMBERS, seconds=SECONDS)
    for release in others:
        after = walk.as_release(releases[release], release)
        leader = walk.servers.leader(MEMBERS)
        for n in sorted(MEMBERS, key=lambda n: (n == leader, n)):
            walk.servers[n].kill()
            after.servers[n].amend(after.keys(Phase(3, 1)), without=ALL_KEYS)
            after.servers[n].start()
            after.servers.wait_until_serving(MEMBERS, seconds=SECONDS)
        walk = after


@pytest.mark.long
@pytest.mark.parametrize("release", ["3.9.6", "3.8.7"])
def test_tls_is_turned_on_and_off(
    releases: Mapping[str, ZooKeeperServers], release: str, tmp_path: Path
) -> None:
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    walk = Walk(releases[release], certificates, release)
    walk.found(*[Phase(0, 0)] * len(MEMBERS))
    walk.servers.wait_until_serving(MEMBERS, seconds=SECONDS)
    for phase in (Phase(1, 1), Phase(2, 1), Phase(3, 1), Phase(2, 0), Phase(1, 0), Phase(0, 0)):
        walk.roll(phase)


def test_the_newest_known_release_of_each_line_is_tried_here() -> None:
    by_line = {version.rpartition(".")[0]: version for version in KNOWN_VERSIONS}
    assert set(by_line.values()) <= set(WAY)
