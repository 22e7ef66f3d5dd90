"""The metric samples of an ensemble."""

from collections.abc import Mapping
from dataclasses import replace

from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest
from tests.unit.ensemble.plan.scenes import answers, at_rest

from zookeeper_operator.control.series import PREFIX
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.judge.quorum import Quorum
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.series import REPORTED, Elections, build_samples

EVERYONE = (1, 2, 3)


def samples(observed: Observed, elections: Elections | None = None) -> Mapping[str, float]:
    """Values by name; the samples of a member with its id."""
    found = build_samples(build_plan(observed), elections or Elections())
    assert all(sample.labels[:2] == ("demo", "zk") for sample in found)
    return {
        ".".join((s.name.removeprefix(PREFIX), *s.labels[2:])).removesuffix("_total"): s.value
        for s in found
    }


def quorum(leader: int | None, epoch: int | None) -> Quorum:
    three = frozenset(EVERYONE)
    return Quorum(three, certain=True, serving=three, live=three, leader=leader, epoch=epoch)


def test_at_rest_everything_is_known() -> None:
    assert samples(at_rest(3)) == {
        "ensemble_ready": 1,
        "ensemble_stopped": 0,
        "ensemble_paused": 0,
        "ensemble_quorum_healthy": 1,
        "ensemble_voters": 3,
        "ensemble_live_voters": 3,
        "ensemble_tolerates": 1,
        "ensemble_member_lag.1": 0,
        "ensemble_member_lag.2": 0,
        "ensemble_member_lag.3": 0,
        "ensemble_epoch": 1,
        "ensemble_leader_changes": 0,
        "ensemble_elections": 0,
    }


def test_samples_bear_the_labels_of_their_entries() -> None:
    secured = EnsembleUnderTest({"replicas": 3, "tls": {}})
    secured.rest()
    found = build_samples(secured.plan(), Elections())
    labels = {entry.name: entry.labels for entry in REPORTED}
    assert {s.name for s in found} == labels.keys()
    assert all(len(s.labels) == len(labels[s.name]) for s in found)


def test_a_member_that_is_behind_shows_by_how_much() -> None:
    calm = at_rest(3)
    behind = replace(calm.answers[1], zxid=(1 << 32) + 1)
    found = samples(replace(calm, answers={**calm.answers, 1: behind, 2: silent(2)}))
    assert found["ensemble_member_lag.1"] == 4
    assert "ensemble_member_lag.2" not in found


def test_what_is_unknown_has_no_sample() -> None:
    calm = at_rest(3)
    found = samples(replace(calm, answers={i: silent(i) for i in EVERYONE}))
    assert "ensemble_ready" not in found
    assert "ensemble_quorum_healthy" not in found
    assert "ensemble_live_voters" not in found
    assert "ensemble_epoch" not in found
    looking = {i: answers(i, None, EVERYONE) for i in EVERYONE}
    assert samples(replace(calm, answers=looking))["ensemble_quorum_healthy"] == 0


def test_what_was_counted_is_shown() -> None:
    found = samples(at_rest(3), Elections(elections=7, leader_changes=5))
    assert (found["ensemble_elections"], found["ensemble_leader_changes"]) == (7, 5)


def test_elections_and_leader_changes_count_from_the_second_sight_on() -> None:
    seen = Elections()
    for leader, epoch in ((2, 4), (None, None), (3, 6), (3, 6)):
        seen = seen.after(quorum(leader, epoch))
    assert (seen.elections, seen.leader_changes) == (2, 1)
    assert Elections().after(quorum(2, 4)) == Elections(epoch=4, leader=2)


def test_what_is_asked_for_sets_off_no_alert() -> None:
    """The documented alerts: no quorum, and no member to spare."""
    stopped = samples(replace(at_rest(3, {"stopped": True}), pods=(), answers={}, committed=None))
    assert (stopped["ensemble_stopped"], stopped["ensemble_ready"]) == (1, 0)
    assert "ensemble_quorum_healthy" not in stopped
    assert "ensemble_tolerates" not in stopped
    paused = samples(at_rest(3, {"paused": True}))
    assert (paused["ensemble_paused"], paused["ensemble_quorum_healthy"]) == (1, 1)
