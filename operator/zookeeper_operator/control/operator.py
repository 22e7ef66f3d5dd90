"""One operator process, whatever its controllers reconcile: standby, Lease, work, and checks of its health.

The order matters: what answers health requests starts first, so that a standby is seen to be alive; what
acts runs only inside `_lead`, which lives and dies with the Lease.
"""

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.computing import can_limit
from zookeeper_operator.control.controller import Controller, Key
from zookeeper_operator.control.elector import LeaseElector
from zookeeper_operator.control.ending import together, unless_stopped
from zookeeper_operator.control.health import HealthServer
from zookeeper_operator.control.lease_store import KubeLeaseStore
from zookeeper_operator.control.metrics import Metrics
from zookeeper_operator.control.prober import Prober
from zookeeper_operator.control.queue import WorkQueue
from zookeeper_operator.control.registry import Registry
from zookeeper_operator.control.series import Entry
from zookeeper_operator.control.waking import Waker
from zookeeper_operator.control.watch import group_watches, watch
from zookeeper_operator.control.work import work
from zookeeper_operator.kube.api import KubeError, Resource
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.settings import Settings

_LOG = logging.getLogger(__name__)

# A write takes a few milliseconds; one that hangs is cut off by the client's own limit.
_WRITE_MARGIN_SECONDS: Final = 2.0
_WAIT_FOR_API_SECONDS: Final = 3.0
# Long enough for an API server that is restarted behind its load balancer.
_UNANSWERED_SECONDS: Final = 5.0
# A reconcile of the largest ensemble computes for a tenth of it.
_COMPUTING_SECONDS: Final = 2.0
_ENDING_SECONDS: Final = 60.0
"""Far more than the work needs to end in order when the Lease is lost."""


@dataclass(frozen=True)
class Parts:
    """What a process gives to the controllers it runs.

    `wake` puts a key into the queue, of whatever kind. `may_act` must be asked before each write.
    """

    kube: KubeClient
    wake: Callable[[Key], None]
    board: Board
    metrics: Metrics
    may_act: Callable[[], bool]


OpenControllers = Callable[[Parts], AbstractAsyncContextManager[Sequence[Controller]]]


def _key_as_extra(key: Key) -> dict[str, object]:
    return {"key": str(key)}


class Operator:
    """One operator process: standby until it holds the Lease, then it works until it loses it."""

    def __init__(
        self,
        settings: Settings,
        open_controllers: OpenControllers,
        *,
        domain: str,
        counted: Sequence[Entry] = (),
        reported: Sequence[Entry] = (),
        log_extra: Callable[[Key], dict[str, object]] = _key_as_extra,
        catch_signals: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare a process; nothing runs before `run`.

        Args:
            settings: how it runs.
            open_controllers: makes the controllers of its parts, and ends what they have opened.
            domain: the DNS domain of the operator.
            counted: metrics that controllers count themselves.
            reported: metrics whose samples controllers post to the board.
            log_extra: the fields of a log record about a key.
            catch_signals: sets the signal handlers of the process; called whenever they may be lost.
        """
        self._settings = settings
        self._open_controllers = open_controllers
        self._domain = domain
        self._log_extra = log_extra
        self._catch_signals = catch_signals
        self.board = Board()
        self.metrics = Metrics(self.board, counted=counted, reported=reported)
        self._identity = settings.identity or socket.gethostname()
        self._elector: LeaseElector | None = None
        self._queue: WorkQueue[Key] | None = None
        self._waiting_for = "starting"
        self._unanswered_since: float | None = None
        self._lost_at: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve health requests, wait for the Lease, work; return when `stop` is set.

        Raises:
            LeaseLostError, WatchError: this process cannot continue; it must be restarted.
        """
        health = HealthServer(
            self._settings.http_host,
            self._settings.http_port,
            metrics=self.metrics.render,
            on_lag=self.metrics.loop_lag,
        )
        health.add_liveness("reconciles", self._check_reconciles)
        health.add_readiness("kubernetes", self._check_kubernetes)
        health.add_liveness("lease", self._check_lease)
        await health.start()
        try:
            async with await connect(self._settings, on_request=self._count_request) as kube:
                queue = WorkQueue[Key](random=random.random, listener=self.metrics.queue)
                parts = Parts(kube, queue.add, self.board, self.metrics, self._may_act)
                async with self._open_controllers(parts) as controllers:
                    registry = Registry(controllers, self.board)
                    self._queue = queue
                    if await unless_stopped(self._wait_for_api(kube, registry), stop):
                        await unless_stopped(self._hold_lease(kube, registry, queue), stop)
        finally:
            await health.stop()

    # ------------------------------------------------------------------ standby

    async def _wait_for_api(self, kube: KubeClient, registry: Registry) -> None:
        """Wait until the API server answers and serves all resources; say once what is missing."""
        said = ""
        while problem := await self._find_obstacle(kube, registry):
            self._waiting_for = problem
            if problem != said:
                _LOG.warning("Waiting: %s", problem)
                said = problem
            await asyncio.sleep(_WAIT_FOR_API_SECONDS)
        self._waiting_for = ""

    async def _find_obstacle(self, kube: KubeClient, registry: Registry) -> str:
        namespace = self._settings.namespaces[0] if self._settings.namespaces else None
        for resource in registry.own:
            try:
                await kube.list(resource, namespace)
            except KubeError as error:
                return _why_not_listed(resource, error)
        # kopf would end the watch of all kinds for one that it may not read.
        others = dict.fromkeys(watched.resource for watched in registry.watches)
        return " ".join(
            await kube.preflight(
                [r for r in others if r not in registry.own], self._settings.namespaces
            )
        )

    async def _hold_lease(
        self, kube: KubeClient, registry: Registry, queue: WorkQueue[Key]
    ) -> None:
        if not self._settings.leader_election:
            await self._lead(kube, registry, queue)
            return
        self._elector = LeaseElector(
            KubeLeaseStore(kube, self._settings.namespace, self._settings.lease_name),
            identity=self._identity,
            duration=self._settings.lease_seconds,
            on_change=self.metrics.leading,
        )
        _LOG.info("Waiting for the Lease as %s", self._identity)
        await self._elector.run(lambda: self._lead(kube, registry, queue))

    def _may_act(self) -> bool:
        return self._elector is None or self._elector.still_leading(_WRITE_MARGIN_SECONDS)

    # ------------------------------------------------------------------ work

    async def _lead(self, kube: KubeClient, registry: Registry, queue: WorkQueue[Key]) -> None:
        _LOG.info("Working")
        waker = Waker(
            registry,
            queue.add,
            on_drift=self.metrics.drift,
            wake_first=queue.add_first,
            is_due=partial(queue.is_due, within=self._settings.resync_seconds),
        )
        with contextlib.closing(queue):
            await self._work(kube, registry, queue, waker)

    async def _work(
        self, kube: KubeClient, registry: Registry, queue: WorkQueue[Key], waker: Waker
    ) -> None:
        settings = self._settings
        await together(
            work(
                queue,
                registry.reconcile,
                workers=settings.workers,
                timeout=settings.pass_timeout_seconds,
                log_extra=self._log_extra,
                expected=(KubeError,),
                computing_seconds=_COMPUTING_SECONDS if can_limit() else None,
            ),
            Prober(self.board, queue.add, period_seconds=settings.probe_seconds).run(),
            waker.resync(settings.resync_seconds),
            *(
                watch(
                    group,
                    namespaces=settings.namespaces,
                    credentials=kube.credentials,
                    on_event=waker.on_event,
                    domain=self._domain,
                    reclaim_signals=self._catch_signals,
                )
                for group in group_watches(registry.watches)
            ),
        )

    # ------------------------------------------------------------------ health

    def _check_reconciles(self) -> str | None:
        oldest = self._queue.oldest_running() if self._queue is not None else 0.0
        if oldest > 2 * self._settings.pass_timeout_seconds:
            return f"a reconcile has been running for {oldest:.0f} s"
        return None

    def _check_kubernetes(self) -> str | None:
        if self._waiting_for:
            return self._waiting_for
        since = self._unanswered_since
        silent = 0.0 if since is None else asyncio.get_running_loop().time() - since
        if silent > _UNANSWERED_SECONDS:
            return f"the API server has not answered for {silent:.0f} s"
        return None

    def _check_lease(self) -> str | None:
        """A process that has lost the Lease ends by itself; one that cannot must be killed."""
        loop = asyncio.get_running_loop()
        if self._elector is None or not self._elector.at_work or self._elector.leading:
            self._lost_at = None
            return None
        if self._lost_at is None:
            self._lost_at = loop.time()
        lost = loop.time() - self._lost_at
        return f"the Lease was lost {lost:.0f} s ago" if lost > _ENDING_SECONDS else None

    def _count_request(self, verb: str, kind: str, status: int, seconds: float) -> None:
        del seconds
        if status:
            self._unanswered_since = None
        elif self._unanswered_since is None:
            self._unanswered_since = asyncio.get_running_loop().time()
        self.metrics.api_request(verb, kind, status)
        if verb not in {"get", "list", "watch"}:
            self.metrics.api_write(verb, kind)


def _why_not_listed(resource: Resource, error: KubeError) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        group, _, _ = resource.api_version.rpartition("/")
        return (
            f"the API server does not know {resource.plural}.{group}; run "
            "`kubectl apply --server-side -f crds/`"
        )
    if error.status == HTTPStatus.FORBIDDEN:
        return f"the operator may not list {resource.plural}: {error.message}"
    return f"the API server does not answer: {error}"
