"""A source is cut over in every one of these scenarios, and who does it wrong is found out."""

from dataclasses import replace

import pytest
from tests.simulation import wrong_minds
from tests.simulation.adoption import FIRST, make_cut_over, spec_of
from tests.simulation.history import render
from tests.simulation.invariants import CUT_OVER
from tests.simulation.run import run
from tests.simulation.scenario import Event, Scenario
from tests.simulation.seeds import run_cut_over, run_seeds
from tests.simulation.weather import Weather

SEEDS = 40
MIND_SEEDS = 30


def test_every_promise_holds_while_a_source_is_cut_over() -> None:
    results = run_seeds(range(SEEDS), one=run_cut_over)
    failed = [result for result in results if result.violation is not None]
    nothing: frozenset[int] = frozenset()
    histories = "\n\n".join(
        render(make_cut_over(result.seed), result, nothing, frozenset()) for result in failed[:2]
    )
    assert not failed, f"{histories}\n\n{[result.seed for result in failed]} failed"


def walk_with(at: float, *events: Event) -> Scenario:
    """There, back before the cut, and there again, with something that happens in between."""
    told = [
        Event(20.0, "stop writing"),
        Event(20.1, "proceed", {"to": "Swap"}),
        Event(23.0, "proceed", {"to": "Observe"}),
        Event(24.0, "write again"),
        Event(50.0, "stop writing"),
        Event(50.1, "proceed", {"to": "Swap"}),
    ]
    placed = [replace(event, at=at) for event in events]
    last = Event(100, "settle", {"image": "3.9.4", "paused": False, "stopped": False})
    spec = spec_of(3, 3)
    return Scenario(
        int(at),
        {**spec, "adopt": {**spec["adopt"], "mode": "CutOver"}},
        (*sorted((*told, *placed), key=lambda event: event.at), last),
        Weather(),
        calm_at=101,
        source=3,
        reconfigures=False,
    )


@pytest.mark.parametrize("kind", ["delete statefulset", "delete membership", "crash operator"])
def test_what_is_lost_of_ours_at_any_moment_does_not_end_the_adoption(kind: str) -> None:
    for tenth in range(460, 760, 40):
        at = tenth / 10
        result = run(walk_with(at, Event(0, kind)))
        assert result.violation is None, f"{kind} at {at}: {result.violation}"


def test_a_source_that_is_put_back_before_the_cut_is_stopped_again() -> None:
    for tenth in range(500, 640, 20):
        at = tenth / 10
        result = run(walk_with(at, Event(0, "roll back source")))
        assert result.violation is None, f"at {at}: {result.violation}"


def test_a_source_that_is_put_back_around_the_cut_serves_alone_or_not_at_all() -> None:
    undone = 0
    for hundredth in range(0, 32, 4):
        after = Event(50.2, "roll back after the cut", {"by": hundredth / 100})
        result = run(walk_with(50.2, after))
        assert result.violation is None, f"after {hundredth / 100}: {result.violation}"
        undone += any("it is cut over anew" in entry.what for entry in result.history)
    assert undone, "no cut was void"


def test_members_of_ours_that_are_not_heard_are_waited_for() -> None:
    ours = tuple(range(FIRST, FIRST + 3))
    for at in range(46, 70, 4):
        hidden = Event(0, "hide from operator", {"members": ours, "for": 9.0})
        result = run(walk_with(float(at), hidden))
        assert result.violation is None, f"at {at}: {result.violation}"


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("CUTS_OVER_AT_ONCE", {CUT_OVER}),
        ("CUTS_OVER_UNASKED", {CUT_OVER}),
        ("CUTS_OVER_IN_SILENCE", {CUT_OVER, "never two leaders that commit"}),
        (
            "FOUNDS_BESIDE_THE_SOURCE",
            {CUT_OVER, "never two leaders that commit", "no acknowledged write is lost"},
        ),
    ],
)
def test_who_cuts_over_wrongly_is_found_out(name: str, rules: set[str]) -> None:
    mind = getattr(wrong_minds, name)
    broken = (run(make_cut_over(seed), mind).violation for seed in range(MIND_SEEDS))
    found = next((b for b in broken if b is not None and b.rule in rules), None)
    assert found is not None, f"{name} got away with it"
