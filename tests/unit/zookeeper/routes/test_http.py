"""What is made of the answers of HTTP servers, good and bad."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from zookeeper_operator.zookeeper.routes.http import fetch

_OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def answering(
    answer: bytes, *, endless: bytes = b""
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers so; its port, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            while endless:
                writer.write(endless)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (_OK + b"Content-Length: 2\r\n\r\n{}", b"{}"),
        (_OK + b"content-length:2\r\n\r\n{}beyond", b"{}"),
        (_OK + b"\r\n{}", b"{}"),
        (_OK + b"Transfer-Encoding: Chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\n\r\n", b"{}"),
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\nnot now", b"not now"),
        (_OK + b"Content-Length: 11\r\n\r\n0123456789x", b"0123456789"),
        (_OK + b"Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789x\r\n0\r\n\r\n", b"0123456789"),
    ],
)
async def test_the_body_of_an_answer_whatever_its_status(answer: bytes, body: bytes) -> None:
    async with answering(answer) as (port, asked):
        assert await fetch("127.0.0.1", port, "/commands/leader", 10) == body
    assert asked[0].startswith(b"GET /commands/leader HTTP/1.1\r\n")
    assert f"\r\nHost: 127.0.0.1:{port}\r\n".encode() in asked[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01" * 50_000,
        b"SSH-2.0-OpenSSH\r\n\r\n",
        _OK + b"Content-Length: 2\r\n\r\n{",
        _OK + b"Content-Length: two\r\n\r\n{}",
        _OK + b"Content-Length: -2\r\n\r\n{}",
        _OK + b"Content-Length: " + b"9" * 6000 + b"\r\n\r\n{}",
        _OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{",
        _OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n",
        _OK + b"Transfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n",
        _OK + b"X: " + b"y" * 100_000,
    ],
    ids=lambda answer: str(answer[-20:]),
)
async def test_what_is_no_answer_or_breaks_off_is_an_error(answer: bytes) -> None:
    async with answering(answer) as (port, _):
        with pytest.raises(ConnectionError):
            await fetch("127.0.0.1", port, "/", 10)


async def test_no_more_is_read_than_was_asked_for() -> None:
    async with answering(_OK + b"\r\n", endless=b"x" * 1000) as (port, _):
        assert await fetch("127.0.0.1", port, "/", 2500) == b"x" * 2500


async def test_nothing_that_listens_is_a_refusal() -> None:
    async with answering(b"") as (port, _):
        pass
    with pytest.raises(ConnectionRefusedError):
        await fetch("127.0.0.1", port, "/", 10)
