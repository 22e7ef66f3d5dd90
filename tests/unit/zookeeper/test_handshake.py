"""What is read from a port is an answer, whoever listens there."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.certificates.issuing import Issued, a_ca, issued
from tests.unit.certificates.test_source import accepted, data

from zookeeper_operator.certificates.private_key import KeyPair
from zookeeper_operator.zookeeper.handshake import (
    QUESTION,
    Accepted,
    NotServed,
    Rejected,
    Served,
    present,
    read_served,
)

START = datetime.now(UTC) - timedelta(days=1)
END = START + timedelta(days=90)
ROOT, OTHER = a_ca("root"), a_ca("other")
MIDDLE = a_ca("middle", ROOT)
LEAF = issued("zk", MIDDLE, start=START, end=END)
HOST = "127.0.0.1"
SECONDS = 5.0
SHORT = 0.3

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def pair(leaf: Issued, ca: Issued) -> KeyPair:
    return accepted(data(leaf, ca=ca.pem)).key_pair


GOOD = pair(issued("client", ROOT, start=START, end=END), ROOT)
EXPIRED = pair(issued("client", ROOT, start=START, end=START + timedelta(hours=1)), ROOT)
FOREIGN = pair(issued("client", OTHER, start=START, end=END), OTHER)


@contextlib.asynccontextmanager
async def listening(behave: Behave) -> AsyncIterator[int]:
    """A port where every connection is treated so."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await behave(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def hold(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Read to the end, as a member does with what it does not understand."""
    await reader.read()


async def leave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


def says(content: bytes) -> Behave:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await reader.read()

    return behave


async def never_ends(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Records of TLS, one after another, for ever."""
    while True:
        # Alerts that are only warnings: none of them ends a handshake.
        writer.write(
            b"\x16\x03\x03\x00\x04\x02\xff\xff\xff" + b"\x16\x03\x03\x40\x00" + bytes(0x4000)
        )
        await writer.drain()


def end_in_order(tls: ssl.SSLSocket) -> None:
    assert tls.recv(100) == b""
    tls.unwrap().close()


def answer(tls: ssl.SSLSocket) -> None:
    assert tls.recv(100) == QUESTION
    tls.sendall(b"Zookeeper version")
    tls.recv(100)


def leave_in_order(tls: ssl.SSLSocket) -> None:
    tls.unwrap().close()


def keep(tls: ssl.SSLSocket) -> None:
    while tls.recv(100):
        pass


Tls = Callable[..., contextlib.AbstractContextManager[int]]


@pytest.fixture
def tls_listening(tmp_path: Path) -> Tls:
    """A port that serves `LEAF`, in threads: asyncio's own servers send no alerts."""

    @contextlib.contextmanager
    def listen(
        behave: Callable[[ssl.SSLSocket], None],
        *,
        asks: ssl.VerifyMode = ssl.CERT_NONE,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> Iterator[int]:
        file = tmp_path / "server.pem"
        file.write_bytes(LEAF.key_pem() + LEAF.pem + MIDDLE.pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.load_verify_locations(cadata=ROOT.pem.decode())
        context.verify_mode = asks
        context.maximum_version = version

        def serve(listener: socket.socket) -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), connection:
                    connection.settimeout(SECONDS)
                    with context.wrap_socket(connection, server_side=True) as tls:
                        behave(tls)

        with socket.create_server((HOST, 0)) as listener:
            thread = threading.Thread(target=serve, args=[listener])
            thread.start()
            try:
                yield listener.getsockname()[1]
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()

    return listen


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_whole_chain_is_read(tls_listening: Tls, version: ssl.TLSVersion) -> None:
    with tls_listening(keep, version=version) as port:
        found = await read_served(HOST, port, timeout_seconds=SECONDS)
    assert isinstance(found, Served), found
    assert found.chain.certificates == (LEAF.value, MIDDLE.value)
    assert found.protocol == version.name.replace("_", ".")


async def test_it_is_read_without_the_certificate_that_is_asked_for(tls_listening: Tls) -> None:
    with tls_listening(keep, asks=ssl.CERT_REQUIRED) as port:
        found = await read_served(HOST, port, timeout_seconds=SECONDS)
    assert isinstance(found, Served), found
    assert found.chain.leaf == LEAF.value


async def test_before_tls_1_3_a_refusal_comes_within_the_handshake(tls_listening: Tls) -> None:
    version = ssl.TLSVersion.TLSv1_2
    with tls_listening(end_in_order, asks=ssl.CERT_REQUIRED, version=version) as port:
        found = await read_served(HOST, port, timeout_seconds=SECONDS)
        assert isinstance(found, Served), found
        assert found.chain.certificates == (LEAF.value, MIDDLE.value)
        assert isinstance(await present(HOST, port, FOREIGN, timeout_seconds=SECONDS), Rejected)
        assert isinstance(await present(HOST, port, GOOD, timeout_seconds=SECONDS), Accepted)


@pytest.mark.parametrize("question", [b"", QUESTION])
async def test_a_certificate_is_accepted_or_rejected(tls_listening: Tls, question: bytes) -> None:
    behave = answer if question else end_in_order
    with tls_listening(behave, asks=ssl.CERT_REQUIRED) as port:
        accepted_ = await present(HOST, port, GOOD, question=question, timeout_seconds=SECONDS)
        rejected = await present(HOST, port, FOREIGN, question=question, timeout_seconds=SECONDS)
        expired = await present(HOST, port, EXPIRED, question=question, timeout_seconds=SECONDS)
    assert isinstance(accepted_, Accepted), accepted_
    assert accepted_.served.chain.leaf == LEAF.value
    assert isinstance(rejected, Rejected), rejected
    assert "unknown ca" in rejected.why
    assert isinstance(expired, Rejected), expired
    assert "certificate expired" in expired.why


async def test_a_late_refusal_is_not_taken_for_a_goodbye(tls_listening: Tls) -> None:
    """Of one that reads what comes after the first bytes only when we have said goodbye already."""
    with tls_listening(end_in_order, asks=ssl.CERT_REQUIRED) as port:

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection(HOST, port)

            async def back() -> None:
                while chunk := await far_reader.read(1 << 16):
                    writer.write(chunk)
                writer.close()

            task = asyncio.create_task(back())
            try:
                far_writer.write(await reader.read(1 << 16))
                await asyncio.sleep(1)
                while chunk := await reader.read(1 << 16):
                    far_writer.write(chunk)
                await task
            finally:
                task.cancel()
                far_writer.transport.abort()

        async with listening(relay) as relayed:
            good = await present(HOST, relayed, GOOD, timeout_seconds=SECONDS)
            foreign = await present(HOST, relayed, FOREIGN, timeout_seconds=SECONDS)
    assert isinstance(good, Accepted), good
    assert not isinstance(foreign, Accepted), foreign


async def test_who_is_let_go_without_an_answer_was_not_accepted(tls_listening: Tls) -> None:
    with tls_listening(leave_in_order, asks=ssl.CERT_REQUIRED) as port:
        verdict = await present(HOST, port, GOOD, question=QUESTION, timeout_seconds=SECONDS)
    assert verdict == Rejected("it ended the connection after the handshake")


async def test_one_that_holds_the_connection_after_the_handshake_gives_no_verdict(
    tls_listening: Tls,
) -> None:
    with tls_listening(keep, asks=ssl.CERT_REQUIRED) as port:
        verdict = await present(HOST, port, GOOD, question=QUESTION, timeout_seconds=1)
    assert verdict == NotServed("silent", "no answer within 1 s")


@pytest.mark.parametrize(
    ("behave", "cause"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "plain"),
        (says(b"\x00\x00\x00\x00"), "plain"),
        (says(b"\x16\x03\x03\x00\x04\xff\xff\xff\xff"), "unreadable"),
        (says(b"\x15\x03\x03\x00\x02\x02\x28"), "alert"),
        (says(b"\x16\x03"), "silent"),
        (leave, "closed"),
        (hold, "silent"),
        (never_ends, "unreadable"),
    ],
    ids=["HTTP", "ZooKeeper", "garbage", "alert", "half", "leaves", "silent", "endless"],
)
async def test_whoever_listens_there_becomes_an_answer(behave: Behave, cause: str) -> None:
    async with listening(behave) as port:
        found = await read_served(HOST, port, timeout_seconds=SHORT)
        verdict = await present(HOST, port, GOOD, timeout_seconds=SHORT)
    assert isinstance(found, NotServed), found
    assert found.cause == cause, found
    assert found.why
    if cause == "alert":
        assert isinstance(verdict, Rejected), verdict
    else:
        assert verdict == found


async def test_nothing_listens() -> None:
    async with listening(hold) as port:
        pass
    assert await read_served(HOST, port, timeout_seconds=SECONDS) == NotServed(
        "refused", "refuses the connection"
    )
    assert (await present(HOST, port, GOOD, timeout_seconds=SECONDS)) == NotServed(
        "refused", "refuses the connection"
    )


async def test_no_such_host() -> None:
    found = await read_served("no-such-host.invalid", 1, timeout_seconds=SECONDS)
    assert isinstance(found, NotServed)
    assert found.cause == "unreachable"
