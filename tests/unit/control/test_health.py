"""The health server, asked by a real client."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.health import HealthServer
from zookeeper_operator.control.metrics import Metrics

HOST = "127.0.0.1"


class Probe:
    def __init__(self, server: HealthServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://{HOST}:{self.server.port}{path}") as response:
            return response.status, await response.text()


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    server = HealthServer(
        HOST, 0, metrics=Metrics(Board()).render, tick_seconds=0.02, lag_limit=0.3
    )
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Probe(server, session)
    await server.stop()


async def test_all_is_well(probe: Probe) -> None:
    probe.server.add_liveness("watch", lambda: None)
    assert await probe.get("/livez") == (200, "[+]loop ok\n[+]watch ok\nok\n")
    assert await probe.get("/readyz") == (200, "ok\n")


async def test_a_failing_check_says_why_and_the_others_are_still_told(probe: Probe) -> None:
    probe.server.add_liveness("watch", lambda: "nothing was heard for 600 s")
    probe.server.add_liveness("queue", lambda: None)
    assert await probe.get("/livez") == (
        503,
        "[+]loop ok\n[-]watch failed: nothing was heard for 600 s\n[+]queue ok\nfailed\n",
    )
    assert (await probe.get("/readyz"))[0] == 200


async def test_readiness_is_another_list(probe: Probe) -> None:
    probe.server.add_readiness("api", lambda: "not reached yet")
    assert await probe.get("/readyz") == (503, "[-]api failed: not reached yet\nfailed\n")
    assert (await probe.get("/livez"))[0] == 200


async def test_a_check_that_raises_has_failed(
    probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> str | None:
        raise KeyError("oops")

    probe.server.add_liveness("broken", broken)
    status, text = await probe.get("/livez")
    assert status == 503
    assert "[-]broken failed: the check itself raised KeyError: 'oops'" in text
    assert len(caplog.records) == 1


async def test_a_name_is_taken_once(probe: Probe) -> None:
    with pytest.raises(ValueError, match="loop"):
        probe.server.add_liveness("loop", lambda: None)


async def test_a_loop_that_was_late_fails_liveness_until_it_recovers(probe: Probe) -> None:
    await asyncio.sleep(0.05)
    time.sleep(0.5)  # noqa: ASYNC251 -- the very mistake that is to be found
    assert probe.server.lag > 0.3
    for _ in range(100):
        status, _text = await probe.get("/livez")
        if status == 200:
            break
        await asyncio.sleep(0.02)
    assert status == 200
    assert probe.server.lag < 0.3


async def test_liveness_fails_while_the_last_tick_was_too_late() -> None:
    lags: list[float] = []
    ticked = asyncio.Event()

    def on_lag(seconds: float) -> None:
        lags.append(seconds)
        ticked.set()

    server = HealthServer(HOST, 0, metrics=bytes, tick_seconds=0.2, lag_limit=0.1, on_lag=on_lag)
    await server.start()
    try:
        await asyncio.sleep(0.05)
        time.sleep(0.4)  # noqa: ASYNC251
        await ticked.wait()
        async with aiohttp.ClientSession() as session:
            status, text = await Probe(server, session).get("/livez")
        assert (status, lags[0] > 0.1) == (503, True)
        assert "[-]loop failed: the event loop is" in text
    finally:
        await server.stop()


async def test_metrics_are_served_as_prometheus_wants_them(probe: Probe) -> None:
    async with probe.session.get(f"http://{HOST}:{probe.server.port}/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "zookeeper_operator_workqueue_depth 0.0" in await response.text()


async def test_nothing_else_is_served(probe: Probe) -> None:
    assert (await probe.get("/"))[0] == 404
    async with probe.session.post(f"http://{HOST}:{probe.server.port}/livez") as response:
        assert response.status == 405


async def test_stopping_closes_the_port_and_may_be_repeated() -> None:
    server = HealthServer(HOST, 0, metrics=bytes)
    await server.stop()
    await server.start()
    port = server.port
    await server.stop()
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, port)


async def test_a_port_in_use_is_an_error_at_the_start(probe: Probe) -> None:
    second = HealthServer(HOST, probe.server.port, metrics=bytes)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()
