"""Local TCP ports that lead to pods, through the API server: for an operator outside the cluster.

One WebSocket per TCP connection, protocol `v4.channel.k8s.io`: every message begins with the number
of its channel, 0 for data and 1 for errors, and on each channel the server first sends the port.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import quote

import aiohttp

from zookeeper_operator.kube.api import KubeError
from zookeeper_operator.kube.transport import Transport, WebSocket
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.protocol import host_and_port
from zookeeper_operator.zookeeper.servers import CLIENT_PORT

logger = logging.getLogger(__name__)

_PROTOCOL: Final = "v4.channel.k8s.io"
_DATA: Final = 0
_ERROR: Final = 1
_CHUNK: Final = 1 << 16


class PortForwardClients:
    """`ClientRoute` by the port-forward subresource of pods (right: create on it)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @contextlib.asynccontextmanager
    async def open(
        self, members: Sequence[Address], port: int = CLIENT_PORT
    ) -> AsyncIterator[list[str]]:
        """Local `host:port` of every member, for as long as the context lasts; what is no pod is dialled."""
        async with contextlib.AsyncExitStack() as stack:
            yield [
                await stack.enter_async_context(forward_port(self._transport, member, port))
                if member.pod
                else host_and_port(member, port)
                for member in members
            ]


@contextlib.asynccontextmanager
async def forward_port(transport: Transport, member: Address, port: int) -> AsyncIterator[str]:
    """A local `host:port` each of whose connections leads to this port of the pod.

    Opening it always succeeds: a connection that cannot be led further is closed. At the end of the
    context all connections are closed.
    """
    path = (
        f"/api/v1/namespaces/{quote(member.namespace, safe='')}"
        f"/pods/{quote(member.pod, safe='')}/portforward"
    )
    bridges: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        bridges.add(task)
        try:
            async with contextlib.AsyncExitStack() as stack:
                stack.callback(writer.close)
                socket = await transport.websocket(
                    path, query={"ports": str(port)}, protocol=_PROTOCOL
                )
                stack.push_async_callback(socket.close)
                await _bridge(socket, reader, writer)
        except (KubeError, OSError, aiohttp.ClientError) as error:
            logger.debug("Port-forward to %s: %s", member.pod, error)
        except asyncio.CancelledError:
            # Cancelled by the end of the context below; asyncio's streams would report it as a failure.
            pass
        finally:
            bridges.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        host, local_port = server.sockets[0].getsockname()
        yield f"{host}:{local_port}"
    finally:
        server.close()
        for task in tuple(bridges):
            task.cancel()
        await asyncio.gather(*bridges, return_exceptions=True)
        await server.wait_closed()


async def _bridge(
    socket: WebSocket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry bytes both ways until one side ends."""
    ways = [
        asyncio.ensure_future(_carry_out(socket, reader)),
        asyncio.ensure_future(_carry_in(socket, writer)),
    ]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    for way in done:
        way.result()


async def _carry_out(socket: WebSocket, reader: asyncio.StreamReader) -> None:
    while chunk := await reader.read(_CHUNK):
        await socket.send_bytes(bytes((_DATA,)) + chunk)


async def _carry_in(socket: WebSocket, writer: asyncio.StreamWriter) -> None:
    announced: set[int] = set()
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        channel, content = message.data[0], message.data[1:]
        if channel not in announced:
            announced.add(channel)
            content = content[2:]  # the port
        if channel == _ERROR and content:
            raise ConnectionError(content[:200].decode(errors="replace"))
        if channel == _DATA and content:
            writer.write(content)
            await writer.drain()
