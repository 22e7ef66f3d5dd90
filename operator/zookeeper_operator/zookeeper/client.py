"""The ensemble itself: what its members' AdminServers say, and reconfiguration by kazoo.

Members are judged by what they say, never by the HTTP status, and nothing they say is trusted to
have the right type, size or speed: what cannot be read is unknown. `zabstate` is never asked: it
pings the member's own address and hangs, cut in the middle, where that gets no answer.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp
from kazoo.client import KazooClient
from kazoo.exceptions import (
    AuthFailedError,
    BadArgumentsError,
    BadVersionError,
    KazooException,
    NewConfigNoQuorumError,
    NoAuthError,
    ReconfigDisabledError,
    ReconfigInProcessError,
    UnimplementedError,
)
from kazoo.handlers.threading import KazooTimeoutError, SequentialThreadingHandler
from kazoo.retry import KazooRetry

from zookeeper_operator.kube.client import KubeClient, read_at_most
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.answers import (
    Answers,
    Reply,
    failure_of,
    one_line,
    read_answers,
    read_reply,
)
from zookeeper_operator.zookeeper.protocol import (
    Access,
    Address,
    EnsembleUnreachableError,
    ReconfigureRefusedError,
)
from zookeeper_operator.zookeeper.routes.pod_proxy import PodProxyAdmin
from zookeeper_operator.zookeeper.routes.port_forward import PortForwardClients
from zookeeper_operator.zookeeper.servers import (
    ADMIN_PORT,
    CLIENT_PORT,
    CommittedConfig,
    Server,
    parse_config,
)

OnProbe = Callable[[float, str | None], None]
"""Told (seconds, failure) of the probe of each member: None, or one of a few words for a metric."""

_FIRST: Final = "leader"
# Asked only of a member that serves: one that does not answers `monitor` with a stack trace in its log.
_MORE: Final = ("monitor", "voting_view", "server_stats", "dirs")
_BODY_BYTES: Final = 1 << 20
_PARALLEL_PROBES: Final = 128
# A member that was silent is still asked with all patience, but a look at the others does not wait for it:
# while a leader is silent, the looks have to be quick enough to see the next one within two seconds.
_SILENT_SECONDS: Final = 0.3
_REMEMBERED_SECONDS: Final = 30.0

_CONFIG_NODE: Final = "/zookeeper/config"
_READ_SECONDS: Final = 4.0  # a quorum answers within some 0.1; without one, a look ends here
_CALL_SECONDS: Final = 8.0  # kazoo needs up to three more to give up a connection
_ANSWER_SECONDS: Final = 3.0  # a reconfiguration takes less than 0.1
_CONNECT_SECONDS: Final = 1.0
# What is asked for is how long kazoo waits for a member to open the session. A server grants two ticks
# at least, 4 s by default.
_SESSION_SECONDS: Final = 1.5
_RETRY_SECONDS: Final = 0.1

SILENT: Final = logging.Logger("kazoo", logging.CRITICAL + 1)  # noqa: LOG001 -- it logs credentials; nobody may turn that on


class AdminTransport(Protocol):
    """The way to the members' AdminServers."""

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        """At most `limit` bytes of the answer to one command, whatever its HTTP status.

        Raises:
            OSError: the member could not be reached.
        """

    async def close(self) -> None:
        """Close the connections."""


class ClientRoute(Protocol):
    """The way to the members' client ports."""

    def open(self, members: Sequence[Address]) -> AbstractAsyncContextManager[list[str]]:
        """The `host:port` of every member, good for as long as the context lasts."""


class ConfigurationChangedError(EnsembleUnreachableError):
    """Another reconfiguration came first, or is under way: look again, then decide anew."""


class DirectAdmin:
    """`AdminTransport` by the pods' own addresses: for an operator inside the cluster."""

    def __init__(self) -> None:
        # A connection per request: members come back under old addresses, and thousands of idle
        # connections would cost more than their set-up does.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(),  # the caller's business
        )

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        """At most `limit` bytes of the answer to one command.

        Raises:
            OSError: the member could not be reached.
        """
        host = f"[{member.ip}]" if ":" in member.ip else member.ip
        url = f"http://{host}:{ADMIN_PORT}/commands/{command}"
        try:
            async with self._session.get(url, allow_redirects=False) as answer:
                return await read_at_most(answer.content, limit)
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


class DirectClients:
    """`ClientRoute` by the pods' own addresses."""

    @contextlib.asynccontextmanager
    async def open(self, members: Sequence[Address]) -> AsyncIterator[list[str]]:
        """The `host:port` of every member."""
        yield [
            f"{f'[{member.ip}]' if ':' in member.ip else member.ip}:{CLIENT_PORT}"
            for member in members
        ]


@dataclass(frozen=True)
class _Silence:
    """What was made of a member's silence, and until when the same is expected of it."""

    answers: Answers
    until: float


class ZooKeeperClient:
    """`ZooKeeper` for real ensembles. One per process and event loop; close it at the end."""

    def __init__(
        self,
        admin: AdminTransport,
        clients: ClientRoute,
        *,
        probe_timeout_seconds: float = 1.5,
        threads: int = 8,
        on_probe: OnProbe | None = None,
    ) -> None:
        """Set the ways to the members.

        Args:
            admin: the way to their AdminServers.
            clients: the way to their client ports.
            probe_timeout_seconds: limit of one AdminServer request, connecting included.
            threads: how many ensembles can be spoken with at once.
            on_probe: told of every probe of a member.
        """
        self._admin = admin
        self._clients = clients
        self._probe_timeout = probe_timeout_seconds
        self._on_probe = on_probe or (lambda *_: None)
        self._slots = asyncio.Semaphore(_PARALLEL_PROBES)
        self._silent: dict[Address, _Silence] = {}
        self._late: set[asyncio.Task[Answers]] = set()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="kazoo")

    async def close(self) -> None:
        """Wait for the calls under way (seconds at most) and close the connections."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        await self._admin.close()

    # ------------------------------------------------------------------ probing

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        """Ask every member at once; never raises, an unreachable member says so in its answer.

        Always asked is `leader`: whom it follows and whether it serves. `thorough` asks for
        everything else in `Answers`, too. A member that let the last question time out is waited for
        0.3 s only; it has the whole time again as soon as it has answered, however late.
        """
        answers = await asyncio.gather(
            *(self._probe_member(member, thorough=thorough) for member in members)
        )
        return {answer.id: answer for answer in answers}

    async def _probe_member(self, member: Address, *, thorough: bool) -> Answers:
        silence = self._silent.get(member)
        if silence is None or silence.until < asyncio.get_running_loop().time():
            return await self._ask_member(member, thorough=thorough)
        late = asyncio.create_task(self._ask_member(member, thorough=thorough))
        self._late.add(late)
        late.add_done_callback(self._late.discard)
        done, _ = await asyncio.wait({late}, timeout=_SILENT_SECONDS)
        return late.result() if done else silence.answers

    async def _ask_member(self, member: Address, *, thorough: bool) -> Answers:
        async with self._slots:  # before the clock starts: waiting here is not the member's fault
            started = time.monotonic()
            told = {_FIRST: await self._ask(member, _FIRST)}
            if thorough and told[_FIRST].heard and told[_FIRST].refused is None:
                replies = await asyncio.gather(*(self._ask(member, command) for command in _MORE))
                told |= dict(zip(_MORE, replies, strict=True))
            seconds = time.monotonic() - started
        answers = read_answers(member.id, told)
        self._remember(member, answers, silent=told[_FIRST].timed_out)
        self._on_probe(seconds, failure_of(answers, told))
        return answers

    def _remember(self, member: Address, answers: Answers, *, silent: bool) -> None:
        self._silent.pop(member, None)
        if silent:
            now = asyncio.get_running_loop().time()
            self._silent = {m: s for m, s in self._silent.items() if s.until >= now}
            self._silent[member] = _Silence(answers, now + _REMEMBERED_SECONDS)

    async def _ask(self, member: Address, command: str) -> "Reply":
        try:
            async with asyncio.timeout(self._probe_timeout):
                body = await self._admin.get(member, command, _BODY_BYTES)
        except TimeoutError:
            return Reply(trouble=_no_answer_within(self._probe_timeout), timed_out=True)
        except OSError as error:
            return Reply(trouble=one_line(str(error)) or "unreachable")
        return read_reply(command, body)

    # ------------------------------------------------------------------ configuration

    async def read_config(self, access: Access) -> CommittedConfig:
        """Read `/zookeeper/config` after a sync, within four seconds.

        Raises:
            EnsembleUnreachableError: it could not be read; nothing is known.
        """
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await self._call(access, _read_config, seconds=_READ_SECONDS)
        except TimeoutError:
            raise EnsembleUnreachableError(_no_answer_within(_READ_SECONDS)) from None

    async def reconfigure(
        self,
        access: Access,
        *,
        joining: Sequence[Server],
        leaving: Sequence[int],
        based_on: CommittedConfig,
    ) -> CommittedConfig:
        """Commit one step, if `based_on` is still what is committed; the configuration after it.

        Whatever the call answered, unless it was a refusal, the configuration is read back over new
        connections, and what it contains decides. Ten seconds or so at most.

        Raises:
            ReconfigureRefusedError: refused (no quorum of the new configuration, no right, bad line).
            ConfigurationChangedError: `based_on` is outdated or another reconfiguration is under
                way; look again.
            EnsembleUnreachableError: could not be asked, or the outcome could not be read back.
        """
        step = _Step(tuple(joining), tuple(leaving), based_on.version)
        return await self._call(
            access, lambda call: _reconfigure(call, step), seconds=_CALL_SECONDS
        )

    async def _call(
        self, access: Access, work: "Callable[[_Call], CommittedConfig]", *, seconds: float
    ) -> CommittedConfig:
        if not access.members:
            raise EnsembleUnreachableError("there is no member to ask")
        given_up = threading.Event()
        async with self._clients.open(access.members) as hosts:
            try:
                return await asyncio.get_running_loop().run_in_executor(
                    self._threads, lambda: work(_Call(hosts, access.password, given_up, seconds))
                )
            finally:
                given_up.set()


@contextlib.asynccontextmanager
async def open_zookeeper(
    settings: Settings, kube: KubeClient, *, on_probe: OnProbe | None = None
) -> AsyncIterator[ZooKeeperClient]:
    """A client that takes the way the settings allow.

    Inside the cluster that is the pods' addresses. With a kubeconfig we are taken to be outside: through
    the API server, which needs the rights to get pods/proxy and to create pods/portforward.
    """
    outside = settings.reach == "api-server" or (
        settings.reach == "auto" and bool(settings.kubeconfig)
    )
    client = ZooKeeperClient(
        PodProxyAdmin(kube) if outside else DirectAdmin(),
        PortForwardClients(kube) if outside else DirectClients(),
        probe_timeout_seconds=settings.probe_timeout_seconds,
        threads=settings.workers,
        on_probe=on_probe,
    )
    try:
        yield client
    finally:
        await client.close()


def _no_answer_within(seconds: float) -> str:
    return f"no answer within {seconds:g} s"


# ---------------------------------------------------------------------- kazoo, in threads


@dataclass(frozen=True)
class _Step:
    joining: tuple[Server, ...]
    leaving: tuple[int, ...]
    from_version: int

    def done_in(self, config: CommittedConfig) -> bool:
        """Whether the configuration is as this step wants it, whoever made it so."""
        joined = all(config.server(server.id) == server for server in self.joining)
        return joined and not config.ids.intersection(self.leaving)


class _Call:
    """One call, from the thread it runs in: where to connect, as whom, and how long it may take."""

    def __init__(
        self, hosts: Sequence[str], password: str, given_up: threading.Event, seconds: float
    ) -> None:
        self._hosts = hosts
        self._password = password
        self._given_up = given_up
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether there is no time left, or nobody waits for the result any more."""
        return self._given_up.is_set() or time.monotonic() >= self._deadline

    def left(self) -> float:
        """Seconds left.

        Raises:
            EnsembleUnreachableError: none, or nobody waits for the result any more.
        """
        if self.over:
            raise EnsembleUnreachableError(_no_answer_within(self._seconds))
        return max(self._deadline - time.monotonic(), 0.01)

    @contextlib.contextmanager
    def session(self) -> Iterator[KazooClient]:
        """A connected, authenticated client; ended in any case.

        Raises:
            EnsembleUnreachableError: no member lets us in.
        """
        handler = _Handler()
        retry = KazooRetry(
            max_tries=-1, delay=_RETRY_SECONDS, max_delay=0.5, sleep_func=handler.sleep_func
        )
        client = KazooClient(
            hosts=",".join(self._hosts),
            timeout=_SESSION_SECONDS,
            handler=handler,
            auth_data=[("digest", f"super:{self._password}")] if self._password else None,
            connection_retry=retry,
            command_retry=retry.copy(),
            logger=SILENT,
        )
        try:
            try:
                client.start(timeout=self.left())
            except KazooTimeoutError:
                raise EnsembleUnreachableError("no member accepts a client session") from None
            yield client
        finally:
            client.stop()
            client.close()


class _Handler(SequentialThreadingHandler):  # type: ignore[misc] # kazoo has no types
    """Gives up an address that does not answer sooner than the whole session time-out."""

    def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_connection(*args, **{**kwargs, "timeout": _CONNECT_SECONDS})


_FAILURES: Final = (KazooException, KazooTimeoutError, OSError)

_REFUSALS: Final[Mapping[type[KazooException], str]] = {
    NewConfigNoQuorumError: (
        "no quorum of the new configuration is connected to the leader and in sync with it"
    ),
    NoAuthError: "the super user's password is not accepted",
    AuthFailedError: "the super user's password is not accepted",
    BadArgumentsError: "the members do not accept these server lines",
    UnimplementedError: "the member runs in standalone mode, which cannot be reconfigured",
    ReconfigDisabledError: "reconfigEnabled is not set on the members",
}


def _read_config(call: _Call) -> CommittedConfig:
    with call.session() as client:
        return _read_back(call, client)


def _read_back(call: _Call, client: KazooClient) -> CommittedConfig:
    try:
        client.sync_async(_CONFIG_NODE).get(timeout=call.left())
        data, _ = client.get_async(_CONFIG_NODE).get(timeout=call.left())
    except _FAILURES as error:
        raise EnsembleUnreachableError(f"{_CONFIG_NODE} is not answered: {_name(error)}") from error
    try:
        return parse_config(data.decode())
    except ValueError as error:
        raise EnsembleUnreachableError(
            f"{_CONFIG_NODE} is not understood: {one_line(str(error))}"
        ) from error


def _reconfigure(call: _Call, step: _Step) -> CommittedConfig:
    with call.session() as client:
        trouble = _send(call, client, step)
    answer = "ok" if trouble is None else _name(trouble)
    while True:
        try:
            config = _read_config(call)
            break
        except EnsembleUnreachableError as error:
            if call.over:
                raise EnsembleUnreachableError(
                    f"the outcome of a reconfiguration is not known (answer: {answer}): {error}"
                ) from error
            time.sleep(_RETRY_SECONDS)
    if step.done_in(config):
        return config
    if trouble is None or isinstance(trouble, (BadVersionError, ReconfigInProcessError)):
        raise ConfigurationChangedError(
            f"another reconfiguration came first (answer: {answer}); committed is version "
            f"{config.version:x}"
        ) from trouble
    raise EnsembleUnreachableError(f"not reconfigured (answer: {answer})") from trouble


def _send(call: _Call, client: KazooClient, step: _Step) -> Exception | None:
    """Send the call; the error that leaves its outcome open, if there was one.

    Raises:
        ReconfigureRefusedError: an error that leaves nothing open.
    """
    joining = ",".join(server.line() for server in step.joining)
    leaving = ",".join(str(member_id) for member_id in step.leaving)
    limit = min(call.left(), _ANSWER_SECONDS)  # the last chance to be given up
    try:
        client.reconfig_async(joining or None, leaving or None, None, step.from_version).get(
            timeout=limit
        )
    except _FAILURES as error:
        refusal = _REFUSALS.get(type(error))
        if refusal is not None:
            raise ReconfigureRefusedError(refusal) from error
        return error
    return None


def _name(error: BaseException) -> str:
    return type(error).__name__.removesuffix("Error")
