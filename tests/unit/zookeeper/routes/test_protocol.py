"""Bodies that may be endless."""

import asyncio
from typing import Any

import pytest

from zookeeper_operator.zookeeper.routes.protocol import read_at_most


class Stream:
    """A body that comes in these parts; without end if told so."""

    def __init__(self, *parts: bytes, endless: bool = False) -> None:
        self._parts = list(parts)
        self._endless = endless

    async def read(self, limit: int) -> bytes:
        await asyncio.sleep(0)
        if not self._parts:
            return b"x" * limit if self._endless else b""
        part, rest = self._parts[0][:limit], self._parts[0][limit:]
        self._parts[:1] = [rest] if rest else []
        return part


@pytest.mark.parametrize(
    ("stream", "body"),
    [
        (Stream(b"ab", b"cd"), b"abcd"),
        (Stream(b"abc", b"def", b"ghi"), b"abcdef"),
        (Stream(b"abcdefghi"), b"abcdef"),
        (Stream(b"ab", endless=True), b"abxxxx"),
        (Stream(), b""),
    ],
)
async def test_no_more_than_the_limit_is_read(stream: Any, body: bytes) -> None:
    assert await read_at_most(stream, 6) == body
