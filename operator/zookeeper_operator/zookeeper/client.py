"""`zookeeper.protocol.ZooKeeper` for real ensembles: AdminServers on the event loop, sessions in threads."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from zookeeper_operator.zookeeper import reconfig
from zookeeper_operator.zookeeper.admin import AdminServers, OnProbe
from zookeeper_operator.zookeeper.answer_limit import answered_within
from zookeeper_operator.zookeeper.answers import Answers, no_answer_within
from zookeeper_operator.zookeeper.fence import write_fence
from zookeeper_operator.zookeeper.figures import CLIENTS_COMMAND, count_plain_clients
from zookeeper_operator.zookeeper.handshake import shake
from zookeeper_operator.zookeeper.protocol import (
    Access,
    Address,
    Endpoint,
    EnsembleUnreachableError,
    Presented,
    SourceAnswer,
)
from zookeeper_operator.zookeeper.reconfig import OpenSession
from zookeeper_operator.zookeeper.routes.protocol import AdminTransport, ClientRoute
from zookeeper_operator.zookeeper.served import Handshake, Handshakes
from zookeeper_operator.zookeeper.servers import (
    CLIENT_PORT,
    SECURE_CLIENT_PORT,
    CommittedConfig,
    Server,
)
from zookeeper_operator.zookeeper.session import Deadline, open_session
from zookeeper_operator.zookeeper.source import address_of, ask_source, read_source_config

# A quorum answers within some 0.1 s; without one, a reconcile stops waiting here.
_READ_SECONDS: Final = 4.0
# kazoo needs up to three more to close a connection.
_RECONFIGURE_SECONDS: Final = 8.0
# A member answers within some 0.1 s, and accepts no other election connection meanwhile.
_HANDSHAKE_SECONDS: Final = 3.0
_CLIENTS_BYTES: Final = 1 << 23
"""Enough for the connections of some 20 000 clients of one member."""


Result = TypeVar("Result")


class ZooKeeperClient:
    """One per process and event loop; close it at the end."""

    def __init__(
        self,
        admin: AdminTransport,
        clients: ClientRoute,
        *,
        probe_timeout_seconds: float = 1.5,
        threads: int = 8,
        on_probe: OnProbe | None = None,
    ) -> None:
        """Set the routes to the members.

        Args:
            admin: the route to their AdminServers.
            clients: the route to their client ports.
            probe_timeout_seconds: limit of one AdminServer request, connecting included.
            threads: how many ensembles can have a session at once.
            on_probe: called after every probe of a member.
        """
        self._probe_timeout = probe_timeout_seconds
        self._admin = AdminServers(admin, timeout_seconds=probe_timeout_seconds, on_probe=on_probe)
        self._clients = clients
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="kazoo")

    async def close(self) -> None:
        """Wait for the calls under way (seconds at most) and close the connections."""
        await self._admin.close()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        """Ask every member at once; never raises, an unreachable member says so in its answer."""
        return await self._admin.probe(members, thorough=thorough)

    async def read_config(self, access: Access) -> CommittedConfig:
        """Read `/zookeeper/config` after a sync, within four seconds.

        Raises:
            EnsembleUnreachableError: it could not be read; nothing is known.
        """
        try:
            async with answered_within(_READ_SECONDS):
                return await self._call(access, reconfig.read_config, seconds=_READ_SECONDS)
        except TimeoutError:
            raise EnsembleUnreachableError(no_answer_within(_READ_SECONDS)) from None

    async def ask_source(self, endpoints: Sequence[Endpoint]) -> Mapping[Endpoint, SourceAnswer]:
        """Ask every member of another ensemble at once; never raises."""
        answers = await asyncio.gather(*(self._ask_source(endpoint) for endpoint in endpoints))
        return dict(zip(endpoints, answers, strict=True))

    async def _ask_source(self, endpoint: Endpoint) -> SourceAnswer:
        async with self._clients.open([address_of(endpoint)], endpoint.port) as hosts:
            return await ask_source(hosts[0], seconds=self._probe_timeout)

    async def read_source(self, endpoints: Sequence[Endpoint]) -> str:
        """Read the text of `/zookeeper/config` of another ensemble, within four seconds.

        Raises:
            EnsembleUnreachableError: it could not be read; nothing is known.
        """
        given_up = threading.Event()
        async with contextlib.AsyncExitStack() as stack:
            hosts = [
                (await stack.enter_async_context(self._clients.open([address_of(e)], e.port)))[0]
                for e in endpoints
            ]

            def in_thread() -> str:
                deadline = Deadline(_READ_SECONDS, given_up)
                return read_source_config(partial(open_session, hosts, deadline), deadline)

            try:
                async with answered_within(_READ_SECONDS):
                    loop = asyncio.get_running_loop()
                    return await loop.run_in_executor(self._threads, in_thread)
            except TimeoutError:
                raise EnsembleUnreachableError(no_answer_within(_READ_SECONDS)) from None
            finally:
                given_up.set()

    async def write_fence(self, access: Access) -> int:
        """Have a majority commit one znode, which goes with its session; the zxid of it.

        Raises:
            EnsembleUnreachableError: it is not known to be committed.
        """
        return await self._call(access, write_fence, seconds=_READ_SECONDS)

    async def shake_hands(
        self,
        members: Sequence[Address],
        ports: Mapping[int, Sequence[int]],
        presented: Presented | None = None,
    ) -> Handshakes:
        """Shake hands with these ports of each member at once; never raises."""
        asked = [(member, port) for member in members for port in ports.get(member.id, ())]
        shown = await asyncio.gather(*(self._shake(m, port, presented) for m, port in asked))
        found: dict[int, dict[int, Handshake]] = {}
        for (member, port), handshake in zip(asked, shown, strict=True):
            found.setdefault(member.id, {})[port] = handshake
        return found

    async def _shake(self, member: Address, port: int, presented: Presented | None) -> Handshake:
        async with self._clients.open([member], port) as hosts:
            host, _, number = hosts[0].rpartition(":")
            return await shake(
                host.strip("[]"),
                int(number),
                presented,
                for_clients=port == SECURE_CLIENT_PORT,
                timeout_seconds=_HANDSHAKE_SECONDS,
            )

    async def count_plain_clients(self, members: Sequence[Address]) -> Mapping[int, int]:
        """How many clients from outside of its pod have a session without TLS with each member."""
        replies = await asyncio.gather(
            *(self._admin.ask(m, CLIENTS_COMMAND, limit=_CLIENTS_BYTES) for m in members)
        )
        counts = {m.id: count_plain_clients(r) for m, r in zip(members, replies, strict=True)}
        return {member_id: count for member_id, count in counts.items() if count is not None}

    async def reconfigure(
        self,
        access: Access,
        *,
        joining: Sequence[Server],
        leaving: Sequence[int],
        based_on: CommittedConfig,
    ) -> CommittedConfig:
        """Commit one step, if `based_on` is still what is committed; the configuration after it.

        It takes about ten seconds at most.

        Raises:
            ReconfigureRefusedError: refused (no quorum of the new configuration, no right, bad line).
            ConfigurationChangedError: `based_on` is outdated or another reconfiguration is under
                way; reconcile again.
            EnsembleUnreachableError: could not be asked, or the outcome could not be read back.
        """
        step = reconfig.Step(tuple(joining), tuple(leaving), based_on.version)
        return await self._call(
            access, partial(reconfig.reconfigure, step=step), seconds=_RECONFIGURE_SECONDS
        )

    async def _call(
        self,
        access: Access,
        work: Callable[[OpenSession, Deadline], Result],
        *,
        seconds: float,
    ) -> Result:
        if not access.members:
            raise EnsembleUnreachableError("there is no member to ask")
        given_up = threading.Event()
        port = CLIENT_PORT if access.secure is None else SECURE_CLIENT_PORT
        async with self._clients.open(access.members, port) as hosts:

            def in_thread() -> Result:
                deadline = Deadline(seconds, given_up)
                session = partial(
                    open_session,
                    hosts,
                    deadline,
                    password=access.password,
                    secure=access.secure,
                    login=access.login,
                )
                return work(session, deadline)

            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, in_thread)
            finally:
                given_up.set()
