"""What becomes of answers that are not the objects of an API server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from zookeeper_operator.kube.api import KubeError, Object
from zookeeper_operator.kube.credentials import Credentials
from zookeeper_operator.kube.transport import Transport

Counted = list[tuple[str, str, int]]


@asynccontextmanager
async def server(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[tuple[Transport, Counted]]:
    """A server that answers like this, a transport to it, and the requests counted."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    configuration = Configuration(host=site.name)
    counted: Counted = []
    transport = Transport(
        Credentials(configuration),
        lambda verb, kind, status, _: counted.append((verb, kind, status)),
    )
    try:
        yield transport, counted
    finally:
        await transport.close()
        await runner.cleanup()


def answering(status: int, text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    return handle


async def get(transport: Transport) -> Object:
    return await transport.json("GET", "/api/v1/pods", verb="list", kind="Pod")


@pytest.mark.parametrize(
    ("status", "text", "error_status", "message"),
    [
        (200, "<html>Welcome</html>", 0, "<html>Welcome</html>"),
        (200, "[" * 100_000, 0, "[" * 200),
        (502, "Bad Gateway", 502, "Bad Gateway"),
        (500, '{"message": "etcd is down"}', 500, "etcd is down"),
        (302, '{"message": "elsewhere"}', 302, "elsewhere"),
    ],
)
async def test_no_object_is_an_error(
    status: int, text: str, error_status: int, message: str
) -> None:
    async with server(answering(status, text)) as (transport, counted):
        with pytest.raises(KubeError) as refused:
            await get(transport)
    assert (refused.value.status, refused.value.message) == (error_status, message)
    assert counted == [("list", "Pod", status)]


async def test_an_answer_that_breaks_off_is_unreachable_and_counted() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"kind": ')
        assert request.transport is not None
        request.transport.close()
        return response

    async with server(handle) as (transport, counted):
        with pytest.raises(KubeError) as refused:
            await get(transport)
    assert (refused.value.status, refused.value.reason) == (0, "Unreachable")
    assert counted == [("list", "Pod", 200)]


async def test_a_body_is_sent_with_its_type() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "type": request.content_type,
                "body": await request.json(),
                "query": dict(request.query),
            }
        )

    async with server(handle) as (transport, _):
        found = await transport.json(
            "PATCH",
            "/api/v1/pods/one",
            verb="patch",
            kind="Pod",
            query={"force": "true"},
            body={"a": 1},
            content_type="application/merge-patch+json",
        )
    assert found == {
        "type": "application/merge-patch+json",
        "body": {"a": 1},
        "query": {"force": "true"},
    }


async def test_no_request_waits_for_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop itself sends every request: a thread for each costs more than the request."""
    async with server(answering(200, "{}")) as (transport, _):
        threads: list[object] = []
        loop = asyncio.get_running_loop()
        in_executor = loop.run_in_executor

        def count(executor: Any, function: Any, *arguments: Any) -> Any:
            threads.append(function)
            return in_executor(executor, function, *arguments)

        monkeypatch.setattr(loop, "run_in_executor", count)
        await get(transport)
        assert threads == []


async def test_a_netrc_file_does_not_replace_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    found: list[str | None] = []

    async def handle(request: web.Request) -> web.Response:
        found.append(request.headers.get("Authorization"))
        return web.Response(text="{}")

    async with server(handle) as (transport, _):
        await get(transport)
    assert found == [None]
