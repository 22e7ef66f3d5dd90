"""The composition root: builds every part, connects them, and ends them together.

Nothing is decided here. The order matters: what answers probes starts first, so that a standby is seen to
be alive; what acts runs only inside `lead`, which lives and dies with the Lease.
"""

import asyncio
import logging
import random
import signal
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import kopf

from zookeeper_operator.api import conditions
from zookeeper_operator.control.ending import end
from zookeeper_operator.control.health import HealthServer
from zookeeper_operator.control.lease import LeaseElector
from zookeeper_operator.control.lease_store import KubeLeaseStore
from zookeeper_operator.control.ledger import EventLedger
from zookeeper_operator.control.metrics import EnsembleSample, Metrics
from zookeeper_operator.control.queue import WorkQueue, work
from zookeeper_operator.control.watch import WatchedResource, watch
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.controller import Reconciler
from zookeeper_operator.ensemble.observe import Key
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.prober import Prober
from zookeeper_operator.ensemble.report.conditions import build_conditions
from zookeeper_operator.kube.api import RESOURCES, KubeError
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.routes.choice import open_zookeeper

_LOG = logging.getLogger(__name__)

_PRIMARY: Final = WatchedResource(names.GROUP, names.VERSION, names.PLURAL)
_CHILDREN: Final = (
    WatchedResource("apps", "v1", "statefulsets", names.LABEL_ENSEMBLE),
    WatchedResource("", "v1", "pods", names.LABEL_ENSEMBLE),
    WatchedResource("", "v1", "services", names.LABEL_ENSEMBLE),
    WatchedResource("", "v1", "configmaps", names.LABEL_ENSEMBLE),
    WatchedResource("", "v1", "persistentvolumeclaims", names.LABEL_ENSEMBLE),
    WatchedResource("policy", "v1", "poddisruptionbudgets", names.LABEL_ENSEMBLE),
    WatchedResource("networking.k8s.io", "v1", "networkpolicies", names.LABEL_ENSEMBLE),
)
_CHILD_KINDS: Final = tuple(
    r for r in RESOURCES.values() if r.plural in {child.plural for child in _CHILDREN}
)
# A write takes a few milliseconds; one that hangs is cut off by the client's own limit.
_WRITE_MARGIN_SECONDS: Final = 2.0
_WAIT_FOR_API_SECONDS: Final = 3.0
# Long enough for an API server that is started anew behind its load balancer.
_UNANSWERED_SECONDS: Final = 5.0
_ENDING_SECONDS: Final = 60.0
"""Far more than the work needs to end in order when the Lease is lost."""


class Operator:
    """One operator process: standby until it holds the Lease, then at work until it loses it."""

    def __init__(self, settings: Settings, catch_signals: Callable[[], None]) -> None:
        self._settings = settings
        self._catch_signals = catch_signals
        self._metrics = Metrics()
        self._identity = settings.identity or socket.gethostname()
        self._elector: LeaseElector | None = None
        self._queue: WorkQueue[Key] | None = None
        self._waiting_for = "starting"
        self._unanswered_since: float | None = None
        self._lost_at: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve probes, wait for the Lease, work; return when `stop` is set.

        Raises:
            LeaseLostError, WatchError: this process cannot go on; it should be started anew.
        """
        settings = self._settings
        health = HealthServer(
            settings.http_host,
            settings.http_port,
            metrics=self._metrics.render,
            on_lag=self._metrics.loop_lag,
        )
        health.add_liveness("passes", self._check_passes)
        health.add_readiness("kubernetes", self._check_kubernetes)
        health.add_liveness("lease", self._check_lease)
        await health.start()
        try:
            kube = await connect(settings, on_request=self._count_request)
            try:
                if await _unless_stopped(self._wait_for_api(kube), stop):
                    await _unless_stopped(self._hold_lease(kube), stop)
            finally:
                await kube.close()
        finally:
            await health.stop()

    async def _wait_for_api(self, kube: KubeClient) -> None:
        """Wait until the API server answers and serves our resource; say once what is missing."""
        said = ""
        while True:
            problem = await self._missing(kube)
            if not problem:
                break
            self._waiting_for = problem
            if problem != said:
                _LOG.warning("Waiting: %s", problem)
                said = problem
            await asyncio.sleep(_WAIT_FOR_API_SECONDS)
        self._waiting_for = ""

    async def _missing(self, kube: KubeClient) -> str:
        namespace = self._settings.namespaces[0] if self._settings.namespaces else None
        try:
            await kube.list(names.ENSEMBLES, namespace)
        except KubeError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return (
                    f"the API server does not know {names.PLURAL}.{names.GROUP}; run "
                    "`kubectl apply --server-side -f crds/`"
                )
            if error.status == HTTPStatus.FORBIDDEN:
                return f"the operator may not list {names.PLURAL}: {error.message}"
            return f"the API server does not answer: {error}"
        # kopf would end the watch of all kinds for one that it may not read.
        return " ".join(await kube.preflight(_CHILD_KINDS, self._settings.namespaces))

    async def _hold_lease(self, kube: KubeClient) -> None:
        if not self._settings.leader_election:
            await self._lead(kube)
            return
        self._elector = LeaseElector(
            KubeLeaseStore(kube, self._settings.namespace, self._settings.lease_name),
            identity=self._identity,
            duration=self._settings.lease_seconds,
            on_change=self._metrics.leading,
        )
        _LOG.info("Waiting for the Lease as %s", self._identity)
        await self._elector.run(lambda: self._lead(kube))

    def _may_act(self) -> bool:
        return self._elector is None or self._elector.still_leading(_WRITE_MARGIN_SECONDS)

    async def _lead(self, kube: KubeClient) -> None:
        _LOG.info("Working")
        queue = WorkQueue[Key](random=random.random, observer=self._metrics.queue)
        self._queue = queue
        ledger = EventLedger()
        async with open_zookeeper(self._settings, kube, on_probe=self._metrics.probe) as zookeeper:
            prober = Prober(
                zookeeper,
                queue.add,
                period_seconds=self._settings.probe_seconds,
                on_pass=self._sample,
                on_gone=lambda key: self._metrics.forget_ensemble(*key),
            )
            reconciler = Reconciler(kube, zookeeper, self._settings, prober, may_act=self._may_act)
            await _together(
                work(
                    queue,
                    reconciler.reconcile,
                    workers=self._settings.workers,
                    timeout=self._settings.pass_timeout_seconds,
                    log_extra=lambda key: {"ensemble": f"{key[0]}/{key[1]}"},
                    expected=(KubeError,),
                ),
                prober.run(),
                self._resync(kube, queue, ledger),
                watch(
                    (_PRIMARY, *_CHILDREN),
                    namespaces=self._settings.namespaces,
                    login=lambda: _login(kube),
                    on_event=Waker(queue, ledger).on_event,
                    domain=names.GROUP,
                    reclaim_signals=self._catch_signals,
                ),
            )
        self._metrics.forget_all_ensembles()

    async def _resync(self, kube: KubeClient, queue: WorkQueue[Key], ledger: EventLedger) -> None:
        """List all ensembles once per period: what no event has told is found all the same."""
        while True:
            await asyncio.sleep(self._settings.resync_seconds)
            try:
                live = await self._list_ensembles(kube)
            except KubeError as error:
                _LOG.warning("Resync: %s", error)
                continue
            versions = {b["metadata"]["uid"]: b["metadata"]["resourceVersion"] for b in live}
            drifted = ledger.compare(versions)
            if drifted:
                self._metrics.drift(len(drifted))
                _LOG.warning("The watch has missed changes of %d ensembles", len(drifted))
            for body in live:
                queue.add((body["metadata"]["namespace"], body["metadata"]["name"]))

    async def _list_ensembles(self, kube: KubeClient) -> list[dict[str, Any]]:
        found = []
        for namespace in self._settings.namespaces or (None,):
            found += await kube.list(names.ENSEMBLES, namespace)
        return found

    def _check_passes(self) -> str | None:
        oldest = self._queue.oldest_running() if self._queue is not None else 0.0
        if oldest > 2 * self._settings.pass_timeout_seconds:
            return f"a pass has been running for {oldest:.0f} s"
        return None

    def _check_kubernetes(self) -> str | None:
        if self._waiting_for:
            return self._waiting_for
        since = self._unanswered_since
        silent = 0.0 if since is None else asyncio.get_running_loop().time() - since
        if silent > _UNANSWERED_SECONDS:
            return f"the API server does not answer, for {silent:.0f} s now"
        return None

    def _check_lease(self) -> str | None:
        """Whoever has lost the Lease ends; one that cannot has to be ended."""
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
        self._metrics.api_request(verb, kind, status)
        if verb not in {"get", "list", "watch"}:
            self._metrics.api_write(verb, kind)

    def _sample(self, key: Key, plan: Plan) -> None:
        ready = conditions.find(build_conditions(plan), conditions.READY)
        quorum = plan.quorum
        self._metrics.ensemble(
            *key,
            EnsembleSample(
                ready=ready is not None and ready.status == conditions.TRUE,
                quorum_healthy=quorum.healthy,
                voters=len(quorum.voters),
                live_voters=len(quorum.live),
                tolerates=quorum.tolerates,
                epoch=quorum.epoch,
                leader=quorum.leader,
            ),
        )


class Waker:
    """Turns events into keys. Which ensemble is all that is taken from an event."""

    def __init__(self, queue: WorkQueue[Key], ledger: EventLedger) -> None:
        self._queue = queue
        self._ledger = ledger
        self._seen: dict[str, object] = {}

    def on_event(self, resource: WatchedResource, type_: str | None, body: dict[str, Any]) -> None:
        """Put the ensemble that an object belongs to into the queue."""
        metadata = body["metadata"]
        namespace = metadata.get("namespace", "")
        if resource != _PRIMARY:
            ensemble = (metadata.get("labels") or {}).get(names.LABEL_ENSEMBLE)
            if ensemble:
                self._queue.add((namespace, ensemble))
            return
        uid = metadata["uid"]
        if type_ == "DELETED":
            self._ledger.gone(uid)
            self._seen.pop(uid, None)
            self._queue.add((namespace, metadata["name"]))
            return
        self._ledger.seen(uid, metadata.get("resourceVersion", ""))
        # Our own status write comes back as an event: it must not wake us again.
        said = (
            metadata.get("generation"),
            metadata.get("labels"),
            metadata.get("annotations"),
            metadata.get("deletionTimestamp"),
        )
        if self._seen.get(uid) != said:
            self._seen[uid] = said
            self._queue.add((namespace, metadata["name"]))


async def _login(kube: KubeClient) -> kopf.ConnectionInfo:
    facts = await kube.credentials()
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


async def _together(*parts: Any) -> None:
    """Run parts that live and die together; the first to end ends all, and its error is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task.done()]
    finally:
        await end(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


async def _unless_stopped(part: Any, stop: asyncio.Event) -> bool:
    """Run a part until it ends or `stop` is set; whether it ended by itself."""
    working = asyncio.ensure_future(part)
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def run(settings: Settings) -> None:
    """Run one operator process until SIGTERM or SIGINT.

    Raises:
        LeaseLostError, WatchError: see `Operator.run`.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def catch_signals() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

    catch_signals()
    await Operator(settings, catch_signals).run(stop)
