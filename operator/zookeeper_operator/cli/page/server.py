"""The server of the page: what browsers ask for, and how it is answered. It only reads.

Every answer is JSON or a file of this package; no markup is made of anything that is read.
"""

import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from aiohttp import web

from zookeeper_operator.cli.failure import Failure, explain
from zookeeper_operator.cli.page.guard import Keys, add_headers, build_guard
from zookeeper_operator.cli.page.loads import LoadReader
from zookeeper_operator.cli.page.watcher import Watchers
from zookeeper_operator.cli.page.whatif import WhatIf
from zookeeper_operator.cli.page.znodes import PAGE, Znodes
from zookeeper_operator.kube.api import KubeError
from zookeeper_operator.zookeeper.znodes import ZnodeError

_TYPES: Final = {
    "index.html": "text/html",
    "page.css": "text/css",
    "icon.svg": "image/svg+xml",
    **{
        f"{name}.js": "text/javascript"
        for name in (
            "page",
            "api",
            "dom",
            "overview",
            "picture",
            "timeline",
            "tree",
            "load",
            "plan",
        )
    },
}
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_QUIET_SECONDS: Final = 10.0
_MOST_CHILDREN: Final = 1000
_SMALL_REQUEST: Final = 4096

Answer = Callable[[web.Request], Awaitable[Any]]


@dataclass(frozen=True)
class Sources:
    """Where the page gets what it shows."""

    watchers: Watchers
    znodes: Znodes
    loads: LoadReader
    what_if: WhatIf
    place: dict[str, Any]
    """The context, and whose ensembles are listed."""


def build_app(sources: Sources, keys: Keys) -> web.Application:
    """Build the application."""
    routes = _Routes(sources, keys)
    app = web.Application(middlewares=[build_guard(keys)], client_max_size=_SMALL_REQUEST)
    app.on_response_prepare.append(add_headers)
    app.router.add_get("/", routes.index)
    app.router.add_get("/static/{file}", routes.static)
    app.router.add_post("/key", routes.exchange)
    app.router.add_get("/api/place", _as_json(routes.place))
    app.router.add_get("/api/ensembles", routes.overview)
    one = "/api/ensembles/{namespace}/{name}"
    app.router.add_get(one, routes.ensemble)
    app.router.add_get(f"{one}/load", _as_json(routes.load))
    app.router.add_get(f"{one}/plan", _as_json(routes.plan))
    app.router.add_get(f"{one}/children", _as_json(routes.children))
    app.router.add_get(f"{one}/znode", _as_json(routes.znode))
    return app


def _as_json(answer: Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answer with a value, or with the sentence that says why there is none."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await answer(request))
        except Failure as error:
            return _refused(404, error.format_message())
        except ZnodeError as error:
            return _refused(404, str(error))
        except KubeError as error:
            return _refused(502, explain(error))
        except ValueError as error:
            return _refused(400, str(error))

    return handle


def _refused(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)


class _Routes:
    """The handlers."""

    def __init__(self, sources: Sources, keys: Keys) -> None:
        self._sources = sources
        self._keys = keys

    async def index(self, _: web.Request) -> web.Response:
        """The frame of the page, which holds no data."""
        return _file("index.html")

    async def static(self, request: web.Request) -> web.Response:
        """A script, the style or the icon."""
        name = request.match_info["file"]
        return _file(name) if name in _TYPES else _refused(404, "there is no such file")

    async def exchange(self, request: web.Request) -> web.Response:
        """The key for the token of the link, once."""
        try:
            asked = await request.json()
        except ValueError:
            asked = None
        token = asked.get("token") if isinstance(asked, dict) else None
        key = self._keys.exchange(token) if isinstance(token, str) else None
        if key is None:
            return _refused(403, "this link was used already; start kubectl zk page again")
        return web.json_response({"key": key})

    async def place(self, _: web.Request) -> Any:
        """The context, and whose ensembles are listed."""
        return self._sources.place

    async def overview(self, request: web.Request) -> web.StreamResponse:
        """A line about each ensemble, for as long as the browser listens."""
        return await self._stream(request, None)

    async def ensemble(self, request: web.Request) -> web.StreamResponse:
        """The picture and the timeline of one ensemble, for as long as the browser listens."""
        try:
            key = _which(request)
        except ValueError as error:
            return _refused(400, str(error))
        return await self._stream(request, key)

    async def _stream(
        self, request: web.Request, key: tuple[str, str] | None
    ) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the browser has left
            async with (
                self._sources.watchers.use(key) as watcher,
                contextlib.aclosing(watcher.channel.follow(_QUIET_SECONDS)) as changes,
            ):
                async for change in changes:
                    line = json.dumps(change, separators=(",", ":"))
                    await response.write(f"data: {line}\n\n".encode())
        return response

    async def load(self, request: web.Request) -> Any:
        """How busy the members are since the last time this was asked."""
        return await self._sources.loads.read(*_which(request))

    async def plan(self, request: web.Request) -> Any:
        """What an edit would do."""
        return await self._sources.what_if.rehearse(*_which(request), request.query)

    async def children(self, request: web.Request) -> Any:
        """A page of the children of a znode."""
        limit = int(request.query.get("limit", PAGE))
        return await self._sources.znodes.children(
            *_which(request),
            _path(request),
            after=request.query.get("after", ""),
            limit=max(1, min(limit, _MOST_CHILDREN)),
        )

    async def znode(self, request: web.Request) -> Any:
        """One znode with its data."""
        return await self._sources.znodes.content(*_which(request), _path(request))


def _which(request: web.Request) -> tuple[str, str]:
    found = request.match_info["namespace"], request.match_info["name"]
    if not all(_NAME.fullmatch(part) for part in found):
        raise ValueError("this is no name of a namespace or an ensemble")
    return found


def _path(request: web.Request) -> str:
    path = request.query.get("path", "/")
    if not path.startswith("/"):
        raise ValueError("a path begins with /")
    return path


def _file(name: str) -> web.Response:
    content = files("zookeeper_operator.cli.page").joinpath("static", name).read_bytes()
    return web.Response(body=content, content_type=_TYPES[name], charset="utf-8")
