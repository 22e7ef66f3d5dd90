"""Conditions: how their times are kept, and the table of their types."""

from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.api import conditions
from zookeeper_operator.api.conditions import CONDITION_TYPES, Condition, find, merge
from zookeeper_operator.api.reasons import REASONS

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
def test_a_condition_is_read_as_it_was_written(condition: Condition) -> None:
    assert Condition.model_validate(condition.to_api()) == condition


def test_every_type_is_in_the_table() -> None:
    constants = {
        value
        for name, value in vars(conditions).items()
        if name.isupper() and isinstance(value, str)
    }
    assert constants - {"True", "False", "Unknown"} == set(CONDITION_TYPES)


def test_typical_reasons_are_reasons_of_conditions() -> None:
    typical = {reason for type_ in CONDITION_TYPES.values() for reason in type_.typical_reasons}
    assert typical <= {reason.name for reason in REASONS.values() if not reason.event_only}
