"""Conditions: how they age, and that every reason is explained."""

import re

from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.conditions import CONDITION_TYPES, Condition, find, merge
from zookeeper_operator.api.reasons import REASONS, TYPICAL_REASONS

NOW = "2026-11-24T05:00:00Z"
BEFORE = "2026-11-24T04:00:00Z"

_conditions = st.builds(
    Condition,
    type=st.sampled_from(sorted(CONDITION_TYPES)),
    status=st.sampled_from(["True", "False", "Unknown"]),
    reason=st.sampled_from(sorted(REASONS)),
    message=st.text(max_size=5),
    observed_generation=st.integers(0, 3),
    last_transition_time=st.sampled_from(["", BEFORE, "2026-11-24T03:00:00Z"]),
)
_sets = st.lists(_conditions, max_size=7, unique_by=lambda condition: condition.type)


def _ready(status: conditions.Status, since: str = "", reason: str = "Serving") -> Condition:
    return Condition(type="Ready", status=status, reason=reason, last_transition_time=since)


def test_the_time_stays_while_the_status_stays() -> None:
    merged = merge([_ready("True", BEFORE)], [_ready("True", reason="Stopped")], NOW)
    assert merged == [_ready("True", BEFORE, "Stopped")]


def test_the_time_moves_with_the_status() -> None:
    assert merge([_ready("True", BEFORE)], [_ready("Unknown")], NOW) == [_ready("Unknown", NOW)]


def test_a_new_condition_begins_now() -> None:
    assert merge([], [_ready("True")], NOW) == [_ready("True", NOW)]


def test_a_condition_nobody_computes_any_more_goes() -> None:
    assert merge([_ready("True", BEFORE)], [], NOW) == []


@given(_sets, _sets)
def test_only_the_times_are_merged(old: list[Condition], new: list[Condition]) -> None:
    merged = merge(old, new, NOW)
    assert [c.type for c in merged] == [c.type for c in new]
    for before, after in zip(new, merged, strict=True):
        stood = find(old, after.type)
        same = stood is not None and stood.status == after.status
        expected = stood.last_transition_time if same and stood is not None else ""
        assert after.last_transition_time == (expected or NOW)
        assert (after.status, after.reason, after.message, after.observed_generation) == (
            before.status,
            before.reason,
            before.message,
            before.observed_generation,
        )


@given(_sets, _sets)
def test_merging_again_changes_nothing(old: list[Condition], new: list[Condition]) -> None:
    merged = merge(old, new, NOW)
    assert merge(merged, new, "2027-01-01T00:00:00Z") == merged


@given(st.lists(_conditions, max_size=12))
def test_there_is_one_condition_of_each_type(new: list[Condition]) -> None:
    merged = merge([], new, NOW)
    assert len({c.type for c in merged}) == len(merged)


@given(_conditions)
def test_a_status_holds_all_of_a_condition(condition: Condition) -> None:
    assert Condition.from_status(condition.to_status()) == condition


def test_every_constant_is_explained() -> None:
    constants = {
        value
        for module in (conditions, reasons)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    } - {"True", "False", "Unknown"}
    assert constants == set(CONDITION_TYPES) | set(REASONS)


def test_reasons_are_words_the_api_takes() -> None:
    for reason, text in REASONS.items():
        assert re.fullmatch(r"[A-Z][A-Za-z]+", reason)
        assert text.endswith(".")


def test_typical_reasons_are_reasons() -> None:
    assert set(TYPICAL_REASONS) == set(CONDITION_TYPES)
    for typical in TYPICAL_REASONS.values():
        assert set(typical) <= set(REASONS)
