"""Znodes for the page: one session per ensemble, kept while it is used, closed soon after.

Children are listed page by page. The names of a large znode are kept for a short time, so that its next
page does not read them again.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TypeVar

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.member import find_login, find_plain_port, find_pod
from zookeeper_operator.cli.page.texts import describe_data, visible
from zookeeper_operator.kube.api import Kube
from zookeeper_operator.zookeeper.browsing import (
    Content,
    SessionEndedError,
    Stat,
    Unread,
    child_path,
    list_children,
    read_content,
    read_stats,
)
from zookeeper_operator.zookeeper.protocol import (
    Address,
    EnsembleUnreachableError,
    LoginRefusedError,
)
from zookeeper_operator.zookeeper.routes.protocol import ClientRoute
from zookeeper_operator.zookeeper.session import Deadline, Session, open_session

PAGE: Final = 200
"""Children of one page."""
_IDLE_SECONDS: Final = 30.0
_OPEN_SECONDS: Final = 10.0
_NAMES_SECONDS: Final = 10.0
_T = TypeVar("_T")


@dataclass
class _Open:
    """A session with a member, by which route, and what was listed last."""

    session: Session
    pod: str
    stack: contextlib.AsyncExitStack
    used: float = 0.0
    names: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)


class Znodes:
    """Reads znodes of any ensemble; `close` ends all sessions."""

    def __init__(self, kube: Kube, route: ClientRoute) -> None:
        self._kube = kube
        self._route = route
        self._open: dict[tuple[str, str], _Open] = {}
        self._opening: dict[tuple[str, str], asyncio.Task[_Open]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="znodes")
        self._closing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """End every session."""
        if self._closing is not None:
            self._closing.cancel()
        await asyncio.gather(*self._opening.values(), return_exceptions=True)
        for key in list(self._open):
            await self._drop(key)
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def children(
        self, namespace: str, name: str, path: str, *, after: str, limit: int
    ) -> dict[str, Any]:
        """A page of children: those that come after a name.

        Raises:
            Failure: no member can be reached.
            ZnodeError: the znode cannot be read.
        """

        def read(opened: _Open) -> dict[str, Any]:
            names = _names(opened, path, fresh=not after)
            following = [n for n in names if n > after] if after else list(names)
            page = following[:limit]
            stats = read_stats(opened.session, [child_path(path, n) for n in page])
            return {
                "path": path,
                "pod": opened.pod,
                "count": len(names),
                "last": page[-1] if page else "",
                "left": len(following) - len(page),
                "children": [
                    child_as_value(path, child, stat)
                    for child, stat in zip(page, stats, strict=True)
                    if stat != "missing"
                ],
            }

        return await self._with_session(namespace, name, read)

    async def content(self, namespace: str, name: str, path: str) -> dict[str, Any]:
        """One znode with its data.

        Raises:
            Failure: no member can be reached.
            ZnodeError: the znode cannot be read.
        """

        def read(opened: _Open) -> dict[str, Any]:
            found = content_as_value(path, read_content(opened.session, path))
            return {**found, "pod": opened.pod}

        return await self._with_session(namespace, name, read)

    # ------------------------------------------------------------------ sessions

    async def _with_session(self, namespace: str, name: str, read: Callable[[_Open], _T]) -> _T:
        """Read by the open session; by another one if that has ended meanwhile."""
        key = (namespace, name)
        async with self._locks.setdefault(key, asyncio.Lock()):
            for last in (False, True):
                opened = self._open.get(key) or await self._opened(key)
                opened.used = time.monotonic()
                self._watch_idle()
                try:
                    return await asyncio.get_running_loop().run_in_executor(
                        self._threads, read, opened
                    )
                except SessionEndedError:
                    await self._drop(key)
                    if last:
                        raise
        raise AssertionError("unreachable")

    async def _opened(self, key: tuple[str, str]) -> _Open:
        """Open a session; a browser that leaves meanwhile does not stop the thread that does it."""
        task = self._opening.get(key)
        if task is None:
            task = self._opening[key] = asyncio.create_task(self._connect(key))
            task.add_done_callback(lambda _: self._opening.pop(key, None))
        return await asyncio.shield(task)

    async def _connect(self, key: tuple[str, str]) -> _Open:
        namespace, name = key
        pod = await find_pod(self._kube, namespace, name, None)
        async with contextlib.AsyncExitStack() as stack:
            address = Address(pod.id, namespace, pod.name, pod.ip)
            port = await find_plain_port(self._kube, namespace, pod)
            login = await find_login(self._kube, namespace, pod)
            hosts = await stack.enter_async_context(self._route.open([address], port))
            sessions = contextlib.ExitStack()
            # kazoo needs seconds to close: that must not hold up the loop.
            stack.push_async_callback(asyncio.to_thread, sessions.close)
            try:
                session = await asyncio.to_thread(
                    sessions.enter_context,
                    open_session(
                        hosts, Deadline(_OPEN_SECONDS), session_seconds=_OPEN_SECONDS, login=login
                    ),
                )
            except LoginRefusedError as error:
                raise Failure(f"{pod.name}: {error}") from error
            except EnsembleUnreachableError as error:
                raise Failure(
                    f"{pod.name} accepts no client session; from outside the cluster that takes the "
                    f"right to create pods/portforward in namespace {namespace}"
                ) from error
            opened = _Open(session, pod.name, stack.pop_all())
        self._open[key] = opened
        return opened

    async def _drop(self, key: tuple[str, str]) -> None:
        opened = self._open.pop(key, None)
        if opened is not None:
            await opened.stack.aclose()

    def _watch_idle(self) -> None:
        if self._closing is None or self._closing.done():
            self._closing = asyncio.create_task(self._drop_idle())

    async def _drop_idle(self) -> None:
        while self._open:
            await asyncio.sleep(_IDLE_SECONDS / 4)
            for key, opened in list(self._open.items()):
                async with self._locks[key]:
                    if time.monotonic() - opened.used > _IDLE_SECONDS:
                        await self._drop(key)


def _names(opened: _Open, path: str, *, fresh: bool) -> tuple[str, ...]:
    """The names of the children; those of the last seconds for a further page."""
    now = time.monotonic()
    at, names = opened.names.get(path, (0.0, ()))
    if fresh or now - at > _NAMES_SECONDS:
        names = list_children(opened.session, path)
        # Only the last large znode is worth keeping.
        opened.names = {path: (now, names)}
    return names


def child_as_value(path: str, name: str, stat: Stat | Unread) -> dict[str, Any]:
    """Return one line of the tree."""
    known = stat if isinstance(stat, Stat) else None
    return {
        "path": child_path(path, name),
        "name": name,
        "label": visible(name, longest=300),
        "hidden": known is None,
        "size": 0 if known is None else known.data_length,
        "count": 0 if known is None else known.children,
        "ephemeral": known is not None and known.ephemeral_owner != 0,
    }


def content_as_value(path: str, content: Content) -> dict[str, Any]:
    """Return everything about one znode; numbers that a browser would round are texts."""
    stat: Mapping[str, int] = asdict(content.stat)
    zxids = {key: f"{stat[key]:#x}" for key in ("czxid", "mzxid", "pzxid", "ephemeral_owner")}
    acl = content.acl
    return {
        "path": path,
        "label": visible(path),
        "stat": {**stat, **zxids},
        "acl": None
        if acl is None
        else [
            {"scheme": visible(g.scheme), "id": visible(g.id), "permissions": g.permissions}
            for g in acl
        ],
        "data": describe_data(content.data),
    }
