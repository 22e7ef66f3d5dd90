"""One HTTP request over a connection of its own, as cheap as it can be.

The members of a thousand ensembles are asked 300 times a second, each time over a new connection; a full
client takes twice the CPU time. Nothing that a server sends is trusted: an answer that is no HTTP, or that
breaks off, is an error, and no more of it is read than was asked for.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

_HEAD_BYTES: Final = 1 << 16
_BROKEN: Final = (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError)


async def fetch(ip: str, port: int, path: str, limit: int) -> bytes:
    """At most `limit` bytes of the body that a path answers with, whatever the status.

    Raises:
        ConnectionRefusedError: nothing listens there.
        OSError: it could not be reached, or its answer is no HTTP or breaks off.
    """
    host = f"[{ip}]" if ":" in ip else ip
    reader, writer = await asyncio.open_connection(ip, port, limit=_HEAD_BYTES)
    try:
        # HTTP/1.1, since a proxy beside the member may refuse an older version.
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        headers = _read_head(await reader.readuntil(b"\r\n\r\n"))
        return await _read_body(reader, headers, limit)
    except _BROKEN as error:
        raise ConnectionError(f"its HTTP answer cannot be read: {error}") from error
    finally:
        writer.transport.abort()


def _read_head(head: bytes) -> Mapping[str, str]:
    """The headers by their names in lower case; ValueError if it is no HTTP/1 answer."""
    status, *lines = head.decode("latin-1").split("\r\n")
    if not status.startswith("HTTP/1."):
        raise ValueError("it is no HTTP/1.1")
    fields = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in fields}


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str], limit: int) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunks(reader, limit)
    if "content-length" in headers:
        return await reader.readexactly(min(_size(headers["content-length"], 10), limit))
    found = bytearray()
    while len(found) < limit and (part := await reader.read(limit - len(found))):
        found += part
    return bytes(found)


async def _read_chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    found = bytearray()
    while len(found) < limit:
        line = await reader.readuntil(b"\r\n")
        size = _size(line.partition(b";")[0].decode("latin-1"), 16)
        if size == 0:
            break
        found += await reader.readexactly(min(size, limit - len(found)))
        if len(found) < limit:
            await reader.readexactly(len(b"\r\n"))
    return bytes(found)


def _size(text: str, base: int) -> int:
    size = int(text, base)
    if size < 0:
        raise ValueError(f"{text.strip()} is no size")
    return size
