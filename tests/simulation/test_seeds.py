"""The operator as it is keeps every promise, in every one of these scenarios."""

import pytest
from tests.simulation.history import render
from tests.simulation.run import Result
from tests.simulation.scenario import make_scenario
from tests.simulation.seeds import run_seed, run_seeds

SEEDS = 100  # `make check` and `make e2e-long` run more of them
# Half a history is of no use, and a hundred of them are not read.
_TOLD = 3


def told(result: Result) -> str:
    return render(make_scenario(result.seed), result, frozenset(), frozenset())


def test_every_promise_holds_whatever_happens() -> None:
    failed = [result for result in run_seeds(range(SEEDS)) if result.violation is not None]
    histories = "\n\n".join(told(result) for result in failed[:_TOLD])
    seeds = ", ".join(str(result.seed) for result in failed)
    assert not failed, f"{histories}\n\n{len(failed)} of {SEEDS} seeds failed: {seeds}"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_seed_is_the_same_run_every_time(seed: int) -> None:
    assert run_seed(seed, keep_history=True) == run_seed(seed, keep_history=True)
