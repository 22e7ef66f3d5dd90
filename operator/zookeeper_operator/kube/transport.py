"""Requests to one API server by path: dicts out, dicts in, every failure a `KubeError`.

The requests are our own: the typed methods of the official client drop fields their models do not know and
answer nothing to a server-side apply that creates. Nothing here retries, and nothing depends on the kind
of object.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Final, Literal

import aiohttp

from zookeeper_operator.kube.api import KubeError, Object
from zookeeper_operator.kube.credentials import Credentials
from zookeeper_operator.kube.errors import read_object, read_refusal, unreachable

OnRequest = Callable[[str, str, int, float], None]
"""Called with (verb, kind, HTTP status or 0, seconds) after every request. Must not raise."""

WebSocket = aiohttp.ClientWebSocketResponse[Literal[True]]

JSON: Final = "application/json"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=5)
_NO_ANSWER: Final = (aiohttp.ClientError, OSError, TimeoutError)
_PARTING_SECONDS: Final = 0.25
"""A request that is broken off closes its connection, and TLS says goodbye to the other side."""


class Transport:
    """Sends requests with fresh credentials. One per process and event loop; close it at the end."""

    def __init__(self, credentials: Credentials, on_request: OnRequest | None = None) -> None:
        self.credentials = credentials
        self._session = credentials.open_session()
        self._on_request = on_request or (lambda *_: None)
        self._broken_off = False

    async def close(self) -> None:
        """Close the connections. Requests after this fail."""
        await self._session.close()
        if self._broken_off:
            await asyncio.sleep(_PARTING_SECONDS)

    @contextlib.asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        verb: str,
        kind: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; the answer, whatever its status, to be read inside the context.

        Redirects are not followed: a proxied answer must not lead us elsewhere.

        Raises:
            KubeError: there was no answer, or it broke off while it was read.
        """
        started = time.monotonic()
        status = 0
        try:
            headers = {**await self._headers(), "Accept": accept}
            if body is not None:
                headers["Content-Type"] = content_type
            async with await self._session.request(
                method,
                self.credentials.server + path,
                params=dict(query) if query else None,
                data=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
                **self.credentials.request_options(),
            ) as answer:
                status = answer.status
                yield answer
        except (asyncio.CancelledError, GeneratorExit):
            self._broken_off = True
            raise
        except _NO_ANSWER as error:
            raise unreachable(self.credentials.server, error) from error
        finally:
            self._on_request(verb, kind, status, time.monotonic() - started)

    async def json(
        self,
        method: str,
        path: str,
        *,
        verb: str,
        kind: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Object:
        """Send a request and return the object it answers with.

        Raises:
            KubeError: there was no answer, it was a refusal, or it was no object.
        """
        async with self.request(
            method,
            path,
            verb=verb,
            kind=kind,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
        ) as answer:
            status = answer.status
            content = await answer.read()
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise read_refusal(status, content)
        found = read_object(content)
        if found is None:
            raise read_refusal(0, content)
        return found

    async def websocket(self, path: str, *, query: Mapping[str, str], protocol: str) -> WebSocket:
        """Open a WebSocket to a subresource (port-forward); the caller closes it.

        Raises:
            KubeError: it could not be opened.
        """
        try:
            socket: WebSocket = await self._session.ws_connect(
                self.credentials.server + path,
                params=dict(query),
                # The kubelet answers an upgrade that asks for JSON with 406.
                headers={**await self._headers(), "Accept": "*/*"},
                protocols=(protocol,),
                max_msg_size=0,
                **self.credentials.request_options(),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise KubeError(error.status, "Handshake", error.message) from error
        except _NO_ANSWER as error:
            raise unreachable(self.credentials.server, error) from error
        return socket

    async def _headers(self) -> dict[str, str]:
        headers = {"Accept": JSON}
        if authorization := await self.credentials.authorization():
            headers["Authorization"] = authorization
        return headers
