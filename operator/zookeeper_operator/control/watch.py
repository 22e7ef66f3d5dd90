"""The watch: kopf lists and watches, and every event becomes one synchronous call.

kopf is used for what it does well (credentials, reconnects, bookmarks, stalled streams) and for
nothing else: one `on.event` handler per resource, no handler that keeps state, adds a finalizer or
writes. With that, kopf sends no write to the Kubernetes API at all.

A watch that ends takes the process with it. An event stream that must not be read any more (403), or
whose resource is gone (404), ends the watch with `WatchError`; broken connections do not, kopf reopens
them. When the watch is cancelled, kopf is asked to end and not waited for: the process that continues
without a watch is about to exit, and kopf takes seconds to close what it has open.
"""

import asyncio
import logging
import typing
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import kopf

from zookeeper_operator.control.controller import Event, WatchedResource
from zookeeper_operator.kube.api import Resource
from zookeeper_operator.kube.credentials import ConnectionFacts

_CHUNK_SIZE = 500
_SERVER_TIMEOUT_SECONDS = 300
_REQUEST_TIMEOUT_SECONDS = 30
_CONNECT_TIMEOUT_SECONDS = 5
_LOGIN_RETRY_SECONDS = 5
_ERROR_BACKOFFS_SECONDS = (1, 1, 2, 3, 5, 8, 13, 21)
# These log what they also raise to us, with a traceback.
_SILENCED: Final = ("kopf._core.reactor.running", "kopf._core.reactor.orchestration")


class WatchError(Exception):
    """The watch ended without a request."""


OnEvent = Callable[[WatchedResource, Event], None]
"""Called for every event. It must return within microseconds: the events of one object are delivered one by
one."""

Credentials = Callable[[], Awaitable[ConnectionFacts]]
"""Fresh credentials. Their `expiration` must be a few minutes ahead: a token that is replaced before
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


def make_settings(watches: Sequence[WatchedResource], *, domain: str) -> kopf.OperatorSettings:
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
    for watched in watches:
        if watched.label_selector:
            settings.watching.label_selectors[_address(watched.resource)] = watched.label_selector
    return settings


def make_registry(
    watches: Sequence[WatchedResource], *, credentials: Credentials, on_event: OnEvent
) -> kopf.OperatorRegistry:
    """A registry of our own (the default one is shared) with a handler per resource and a login."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(id="login", registry=registry, backoff=_LOGIN_RETRY_SECONDS)
    async def _login(**_: Any) -> kopf.ConnectionInfo:
        return _connection_info(await credentials())

    for watched in watches:
        group, version, plural = _address(watched.resource)
        kopf.on.event(
            group=group,
            version=version,
            plural=plural,
            id=f"watch-{'.'.join(filter(None, (plural, version, group)))}",
            registry=registry,
        )(_make_handler(watched, on_event))
    return registry


def _make_handler(watched: WatchedResource, on_event: OnEvent) -> Callable[..., Awaitable[None]]:
    # async although nothing is awaited: kopf runs plain functions in threads
    async def handle(*, event: kopf.RawEvent, **_: Any) -> None:
        on_event(watched, Event(event["type"], dict(event["object"])))

    return handle


def _address(resource: Resource) -> tuple[str, str, str]:
    """Group, version and plural; the core group is empty."""
    group, _, version = resource.api_version.rpartition("/")
    return group, version, resource.plural


def _connection_info(facts: ConnectionFacts) -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(
        server=facts.server,
        ca_path=facts.ca_path,
        ca_data=facts.ca_data,
        insecure=facts.insecure,
        scheme=facts.scheme,
        token=facts.token,
        certificate_path=facts.certificate_path,
        private_key_path=facts.private_key_path,
        proxy_url=facts.proxy_url,
        expiration=facts.expiration,
    )


def group_watches(watches: Iterable[WatchedResource]) -> list[list[WatchedResource]]:
    """Groups in which no resource occurs twice, as few as possible.

    kopf has one selector per resource, so two selectors for one resource need two watches.
    """
    groups: list[list[WatchedResource]] = []
    for watched in watches:
        for group in groups:
            if all(watched.resource != other.resource for other in group):
                group.append(watched)
                break
        else:
            groups.append([watched])
    return groups


async def watch(
    watches: Sequence[WatchedResource],
    *,
    namespaces: Sequence[str] | None,
    credentials: Credentials,
    on_event: OnEvent,
    domain: str,
    reclaim_signals: Callable[[], None] = lambda: None,
) -> None:
    """Call `on_event` for every object of these resources and for every change, until cancelled.

    Every namespace is watched if `namespaces` is empty or None. Resources must exist already: kopf
    ignores, with a warning, what the API server does not serve when it starts; and none may occur twice
    (`group_watches`). `domain` is the operator's own DNS domain.

    kopf takes SIGTERM and SIGINT for itself when it starts; `reclaim_signals` is called right
    after, to take them back.

    Raises:
        WatchError: the watch ended by itself; the sentence says why.
    """
    logging.getLogger("kopf").setLevel(logging.WARNING)
    for name in _SILENCED:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    tasks = await kopf.spawn_tasks(
        registry=make_registry(watches, credentials=credentials, on_event=on_event),
        settings=make_settings(watches, domain=domain),
        standalone=True,
        # Found out by kopf it would need a user name, which an arbitrary uid has none of.
        identity=typing.cast("Any", domain),
        clusterwide=not namespaces,
        namespaces=list(namespaces or ()),
    )
    reclaim_signals()
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    for task in ended:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            raise WatchError(f"The watch of the Kubernetes API ended: {_words(error)}") from error
    names = ", ".join(sorted(task.get_name() for task in ended))
    raise WatchError(f"The watch of the Kubernetes API ended without an error ({names})")


def _words(error: BaseException) -> str:
    """The API's own sentence if there is one; kopf's errors carry the whole Status besides."""
    words = str(error.args[0]) if error.args and error.args[0] else type(error).__name__
    status = getattr(error, "status", None)
    return f"{words} (HTTP {status})" if status else words
