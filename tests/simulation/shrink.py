"""Making a failing run smaller: leave out what it fails without."""

from tests.simulation.run import run
from tests.simulation.scenario import Scenario


def shrink(
    scenario: Scenario, dropped: frozenset[int], still: frozenset[str]
) -> tuple[frozenset[int], frozenset[str]]:
    """Events and weather that the same rule is broken without.

    Greedy, again and again until nothing more can be left out. The dice fall anew in each attempt, so
    what is left is a small run that fails, not always the smallest.
    """
    verdict = run(scenario.without(dropped, still)).violation
    if verdict is None:
        return dropped, still
    # The last event settles the spec and stays: a run is only worth something if it ends well.
    candidates = range(len(scenario.events) - 1)
    smaller = True
    while smaller:
        smaller = False
        for name in scenario.weather.without(*still).bad():
            if _fails(scenario, dropped, still | {name}, verdict.rule):
                still, smaller = still | {name}, True
        for number in candidates:
            fewer = dropped | {number}
            if number not in dropped and _fails(scenario, fewer, still, verdict.rule):
                dropped, smaller = fewer, True
    return dropped, still


def _fails(scenario: Scenario, dropped: frozenset[int], still: frozenset[str], rule: str) -> bool:
    violation = run(scenario.without(dropped, still)).violation
    return violation is not None and violation.rule == rule
