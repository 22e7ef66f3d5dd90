"""What scrapes by Prometheus cost the operator: its CPU with and without, in turns, in one process."""

import asyncio
import logging
import statistics
import time
from dataclasses import dataclass
from typing import Final

import pytest
from tests.bench.scale import SCRAPE_SECONDS, SPEC, cpu_seconds, scrape
from tests.integration.operator_process import OperatorProcess
from tests.integration.stage import ENSEMBLE, Stage, is_settled
from tests.integration.waiting import until
from tests.unit.ensemble.plan.scenes import at_rest

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Key
from zookeeper_operator.control.metrics import Metrics
from zookeeper_operator.control.series import Sample
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.series import COUNTED, REPORTED, Elections, build_samples

MANY: Final = 100
TURNS: Final = 4
TURN_SECONDS: Final = 60.0
"""A whole resync, in which each ensemble is reconciled once: so turns have the same work."""
THOUSAND: Final = 1000
CHANGED: Final = 100
"""Reports that are new at each scrape: of a resync of 300 s, those of 30 s."""
PART_OF_A_CORE: Final = 0.01
MORE: Final = 1.15
"""How much more it may be; two turns of the same kind differ by up to a tenth."""


@dataclass(frozen=True)
class Report:
    """What the operator reports of an ensemble."""

    samples: tuple[Sample, ...]

    async def probe(self) -> bool:
        return False


def test_a_scrape_of_a_thousand_ensembles_takes_a_hundredth_of_a_core_at_most() -> None:
    """Most reports are those of the scrape before, and are not written again."""
    board = Board()
    metrics = Metrics(board, counted=COUNTED, reported=REPORTED)
    samples = build_samples(build_plan(at_rest(3)), Elections())
    keys = [Key("ZookeeperEnsemble", "demo", f"zk-{number:04}") for number in range(THOUSAND)]
    for key in keys:
        board.post(key, Report(samples))
    before = time.process_time()
    written = metrics.render()
    first = time.process_time() - before
    before = time.process_time()
    for turn in range(THOUSAND // CHANGED):
        for key in keys[turn * CHANGED : (turn + 1) * CHANGED]:
            board.post(key, Report(samples))
        assert len(metrics.render()) == len(written)
    used = (time.process_time() - before) / (THOUSAND // CHANGED)
    told = "%.3f s of CPU for %d bytes, %.3f s for the first of them"
    logging.getLogger("cost").info(told, used, len(written), first)
    assert written.count(b"\n") > THOUSAND * len(samples)
    assert used / SCRAPE_SECONDS < PART_OF_A_CORE, used
    assert used < first / 2


async def cores(operator: OperatorProcess, *, scraped: bool) -> float:
    """The CPU of a turn, in cores."""
    started, before = time.monotonic(), cpu_seconds(operator.pid)
    if scraped:
        await scrape(operator, seconds=TURN_SECONDS, every=SCRAPE_SECONDS)
    else:
        await asyncio.sleep(TURN_SECONDS)
    return (cpu_seconds(operator.pid) - before) / (time.monotonic() - started)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_to_be_scraped_costs_no_cpu_to_speak_of(stage: Stage) -> None:
    """As often as the chart asks for; `make bench-scale` measures the same with a thousand."""
    (place,) = await stage.namespaces("scrape-cost")
    operator = stage.operator(
        place,
        namespaces=place,
        workers="8",
        probe_seconds="10",
        resync_seconds=f"{TURN_SECONDS:g}",
    )
    operator.start()
    names = [f"zk-{number:03}" for number in range(MANY)]
    limit = asyncio.Semaphore(16)

    async def create(name: str) -> None:
        async with limit:
            await stage.create(place, SPEC, name=name)

    await asyncio.gather(*(create(name) for name in names))

    async def settled() -> bool:
        await asyncio.sleep(1)  # a list of all is work for the machine that is measured
        live = await stage.kube.list(ENSEMBLE, place)
        return len(live) == MANY and all(map(is_settled, live))

    await until(settled, seconds=900)
    await asyncio.sleep(TURN_SECONDS / 2)
    without, scraped = [], []
    for _ in range(TURNS):
        without.append(await cores(operator, scraped=False))
        scraped.append(await cores(operator, scraped=True))
    ratio = statistics.mean(scraped) / statistics.mean(without)
    told = [[round(value, 4) for value in turns] for turns in (without, scraped)]
    logging.getLogger("cost").info("cores without and with scrapes: %s, ratio %.3f", told, ratio)
    assert ratio <= MORE, told
