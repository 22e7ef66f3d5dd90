"""Everything that `control` does, for two kinds that it knows nothing of, on a real API server."""

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.control_plane import ADMIN, SERVER, ControlPlane
from tests.integration.greetings import (
    CONFIG_MAP,
    ECHO,
    ECHOED,
    GREETING,
    GROUP,
    REPORTED,
    EchoController,
    GreetingController,
    GreetingReport,
    body_of,
    definition,
)
from tests.integration.proxy import Call, FaultProxy, Mute
from tests.integration.stage import CRD, NAMESPACE
from tests.integration.waiting import until
from tests.kopf_tasks import end_kopf

from zookeeper_operator.control.controller import Controller, Key
from zookeeper_operator.control.operator import Operator, Parts
from zookeeper_operator.kube.api import RESOURCES, Object
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.settings import Settings

_PORTS: Final = itertools.count(7601)
_PREFIX: Final = "zookeeper_operator_"


class Greeter:
    """An operator of both kinds for one namespace, in this process, behind a proxy."""

    def __init__(self, plane: ControlPlane, kube: KubeClient, place: str) -> None:
        self.place = place
        self.kube = kube
        self.moods = {"one": "hello"}
        self.stop = asyncio.Event()
        self.proxy = FaultProxy(next(_PORTS), server=SERVER, certificate=plane.certificate)
        self._plane = plane
        self.greetings: GreetingController
        self.echoes: EchoController
        self.operator: Operator

    async def start(self, **options: str) -> "asyncio.Task[None]":
        await self.proxy.start()
        kubeconfig = self._plane.directory / f"kubeconfig-{self.place}"
        self._plane.write_kubeconfig(kubeconfig, ADMIN, server=self.proxy.url)
        settings = {
            "kubeconfig": str(kubeconfig),
            "namespaces": (self.place,),
            "namespace": self.place,
            "identity": "greeter",
            "http_host": "127.0.0.1",
            "http_port": 0,
            "lease_seconds": 3,
            "probe_seconds": 0.5,
            **options,
        }
        self.operator = Operator(
            Settings.model_validate(settings), self._open, domain=GROUP, reported=REPORTED
        )
        return asyncio.create_task(self.operator.run(self.stop))

    @asynccontextmanager
    async def _open(self, parts: Parts) -> AsyncIterator[Sequence[Controller]]:
        self.greetings = GreetingController(parts, self.place, self.moods)
        self.echoes = EchoController(parts, self.place)
        yield (self.greetings, self.echoes)

    def key(self, name: str = "one") -> Key:
        return Key(GREETING.kind, self.place, name)

    async def create(self, name: str = "one", to: str = "world") -> None:
        await self.kube.create(GREETING, body_of(GREETING, self.key(name), spec={"to": to}))
        await self.kube.create(ECHO, body_of(ECHO, self.key(name), spec={}))

    async def edit(self, to: str) -> None:
        await self.kube.merge_patch(GREETING, body_of(GREETING, self.key(), spec={"to": to}))

    async def child(self) -> Object:
        return await self.kube.get(CONFIG_MAP, self.place, "one") or {}

    async def says(self, text: str) -> None:
        """Wait until the child holds this text and the echo repeats it."""

        async def so() -> bool:
            echo = await self.kube.get(ECHO, self.place, "one") or {}
            child = await self.child()
            return child.get("data") == {"text": text} and echo.get("status") == {"text": text}

        await until(so, seconds=10)

    def sample(self, name: str, **labels: str) -> float | None:
        families = text_string_to_metric_families(self.operator.metrics.render().decode())
        found = (
            sample.value
            for family in families
            for sample in family.samples
            if (sample.name, sample.labels) == (_PREFIX + name, labels)
        )
        return next(found, None)

    def length(self) -> float | None:
        return self.sample("greeting_length", namespace=self.place, greeting="one")


@pytest.fixture
async def idle(
    control_plane: ControlPlane, kube: KubeClient, request: pytest.FixtureRequest
) -> AsyncIterator[Greeter]:
    """An operator that has not been started, in a namespace of its own; both kinds are installed."""
    for resource in (GREETING, ECHO):
        await kube.apply(CRD, definition(resource))

    async def served() -> bool:
        return not await kube.preflight((GREETING, ECHO))

    await until(served)
    place = request.function.__name__.replace("_", "-")[:50].strip("-")
    await kube.create(NAMESPACE, body_of(NAMESPACE, Key("Namespace", "", place)))
    greeter = Greeter(control_plane, kube, place)
    yield greeter
    await greeter.proxy.stop()


@pytest.fixture
async def greeter(idle: Greeter) -> AsyncIterator[Greeter]:
    """One that works, and has nothing left to do for one Greeting and its Echo."""
    await idle.create()
    running = await idle.start()
    await idle.says("hello world")
    yield idle
    await _end(idle, running)


async def _end(greeter: Greeter, running: "asyncio.Task[None]") -> None:
    greeter.stop.set()
    await asyncio.wait_for(running, 2)
    await end_kopf()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_a_child_that_is_edited_or_deleted_is_repaired(greeter: Greeter) -> None:
    edited = body_of(CONFIG_MAP, greeter.key(), data={"text": "nonsense"})
    await greeter.kube.merge_patch(CONFIG_MAP, edited)
    await greeter.says("hello world")
    child = await greeter.child()
    await greeter.kube.delete(CONFIG_MAP, greeter.place, "one", uid=child["metadata"]["uid"])
    await greeter.says("hello world")


async def test_its_own_status_wakes_nobody(greeter: Greeter) -> None:
    await greeter.edit("moon")
    await greeter.says("hello moon")
    await asyncio.sleep(1)
    before = len(greeter.greetings.reconciled)
    status = body_of(GREETING, greeter.key(), status={"text": "hello moon", "seen": "yes"})
    await greeter.kube.apply_status(GREETING, status)
    await asyncio.sleep(1)
    assert len(greeter.greetings.reconciled) == before


async def test_what_only_a_probe_sees_is_reconciled(greeter: Greeter) -> None:
    greeter.moods["one"] = "goodbye"
    await greeter.says("goodbye world")
    report = greeter.operator.board.get(greeter.key())
    assert isinstance(report, GreetingReport)
    assert (report.text, report.changes) == ("goodbye world", 1)
    assert not await report.probe()


async def test_a_key_of_another_kind_is_woken(greeter: Greeter) -> None:
    """By a reconcile (the text is repeated), and by a resource that both select, each by its own label."""
    await greeter.edit("moon")
    await greeter.says("hello moon")
    await asyncio.sleep(0.5)
    greetings, echoes = len(greeter.greetings.reconciled), len(greeter.echoes.reconciled)
    source = body_of(CONFIG_MAP, greeter.key("source"), data={})
    source["metadata"]["labels"] = {ECHOED: "one"}
    await greeter.kube.create(CONFIG_MAP, source)

    async def woken() -> bool:
        return len(greeter.echoes.reconciled) > echoes

    await until(woken, seconds=5)
    assert len(greeter.greetings.reconciled) == greetings


async def test_its_report_and_its_series_go_with_it(greeter: Greeter) -> None:
    where = {"namespace": greeter.place, "greeting": "one"}
    assert greeter.length() == len("hello world")
    assert greeter.sample("greeting_changes_total", **where) == 0
    await greeter.edit("moon")
    await greeter.says("hello moon")

    async def shown() -> bool:
        return greeter.length() == len("hello moon")

    await until(shown, seconds=5)
    assert greeter.sample("greeting_changes_total", **where) == 1
    live = await greeter.kube.get(GREETING, greeter.place, "one")
    assert live is not None
    await greeter.kube.delete(GREETING, greeter.place, "one", uid=live["metadata"]["uid"])

    async def gone() -> bool:
        return greeter.operator.board.get(greeter.key()) is None

    await until(gone, seconds=5)
    assert greeter.length() is None
    assert "greeting=" not in greeter.operator.metrics.render().decode()


def _watch_of_greetings(call: Call) -> Mute | None:
    return Mute() if call.watch and call.resource == GREETING.plural else None


async def test_what_no_event_told_is_found_by_the_resync(idle: Greeter) -> None:
    idle.proxy.decide = _watch_of_greetings
    await idle.create()
    running = await idle.start(resync_seconds="1")
    await idle.says("hello world")
    await idle.edit("moon")
    await idle.says("hello moon")

    async def counted() -> bool:
        return (idle.sample("watch_drift_total") or 0) > 0

    await until(counted, seconds=5)
    await _end(idle, running)


async def test_it_holds_the_lease_while_it_works_and_releases_it(idle: Greeter) -> None:
    await idle.create()
    running = await idle.start()
    await idle.says("hello world")
    lease = await idle.kube.get(RESOURCES["Lease"], idle.place, "zookeeper-operator")
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == "greeter"
    begun = time.monotonic()
    await _end(idle, running)
    lease = await idle.kube.get(RESOURCES["Lease"], idle.place, "zookeeper-operator")
    assert lease is not None
    assert not lease["spec"].get("holderIdentity")
    assert time.monotonic() - begun < 5
