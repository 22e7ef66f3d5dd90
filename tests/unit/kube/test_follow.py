"""What becomes of a watch that is refused: also by something that does not speak JSON."""

import contextlib

import pytest
from aiohttp import web
from tests.unit.kube.test_transport import server

from zookeeper_operator.kube.api import RESOURCES, KubeError
from zookeeper_operator.kube.follow import follow

EMPTY = {"metadata": {"resourceVersion": "1"}, "items": []}


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (502, "Bad\n Gateway"),
        (503, '{"message": "Bad Gateway"}'),
        (429, "<html>Bad Gateway</html>"),
    ],
)
async def test_a_refused_watch_keeps_its_status(status: int, text: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        if "watch" in request.query:
            return web.Response(status=status, text=text)
        return web.json_response(EMPTY)

    async with server(handle) as (transport, _):
        changes = follow(transport, RESOURCES["Pod"], "default")
        async with contextlib.aclosing(changes):
            assert (await anext(changes)).objects == {}
            with pytest.raises(KubeError, match="Bad Gateway") as refused:
                await anext(changes)
    assert refused.value.status == status


async def test_without_the_right_to_watch_it_lists_again_whoever_forbids_it() -> None:
    lists = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal lists
        if "watch" in request.query:
            return web.Response(status=403, text="Forbidden by the proxy")
        lists += 1
        return web.json_response(EMPTY)

    async with server(handle) as (transport, _):
        changes = follow(transport, RESOURCES["Pod"], "default")
        async with contextlib.aclosing(changes):
            await anext(changes)
            await anext(changes)
    assert lists == 2
