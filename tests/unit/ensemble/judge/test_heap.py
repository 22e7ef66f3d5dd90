"""A heap that the znodes leave too little room in is reported in time, and the report does not flicker."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ensemble.plan.scenes import at_rest, edited, ensemble

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble.judge.memory import heap_warnings
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.ensemble.judge.spec import judge_spec
from zookeeper_operator.ensemble.observed import Observed

MEBIBYTE = 1 << 20
LIMIT = {"resources": {"limits": {"memory": "500Mi"}}, "jvm": {"heapPercent": 60}}
"""A heap of 300 MiB: half of it are 150, of which a server without znodes has 20."""


def holding(mebibytes: float | None, znodes: int = 0, *, written: str = "") -> Observed:
    """Members with so much in their znodes, and the message of a warning that stands."""
    observed = edited(at_rest(3), LIMIT)
    size = None if mebibytes is None else int(mebibytes * MEBIBYTE)
    answers = {
        n: replace(answer, tree_bytes=size, znodes=None if size is None else znodes)
        for n, answer in observed.answers.items()
    }
    condition: dict[str, Any] = {
        "type": conditions.SPEC_VALID,
        "status": "True",
        "reason": reasons.HEAP_TOO_SMALL,
        "message": written,
    }
    status = {"conditions": [condition]} if written else {}
    told = ensemble(LIMIT, **status)
    return replace(observed, ensemble=told, answers=answers)


def warnings(observed: Observed) -> list[Problem]:
    return list(heap_warnings(observed))


def test_half_of_the_heap_is_enough_room() -> None:
    assert warnings(holding(130)) == []
    (warning,) = warnings(holding(131))
    assert warning.reason == reasons.HEAP_TOO_SMALL
    assert "heap of 300 MiB" in warning.message
    assert not warning.carried


def test_small_znodes_take_more_than_their_data() -> None:
    """A million of them with 20 bytes each take 300 MB beside their 20."""
    assert warnings(holding(20, znodes=100_000)) == []
    assert warnings(holding(20, znodes=1_000_000))


def test_the_last_writes_are_held_twice() -> None:
    """Which is little of many znodes, and all of a few large ones."""
    assert warnings(holding(100, znodes=100_000)) == []
    assert warnings(holding(100, znodes=100))


def test_the_member_that_holds_most_counts() -> None:
    observed = holding(10)
    full = replace(observed.answers[2], tree_bytes=200 * MEBIBYTE)
    assert warnings(replace(observed, answers={**observed.answers, 2: full}))


@given(held=st.integers(151, 20_000), percent=st.integers(20, 75))
def test_the_limit_that_is_named_ends_the_warning(held: int, percent: int) -> None:
    observed = holding(held)
    named = {"resources": {"limits": {"memory": "64Mi"}}, "jvm": {"heapPercent": percent}}
    (warning,) = warnings(edited(observed, named))
    limit = warning.message.partition("spec.resources.limits.memory to ")[2].partition(" ")[0]
    named["resources"] = {"limits": {"memory": limit}}
    assert warnings(edited(observed, named)) == []


def test_a_warning_stays_until_there_is_room_to_spare() -> None:
    """Or a session that comes and goes would change the status each time."""
    (warning,) = warnings(holding(131))
    assert warnings(holding(129, written=warning.message)) == [warning]
    assert warnings(holding(117, written=warning.message))
    assert warnings(holding(116, written=warning.message)) == []


def test_each_write_does_not_change_the_message() -> None:
    assert len({w.message for size in range(151, 400) for w in warnings(holding(size))}) <= 6


@pytest.mark.parametrize("more", ["", "; another warning"])
def test_while_no_member_says_what_it_holds_the_warning_stays(more: str) -> None:
    """It has run out of heap, perhaps."""
    (warning,) = warnings(holding(200))
    assert warnings(holding(None, written=warning.message + more)) == [warning]
    assert warnings(holding(None)) == []


def test_it_stops_nothing_and_is_the_first_that_is_said() -> None:
    judgement = judge_spec(holding(200))
    assert judgement.problems == ()
    assert judgement.warnings[0].reason == reasons.HEAP_TOO_SMALL
