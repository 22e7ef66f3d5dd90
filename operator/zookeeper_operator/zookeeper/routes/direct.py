"""The members by their pods' own addresses: for an operator inside the cluster."""

import contextlib
from collections.abc import AsyncIterator, Sequence

from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.http import fetch
from zookeeper_operator.zookeeper.servers import ADMIN_PORT, CLIENT_PORT


class DirectAdmin:
    """`AdminTransport` over HTTP to the pods' own addresses.

    A connection per request: members come back under old addresses, and thousands of idle connections would
    cost more than their set-up does.
    """

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        """At most `limit` bytes of the answer to one command.

        Raises:
            ConnectionRefusedError: nothing listens at its address.
            OSError: the member could not be reached.
        """
        return await fetch(member.ip, ADMIN_PORT, f"/commands/{command}", limit)

    async def close(self) -> None:
        """Nothing is kept open."""


class DirectClients:
    """`ClientRoute` to the pods' own addresses."""

    @contextlib.asynccontextmanager
    async def open(
        self, members: Sequence[Address], port: int = CLIENT_PORT
    ) -> AsyncIterator[list[str]]:
        """The `host:port` of every member."""
        yield [f"{_host(member)}:{port}" for member in members]


def _host(member: Address) -> str:
    """The address as it is written before a port."""
    return f"[{member.ip}]" if ":" in member.ip else member.ip
