"""A running ensemble that cannot reconfigure is cut over under clients that stop writing, and back before.

The controller is the real one, on the simulated API server; whoever answers it is a JVM.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from tests.integration.jvm_pods import FIRST, wait_for_source
from tests.integration.test_adoption import Adoption, Writer, open_adoption
from tests.integration.zookeeper_servers import ZooKeeperServers
from tests.simulation.source import SOURCE

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.membership import read_membership

PLAIN = {"reconfigEnabled": "false", "standaloneEnabled": "true", "db.autocreate": "true"}
"""A source as the official image and the chart of Bitnami have it."""


@pytest.fixture
async def adoption(zookeeper: ZooKeeperServers) -> AsyncIterator[Adoption]:
    async with open_adoption(zookeeper, PLAIN) as found:
        yield found


async def start_writers(adoption: Adoption) -> list[Writer]:
    adoption.begin()
    await wait_for_source(adoption.zookeeper, adoption.size)
    writers = [Writer(adoption.hosts(n), f"/writer-{n}") for n in (1, 2)]
    for writer in writers:
        writer.start()
    return writers


def pause(writers: list[Writer]) -> float:
    for writer in writers:
        writer.paused.set()
    return time.monotonic()


def resume(writers: list[Writer]) -> None:
    for writer in writers:
        writer.paused.clear()


async def wait_for_writes(writers: list[Writer], count: int) -> None:
    """Wait until each has had so many more writes acknowledged."""
    before = [len(writer.acknowledged) for writer in writers]
    for _ in range(1200):
        if all(len(w.acknowledged) >= n + count for w, n in zip(writers, before, strict=True)):
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("the clients do not get on with writing")


async def observe(adoption: Adoption) -> None:
    adoption.create(mode="CutOver")
    await adoption.reaches(reasons.OBSERVING, "have the data")


async def finish(adoption: Adoption, writers: list[Writer], stopped: float) -> float:
    """Wait for the end, and let the clients write again; seconds without writing."""
    await adoption.reconcile_until(lambda: "adoptedAt" in adoption.ensemble["status"])
    resume(writers)
    await wait_for_writes(writers, 1)
    return time.monotonic() - stopped


def check(writers: list[Writer], servers: ZooKeeperServers) -> None:
    """No acknowledged write is missing at any member of ours."""
    # A session lives as long as its client comes back in its time; a busy machine may take longer.
    logging.getLogger(__name__).info("sessions: %s", [len(w.sessions) for w in writers])
    for member in range(FIRST, FIRST + 3):
        client = KazooClient(f"{servers[member].ip}:2181", timeout=10)
        client.start(30)
        client.sync("/")
        for writer in writers:
            there = {int(name) for name in client.get_children(writer.path)}
            assert set(writer.acknowledged) <= there, "an acknowledged write is lost"
            assert len(writer.acknowledged) > 50
        assert client.get_children("/zookeeper") == ["config", "quota"], "the fence has gone"
        client.stop()
        client.close()


@pytest.mark.parametrize(
    "older",
    [
        pytest.param(False, id="the same release"),
        pytest.param(True, id="the line before", marks=pytest.mark.long),
    ],
)
async def test_a_source_without_reconfiguration_is_cut_over(
    adoption: Adoption, older_zookeeper_jars: Path, zookeeper_jars: Path, *, older: bool
) -> None:
    source = range(1, adoption.size + 1)
    if older:
        adoption.servers.replace_jars(source, older_zookeeper_jars)
    writers = await start_writers(adoption)
    try:
        await observe(adoption)
        assert await adoption.voters() == {1, 2, 3}, "nobody has a vote before the cut"

        adoption.proceed("Swap")
        await adoption.reaches(reasons.SOURCE_STILL_WRITES)
        again = time.monotonic() + 8
        await adoption.reconcile_until(lambda: time.monotonic() > again)
        assert adoption.adopted["reason"] == reasons.SOURCE_STILL_WRITES
        assert adoption.source_pods == 3, "a source that is written to is not stopped"

        stopped = pause(writers)
        gap = await finish(adoption, writers, stopped)
        logging.getLogger(__name__).info("%.1f s without writing", gap)
        assert gap > 5
        assert adoption.source_pods == 0
        assert await adoption.voters() == {5, 6, 7}
        access = adoption.servers.access(range(FIRST, FIRST + 3))
        config = await adoption.zookeeper.read_config(access)
        assert config.version >> 32 > 1000, "the source does not come to this epoch"
        await asyncio.sleep(1)
    finally:
        for writer in writers:
            writer.stop()
        if older:
            adoption.servers.replace_jars(source, zookeeper_jars)
    check(writers, adoption.servers)


async def test_a_cut_over_goes_back_until_the_source_is_stopped(adoption: Adoption) -> None:
    writers = await start_writers(adoption)
    try:
        await observe(adoption)
        pause(writers)
        adoption.proceed("Swap")
        await adoption.reconcile_until(lambda: adoption.source_pods == 0)
        adoption.proceed("Observe")
        await adoption.reaches(reasons.OBSERVING, "have the data")
        assert adoption.source_pods == 3
        published = adoption.api.get("ConfigMap", "zk-membership")
        assert published is not None
        assert read_membership(published).voters == {1, 2, 3}

        resume(writers)
        await wait_for_writes(writers, 20)
        stopped = pause(writers)
        adoption.proceed("Swap")
        await finish(adoption, writers, stopped)
        assert adoption.source_pods == 0
    finally:
        for writer in writers:
            writer.stop()
    check(writers, adoption.servers)


async def test_a_source_that_comes_back_after_the_cut_is_told(adoption: Adoption) -> None:
    writers = await start_writers(adoption)
    try:
        await observe(adoption)
        stopped = pause(writers)
        adoption.proceed("Swap")
        await finish(adoption, writers, stopped)
    finally:
        for writer in writers:
            writer.stop()
    adoption.keep_source_pods(3)
    await adoption.reaches(reasons.SOURCE_CAME_BACK, f"scale statefulset/{SOURCE} --replicas=0")
    check(writers, adoption.servers)


async def test_a_source_that_allows_reconfiguration_in_the_middle_is_refused(
    adoption: Adoption,
) -> None:
    """Our members would take its list for newer than their own, and find no majority after the cut."""
    writers = await start_writers(adoption)
    try:
        await observe(adoption)
        adoption.proceed("Swap")
        await adoption.reaches(reasons.SOURCE_STILL_WRITES)
        pause(writers)
        adoption.pods.turn_reconfiguration_on()
        await adoption.reaches(reasons.SOURCE_REFUSED, "create it with spec.adopt.mode: Join")
        assert adoption.source_pods == 3
        adoption.proceed("Observe")
        edited = adoption.ensemble["metadata"]["generation"]
        await adoption.reconcile_until(lambda: adoption.adopted.get("observedGeneration") == edited)
        await adoption.reaches(reasons.SOURCE_REFUSED)
        published = adoption.api.get("ConfigMap", "zk-membership")
        assert published is not None
        assert read_membership(published).version == 0
        resume(writers)
        await wait_for_writes(writers, 5)
    finally:
        for writer in writers:
            writer.stop()


async def test_by_hand_a_source_is_cut_over_when_it_is_known_to_be_stopped(
    adoption: Adoption,
) -> None:
    writers = await start_writers(adoption)
    try:
        adoption.create(mode="CutOver", statefulSet=None)
        await adoption.reaches(reasons.OBSERVING, "have the data")
        stopped = pause(writers)
        adoption.proceed("Swap")
        await adoption.reaches(reasons.WAITING_FOR_SOURCE, "stop member 1")
        # The owner says it too early.
        adoption.change(stoppedMembers=[1, 2, 3])
        again = time.monotonic() + 8
        await adoption.reconcile_until(lambda: time.monotonic() > again)
        assert "cutOverAt" not in adoption.ensemble["status"]["adoption"]
        adoption.keep_source_pods(0)
        await finish(adoption, writers, stopped)
        assert await adoption.voters() == {5, 6, 7}
    finally:
        for writer in writers:
            writer.stop()
    check(writers, adoption.servers)
