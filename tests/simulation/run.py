"""One run of one scenario: begin, wait until all is as asked for, then demand silence."""

import asyncio
import logging
from dataclasses import dataclass

from tests.simulation.cluster import SimulatedCluster
from tests.simulation.loop import VirtualLoop
from tests.simulation.mind import RIGHT, Mind
from tests.simulation.scenario import Scenario
from tests.simulation.stage import Entry, Violation

# What no event has told is found by the resync, after 300 s ± 15 % at the latest.
CONVERGENCE_SECONDS = 420.0
# TLS takes three rolls, authentication two, and both wait for mounts.
SECURITY_SECONDS = 600.0
# After the ensemble is as asked for, marks and events may still be written for a moment.
AFTERMATH_SECONDS = 30.0
SILENCE_SECONDS = 600.0
# A recovery begins after two minutes, and somebody may have to ask for it more than once.
RECOVERY_SECONDS = 420.0
_STEP = 2.0


@dataclass(frozen=True)
class Result:
    """How a run went."""

    seed: int
    violation: Violation | None
    history: tuple[Entry, ...]
    virtual_seconds: float
    acknowledged: int
    writes: int


def run(scenario: Scenario, mind: Mind = RIGHT) -> Result:
    """Run a scenario to its end, or to the first rule that is broken."""
    silent = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_run(loop, scenario, mind))
    finally:
        _end(loop)
        logging.disable(silent)


def _end(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.set_exception_handler(lambda _loop, _context: None)
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()


async def _run(loop: VirtualLoop, scenario: Scenario, mind: Mind) -> Result:
    cluster = SimulatedCluster(loop, scenario, mind)
    stage = cluster.stage

    def broken(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            stage.violate("the simulation itself works", f"{context['message']}: {error!r}")
            stage.broken = error

    loop.set_exception_handler(broken)
    cluster.begin()
    await _wait(cluster, scenario.calm_at)
    limit = (
        scenario.calm_at
        + CONVERGENCE_SECONDS
        + (SECURITY_SECONDS if scenario.uses_security else 0.0)
        + (RECOVERY_SECONDS if scenario.needs_recovery else 0.0)
    )
    if await _converges(cluster, limit):
        await _stays_silent(cluster)
    return Result(
        scenario.seed,
        stage.violation,
        tuple(stage.history),
        stage.now,
        cluster.clients.acknowledged,
        cluster.operators.writes,
    )


async def _converges(cluster: SimulatedCluster, limit: float) -> bool:
    stage = cluster.stage
    while stage.violation is None and (left := cluster.unfinished()):
        if stage.now > limit:
            stage.violate("every run converges", left)
        await _wait(cluster, stage.now + _STEP)
    return stage.violation is None


async def _stays_silent(cluster: SimulatedCluster) -> None:
    stage = cluster.stage
    stage.tell("world", "all is as asked for")
    cluster.clients.pause = (5.0, 15.0)
    await _wait(cluster, stage.now + AFTERMATH_SECONDS)
    stage.tell("world", "from now on nothing may be written")
    cluster.operators.at_rest = True
    await _wait(cluster, stage.now + SILENCE_SECONDS)
    if stage.violation is None and (left := cluster.unfinished()):
        stage.violate("what has converged stays so", left)


async def _wait(cluster: SimulatedCluster, until: float) -> None:
    """Let time pass, unless the run is over."""
    if cluster.stage.violation is None:
        await asyncio.wait({cluster.stage.over}, timeout=max(until - cluster.stage.now, 0))
