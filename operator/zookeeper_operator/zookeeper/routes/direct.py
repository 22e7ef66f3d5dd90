"""The members by their pods' own addresses: for an operator inside the cluster."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import aiohttp

from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.protocol import host_and_port, read_at_most
from zookeeper_operator.zookeeper.servers import ADMIN_PORT, CLIENT_PORT


class DirectAdmin:
    """`AdminTransport` over HTTP to the pods' own addresses."""

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
            ConnectionRefusedError: nothing listens at its address.
            OSError: the member could not be reached.
        """
        url = f"http://{host_and_port(member, ADMIN_PORT)}/commands/{command}"
        try:
            async with self._session.get(url, allow_redirects=False) as answer:
                return await read_at_most(answer.content, limit)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, ConnectionRefusedError):
                raise error.os_error from error
            raise ConnectionError(str(error)) from error
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


class DirectClients:
    """`ClientRoute` to the pods' own addresses."""

    @contextlib.asynccontextmanager
    async def open(
        self, members: Sequence[Address], port: int = CLIENT_PORT
    ) -> AsyncIterator[list[str]]:
        """The `host:port` of every member."""
        yield [host_and_port(member, port) for member in members]
