"""One survivor of three becomes the whole ensemble, on real servers: what `plan.recovery` relies on."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from kazoo.client import KazooClient
from tests.integration.zookeeper_servers import ZooKeeperServers

from zookeeper_operator.ensemble import names
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server


def client_of(zookeeper: ZooKeeperServers, member: int) -> KazooClient:
    client = KazooClient(hosts=f"{zookeeper[member].ip}:{names.CLIENT_PORT}")
    client.start(timeout=30)
    return client


def fill(zookeeper: ZooKeeperServers, member: int) -> None:
    client = client_of(zookeeper, member)
    for number in range(200):
        client.create(f"/znode-{number}", b"x")
    client.stop()
    client.close()


def count(zookeeper: ZooKeeperServers, member: int) -> int:
    client = client_of(zookeeper, member)
    client.sync("/")
    names_found: list[str] = client.get_children("/")
    found = sum(name.startswith("znode-") for name in names_found)
    client.stop()
    client.close()
    return found


def publish(
    zookeeper: ZooKeeperServers, member: int, servers: Sequence[Server], version: int
) -> None:
    """Give a server the list that it starts from, as `start.sh` does."""
    directory = zookeeper[member].database.parent.parent
    own = [s for s in servers if s.id == member]
    listed = list(servers) if own else [*servers, zookeeper[member].line("observer")]
    dynamic = directory / (f"zoo.cfg.dynamic.{version:x}" if own else "zoo.cfg.dynamic")
    dynamic.write_text("".join(f"{s.line()}\n" for s in listed), encoding="ascii")
    config = directory / "zoo.cfg"
    kept = [
        line
        for line in config.read_text(encoding="ascii").splitlines()
        if not line.startswith(("server.", "dynamicConfigFile="))
    ]
    config.write_text("\n".join([*kept, f"dynamicConfigFile={dynamic}", ""]), encoding="ascii")


def call(zookeeper: ZooKeeperServers, member: int, **change: object) -> CommittedConfig:
    """Read the configuration, or commit a change of it, by one member."""

    async def ask() -> CommittedConfig:
        client = ZooKeeperClient(DirectAdmin(), DirectClients())
        access = zookeeper.access([member])
        try:
            config = await client.read_config(access)
            if not change:
                return config
            return await client.reconfigure(access, based_on=config, **change)  # type: ignore[arg-type]
        finally:
            await client.close()

    return asyncio.run(ask())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("survivor", [1, 2, 3])
def test_one_survivor_leads_alone_and_the_others_join_it(
    zookeeper: ZooKeeperServers, survivor: int
) -> None:
    zookeeper.found([1, 2, 3])
    fill(zookeeper, survivor)
    before = call(zookeeper, survivor)
    zookeeper.stop()
    lost = [n for n in (1, 2, 3) if n != survivor]
    for n in lost:
        zookeeper[n].prepare(before.servers, founder=False)
        zookeeper[n].start()
    zookeeper[survivor].start()
    time.sleep(5)
    assert all(zookeeper[n].ask("leader")["error"] for n in (1, 2, 3)), "two empty ones elect none"

    # The list of the survivor alone, at the version of the list that it replaces.
    zookeeper[survivor].kill()
    publish(zookeeper, survivor, [zookeeper[survivor].line()], before.version)
    zookeeper[survivor].start()
    zookeeper.wait_until_serving([survivor])
    alone = call(zookeeper, survivor)
    assert alone.voters == {survivor}
    assert alone.version == before.version
    assert count(zookeeper, survivor) == 200

    committed = call(zookeeper, survivor, joining=[], leaving=lost)
    assert committed.voters == {survivor}
    assert committed.version > before.version

    # Members that know the old list find no leader by it; restarted with the new one, they join.
    assert all(zookeeper[n].ask("leader")["error"] for n in lost)
    for n in lost:
        zookeeper[n].kill()
        publish(zookeeper, n, committed.servers, 0)
        zookeeper[n].start()
        zookeeper.wait_until_serving([n, survivor])
        committed = call(zookeeper, survivor, joining=[zookeeper[n].line()], leaving=[])
    assert committed.voters == {1, 2, 3}
    assert all(count(zookeeper, n) == 200 for n in (1, 2, 3))


@pytest.mark.timeout(300)
def test_a_lost_member_that_returns_with_the_new_list_forms_no_old_majority(
    zookeeper: ZooKeeperServers,
) -> None:
    """Both lost members come back with their data after all, and start from what is published: no quorum."""
    zookeeper.found([1, 2, 3])
    fill(zookeeper, 1)
    before = call(zookeeper, 2)
    zookeeper.stop()
    for n in (1, 2, 3):
        publish(zookeeper, n, [zookeeper[2].line()], before.version)
    for n in (1, 3):
        zookeeper[n].start()
    time.sleep(8)
    assert all(zookeeper[n].ask("leader")["error"] for n in (1, 3))
    zookeeper[2].start()
    zookeeper.wait_until_serving([1, 2, 3])
    assert call(zookeeper, 2).voters == {2}
