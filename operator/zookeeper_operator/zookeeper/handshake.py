"""TLS handshakes with a member's ports: which certificate it serves, and whether it accepts one.

ZooKeeper reports neither, so both are read from the connection itself. The election port (3888) of every
member and the client port (2281) take part. Nothing the peer sends is trusted to be TLS, to be a certificate
or to end: whatever it does becomes an answer within the time given, never an exception.

A connection here is short, and costs the member one line in its log: while the election port reads from one
connection, it accepts no other.
"""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias, TypeVar

from zookeeper_operator.certificates.certificate import Chain, read_certificates
from zookeeper_operator.certificates.private_key import KeyPair
from zookeeper_operator.zookeeper.answer_limit import answered_within
from zookeeper_operator.zookeeper.answers import no_answer_within, one_line
from zookeeper_operator.zookeeper.protocol import Presented
from zookeeper_operator.zookeeper.served import Handshake

Cause = Literal["refused", "unreachable", "silent", "plain", "closed", "alert", "unreadable"]

_CHUNK: Final = 16 * 1024
_PAUSE_SECONDS: Final = 0.5
_RECORDS: Final = range(0x14, 0x18)
"""What the first byte of TLS can be."""

QUESTION: Final = b"srvr"
"""What the client port answers to whoever it has accepted, in words if the command is not allowed."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Served:
    """The chain a port serves. Nobody has verified it."""

    chain: Chain
    protocol: str


@dataclass(frozen=True)
class NotServed:
    """Why no certificate, or no verdict, could be had from a port.

    Attributes:
        cause: `refused`: nothing listens. `unreachable`: no connection. `silent`: no answer in time. `plain`:
            it speaks something other than TLS. `closed`: it ended the connection without a reason. `alert`:
            it refused the handshake. `unreadable`: what it serves is no certificate.
        why: the same in words, with what the peer or the system says.
    """

    cause: Cause
    why: str


@dataclass(frozen=True)
class Accepted:
    """The port took the certificate that was presented."""

    served: Served


@dataclass(frozen=True)
class Rejected:
    """The port does not take the certificate that was presented; `why` is its alert."""

    why: str


Answer: TypeAlias = Served | NotServed
Verdict: TypeAlias = Accepted | Rejected | NotServed


async def read_served(host: str, port: int, *, timeout_seconds: float) -> Answer:
    """The chain that a port serves; never raises. No certificate is presented, even if one is asked for."""
    try:
        async with answered_within(timeout_seconds), _connect(host, port, _context()) as peer:
            try:
                await peer.handshake()
            except ssl.SSLError:
                # Before TLS 1.3 a server refuses within the handshake, after it has sent its chain. ZooKeeper
                # 3.8 speaks TLS 1.2.
                if isinstance(served := peer.served(), Served):
                    return served
                raise
            return peer.served()
    except _FAILURES as error:
        return _explain(error, timeout_seconds)


async def present(
    host: str, port: int, key_pair: KeyPair, *, question: bytes = b"", timeout_seconds: float
) -> Verdict:
    """Whether a port accepts a certificate; never raises.

    With TLS 1.3 a server refuses only after the handshake of the client is complete. So this reads on: an
    answer to `question`, or without one the peer's orderly end of the connection, shows that it has accepted.
    A port that asks for no certificate accepts every one.
    """
    try:
        async with (
            answered_within(timeout_seconds),
            _connect(host, port, _context(key_pair)) as peer,
        ):
            await peer.handshake()
            served = peer.served()
            if isinstance(served, NotServed):
                return served
            await peer.hear()
            if not await (peer.ask(question) if question else peer.end()):
                return Rejected("it ended the connection after the handshake")
            return Accepted(served)
    except _FAILURES as error:
        answer = _explain(error, timeout_seconds)
        return Rejected(answer.why) if answer.cause == "alert" else answer


async def shake(
    host: str,
    port: int,
    presented: Presented | None,
    *,
    for_clients: bool,
    timeout_seconds: float,
) -> Handshake:
    """One handshake as a value; never raises. Without a certificate to present, the port's is read.

    A port `for_clients` says that it has accepted one by an answer, an election port by an orderly end.
    """
    if presented is None:
        answer = await read_served(host, port, timeout_seconds=timeout_seconds)
        if isinstance(answer, NotServed):
            return Handshake(why=answer.why)
        return Handshake(answer.chain.leaf)
    question = QUESTION if for_clients else b""
    verdict = await present(
        host, port, presented.key_pair, question=question, timeout_seconds=timeout_seconds
    )
    if isinstance(verdict, Accepted):
        leaf = verdict.served.chain.leaf
        return Handshake(leaf, accepts=True, presented=presented.authority)
    # What it serves is known all the same.
    served = await shake(host, port, None, for_clients=for_clients, timeout_seconds=timeout_seconds)
    accepts = False if isinstance(verdict, Rejected) else None
    return replace(served, accepts=accepts, presented=presented.authority, why=verdict.why)


class _PlainError(Exception):
    """The peer does not speak TLS."""


_FAILURES: Final = (OSError, _PlainError)  # TimeoutError and SSLError are OSErrors


class _Peer:
    """One TLS connection, driven step by step over plain streams."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self._heard = False

    async def handshake(self) -> None:
        await self._run(self._tls.do_handshake)

    async def hear(self) -> None:
        """Read what comes by itself: an alert, or the ticket of a server that has accepted.

        What a server refuses after it has been sent more than it has read may be lost with its alert.
        """
        with contextlib.suppress(TimeoutError):
            async with answered_within(_PAUSE_SECONDS):
                await self._receive()
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            self._tls.read(1)

    async def ask(self, question: bytes) -> bool:
        """Whether the peer answers anything."""
        await self._run(lambda: self._tls.write(question))
        try:
            return bool(await self._run(lambda: self._tls.read(1)))
        except ssl.SSLZeroReturnError:
            return False

    async def end(self) -> bool:
        """Say goodbye, and tell whether the peer does so, as one does that has nothing against us."""
        # Only the first half of it: the second one takes an alert for a goodbye.
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        await self._send()
        try:
            return not await self._run(lambda: self._tls.read(1))
        except ssl.SSLZeroReturnError:
            return True

    def served(self) -> Answer:
        """The chain of the peer, as soon as it has sent it."""
        # `SSLObject.get_unverified_chain` from Python 3.13 on.
        session: Any = self._tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001
        pem = "".join(one.public_bytes() for one in session.get_unverified_chain() or ())
        try:
            chain = Chain(read_certificates(pem.encode()))
        except ValueError as error:
            return NotServed("unreadable", f"serves a certificate that cannot be read: {error}")
        return Served(chain, self._tls.version() or "")

    async def _run(self, step: Callable[[], _Result]) -> _Result:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                pass
            finally:
                await self._send()
            await self._receive()

    async def _send(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())
            await self._writer.drain()

    async def _receive(self) -> None:
        data = await self._reader.read(_CHUNK)
        if not data:
            self._incoming.write_eof()
            return
        if not self._heard and data[0] not in _RECORDS:
            raise _PlainError
        self._heard = True
        self._incoming.write(data)


@contextlib.asynccontextmanager
async def _connect(host: str, port: int, context: ssl.SSLContext) -> AsyncIterator[_Peer]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield _Peer(reader, writer, context)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _context(key_pair: KeyPair | None = None) -> ssl.SSLContext:
    """A context that takes whatever is served: it is read, not relied on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # a weak certificate has to be seen as well
    if key_pair is not None:
        with in_memory(key_pair.pem) as path:
            context.load_cert_chain(path)
    return context


@contextlib.contextmanager
def in_memory(content: bytes) -> Iterator[str]:
    """A path to bytes that are on no disk: `ssl` reads keys from files only."""
    descriptor = os.memfd_create("key-pair", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _explain(error: Exception, timeout_seconds: float) -> NotServed:
    match error:
        case TimeoutError():
            return NotServed("silent", no_answer_within(timeout_seconds))
        case _PlainError():
            return NotServed("plain", "it does not speak TLS")
        case (
            ssl.SSLEOFError()
            | ssl.SSLZeroReturnError()
            | ConnectionResetError()
            | BrokenPipeError()
        ):
            return NotServed("closed", "it ended the connection")
        case ssl.SSLError():
            reason = (error.reason or "").replace("_", " ").lower()
            cause: Cause = "alert" if " alert " in f" {reason} " else "unreadable"
            return NotServed(cause, reason or one_line(str(error)))
        case ConnectionRefusedError():
            return NotServed("refused", "refuses the connection")
    return NotServed("unreachable", one_line(str(error)) or type(error).__name__)
