"""A running ensemble is taken over in every one of these scenarios, and who does it wrong is found out."""

import pytest
from tests.simulation import wrong_minds
from tests.simulation.adoption import make_adoption
from tests.simulation.history import render
from tests.simulation.invariants import TOO_FEW, TWO_ENSEMBLES
from tests.simulation.run import run
from tests.simulation.seeds import run_adoption, run_seeds

SEEDS = 60
MIND_SEEDS = 12


def test_every_promise_holds_while_an_ensemble_is_taken_over() -> None:
    results = run_seeds(range(SEEDS), one=run_adoption)
    failed = [result for result in results if result.violation is not None]
    nothing: frozenset[int] = frozenset()
    histories = "\n\n".join(
        render(make_adoption(result.seed), result, nothing, frozenset()) for result in failed[:2]
    )
    assert not failed, f"{histories}\n\n{[result.seed for result in failed]} failed"


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("REMOVES_BEFORE_IT_ADDS", {TOO_FEW}),
        ("LEAVES_OLD_MEMBERS", {TWO_ENSEMBLES, "never two leaders that commit"}),
        ("STARTS_BEFORE_IT_ADDS_BACK", {TWO_ENSEMBLES}),
    ],
)
def test_who_takes_over_wrongly_is_found_out(name: str, rules: set[str]) -> None:
    mind = getattr(wrong_minds, name)
    broken = (run(make_adoption(seed), mind).violation for seed in range(MIND_SEEDS))
    found = next((b for b in broken if b is not None and b.rule in rules), None)
    assert found is not None, f"{name} got away with it"
