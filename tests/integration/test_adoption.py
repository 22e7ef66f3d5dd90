"""A running ensemble of real servers is taken over under writers, goes back, and is taken over again.

The controller is the real one, on the simulated API server; whoever answers it is a JVM.
"""

import asyncio
import contextlib
import logging
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from tests.integration.jvm_pods import FIRST, JvmPods, TranslatingZooKeeper, wait_for_source
from tests.integration.zookeeper_servers import ZooKeeperServers
from tests.simulation.api_server import NAMESPACE, ApiServer
from tests.simulation.controllers import StatefulSetController
from tests.simulation.ports import SimulatedKube
from tests.simulation.source import SOURCE, Source
from tests.simulation.stage import Stage
from tests.simulation.surroundings import Surroundings
from tests.simulation.weather import Weather

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.controller import EnsembleController
from zookeeper_operator.kube.api import KubeError, Object
from zookeeper_operator.settings import Settings

KEY = Key(names.KIND, NAMESPACE, "zk")
LONGEST_GAP = 15.0
"""Seconds that a write may take on a machine that does other things; a quiet one needs a tenth of it."""


class Unwatched:
    """Nobody watches the operator's hands here."""

    alive = True

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


@dataclass
class Writer:
    """One client with the addresses of the source first, as an application has them, and then ours."""

    hosts: list[str]
    path: str
    acknowledged: list[int] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)
    longest_gap: float = 0.0
    paused: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join(20)

    def _run(self) -> None:
        client = KazooClient(",".join(self.hosts), timeout=10, randomize_hosts=False)
        client.start(30)
        client.ensure_path(self.path)
        number, last = 0, time.monotonic()
        while not self._over.is_set():
            if self.paused.is_set():
                time.sleep(0.02)
                continue
            number += 1
            try:
                client.create_async(f"{self.path}/{number}", b"x").get(timeout=15)
            except (KazooException, OSError, TimeoutError):
                time.sleep(0.05)  # not acknowledged: it may be there or not
                continue
            now = time.monotonic()
            self.longest_gap, last = max(self.longest_gap, now - last), now
            self.acknowledged.append(number)
            if session := client.client_id:  # none between two sessions: the next one is added
                self.sessions.add(session[0])
            time.sleep(0.02)
        client.stop()
        client.close()


@dataclass
class Adoption:
    """The source, the operator and the API server of one test."""

    api: ApiServer
    pods: JvmPods
    zookeeper: TranslatingZooKeeper
    controller: EnsembleController
    servers: ZooKeeperServers
    size: int = 3

    @property
    def ensemble(self) -> Object:
        body = self.api.get(names.KIND, "zk")
        assert body is not None
        return body

    @property
    def adopted(self) -> Object:
        return dict(conditions.find_written(self.ensemble.get("status") or {}, conditions.ADOPTED))

    def begin(self) -> None:
        """The source runs."""
        labels = {"app": SOURCE}
        self.api.create(
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "metadata": {"name": SOURCE, "labels": labels},
                "spec": {
                    "replicas": self.size,
                    "serviceName": SOURCE,
                    "ordinals": {"start": 0},
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": {"containers": []}},
                },
            }
        )

    def create(self, **adopt: Any) -> None:
        """The user asks for the adoption."""
        self.api.create(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": "standard"},
            }
        )
        spec = {
            "replicas": 3,
            "version": "3.9.5",
            "firstMemberId": FIRST,
            "adopt": {
                "connectionString": f"{Source.host(1)}:2181",
                "statefulSet": {"name": SOURCE},
                **adopt,
            },
        }
        kind = {"apiVersion": names.API_VERSION, "kind": names.KIND}
        self.api.create({**kind, "metadata": {"name": "zk"}, "spec": spec})

    def proceed(self, gate: str) -> None:
        self.change(proceed=gate)

    def change(self, **fields: Any) -> None:
        """The user edits `spec.adopt`."""
        body = self.ensemble
        adopt = {**body["spec"]["adopt"], **fields}
        self.api.change(body, spec={**body["spec"], "adopt": adopt})

    async def reconcile_until(self, check: Callable[[], bool], *, seconds: float = 180) -> None:
        """Let the operator work until something holds."""
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, (self.ensemble.get("status") or {}).get(
                "conditions"
            )
            try:
                again = await self.controller.reconcile(KEY)
            except KubeError:
                again = 0.1
            await asyncio.sleep(min(again or 0.1, 0.3))

    async def reaches(self, reason: str, words: str = "") -> None:
        await self.reconcile_until(
            lambda: (
                self.adopted.get("reason") == reason and words in self.adopted.get("message", "")
            )
        )

    async def voters(self) -> frozenset[int]:
        access = self.servers.access(range(FIRST, FIRST + self.size))
        return (await self.zookeeper.read_config(access)).voters

    def hosts(self, first: int) -> list[str]:
        """All addresses, those of the source first, beginning with one of them."""
        source = [(first + n - 1) % self.size + 1 for n in range(self.size)]
        return [f"{self.servers[n].ip}:2181" for n in (*source, *range(FIRST, FIRST + self.size))]

    def keep_source_pods(self, count: int) -> None:
        """The owner of the source lets so many of its pods run."""
        statefulset = self.api.get("StatefulSet", SOURCE)
        assert statefulset is not None
        self.api.change(statefulset, spec={**statefulset["spec"], "replicas": count})

    @property
    def quorum(self) -> Object:
        found: Object = self.ensemble["status"]["quorum"]
        return found

    @property
    def source_pods(self) -> int:
        statefulset = self.api.get("StatefulSet", SOURCE)
        assert statefulset is not None
        return int(statefulset["spec"]["replicas"])


@contextlib.asynccontextmanager
async def open_adoption(
    zookeeper: ZooKeeperServers, source: Mapping[str, object] | None = None
) -> AsyncIterator[Adoption]:
    """A source that has yet to begin; `source` is what its members have in their zoo.cfg."""
    zookeeper.stop()
    for number in range(1, 10):
        zookeeper[number].forget()
    loop = asyncio.get_running_loop()
    stage = Stage(loop, "adoption")
    api = ApiServer(stage)
    StatefulSetController(stage, api)
    pods = JvmPods(stage, api, zookeeper, source)
    client = TranslatingZooKeeper(zookeeper)
    around = Surroundings(stage, api, None, pods, Weather(), None)  # type: ignore[arg-type]
    controller = EnsembleController(
        SimulatedKube(around, Unwatched()),
        client,
        Settings(namespace="operator", identity="test"),
        Board(),
        now=stage.wall_clock,
    )
    yield Adoption(api, pods, client, controller, zookeeper)
    await pods.close()
    await client.close()
    zookeeper.stop()


@pytest.fixture
async def adoption(zookeeper: ZooKeeperServers) -> AsyncIterator[Adoption]:
    async with open_adoption(zookeeper) as found:
        yield found


def check(writers: list[Writer], servers: ZooKeeperServers, at: int) -> None:
    """No acknowledged write is missing at a member, and no session was lost."""
    gaps = {w.path: (len(w.acknowledged), round(w.longest_gap, 2)) for w in writers}
    logging.getLogger(__name__).info("writes and longest gaps: %s", gaps)
    client = KazooClient(f"{servers[at].ip}:2181", timeout=10)
    client.start(30)
    client.sync("/")
    for writer in writers:
        there = {int(name) for name in client.get_children(writer.path)}
        assert set(writer.acknowledged) <= there, "an acknowledged write is lost"
        assert len(writer.sessions) == 1, "a session was lost"
        assert writer.longest_gap < LONGEST_GAP
        assert len(writer.acknowledged) > 50
    client.stop()
    client.close()


async def test_a_source_is_taken_over_back_and_again_under_writers(adoption: Adoption) -> None:
    adoption.begin()
    await wait_for_source(adoption.zookeeper, adoption.size)
    writers = [Writer(adoption.hosts(n), f"/writer-{n}") for n in (1, 2, 3)]
    for writer in writers:
        writer.start()
    try:
        adoption.create()
        await adoption.reaches(reasons.OBSERVING, "have the data")
        assert await adoption.voters() == {1, 2, 3}, "nobody has a vote before Swap"

        adoption.proceed("Swap")
        await adoption.reconcile_until(
            lambda: adoption.source_pods == 2 and adoption.quorum["voters"] == 3
        )
        adoption.pods.restart_from_static_list(1)
        await adoption.reaches(reasons.BRIDGING)
        assert await adoption.voters() == {5, 6, 7}
        assert adoption.source_pods == 1, "two old members that restart together are an ensemble"

        adoption.proceed("Observe")
        await adoption.reaches(reasons.OBSERVING, "have the data")
        assert await adoption.voters() == {1, 2, 3}
        assert adoption.source_pods == 3

        adoption.proceed("Swap")
        await adoption.reaches(reasons.BRIDGING)
        adoption.pods.restart_from_static_list(1)  # alone it elects nobody, and serves nobody
        adoption.proceed("Finish")
        await adoption.reconcile_until(lambda: "adoptedAt" in adoption.ensemble["status"])
        assert adoption.source_pods == 0
        await asyncio.sleep(2)
    finally:
        for writer in writers:
            writer.stop()
    check(writers, adoption.servers, FIRST)


async def test_a_source_of_the_line_before_is_taken_over(
    adoption: Adoption, older_zookeeper_jars: Path, zookeeper_jars: Path
) -> None:
    source = range(1, adoption.size + 1)
    adoption.servers.replace_jars(source, older_zookeeper_jars)
    try:
        adoption.begin()
        await wait_for_source(adoption.zookeeper, adoption.size)
        writer = Writer(adoption.hosts(2), "/writer")
        writer.start()
        adoption.create()
        await adoption.reaches(reasons.OBSERVING, "have the data")
        adoption.proceed("Finish")
        await adoption.reconcile_until(lambda: "adoptedAt" in adoption.ensemble["status"])
        writer.stop()
        check([writer], adoption.servers, FIRST + 1)
    finally:
        adoption.servers.replace_jars(source, zookeeper_jars)


async def test_a_single_server_is_taken_over_at_the_end(adoption: Adoption) -> None:
    adoption.size = 1
    adoption.begin()
    await wait_for_source(adoption.zookeeper, adoption.size)
    writer = Writer(adoption.hosts(1), "/writer")
    writer.start()
    try:
        adoption.create()
        await adoption.reaches(reasons.OBSERVING, "have the data")
        adoption.proceed("Swap")
        await adoption.reaches(reasons.OBSERVING, "a single server")
        assert await adoption.voters() == {1}
        adoption.proceed("Finish")
        await adoption.reconcile_until(lambda: "adoptedAt" in adoption.ensemble["status"])
        assert adoption.source_pods == 0
        await adoption.reconcile_until(lambda: adoption.ensemble["status"]["membership"]["settled"])
        again = await adoption.controller.reconcile(KEY)
        assert again is not None
        assert again <= 10, "a source that comes back must not wait for the next resync"
    finally:
        writer.stop()
    check([writer], adoption.servers, FIRST + 2)


async def test_members_are_stopped_by_hand_where_no_statefulset_is_named(
    adoption: Adoption,
) -> None:
    adoption.begin()
    await wait_for_source(adoption.zookeeper, adoption.size)
    writer = Writer(adoption.hosts(1), "/writer")
    writer.start()
    stopped = []

    def stop_what_is_asked_for() -> bool:
        asked = re.search(r"stop member ([0-9])", adoption.adopted.get("message", ""))
        if adoption.adopted.get("reason") == reasons.WAITING_FOR_SOURCE and asked is not None:
            member = int(asked[1])
            if member <= adoption.source_pods:
                stopped.append(member)
                adoption.keep_source_pods(member - 1)
                adoption.change(stoppedMembers=sorted(stopped))
        return "adoptedAt" in adoption.ensemble["status"]

    try:
        adoption.create(statefulSet=None, proceed="Swap")
        await adoption.reaches(reasons.WAITING_FOR_SOURCE)
        adoption.proceed("Finish")
        await adoption.reconcile_until(stop_what_is_asked_for)
    finally:
        writer.stop()
    assert stopped == [3, 2, 1]
    check([writer], adoption.servers, FIRST)
