"""Many seeds, on several processes."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from tests.simulation.adoption import make_adoption, make_cut_over
from tests.simulation.run import Result, run
from tests.simulation.scenario import make_scenario


def run_seed(seed: int, *, keep_history: bool = False) -> Result:
    """Run one seed; the history of a run that went well is seldom worth carrying around."""
    result = run(make_scenario(seed))
    well = result.violation is None and not keep_history
    return replace(result, history=()) if well else result


def run_adoption(seed: int, *, keep_history: bool = False) -> Result:
    """Run one seed in which a running ensemble is taken over."""
    result = run(make_adoption(seed))
    well = result.violation is None and not keep_history
    return replace(result, history=()) if well else result


def run_cut_over(seed: int, *, keep_history: bool = False) -> Result:
    """Run one seed in which a source is taken over that cannot reconfigure."""
    result = run(make_cut_over(seed))
    well = result.violation is None and not keep_history
    return replace(result, history=()) if well else result


def run_seeds(
    seeds: Iterable[int],
    *,
    processes: int | None = None,
    one: Callable[[int], Result] = run_seed,
) -> Iterator[Result]:
    """Run seeds in parallel, in order."""
    count = processes or os.cpu_count() or 1
    if count == 1:
        yield from map(one, seeds)
        return
    with multiprocessing.get_context("fork").Pool(count) as pool:
        yield from pool.imap(one, seeds, chunksize=4)
