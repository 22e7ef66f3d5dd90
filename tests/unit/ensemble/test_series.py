"""The metric samples of an ensemble."""

from collections.abc import Mapping
from dataclasses import replace

from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest
from tests.unit.ensemble.plan.scenes import answers, at_rest, outdated

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


ROLES = {1: "follower", 2: "follower", 3: "leader"}
VERSION = "3.9.4"
CONDITIONS = {
    "Ready.Serving",
    "QuorumHealthy.Serving",
    "MembershipSettled.Settled",
    "RolledOut.UpToDate",
    "ScaleAllowed.Allowed",
    "StorageHealthy.Bound",
    "SpecValid.Valid",
}


def test_at_rest_everything_is_known() -> None:
    scene = at_rest(3)
    assert samples(scene) == {
        "ensemble_ready": 1,
        "ensemble_stopped": 0,
        "ensemble_paused": 0,
        "ensemble_quorum_healthy": 1,
        "ensemble_voters": 3,
        "ensemble_live_voters": 3,
        "ensemble_wanted_voters": 3,
        "ensemble_tolerates": 1,
        "ensemble_leader": 3,
        "ensemble_epoch": 1,
        "ensemble_leader_changes": 0,
        "ensemble_elections": 0,
        "ensemble_outdated_members": 0,
        "ensemble_observed_timestamp_seconds": scene.now.timestamp(),
        **{f"ensemble_condition.{condition}": 1 for condition in CONDITIONS},
        **{f"ensemble_member_lag.{i}": 0 for i in EVERYONE},
        **{f"ensemble_member_serving.{i}": 1 for i in EVERYONE},
        **{f"ensemble_member_info.{i}.{ROLES[i]}.{VERSION}": 1 for i in EVERYONE},
        **{f"ensemble_volume_capacity_bytes.{i}.data": 5 * 1024**3 for i in EVERYONE},
    }


def test_samples_bear_the_labels_of_their_entries() -> None:
    secured = EnsembleUnderTest({"replicas": 3, "tls": {}})
    secured.rest()
    found = build_samples(secured.plan(), Elections())
    labels = {entry.name: entry.labels for entry in REPORTED}
    assert {s.name for s in found} <= labels.keys()
    assert all(len(s.labels) == len(labels[s.name]) for s in found)


def test_a_limit_of_connections_is_there_if_the_configuration_sets_one() -> None:
    """0 means none, as without the key."""
    limits = []
    for config in ({"maxCnxns": 500}, {"maxCnxns": "0"}, {}):
        ensemble = EnsembleUnderTest({"replicas": 3, "config": config})
        ensemble.rest()
        limits.append(samples(ensemble.world.observed).get("ensemble_connection_limit"))
    assert limits == [500, None, None]


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


def test_members_that_do_not_serve_are_zero_and_silent_ones_unknown() -> None:
    calm = at_rest(3)
    changed = {1: answers(1, None, EVERYONE), 2: silent(2)}
    found = samples(replace(calm, answers={**calm.answers, **changed}))
    assert found["ensemble_member_serving.1"] == 0
    assert found["ensemble_member_info.1.looking.3.9.4"] == 1
    assert "ensemble_member_serving.2" not in found
    assert not [name for name in found if name.startswith("ensemble_member_info.2")]
    assert found["ensemble_member_serving.3"] == 1


def test_a_condition_that_is_false_names_its_reason_and_an_unknown_one_is_absent() -> None:
    looking = {i: answers(i, None, EVERYONE) for i in EVERYONE}
    found = samples(replace(at_rest(3), answers=looking))
    assert found["ensemble_condition.QuorumHealthy.ElectionInProgress"] == 0
    assert "ensemble_condition.QuorumHealthy.Serving" not in found
    mute = samples(replace(at_rest(3), answers={i: silent(i) for i in EVERYONE}))
    assert not [name for name in mute if "condition.QuorumHealthy" in name]


def test_members_of_an_old_revision_are_counted() -> None:
    assert samples(outdated(at_rest(3), 1, 2))["ensemble_outdated_members"] == 2


def test_how_full_a_volume_is() -> None:
    calm = at_rest(3)
    full = replace(calm.answers[1], data_bytes=3 * 1024**3, log_bytes=1024**3)
    found = samples(replace(calm, answers={**calm.answers, 1: full}))
    assert found["ensemble_volume_used_bytes.1.data"] == 4 * 1024**3
    assert "ensemble_volume_used_bytes.2.data" not in found, "it did not say"


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
    assert not [name for name in stopped if name.startswith("ensemble_member_serving")]
    assert "ensemble_tolerates" not in stopped
    paused = samples(at_rest(3, {"paused": True}))
    assert (paused["ensemble_paused"], paused["ensemble_quorum_healthy"]) == (1, 1)
