"""The two Protocols that every route to a member implements, and what their answers are limited to."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import aiohttp

from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.servers import CLIENT_PORT


class AdminTransport(Protocol):
    """A route to the members' AdminServers."""

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        """At most `limit` bytes of the answer to one command, whatever its HTTP status.

        Raises:
            ConnectionRefusedError: nothing listens at its address.
            OSError: the member could not be reached.
        """

    async def close(self) -> None:
        """Close the connections."""


class ClientRoute(Protocol):
    """A route to the members' ports that are not HTTP."""

    def open(
        self, members: Sequence[Address], port: int = CLIENT_PORT
    ) -> AbstractAsyncContextManager[list[str]]:
        """The `host:port` of every member, valid for as long as the context lasts."""


async def read_at_most(stream: aiohttp.StreamReader, limit: int) -> bytes:
    """The first `limit` bytes of a stream; the rest stays unread."""
    parts: list[bytes] = []
    while limit > 0:
        part = await stream.read(limit)
        if not part:
            break
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def host_and_port(member: Address, port: int) -> str:
    """Where a member is dialled at its own address."""
    host = f"[{member.ip}]" if ":" in member.ip else member.ip
    return f"{host}:{port}"
