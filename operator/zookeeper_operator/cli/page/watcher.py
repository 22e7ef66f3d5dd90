"""Keeps the page's knowledge of one ensemble, or of all, up to date while a browser follows it.

The API server reports changes of objects; every member is asked by itself, so one that is silent delays
nothing that the others say. When the API server is out of reach, the last picture stays and the page says so.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from zookeeper_operator.cli.events import events_of
from zookeeper_operator.cli.failure import explain
from zookeeper_operator.cli.page.channel import Channel
from zookeeper_operator.cli.page.picture import (
    Leader,
    Scene,
    build_picture,
    build_row,
    leader_of,
)
from zookeeper_operator.cli.page.timeline import Moment, find_moments, moments_of_events
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observe import addresses_of, utc_now
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.pods import read_pod
from zookeeper_operator.kube.api import RESOURCES, KubeError, Object, Resource
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.kube.follow import Followed, follow
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Address, ZooKeeper

_LOG: Final = logging.getLogger(__name__)

PICTURE: Final = "picture"
TIMELINE: Final = "timeline"
CLUSTER: Final = "cluster"
ROW: Final = "row:"
GONE: Final = "gone:"

ASK_SECONDS: Final = 0.25
"""Between two questions to a member: who leads."""
_MORE_SECONDS: Final = 2.0
"""Between two questions for everything else."""
_RETRY_SECONDS: Final = 1.0
_HEARTBEAT_SECONDS: Final = 2.0
_HEARTBEAT_LIMIT: Final = 4.0
_MOMENTS: Final = 200
_EVENTS: Final = 100
_ZONE: Final = "topology.kubernetes.io/zone"


def is_loss(error: KubeError) -> bool:
    """Whether the API server can be asked for nothing now: no answer, no service, no credentials.

    That something may not be read is an answer.
    """
    return error.status in {0, HTTPStatus.UNAUTHORIZED} or (
        error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def is_whole(answers: Answers) -> bool:
    """Whether a member has said all that it was asked: that it serves, with what belongs to it, or not."""
    told = None not in {answers.leader_id, answers.zxid, answers.voting_view}
    return answers.denies or (answers.serving and told)


class ClusterState:
    """Whether the API server can be reached, as every channel shows it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._channel.put(CLUSTER, {"reachable": True, "problem": "", "since": None})

    @property
    def reachable(self) -> bool:
        """Whether the last request was answered."""
        return bool(self._channel.get(CLUSTER)["reachable"])

    def lost(self, problem: str) -> bool:
        """Record a request without an answer; whether that is news."""
        news = self.reachable
        since = utc_now().isoformat() if news else self._channel.get(CLUSTER)["since"]
        self._channel.put(CLUSTER, {"reachable": False, "problem": problem, "since": since})
        return news

    def back(self) -> bool:
        """Record a request with an answer; whether that is news."""
        news = not self.reachable
        self._channel.put(CLUSTER, {"reachable": True, "problem": "", "since": None})
        return news


class Watcher:
    """Runs the tasks that keep one channel up to date."""

    def __init__(self, kube: KubeClient) -> None:
        self.channel = Channel()
        self.cluster = ClusterState(self.channel)
        self._kube = kube
        self._tasks: set[asyncio.Task[None]] = set()
        self._following: list[asyncio.Task[None]] = []
        self._beating = asyncio.Lock()
        self._beat_sent = -1.0

    def start(self) -> None:
        """Begin to watch."""
        self._spawn(self._heartbeat())
        self._start_following()

    def _start_following(self) -> None:
        """Follow the objects, by new requests: those before a loss may wait for an answer for long."""
        for task in self._following:
            task.cancel()
        self._following = [self._spawn(work) for work in self._work()]

    async def stop(self) -> None:
        """End every task."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _work(self) -> Iterable[Any]:
        raise NotImplementedError

    def _noted(self, moment: Moment) -> None:
        """Take note of a loss of the cluster, or its end."""

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Show that a part of the page has broken off, which is a fault of this program."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _LOG.error("A part of the page has ended", exc_info=error)
            self.channel.put(
                f"refused:{task.get_name()}",
                f"a part of this page has ended, start kubectl zk page again: {error!r}",
            )

    def _lost(self, error: KubeError) -> None:
        problem = explain(error)
        if self.cluster.lost(problem):
            text = f"the cluster is out of reach: {problem}"
            self._noted(Moment(utc_now(), "cluster", text, warning=True))

    def _back(self) -> None:
        if self.cluster.back():
            self._noted(Moment(utc_now(), "cluster", "the cluster can be reached again"))
            self._start_following()

    async def _heartbeat(self) -> None:
        """Find out soon that the API server does not answer: an idle watch would not show it."""
        while True:
            await self.ask_cluster()
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    async def ask_cluster(self) -> bool:
        """Whether the API server answers a question sent now or later; all who wait share one.

        An answer to an older question says nothing of a loss since then.
        """
        loop = asyncio.get_running_loop()
        wanted = loop.time()
        async with self._beating:
            if self._beat_sent >= wanted:
                return self.cluster.reachable
            self._beat_sent = loop.time()
            try:
                async with asyncio.timeout(_HEARTBEAT_LIMIT):
                    await self._kube.transport.json("GET", "/version", verb="get", kind="")
            except TimeoutError:
                said = f"the API server has not answered within {_HEARTBEAT_LIMIT:g} s"
                self._lost(KubeError(0, "Unreachable", said))
            except KubeError as error:
                if is_loss(error):
                    self._lost(error)
                else:
                    self._back()
            else:
                self._back()
            return self.cluster.reachable

    async def _follow(
        self,
        resource: Resource,
        namespace: str | None,
        on_change: Callable[[Followed], Awaitable[None]],
        *,
        labels: str = "",
        fields: str = "",
    ) -> None:
        """Follow objects for ever, through every loss of the API server."""
        while True:
            try:
                transport = self._kube.transport
                async with contextlib.aclosing(
                    follow(transport, resource, namespace, labels=labels, fields=fields)
                ) as changes:
                    async for followed in changes:
                        await on_change(followed)
            except KubeError as error:
                if is_loss(error):
                    self._lost(error)
                else:
                    self._refused(resource, error)
            await asyncio.sleep(_RETRY_SECONDS)

    def _refused(self, resource: Resource, error: KubeError) -> None:
        """Show that something may not be read; the rest goes on."""
        self.channel.put(f"refused:{resource.plural}", explain(error))


class EnsembleWatcher(Watcher):
    """Keeps the picture and the timeline of one ensemble up to date."""

    def __init__(self, kube: KubeClient, zookeeper: ZooKeeper, namespace: str, name: str) -> None:
        super().__init__(kube)
        self._zookeeper = zookeeper
        self._namespace = namespace
        self._name = name
        self._scene: Scene | None = None
        self._pods = tuple[Pod, ...]()
        self._may_read_nodes = True
        self._asking: dict[Address, asyncio.Task[None]] = {}
        self._moments: deque[Moment] = deque(maxlen=_MOMENTS)
        self._events: list[Moment] = []
        self._leader: Leader | None = None
        self._led_since = utc_now()

    def _work(self) -> Iterable[Any]:
        mine = f"metadata.name={self._name}"
        about = f"involvedObject.kind={names.KIND},involvedObject.name={self._name}"
        labels = f"{names.LABEL_ENSEMBLE}={self._name}"
        return (
            self._follow(names.ENSEMBLES, self._namespace, self._on_body, fields=mine),
            self._follow(RESOURCES["Pod"], self._namespace, self._on_pods, labels=labels),
            self._follow(RESOURCES["Event"], self._namespace, self._on_events, fields=about),
        )

    def _noted(self, moment: Moment) -> None:
        self._moments.append(moment)
        self._put_timeline()

    # ------------------------------------------------------------------ what the API server says

    async def _on_body(self, followed: Followed) -> None:
        body = next(iter(followed.objects.values()), None)
        if body is None:
            self._scene = None
            self.channel.put(PICTURE, None)
            return
        self._show(replace(self._scene or Scene(body, pods=self._pods), body=body))
        await self._learn_zones()

    async def _on_pods(self, followed: Followed) -> None:
        now = utc_now()
        found = (read_pod(p, ensemble=self._name, now=now) for p in followed.objects.values())
        self._pods = tuple(sorted(filter(None, found), key=lambda pod: pod.id))
        addresses = set(addresses_of(self._namespace, self._pods))
        for address in self._asking.keys() - addresses:
            self._asking.pop(address).cancel()
        for address in addresses - self._asking.keys():
            self._asking[address] = self._spawn(self._keep_asking(address))
        if self._scene is not None:
            listed = {address.id for address in addresses}
            answers = {i: a for i, a in self._scene.answers.items() if i in listed}
            self._show(replace(self._scene, pods=self._pods, answers=answers))
            await self._learn_zones()

    async def _on_events(self, followed: Followed) -> None:
        found = events_of(followed.objects.values(), self._name)
        self._events = list(moments_of_events(found))[-_EVENTS:]
        self._put_timeline()

    async def _learn_zones(self) -> None:
        """Read the zones of nodes that are not known yet; none where nodes may not be read."""
        assert self._scene is not None
        found = dict(self._scene.zones)
        nodes = {pod.node for pod in self._pods} - found.keys() - {""}
        for node in nodes if self._may_read_nodes else ():
            try:
                body = await self._kube.get_metadata(RESOURCES["Node"], "", node)
            except KubeError as error:
                if error.status != HTTPStatus.FORBIDDEN:
                    raise
                self._may_read_nodes = False
                return
            found[node] = ((body or {}).get("metadata", {}).get("labels") or {}).get(_ZONE, "")
        # The ensemble may have been deleted meanwhile.
        if nodes and self._scene is not None:
            self._show(replace(self._scene, zones=found))

    # ------------------------------------------------------------------ what the members say

    async def _keep_asking(self, address: Address) -> None:
        """Ask a member who leads, and for everything else when that changes, or now and then."""
        loop = asyncio.get_running_loop()
        known: Answers | None = None
        asked_all = -_MORE_SECONDS
        while True:
            if known is None or loop.time() - asked_all > _MORE_SECONDS:
                known = await self._ask(address, thorough=True)
                asked_all = loop.time()
            else:
                answer = await self._ask(address, thorough=False)
                if _said(answer) != _said(known):
                    known = await self._ask(address, thorough=True)
                    asked_all = loop.time()
            # Where the API server is the way to the members, its silence looks like theirs, and its end in
            # the middle of an answer like a member that leaves something out.
            heard = is_whole(known)
            if not heard and await self.ask_cluster():
                # While it goes away it may cut one answer off and still give the next.
                await asyncio.sleep(ASK_SECONDS)
                known = await self._ask(address, thorough=True)
                heard = is_whole(known) or await self.ask_cluster()
            mine = self._asking.get(address) is asyncio.current_task()
            if heard and mine and self._scene is not None:
                answers = {**self._scene.answers, address.id: known}
                answered = self._scene.heard | ({address.id} if known.reachable else set())
                self._show(replace(self._scene, answers=answers, heard=answered))
            await asyncio.sleep(ASK_SECONDS)

    async def _ask(self, address: Address, *, thorough: bool) -> Answers:
        return (await self._zookeeper.probe([address], thorough=thorough))[address.id]

    # ------------------------------------------------------------------ what is shown

    def _show(self, scene: Scene) -> None:
        """Show a scene, and note what has changed since the last one."""
        self._scene = scene
        if not self.cluster.reachable:
            return  # what no member can be asked says nothing of the members
        now = utc_now()
        leader = leader_of(scene)
        if leader != self._leader:
            self._leader, self._led_since = leader, now
        before, after = self.channel.get(PICTURE), build_picture(scene, self._led_since)
        if before is not None and (found := list(find_moments(before, after, now))):
            self._moments.extend(found)
            self._put_timeline()
        self.channel.put(PICTURE, after)

    def _put_timeline(self) -> None:
        moments = sorted([*self._events, *self._moments], key=lambda m: m.at, reverse=True)
        self.channel.put(TIMELINE, [moment.as_value() for moment in moments[:_MOMENTS]])


def _said(answer: Answers) -> object:
    return answer.reachable, answer.problem, answer.leader_id, answer.is_leader


class OverviewWatcher(Watcher):
    """Keeps a line about each ensemble of a namespace, or of all, up to date."""

    def __init__(self, kube: KubeClient, namespace: str | None) -> None:
        super().__init__(kube)
        self._namespace = namespace

    def _work(self) -> Iterable[Any]:
        return (self._follow(names.ENSEMBLES, self._namespace, self._on_change),)

    async def _on_change(self, followed: Followed) -> None:
        for uid in followed.changed:
            body: Object | None = followed.objects.get(uid)
            self.channel.put(f"{ROW}{uid}", None if body is None else build_row(body))
        self.channel.put("listed", len(followed.objects))


class Watchers:
    """The watchers that browsers follow; one is kept for a while after the last has left."""

    def __init__(
        self, kube: KubeClient, zookeeper: ZooKeeper, namespace: str | None, linger: float = 60.0
    ) -> None:
        self._kube = kube
        self._zookeeper = zookeeper
        self._namespace = namespace
        self._linger = linger
        self._running: dict[tuple[str, str] | None, Watcher] = {}
        self._ending: dict[tuple[str, str] | None, asyncio.TimerHandle] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def use(self, key: tuple[str, str] | None) -> AsyncIterator[Watcher]:
        """The watcher of an ensemble, by namespace and name; of the overview without."""
        if (handle := self._ending.pop(key, None)) is not None:
            handle.cancel()
        if key not in self._running:
            self._running[key] = self._make(key)
            self._running[key].start()
        watcher = self._running[key]
        try:
            yield watcher
        finally:
            if watcher.channel.subscribers == 0:
                loop = asyncio.get_running_loop()
                if (handle := self._ending.pop(key, None)) is not None:
                    handle.cancel()
                self._ending[key] = loop.call_later(self._linger, self._end, key)

    def _make(self, key: tuple[str, str] | None) -> Watcher:
        if key is None:
            return OverviewWatcher(self._kube, self._namespace)
        return EnsembleWatcher(self._kube, self._zookeeper, *key)

    def _end(self, key: tuple[str, str] | None) -> None:
        self._ending.pop(key, None)
        watcher = self._running.get(key)
        if watcher is not None and watcher.channel.subscribers == 0:
            del self._running[key]
            task = asyncio.create_task(watcher.stop())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def close(self) -> None:
        """Stop all of them."""
        for handle in self._ending.values():
            handle.cancel()
        await asyncio.gather(*(watcher.stop() for watcher in self._running.values()))
        await asyncio.gather(*self._stopping, return_exceptions=True)
