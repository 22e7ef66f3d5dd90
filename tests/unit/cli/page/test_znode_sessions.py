"""The session by which the page reads znodes: where it goes, and that none is left behind."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from tests.unit.cli.clusters import ReadOnlyKube
from tests.unit.ensemble.many import objects_of
from tests.unit.ensemble.plan.scenes import at_rest

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.page import znodes
from zookeeper_operator.cli.page.znodes import Znodes
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.servers import CLIENT_PORT, CLOSED_CLIENT, OPEN_CLIENT


def cluster(client: str = OPEN_CLIENT) -> ReadOnlyKube:
    """An ensemble whose members take plain clients at this address."""
    objects = [o for o in objects_of("zk") if o["kind"] != "StatefulSet"]
    for body in objects:
        body["metadata"]["namespace"] = "demo"
        if body["kind"] == "Pod":
            body["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    scene = at_rest(3)
    assert scene.committed is not None
    servers = tuple(replace(server, client=client) for server in scene.committed.servers)
    target = replace(understand(scene).target, membership=Membership(servers, 1, (), "uid"))
    return ReadOnlyKube([*objects, build_membership(target)])


@dataclass(frozen=True)
class Way:
    """`ClientRoute` to members, or one that says only where it would lead."""

    open_to_all: bool

    @contextlib.asynccontextmanager
    async def open(
        self, members: Sequence[Address], port: int = CLIENT_PORT
    ) -> AsyncIterator[list[str]]:
        if not self.open_to_all:
            raise Failure(f"{members[0].pod} at {port}")
        yield [f"{members[0].pod}:{port}"]


@pytest.mark.parametrize(("client", "port"), [(OPEN_CLIENT, 2181), (CLOSED_CLIENT, 2182)])
async def test_a_session_goes_to_the_port_for_plain_clients(client: str, port: int) -> None:
    reader = Znodes(cluster(client), Way(open_to_all=False))
    with pytest.raises(Failure, match=f"zk-1 at {port}"):
        await reader.content("demo", "zk", "/")
    await reader.close()


@dataclass
class Slow:
    """Sessions that take as long to open as one wants."""

    may_open: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    live: list[str] = field(default_factory=list)
    opened: int = 0

    @contextlib.contextmanager
    def open(self, hosts: Sequence[str], *_: object, **__: object) -> Iterator[str]:
        self.begun.set()
        assert self.may_open.wait(10)
        self.live += hosts
        self.opened += 1
        yield hosts[0]
        self.live.remove(hosts[0])


async def test_a_browser_that_leaves_while_a_session_is_opened_leaves_none_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions = Slow()
    monkeypatch.setattr(znodes, "open_session", sessions.open)
    monkeypatch.setattr(znodes, "list_children", lambda session, path: ())
    reader = Znodes(cluster(), Way(open_to_all=True))
    leaving = asyncio.create_task(reader.children("demo", "zk", "/", after="", limit=10))
    await asyncio.to_thread(sessions.begun.wait, 10)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    staying = asyncio.create_task(reader.children("demo", "zk", "/", after="", limit=10))
    await asyncio.sleep(0)
    sessions.may_open.set()
    assert (await staying)["pod"] == "zk-1"
    assert (sessions.opened, sessions.live) == (1, ["zk-1:2181"])
    await reader.close()
    assert sessions.live == []
