"""Trees of znodes, read from real servers."""

from collections.abc import Iterator

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_digest_acl
from tests.integration.zookeeper_servers import ZooKeeperServers

from zookeeper_operator.ensemble import names
from zookeeper_operator.zookeeper.znodes import Znode, ZnodeError, read_tree


@pytest.fixture(scope="module")
def member(zookeeper: ZooKeeperServers) -> Iterator[str]:
    """The client port of a member, of an ensemble with some znodes."""
    zookeeper.restore([1, 2, 3])
    address = f"{zookeeper[1].ip}:{names.CLIENT_PORT}"
    client = KazooClient(hosts=address, timeout=30)
    client.start()
    client.create("/tree/many", makepath=True)
    for number in range(100):
        client.create(f"/tree/many/{number:03}", b"x" * number)
    client.create("/tree/deep/er/still", b"four", makepath=True)
    client.create("/tree/lock", b"mine", ephemeral=True)
    client.create("/tree/secret", acl=[make_digest_acl("somebody", "else", all=True)])
    client.create("/tree/Zürich", "ä".encode())
    yield address
    client.delete("/tree/secret")
    client.delete("/tree", recursive=True)
    client.stop()
    client.close()


def paths(top: Znode) -> list[str]:
    return [top.path, *(path for child in top.children for path in paths(child))]


def test_every_znode_with_its_size_and_its_children_in_order(member: str) -> None:
    top = read_tree(member, "/tree", depth=5, limit=1000)
    below = {child.path: child for child in top.children}
    assert list(below) == ["/tree/Zürich", "/tree/deep", "/tree/lock", "/tree/many", "/tree/secret"]
    assert (top.count, top.size) == (5, 0)
    assert below["/tree/Zürich"].size == 2
    assert below["/tree/lock"] == Znode("/tree/lock", size=4, ephemeral=True)
    assert below["/tree/secret"] == Znode("/tree/secret", hidden=True)
    assert [c.size for c in below["/tree/many"].children] == list(range(100))
    assert paths(below["/tree/deep"])[-1] == "/tree/deep/er/still"


def test_not_deeper_than_asked(member: str) -> None:
    assert read_tree(member, "/tree", depth=0, limit=1000).children == ()
    top = read_tree(member, "/tree", depth=1, limit=1000)
    many = next(c for c in top.children if c.path == "/tree/many")
    assert (many.count, many.children) == (100, ())


def test_not_more_than_asked_and_the_nearer_ones_first(member: str) -> None:
    top = read_tree(member, "/tree", depth=5, limit=20)
    found = paths(top)
    assert len(found) == 20
    assert {c.path for c in top.children} <= set(found)
    assert "/tree/deep/er" in found
    assert "/tree/deep/er/still" not in found


def test_from_the_root(member: str) -> None:
    top = read_tree(member, "/", depth=1, limit=1000)
    assert [c.path for c in top.children] == ["/tree", "/zookeeper"]


def test_what_is_not_there_is_said(member: str) -> None:
    with pytest.raises(ZnodeError, match="there is no znode /tree/none"):
        read_tree(member, "/tree/none", depth=1, limit=10)


def test_a_session_is_left_behind_by_nobody(zookeeper: ZooKeeperServers, member: str) -> None:
    before = zookeeper[1].ask("monitor")["num_alive_connections"]
    for _ in range(3):
        read_tree(member, "/tree", depth=1, limit=10)
    assert zookeeper[1].ask("monitor")["num_alive_connections"] == before


@pytest.mark.timeout(60)
def test_a_member_that_is_down_is_said(zookeeper: ZooKeeperServers) -> None:
    with pytest.raises(ZnodeError, match="accepts no client session"):
        read_tree(f"{zookeeper[9].ip}:{names.CLIENT_PORT}", "/", depth=1, limit=10)
