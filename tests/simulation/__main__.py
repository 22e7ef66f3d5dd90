"""`python -m tests.simulation --seed N`: run one seed, tell its history if it fails, make it smaller."""

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.simulation.adoption import make_adoption, make_cut_over
from tests.simulation.history import render
from tests.simulation.run import run
from tests.simulation.scenario import Scenario, make_scenario
from tests.simulation.seeds import run_adoption, run_cut_over, run_seed, run_seeds
from tests.simulation.shrink import shrink

# Whole histories are told of so many; of the others, one line.
_TOLD = 3


def main() -> int:
    """Run what the command line asks for; 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay one seed and tell what happened")
    parser.add_argument("--drop", default="", help="events to leave out, such as 0,3")
    parser.add_argument("--still", default="", help="weather to leave out, such as stale_lists")
    parser.add_argument("--shrink", action="store_true", help="look for a smaller failing run")
    parser.add_argument("--seeds", type=int, default=500, help="run so many seeds")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    parser.add_argument("--adopt", action="store_true", help="seeds that take an ensemble over")
    parser.add_argument("--cut-over", action="store_true", help="seeds that cut a source over")
    parser.add_argument("--processes", type=int, default=None)
    arguments = parser.parse_args()
    if arguments.seed is None:
        return _many(arguments)
    dropped = frozenset(int(word) for word in arguments.drop.split(",") if word)
    still = frozenset(word for word in arguments.still.split(",") if word)
    scenario = _maker(arguments)(arguments.seed)
    if arguments.shrink:
        dropped, still = shrink(scenario, dropped, still)
    result = run(scenario.without(dropped, still))
    _say(render(scenario, result, dropped, still))
    return 0 if result.violation is None else 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _maker(arguments: argparse.Namespace) -> Callable[[int], Scenario]:
    if arguments.cut_over:
        return make_cut_over
    return make_adoption if arguments.adopt else make_scenario


def _many(arguments: argparse.Namespace) -> int:
    first, count = arguments.first, arguments.seeds
    one = run_adoption if arguments.adopt else run_seed
    one = run_cut_over if arguments.cut_over else one
    started = time.monotonic()
    nothing: frozenset[Any] = frozenset()
    failed = 0
    for result in run_seeds(range(first, first + count), processes=arguments.processes, one=one):
        if result.violation is None:
            continue
        failed += 1
        if failed <= _TOLD:
            _say(render(_maker(arguments)(result.seed), result, nothing, nothing) + "\n")
        else:
            _say(f"seed {result.seed}: {result.violation.rule}: {result.violation.what}")
    seconds = time.monotonic() - started
    _say(f"{count} seeds, {failed} failed, {seconds:.1f} s")
    if failed:
        _say("make one smaller: .venv/bin/python -m tests.simulation --shrink --seed N")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
