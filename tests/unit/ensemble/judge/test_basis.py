"""What members must say right before a pod ends."""

from dataclasses import replace

import pytest

from zookeeper_operator.ensemble.actions import Basis
from zookeeper_operator.ensemble.judge.basis import find_change
from zookeeper_operator.zookeeper.answers import Answers

THREE = Basis(voters=frozenset({1, 2, 3}), asked=frozenset({1, 2, 3}))


def says(member_id: int, leader: int | None = 3) -> Answers:
    """A cheap answer: whom it follows."""
    return Answers(member_id, reachable=True, leader_id=leader, is_leader=leader == member_id)


def silent(member_id: int) -> Answers:
    return Answers(member_id, reachable=False, problem="no answer within 1.5 s")


def refusing(member_id: int) -> Answers:
    return Answers(member_id, reachable=False, problem="refuses the connection", refuses=True)


def looking(member_id: int) -> Answers:
    problem = "not currently serving requests"
    return Answers(member_id, reachable=True, problem=problem, denies=True)


ALL = {i: says(i) for i in (1, 2, 3)}


def test_nothing_has_changed() -> None:
    assert find_change(THREE, ALL, ending=frozenset({1})) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({3: silent(3)}, "member 3 no longer serves"),
        ({2: looking(2)}, "member 2 no longer serves"),
        ({1: silent(1), 2: silent(2)}, "member 1, 2 no longer serves"),
        ({2: says(2, 2)}, "the members do not agree on a leader any more"),
        # Followers of a leader that has just gone, which says itself that it follows.
        ({3: says(3, 2)}, "the members do not agree on a leader any more"),
    ],
)
def test_what_has_changed(change: dict[int, Answers], why: str) -> None:
    assert find_change(THREE, {**ALL, **change}, ending=frozenset({1})) == why


def test_a_member_that_was_not_asked_has_not_answered() -> None:
    missing = {i: a for i, a in ALL.items() if i != 2}
    assert find_change(THREE, missing, ending=frozenset({1})) == "member 2 no longer serves"


def test_the_others_must_be_a_majority() -> None:
    two = Basis(voters=frozenset({1, 2}), asked=frozenset({1, 2}))
    answers = {1: says(1, 2), 2: says(2, 2)}
    assert find_change(two, answers, ending=frozenset({1})) == "the other members are no majority"
    assert find_change(two, answers, ending=frozenset({101})) is None


def test_a_member_that_did_not_serve_must_still_not_serve() -> None:
    beside = replace(THREE, asked=frozenset({2, 3}), silent=1)
    for still in (silent(1), refusing(1), looking(1)):
        assert find_change(beside, {**ALL, 1: still}, ending=frozenset({1})) is None
    assert find_change(beside, ALL, ending=frozenset({1})) == "member 1 serves again"


@pytest.mark.parametrize("answered", [False, True])
def test_without_a_quorum_a_member_is_not_ended_that_may_be_about_to_form_it(
    *, answered: bool
) -> None:
    broken = Basis(silent=1, answered=answered)
    assert find_change(broken, {1: refusing(1)}, ending=frozenset({1})) is None
    assert find_change(broken, {}, ending=frozenset({1})) is None, "its pod has no address yet"
    assert find_change(broken, {1: says(1)}, ending=frozenset({1})) == "member 1 serves again"
    why = find_change(broken, {1: silent(1)}, ending=frozenset({1}))
    assert why == "member 1 may serve by now: no answer within 1.5 s"
    never = replace(broken, never_ready=True)
    assert find_change(never, {1: silent(1)}, ending=frozenset({1})) is None
    came_up = find_change(broken, {1: looking(1)}, ending=frozenset({1}))
    assert came_up == (None if answered else "member 1 has come up")


def test_nothing_is_asked_where_nothing_depends_on_it() -> None:
    assert find_change(Basis(), {}, ending=frozenset({1})) is None
