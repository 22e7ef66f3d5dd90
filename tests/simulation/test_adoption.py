"""A running ensemble is taken over in every one of these scenarios, and who does it wrong is found out."""

from dataclasses import replace
from itertools import cycle

import pytest
from tests.simulation import wrong_minds
from tests.simulation.adoption import FIRST, make_adoption, spec_of
from tests.simulation.history import render
from tests.simulation.invariants import TOO_FEW, TWO_ENSEMBLES
from tests.simulation.run import run
from tests.simulation.scenario import Event, Scenario
from tests.simulation.seeds import run_adoption, run_seeds
from tests.simulation.weather import Weather

MIND_SEEDS = 60
STEP = 12
"""Something happens at every twelfth second, and in `make e2e-long` at those in between, each fourth."""
BETWEEN = [0, *(pytest.param(later, marks=pytest.mark.long) for later in (4, 8))]


@pytest.mark.parametrize("seeds", [range(20), pytest.param(range(20, 200), marks=pytest.mark.long)])
def test_every_promise_holds_while_an_ensemble_is_taken_over(seeds: range) -> None:
    results = run_seeds(seeds, one=run_adoption)
    failed = [result for result in results if result.violation is not None]
    nothing: frozenset[int] = frozenset()
    histories = "\n\n".join(
        render(make_adoption(result.seed), result, nothing, frozenset()) for result in failed[:2]
    )
    assert not failed, f"{histories}\n\n{[result.seed for result in failed]} failed"


def walk_with(at: float, *events: Event) -> Scenario:
    """There, back and there again, with something that happens in between; nothing else goes wrong."""
    gates = [(20.0, "Swap"), (50.0, "Observe"), (90.0, "Swap"), (130.0, "Finish")]
    told = [Event(moment, "proceed", {"to": gate}) for moment, gate in gates]
    placed = [replace(event, at=at) for event in events]
    last = Event(140, "settle", {"image": "3.9.4", "paused": False, "stopped": False})
    happening = (*sorted((*told, *placed), key=lambda event: event.at), last)
    return Scenario(int(at), spec_of(3, 3), happening, Weather(), calm_at=141, source=3)


@pytest.mark.parametrize("later", BETWEEN)
@pytest.mark.parametrize("kind", ["delete statefulset", "delete membership", "crash operator"])
def test_what_is_lost_of_ours_at_any_moment_does_not_end_the_adoption(
    kind: str, later: int
) -> None:
    for at in range(8 + later, 140, STEP):
        result = run(walk_with(float(at), Event(0, kind)))
        assert result.violation is None, f"{kind} at {at}: {result.violation}"


@pytest.mark.parametrize("later", BETWEEN)
def test_a_source_is_restarted_from_its_list_at_any_moment(later: int) -> None:
    parts = cycle(((1, 2, 3), (1,), (1, 2)))
    for at, members in zip(range(10 + later, 140, STEP), parts, strict=False):
        result = run(walk_with(float(at), Event(0, "crash source", {"members": members})))
        assert result.violation is None, f"{members} at {at}: {result.violation}"


@pytest.mark.parametrize("later", BETWEEN)
@pytest.mark.parametrize("lost", [(), (Event(0, "delete membership"),)], ids=["", "without a list"])
def test_a_source_that_comes_back_while_ours_are_not_heard_is_not_taken_for_the_ensemble(
    lost: tuple[Event, ...], later: int
) -> None:
    """It is restarted from its own list and elects a leader; only its answers reach the operator."""
    ours = tuple(range(FIRST, FIRST + 3))
    for at in range(20 + later, 130, STEP):
        result = run(
            walk_with(
                float(at),
                Event(0, "hide from operator", {"members": ours, "for": 12.0}),
                *lost,
                Event(0, "roll back source"),
                Event(0, "partition", {"members": ours, "for": 12.0}),
                Event(0, "crash source", {"members": (1, 2, 3)}),
            )
        )
        assert result.violation is None, f"at {at}: {result.violation}"


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
