"""Asks members' AdminServers, all at once, without waiting long for those that were silent before.

Members are judged by what they say, never by the HTTP status, and nothing they say is trusted to
have the right type, size or speed: what cannot be read is unknown. `zabstate` is never asked: it
pings the member's own address and hangs, cut in the middle, where that gets no answer.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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
_BODY_BYTES: Final = 1 << 20
_PARALLEL_PROBES: Final = 128
# A member that was silent still has the whole time to answer, but a pass over the others does not wait for
# it: while a leader is silent, passes must be quick enough to see the next one within two seconds.
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
        self._silent: dict[Address, _Silence] = {}
        self._late: set[asyncio.Task[Answers]] = set()

    async def close(self) -> None:
        """Give up the questions under way and close the connections."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._transport.close()

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        """Ask every member at once; never raises, an unreachable member says so in its answer.

        `leader` is always asked: whom it follows and whether it serves. `thorough` asks for everything
        else in `Answers`, too. A member that let the last question time out is waited for only 0.3 s; it
        has the whole time again as soon as it has answered, however late.
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
            replies = {_FIRST: await self._ask(member, _FIRST)}
            if thorough and replies[_FIRST].answered:
                commands = _MORE if replies[_FIRST].refused is None else _INSTEAD
                more = await asyncio.gather(*(self._ask(member, command) for command in commands))
                replies |= dict(zip(commands, more, strict=True))
            seconds = time.monotonic() - started
        answers = read_answers(member.id, replies)
        self._remember(member, answers, silent=replies[_FIRST].timed_out)
        self._on_probe(seconds, failure_of(answers, replies))
        return answers

    def _remember(self, member: Address, answers: Answers, *, silent: bool) -> None:
        self._silent.pop(member, None)
        if silent:
            now = asyncio.get_running_loop().time()
            self._silent = {m: s for m, s in self._silent.items() if s.until >= now}
            self._silent[member] = _Silence(answers, now + _REMEMBERED_SECONDS)

    async def _ask(self, member: Address, command: str) -> Reply:
        try:
            async with asyncio.timeout(self._timeout):
                body = await self._transport.get(member, command, _BODY_BYTES)
        except TimeoutError:
            return Reply(trouble=no_answer_within(self._timeout), timed_out=True)
        except ConnectionRefusedError:
            return Reply(trouble="refuses the connection", nothing_listens=True)
        except OSError as error:
            return Reply(trouble=one_line(str(error)) or "unreachable")
        return read_reply(command, body)
