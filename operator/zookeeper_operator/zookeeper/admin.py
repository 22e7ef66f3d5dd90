"""Asks members' AdminServers, all at once, without waiting long for those that were silent before.

Members are judged by what they say, never by the HTTP status, and nothing they say is trusted to
have the right type, size or speed: what cannot be read is unknown.

However many members are silent, the answers of the others are used as soon as they arrive: a silent member
has one question at most, it is waited for once, and it soon leaves its place to the next question.

`zabstate` is never asked: it pings the member's own address and hangs, cut in the middle, where that gets no
answer.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from zookeeper_operator.zookeeper.answer_limit import answered_within
from zookeeper_operator.zookeeper.answers import (
    Answers,
    Reply,
    failure_of,
    no_answer_within,
    one_line,
    read_answers,
    read_reply,
)
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.protocol import AdminTransport

OnProbe = Callable[[float, str | None], None]
"""Called with (seconds, failure) after the probe of each member: None, or one of a few words for a metric."""

_FIRST: Final = "leader"
# Asked only of a member that serves: one that does not answers `monitor` with a stack trace in its log.
_MORE: Final = ("monitor", "voting_view", "server_stats", "dirs")
# Asked only of one that does not: what its start script has said about its database. Nothing else of the
# answer is read, which shows every property of the JVM.
_INSTEAD: Final = ("system_properties",)
BODY_BYTES: Final = 1 << 20
_PARALLEL_PROBES: Final = 128
_PARALLEL_LATE: Final = 64
"""Questions to silent members have places of their own."""
# A member that was silent still has the whole time to answer, but a round over the others does not wait for
# it: while a leader is silent, rounds must be quick enough to see the next one within two seconds.
_SILENT_SECONDS: Final = 0.3
_REMEMBERED_SECONDS: Final = 30.0


@dataclass(frozen=True)
class _Silence:
    """What was made of a member's silence, and until when the same is expected of it."""

    answers: Answers
    until: float


class AdminServers:
    """Asks the members of all ensembles. One per process and event loop; close it at the end."""

    def __init__(
        self, transport: AdminTransport, *, timeout_seconds: float, on_probe: OnProbe | None = None
    ) -> None:
        """Set the route and its limit.

        Args:
            transport: the route to the AdminServers; closed with this.
            timeout_seconds: limit of one request, connecting included.
            on_probe: called after every probe of a member.
        """
        self._transport = transport
        self._timeout = timeout_seconds
        self._on_probe = on_probe or (lambda *_: None)
        self._slots = asyncio.Semaphore(_PARALLEL_PROBES)
        self._late_slots = asyncio.Semaphore(_PARALLEL_LATE)
        self._silent: dict[Address, _Silence] = {}
        self._late: dict[Address, asyncio.Task[Answers]] = {}

    async def close(self) -> None:
        """Give up the questions under way and close the connections."""
        late = list(self._late.values())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._transport.close()

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        """Ask every member at once; never raises, an unreachable member says so in its answer.

        `leader` is always asked: which leader it follows and whether it serves. `thorough` asks for
        everything else in `Answers`, too. A member that let the last question time out is waited for only 0.3
        s, and not at all while it has a question that it has not answered; it has the whole time again as
        soon as it has answered, however late.
        """
        answers = await asyncio.gather(
            *(self._probe_member(member, thorough=thorough) for member in members)
        )
        return {answer.id: answer for answer in answers}

    async def _probe_member(self, member: Address, *, thorough: bool) -> Answers:
        silence = self._silent.get(member)
        if member in self._late and silence is not None:
            return silence.answers
        if silence is None or silence.until < asyncio.get_running_loop().time():
            async with self._place():
                return await self._ask_member(member, thorough=thorough)
        late = asyncio.create_task(self._ask_late(member, thorough=thorough))
        self._late[member] = late
        late.add_done_callback(lambda _: self._late.pop(member, None))
        try:
            async with answered_within(_SILENT_SECONDS):
                return await asyncio.shield(late)
        except TimeoutError:
            return silence.answers

    async def _ask_late(self, member: Address, *, thorough: bool) -> Answers:
        async with self._late_slots:
            return await self._ask_member(member, thorough=thorough)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """One of the questions under way, until its answer, or until it has waited for long enough."""
        await self._slots.acquire()
        given_up = asyncio.get_running_loop().call_later(_SILENT_SECONDS, self._slots.release)
        try:
            yield
        finally:
            if given_up.when() > asyncio.get_running_loop().time():
                given_up.cancel()
                self._slots.release()

    async def _ask_member(self, member: Address, *, thorough: bool) -> Answers:
        started = time.monotonic()
        replies = {_FIRST: await self.ask(member, _FIRST)}
        if thorough and replies[_FIRST].answered:
            commands = _MORE if replies[_FIRST].refused is None else _INSTEAD
            more = await asyncio.gather(*(self.ask(member, command) for command in commands))
            replies |= dict(zip(commands, more, strict=True))
        answers = read_answers(member.id, replies)
        self._remember(member, answers, silent=replies[_FIRST].timed_out)
        self._on_probe(time.monotonic() - started, failure_of(answers, replies))
        return answers

    async def ask(self, member: Address, command: str, *, limit: int = BODY_BYTES) -> Reply:
        """What becomes of one command to one member; never raises."""
        return await fetch_reply(
            self._transport, member, command, seconds=self._timeout, limit=limit
        )

    def _remember(self, member: Address, answers: Answers, *, silent: bool) -> None:
        """Keep what was made of a silence, in the order of its end; drop what has ended."""
        self._silent.pop(member, None)
        now = asyncio.get_running_loop().time()
        while self._silent and next(iter(self._silent.values())).until < now:
            del self._silent[next(iter(self._silent))]
        if silent:
            self._silent[member] = _Silence(answers, now + _REMEMBERED_SECONDS)


async def fetch_reply(
    transport: AdminTransport,
    member: Address,
    command: str,
    *,
    seconds: float,
    limit: int = BODY_BYTES,
) -> Reply:
    """What becomes of one command to one member; never raises.

    Args:
        transport: the route to it.
        member: whom to ask.
        command: what to ask.
        seconds: how long it may take, connecting included.
        limit: how many bytes of the answer are read; a longer one cannot be understood.
    """
    try:
        async with answered_within(seconds):
            body = await transport.get(member, command, limit)
    except TimeoutError:
        return Reply(trouble=no_answer_within(seconds), timed_out=True)
    except ConnectionRefusedError:
        return Reply(trouble="refuses the connection", nothing_listens=True)
    except OSError as error:
        return Reply(trouble=one_line(str(error)) or "unreachable")
    return read_reply(command, body)
