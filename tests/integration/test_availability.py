"""Two operator processes and one Lease; and one process while the cluster is not as it should be."""

import asyncio
import contextlib
import signal
import socket
import time
from typing import Final

import pytest
from tests.integration.control_plane import NOBODY
from tests.integration.operator_process import OperatorProcess
from tests.integration.proxy import Call, Fault, FaultProxy, Hang, Refuse
from tests.integration.stage import CRD, Stage, install_crd
from tests.integration.waiting import until

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import RESOURCES, Object

SPEC: Final[Object] = {"replicas": 3, "storage": {"ephemeral": True}}
LEASE_SECONDS: Final = 3.0


class Pair:
    """Two operators with a proxy each, for one namespace; the Lease is in it as well."""

    def __init__(self, stage: Stage, place: str) -> None:
        self._stage = stage
        self.place = place
        self.operators: dict[str, OperatorProcess] = {}
        self.proxies: dict[str, FaultProxy] = {}

    async def start(self, name: str) -> OperatorProcess:
        """Start one of them; the same name again is a process of the same identity."""
        proxy = await self._stage.proxy()
        operator = self._stage.operator(
            f"{self.place}-{name}",
            proxy=proxy,
            namespaces=self.place,
            namespace=self.place,
            leader_election="true",
            lease_seconds=f"{LEASE_SECONDS:g}",
            resync_seconds="2",
        )
        self.proxies[name], self.operators[name] = proxy, operator
        operator.start()
        return operator

    async def holder(self) -> str:
        lease = await self._stage.kube.get(RESOURCES["Lease"], self.place, "zookeeper-operator")
        found = (lease or {}).get("spec", {}).get("holderIdentity") or ""
        return str(found).removeprefix(f"{self.place}-")

    async def held_by(self, name: str, *, seconds: float = 20) -> float:
        """Wait until that one holds the Lease; how long it took."""
        started = time.monotonic()

        async def holds() -> bool:
            return await self.holder() == name

        await until(holds, seconds=seconds)
        return time.monotonic() - started


@pytest.fixture
async def pair(stage: Stage, request: pytest.FixtureRequest) -> Pair:
    """One leads an ensemble that is settled, the other stands by."""
    (place,) = await stage.namespaces(request.function.__name__.replace("_", "-")[:40].strip("-"))
    pair = Pair(stage, place)
    await pair.start("one")
    await pair.held_by("one")
    standby = await pair.start("two")
    await stage.create(place, SPEC)
    await stage.settled([place])
    await standby.ready()
    return pair


async def test_standby_is_ready_alive_and_silent(pair: Pair) -> None:
    standby = pair.operators["two"]
    assert (await standby.ask("/livez"))[0] == 200
    assert (await standby.metrics())["zookeeper_operator_lease_leading"] == 0
    assert (await pair.operators["one"].metrics())["zookeeper_operator_lease_leading"] == 1
    assert pair.proxies["two"].writes() == []


async def test_a_normal_stop_hands_over_within_a_second(pair: Pair, stage: Stage) -> None:
    leader = pair.operators["one"]
    started = time.monotonic()
    leader.signal(signal.SIGTERM)
    await pair.held_by("two", seconds=10)
    taken = time.monotonic() - started
    assert await leader.ended(2) == 0
    await stage.edit(pair.place, {"spec": {"logging": {"level": "DEBUG"}}})
    await stage.settled([pair.place])
    assert taken <= 1.0
    assert "Lease released" in leader.log()
    assert leader.tracebacks() == []


async def test_a_stop_in_the_middle_of_many_events_takes_no_longer(stage: Stage) -> None:
    """Frozen meanwhile, it hears of them and of its end at once: kopf has begun nothing of what it read."""
    (place,) = await stage.namespaces("stop-in-a-burst")
    operator = stage.operator("burst", namespaces=place)
    operator.start()
    await stage.create(place, SPEC)
    await stage.settled([place])
    before = len(operator.log())
    operator.signal(signal.SIGSTOP)
    for number in range(100):
        labels = {names.LABEL_ENSEMBLE: "zk"}
        metadata = {"namespace": place, "name": f"noise-{number}", "labels": labels}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        await stage.kube.create(RESOURCES["ConfigMap"], body)
    operator.signal(signal.SIGTERM)
    operator.signal(signal.SIGCONT)
    assert await operator.ended(2) == 0
    last_words = operator.log()[before:].splitlines()
    assert [line for line in last_words if " WARN" in line or " ERROR" in line] == []
    assert operator.tracebacks() == []


async def test_a_crash_hands_over_within_the_lease_duration(pair: Pair, stage: Stage) -> None:
    pair.operators["one"].kill()
    await stage.edit(pair.place, {"spec": {"logging": {"level": "DEBUG"}}})
    # Up to one more look of the standby, which looks every 0.8 s.
    assert await pair.held_by("two") <= LEASE_SECONDS + 1.0
    await stage.settled([pair.place])


def _lease(call: Call) -> bool:
    return call.resource == "leases"


async def test_who_is_cut_off_from_the_lease_writes_nothing_once_another_leads(
    pair: Pair, stage: Stage
) -> None:
    """In the middle of a pass: its writes are slow, its renewals are lost, and it is told nothing."""
    old, proxy = pair.operators["one"], pair.proxies["one"]

    def decide(call: Call) -> Fault | None:
        return Hang(60) if _lease(call) else None

    proxy.decide = decide
    cut = time.monotonic()
    editing = asyncio.create_task(_edit_for(stage, pair.place, LEASE_SECONDS + 3))
    await pair.held_by("two")
    taken = time.monotonic()
    await editing
    assert await old.ended() == 1
    assert taken - cut <= LEASE_SECONDS + 1.0
    assert proxy.writes(since=taken - 0.2) == []
    assert "Ending: The Lease could not be renewed" in old.log()
    assert old.tracebacks() == []
    await stage.settled([pair.place])


async def _edit_for(stage: Stage, place: str, seconds: float) -> None:
    """Give whoever leads something to write, all the time."""
    deadline = time.monotonic() + seconds
    number = 0
    while time.monotonic() < deadline:
        number += 1
        change = {"spec": {"networkPolicy": {"enabled": bool(number % 2)}}}
        await stage.edit(place, change)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("stopped_in", ["rest", "pass"])
async def test_who_was_frozen_past_its_lease_writes_nothing_when_it_wakes(
    stage: Stage, stopped_in: str
) -> None:
    """SIGSTOP, at rest or between two writes of one pass; SIGCONT when another has led for long."""
    (place,) = await stage.namespaces(f"frozen-in-{stopped_in}")
    pair = Pair(stage, place)
    old = await pair.start("one")
    await pair.held_by("one")
    frozen = asyncio.Event()

    async def freeze(call: Call) -> None:
        if call.resource == "services" and not frozen.is_set():
            old.signal(signal.SIGSTOP)
            frozen.set()

    if stopped_in == "pass":
        pair.proxies["one"].after_write = freeze
        await stage.create(place, SPEC)
    else:
        await stage.create(place, SPEC)
        await stage.settled([place])
        old.signal(signal.SIGSTOP)
        frozen.set()
    await asyncio.wait_for(frozen.wait(), 20)
    await pair.start("two")
    await pair.held_by("two")
    await stage.edit(place, {"spec": {"logging": {"level": "DEBUG"}}})
    await stage.settled([place])
    woken = time.monotonic()
    old.signal(signal.SIGCONT)
    await old.ended()
    assert pair.proxies["one"].writes(since=woken) == []
    assert await pair.holder() == "two"
    assert "Ending: " in old.log()
    assert old.tracebacks() == []


async def test_away_for_a_while_the_api_server_is_waited_for(stage: Stage) -> None:
    """Longer than every patience on the way: the process may end in one line, and comes back."""
    proxy = await stage.proxy()
    (place,) = await stage.namespaces("api-server-away")
    operator = stage.operator("away", proxy=proxy, namespaces=place, resync_seconds="2")
    operator.start()
    await stage.create(place, SPEC)
    await stage.settled([place])
    async with operator.supervised():
        await proxy.shut()
        await stage.edit(place, {"spec": {"logging": {"level": "DEBUG"}}})
        await asyncio.sleep(12)
        assert (await operator.ask("/livez"))[0] == 200
        status, text = await operator.ask("/readyz")
        assert status == 503, text
        assert "the API server has not answered for" in text
        await proxy.open()
        await stage.settled([place], seconds=60)
        await operator.ready()
    assert operator.tracebacks() == []


async def test_at_the_start_the_api_server_is_waited_for(stage: Stage) -> None:
    proxy = await stage.proxy()
    (place,) = await stage.namespaces("api-server-later")
    await stage.create(place, SPEC)
    await proxy.shut()
    operator = stage.operator("later", proxy=proxy, namespaces=place)
    operator.start()
    await _says(operator, "/readyz", 503, "the API server does not answer")
    assert (await operator.ask("/livez"))[0] == 200
    await proxy.open()
    await stage.settled([place])
    await operator.ready()
    assert operator.log().count("Waiting: the API server does not answer") == 1
    assert operator.tracebacks() == []


async def test_without_rights_it_waits_and_says_which(stage: Stage) -> None:
    (place,) = await stage.namespaces("no-rights")
    proxy = await stage.proxy()
    proxy.decide = lambda call: None
    operator = stage.operator("no-rights", proxy=proxy, token=NOBODY, namespaces=place)
    operator.start()
    await _says(operator, "/readyz", 503, "may not list zookeeperensembles")
    assert (await operator.ask("/livez"))[0] == 200
    assert operator.log().count("Waiting: the operator may not list zookeeperensembles") == 1
    await stage.create(place, SPEC)
    await stage.grant(place, "nobody")
    await stage.settled([place])
    await operator.ready()
    assert operator.tracebacks() == []


async def test_a_right_taken_away_ends_the_process_in_one_line(stage: Stage) -> None:
    """The watch of one kind is refused from now on: it ends, waits as long as it is so, and recovers."""
    proxy = await stage.proxy()
    (place,) = await stage.namespaces("right-taken-away")
    operator = stage.operator("right", proxy=proxy, namespaces=place)
    operator.start()
    await stage.create(place, SPEC)
    await stage.settled([place])
    proxy.decide = lambda call: (
        Refuse(403, "Forbidden")
        if call.resource == "poddisruptionbudgets" and not call.write
        else None
    )
    await proxy.shut()
    await proxy.open()
    async with operator.supervised():
        await operator.exited()
        await _says(operator, "/readyz", 503, "may not list poddisruptionbudgets")
        proxy.decide = lambda call: None
        await stage.edit(place, {"spec": {"logging": {"level": "DEBUG"}}})
        await stage.settled([place])
        await operator.ready()
    assert operator.tracebacks() == []


async def test_without_the_kind_it_waits_and_says_how_to_install_it(stage: Stage) -> None:
    """Last in this file: the kind goes, and with it every ensemble there is."""
    (place,) = await stage.namespaces("no-kind")
    operator = stage.operator("kindless", namespaces=place)
    operator.start()
    await stage.create(place, SPEC)
    await stage.settled([place])
    async with operator.supervised():
        definition = await stage.kube.get(CRD, None, f"{names.PLURAL}.{names.GROUP}")
        assert definition is not None
        name, uid = definition["metadata"]["name"], definition["metadata"]["uid"]
        await stage.kube.delete(CRD, "", name, uid=uid)
        await _says(operator, "/readyz", 503, "kubectl apply --server-side -f crds/", seconds=60)
        assert (await operator.ask("/livez"))[0] == 200
        await install_crd(stage.kube)
        await stage.create(place, SPEC)
        await stage.settled([place], seconds=60)
        await operator.ready()
    assert operator.tracebacks() == []


async def _says(
    operator: OperatorProcess, path: str, status: int, words: str, *, seconds: float = 30
) -> None:
    """Wait until a health page has this status and these words."""
    deadline = time.monotonic() + seconds
    while True:
        found = await operator.ask(path)
        if found[0] == status and words in found[1]:
            return
        assert time.monotonic() < deadline, (found, operator.log()[-2000:])
        await asyncio.sleep(0.1)


# ---- the means of these tests ----


async def test_a_proxy_that_is_shut_leaves_no_connection_open(stage: Stage) -> None:
    """Also not one that its loop has just accepted, however far it has got with it."""
    proxy = await stage.proxy()
    port = int(proxy.url.rpartition(":")[2])
    for turns in range(8):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            for _ in range(turns):
                await asyncio.sleep(0)
            await proxy.shut()
            connection.settimeout(1)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b"", f"open, {turns} turns after it was made"
        await proxy.open()
