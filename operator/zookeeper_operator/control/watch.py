"""The watcher: kopf lists and watches, and every event becomes one synchronous call.

kopf is used for what it does well (credentials, reconnects, bookmarks, stalled streams) and for
nothing else: one `on.event` handler per resource, no handler that keeps state, adds a finalizer or
writes. With that, kopf sends no write to the Kubernetes API at all.

How it ends is the caller's to know: an event stream that may not be read any more (403), or whose
kind is gone (404), ends the watch with `WatchError`. Connections that break do not; kopf reopens
them.
"""

import asyncio
import logging
import typing
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kopf

from zookeeper_operator.control.ending import see_end

logger = logging.getLogger(__name__)

_KOPF_HOME = Path(kopf.__file__).parent

_CHUNK_SIZE = 500
_SERVER_TIMEOUT_SECONDS = 300
_REQUEST_TIMEOUT_SECONDS = 30
_CONNECT_TIMEOUT_SECONDS = 5
_LOGIN_RETRY_SECONDS = 5
_ERROR_BACKOFFS_SECONDS = (1, 1, 2, 3, 5, 8, 13, 21)


class WatchError(Exception):
    """The watch ended although nobody asked it to."""


@dataclass(frozen=True)
class WatchedResource:
    """One kind to watch; the core group is empty. The server applies the selector."""

    group: str
    version: str
    plural: str
    label_selector: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.plural, self.version, self.group) if part)


OnEvent = Callable[[WatchedResource, str | None, dict[str, Any]], None]
"""Told (resource, type, object); the type is None for what was there when the watch began, else
`ADDED`, `MODIFIED` or `DELETED`. Must return within microseconds: events of one object are
delivered one by one."""

Login = Callable[[], Awaitable[kopf.ConnectionInfo]]
"""Fresh credentials. Set their `expiration` a few minutes ahead: a token that is replaced before
the server refuses it costs nothing, while kopf gives up when a 401 is answered by the same token
again."""


class _NothingCompared(kopf.DiffBaseStorage):
    """What kopf keeps of an object to find changes by: nothing, because no handler asks for changes.

    The default copies every object of every event, which was a fourth of the work of adopting many ensembles
    (`make bench-scale`, profiled).
    """

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:
        """Return an empty essence; all of them are equal."""
        del body, extra_fields
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Return None: nothing was kept."""
        del body
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Keep nothing, so that no annotation is written."""


def make_settings(resources: Sequence[WatchedResource], *, domain: str) -> kopf.OperatorSettings:
    """The settings every watch runs with.

    The numbers were measured against kopf 1.45: without a request timeout of our own a lost
    connection is noticed after five minutes.
    """
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True  # no watch of namespaces and CRDs, no rights on them
    settings.posting.enabled = False  # our own Events are aggregated; kopf's are not
    settings.peering.standalone = True  # a foreign peering object must not pause us
    settings.process.ultimate_exiting_timeout = None  # the process is not kopf's to kill
    settings.watching.chunk_size = _CHUNK_SIZE
    settings.watching.server_timeout = _SERVER_TIMEOUT_SECONDS
    settings.networking.request_timeout = _REQUEST_TIMEOUT_SECONDS
    settings.networking.connect_timeout = _CONNECT_TIMEOUT_SECONDS
    settings.networking.error_backoffs = _ERROR_BACKOFFS_SECONDS
    settings.persistence.diffbase_storage = _NothingCompared()
    settings.persistence.finalizer = f"{domain}/unused"  # never added; if a bug did, ours by name
    for resource in resources:
        if resource.label_selector:
            key = (resource.group, resource.version, resource.plural)
            settings.watching.label_selectors[key] = resource.label_selector
    return settings


def make_registry(
    resources: Sequence[WatchedResource], *, login: Login, on_event: OnEvent
) -> kopf.OperatorRegistry:
    """A registry of our own (the default one is shared) with a handler per resource and a login."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(id="login", registry=registry, backoff=_LOGIN_RETRY_SECONDS)
    async def _login(**_: Any) -> kopf.ConnectionInfo:
        return await login()

    for resource in resources:
        kopf.on.event(
            group=resource.group,
            version=resource.version,
            plural=resource.plural,
            id=f"watch-{resource}",
            registry=registry,
        )(_make_handler(resource, on_event))
    return registry


def _make_handler(resource: WatchedResource, on_event: OnEvent) -> Callable[..., Awaitable[None]]:
    # async although nothing is awaited: kopf runs plain functions in threads
    async def handle(*, event: kopf.RawEvent, **_: Any) -> None:
        on_event(resource, event["type"], dict(event["object"]))

    return handle


async def watch(
    resources: Sequence[WatchedResource],
    *,
    namespaces: Sequence[str] | None,
    login: Login,
    on_event: OnEvent,
    domain: str,
    ready: asyncio.Event | None = None,
    stop: asyncio.Event | None = None,
    reclaim_signals: Callable[[], None] | None = None,
) -> None:
    """Tell `on_event` of every object of these kinds and of every change, until stopped.

    Every namespace is watched if `namespaces` is empty or None. `ready` is set when the watchers
    start, which is before the first list is complete. Kinds must exist already: kopf ignores, with
    a warning, what the API server does not serve when it starts. `domain` is the operator's own
    DNS domain.

    kopf takes SIGTERM and SIGINT for itself when it starts; `reclaim_signals` is called right
    after, to take them back.

    Returns when `stop` is set; cancelling it works as well. Tasks that are not kopf's are left
    alone in either case (which `kopf.operator()` would not do for tasks younger than itself).

    Raises:
        WatchError: the watch ended by itself; the sentence says why.
    """
    logging.getLogger("kopf").setLevel(logging.WARNING)
    # Its root tasks log their failure with a traceback, although they also raise it to us.
    for name in ("kopf._core.reactor.running", "kopf._core.reactor.orchestration"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

    stop = stop or asyncio.Event()
    stopping = asyncio.create_task(stop.wait(), name="watch: stop flag")
    spawning = asyncio.create_task(
        kopf.spawn_tasks(
            registry=make_registry(resources, login=login, on_event=on_event),
            settings=make_settings(resources, domain=domain),
            standalone=True,
            # Found out by kopf it would need a user name, which an arbitrary uid has none of.
            identity=typing.cast("Any", domain),
            clusterwide=not namespaces,
            namespaces=list(namespaces or ()),
            ready_flag=ready,
        ),
        name="watch: start",
    )
    ended: set[asyncio.Task[Any]] = set()
    try:
        await asyncio.wait({spawning})  # cancelled or not, it must not be cut in half
        if reclaim_signals is not None:
            reclaim_signals()
        tasks = spawning.result()
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        ended = {task for task in tasks if task.done()}
    finally:
        tasks = await spawning
        stopping.cancel()
        outcomes = await _end_kopf(tasks)
    if stop.is_set():
        return
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if errors:
        raise WatchError(f"The watch of the Kubernetes API ended: {_words(errors[0])}") from errors[
            0
        ]
    names = ", ".join(sorted(task.get_name() for task in ended))
    raise WatchError(f"The watch of the Kubernetes API ended without an error ({names})")


async def _end_kopf(roots: Collection[asyncio.Task[Any]]) -> list[Any]:
    """Cancel every task of kopf and wait; how the root tasks ended.

    Not only the root tasks: when one stream fails, kopf leaves the others running, and they would open
    connections anew after kopf's cleanup (the last of the root tasks to end) has closed them. But each
    stream has a scheduler of its own that it closes at its end, and waits for: cancelled by us, that
    would never begin what it has been given, and the stream would wait for ever.
    """
    ending: set[asyncio.Task[Any]] = set(roots)
    for task in roots:
        task.cancel()
    while rest := {task for task in asyncio.all_tasks() if _is_kopf_stream(task)} - ending:
        for task in rest:
            task.cancel()
        ending |= rest
        await see_end(ending)
    await see_end(ending)
    return await asyncio.gather(*roots, return_exceptions=True)


def _is_kopf_stream(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return (
        code is not None
        and Path(code.co_filename).is_relative_to(_KOPF_HOME)
        and not code.co_qualname.startswith("Scheduler.")
    )


def _words(error: Exception) -> str:
    """The API's own sentence if there is one; kopf's errors carry the whole Status besides."""
    words = str(error.args[0]) if error.args and error.args[0] else type(error).__name__
    status = getattr(error, "status", None)
    return f"{words} (HTTP {status})" if status else words
