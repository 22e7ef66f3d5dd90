"""An HTTP proxy between one operator and the API server that does to requests what a test says.

It forwards everything, in plain HTTP on the operator's side, until `FaultProxy.decide` answers a call with
a fault. It keeps a record of every call, so that a test can tell what was sent and what was not.
"""

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

_HOP: Final = frozenset(
    {"connection", "host", "content-length", "transfer-encoding", "keep-alive", "content-encoding"}
)
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ACCEPTING_SECONDS: Final = 0.05
"""Longer than the loop needs to hand a connection that it has accepted to the server."""


@dataclass(frozen=True)
class Call:
    """One request of the operator."""

    method: str
    path: str
    watch: bool
    at: float
    body: bytes = b""
    token: str = ""

    @property
    def write(self) -> bool:
        return self.method in _WRITES

    @property
    def _words(self) -> list[str]:
        words = self.path.strip("/").split("/")
        return words[2:] if words[0] == "api" else words[3:]

    @property
    def namespace(self) -> str:
        words = self._words
        return words[1] if len(words) > 1 and words[0] == "namespaces" else ""

    @property
    def resource(self) -> str:
        """The plural, with the subresource if there is one: `pods`, `zookeeperensembles/status`."""
        words = self._words[2:] if self.namespace else self._words
        return "/".join([*words[:1], *words[2:3]])

    @property
    def name(self) -> str:
        words = self._words[2:] if self.namespace else self._words
        return words[1] if len(words) > 1 else ""


@dataclass(frozen=True)
class Refuse:
    """Answer in the API server's stead; nothing reaches it."""

    status: int
    reason: str = "InternalError"


@dataclass(frozen=True)
class Cut:
    """Close the connection: before the API server hears of it, or when it has done it."""

    done: bool = False


@dataclass(frozen=True)
class Hang:
    """Say nothing for so long, then cut; the API server hears nothing."""

    seconds: float


@dataclass(frozen=True)
class Late:
    """Forward it, and keep the answer (of a watch: each event) back for so long."""

    seconds: float


@dataclass(frozen=True)
class CutWatch:
    """Close a watch after so many events."""

    events: int


@dataclass(frozen=True)
class Mute:
    """A watch that stays open and never says anything again."""


@dataclass(frozen=True)
class Twice:
    """Tell every event of a watch twice."""


Fault = Refuse | Cut | Hang | Late | CutWatch | Mute | Twice


Decide = Callable[[Call], Fault | None]
AfterWrite = Callable[[Call], Awaitable[None]]


def no_fault(_: Call) -> Fault | None:
    """Let everything pass."""
    return None


async def _nothing(_: Call) -> None:
    pass


class FaultProxy:
    """One proxy on one port of 127.0.0.1, running in the loop of the test."""

    def __init__(self, port: int, *, server: str, certificate: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.calls: list[Call] = []
        self.decide: Decide = no_fault
        self.after_write: AfterWrite = _nothing
        """Awaited when the API server has answered a write, before the operator hears of it."""
        self._port = port
        self._server = server
        self._trust = ssl.create_default_context(cafile=str(certificate))
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._trust, limit=0),
            timeout=aiohttp.ClientTimeout(),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        await self.open()

    async def open(self) -> None:
        """Accept connections (again)."""
        app = web.Application(client_max_size=16 << 20)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=0.1,
            handler_cancellation=True,
        )
        await self._runner.setup()
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=128)
        await web.SockSite(self._runner, self._listener).start()

    async def shut(self) -> None:
        """Cut every connection and accept none: the API server is away."""
        if self._runner is not None:
            # A connection that is accepted, but not handed over when the server closes, stays open for ever:
            # accept none any more, and close a moment later.
            asyncio.get_running_loop().remove_reader(self._listener)
            await asyncio.sleep(_ACCEPTING_SECONDS)
            await self._runner.cleanup()
            self._runner = None

    async def stop(self) -> None:
        await self.shut()
        if self._session is not None:
            await self._session.close()

    def writes(self, *, since: float = 0.0) -> list[Call]:
        """The writes seen, those to the Lease left out."""
        return [c for c in self.calls if c.write and c.resource != "leases" and c.at >= since]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(
            request.method,
            request.path,
            request.query.get("watch", "") in {"1", "true"},
            time.monotonic(),
            await request.read(),
            request.headers.get("Authorization", "").removeprefix("Bearer "),
        )
        self.calls.append(call)
        fault = self.decide(call)
        match fault:
            case Refuse():
                return _refusal(fault)
            case Hang():
                await asyncio.sleep(fault.seconds)
                return _cut(request)
            case Cut(done=False):
                return _cut(request)
        assert self._session is not None
        headers = CIMultiDict(
            (key, value) for key, value in request.headers.items() if key.lower() not in _HOP
        )
        try:
            async with self._session.request(
                call.method,
                self._server + request.raw_path,
                headers=headers,
                data=call.body or None,
                allow_redirects=False,
            ) as answer:
                if call.watch and answer.status == 200:
                    return await _stream(request, answer, fault)
                body = await answer.read()
        except aiohttp.ClientError:
            return _cut(request)
        if call.write:
            await self.after_write(call)
        if isinstance(fault, Cut):
            return _cut(request)
        if isinstance(fault, Late):
            await asyncio.sleep(fault.seconds)
        return web.Response(status=answer.status, body=body, headers=_headers_of(answer))


def _headers_of(answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
    found = CIMultiDict((k, v) for k, v in answer.headers.items() if k.lower() not in _HOP)
    if encoding := answer.headers.get("Content-Encoding"):
        found["Content-Encoding"] = encoding
    return found


def _refusal(fault: Refuse) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": fault.reason,
        "message": f"refused for a test: {fault.reason}",
        "code": fault.status,
    }
    headers = {"Retry-After": "1"} if fault.status in {429, 503} else None
    return web.json_response(body, status=fault.status, headers=headers)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _stream(
    request: web.Request, answer: aiohttp.ClientResponse, fault: Fault | None
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=_headers_of(answer))
    response.headers.pop("Content-Encoding", None)
    await response.prepare(request)
    if isinstance(fault, Mute):
        await asyncio.sleep(3600)
    told = 0
    async for line in answer.content:
        if isinstance(fault, Late):
            await asyncio.sleep(fault.seconds)
        bookmark = json.loads(line).get("type") == "BOOKMARK" if fault is not None else False
        copies = 2 if isinstance(fault, Twice) and not bookmark else 1
        for _ in range(copies):
            await response.write(line)
        told += 1
        if isinstance(fault, CutWatch) and told >= fault.events:
            if request.transport is not None:
                request.transport.abort()
            break
    return response
