"""What a plan says and does as a whole."""

from dataclasses import replace

import pytest
from tests.unit.ensemble.plan.scenes import (
    at_rest,
    changed,
    edited,
    ensemble,
    outdated,
    without_answer,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.forecast.election import silent
from zookeeper_operator.ensemble.plan import build_plan


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 9])
def test_at_rest_nothing_is_done(size: int) -> None:
    plan = build_plan(at_rest(size))
    assert plan.actions == ()
    assert plan.settled
    assert plan.next_action == "nothing to do"
    assert plan.scale.state is True


def test_what_nobody_waits_for_leaves_the_ensemble_settled() -> None:
    ephemeral = build_plan(replace(at_rest(3, {"storage": {"ephemeral": True}}), claims=()))
    assert ephemeral.storage.reason == reasons.EPHEMERAL_STORAGE
    assert (ephemeral.settled, ephemeral.next_action) == (True, "nothing to do")
    refused = build_plan(at_rest(3, {"storage": {"data": {"size": "10Gi"}}}))
    assert refused.storage.reason == reasons.RESIZE_REFUSED
    assert (refused.settled, refused.next_action) == (True, refused.storage.message)


def test_a_volume_that_grows_is_waited_for() -> None:
    scene = at_rest()
    growing = tuple(replace(c, resizing=c.member_id == 1) for c in scene.claims)
    plan = build_plan(replace(scene, claims=growing))
    assert (plan.settled, plan.next_action) == (False, "data-zk-1 is growing")


def test_a_member_that_does_not_serve_is_named_if_no_concern_waits_for_it() -> None:
    plan = build_plan(changed(without_answer(at_rest(), 2), 2, running=False))
    assert plan.scale.state is False
    assert plan.next_action == "waiting for zk-2 to serve"
    scene = at_rest()
    unheard = replace(scene, answers={**scene.answers, 2: silent(2)})
    assert build_plan(unheard).next_action == "waiting for member 2 to serve"


def test_of_several_waits_the_rollout_s_is_announced() -> None:
    plan = build_plan(replace(outdated(at_rest(), 1), committed=None))
    assert plan.membership.state is None
    assert plan.next_action == plan.rollout.message != ""


def test_a_changed_template_is_not_rolled_out_before_it_has_a_revision() -> None:
    assert build_plan(at_rest()).rollout.state is True
    changed = replace(at_rest(), ensemble=ensemble({"config": {"maxClientCnxns": 61}}))
    assert build_plan(changed).rollout.state is False


def test_another_number_of_replicas_is_no_change_of_the_template() -> None:
    scaled = replace(at_rest(), ensemble=ensemble({"replicas": 5}))
    assert build_plan(scaled).rollout.state is True


@pytest.mark.parametrize("spec", [{"paused": True}, {"config": {"clientPort": "1"}}])
def test_members_in_trouble_are_watched_closely_also_while_nothing_may_be_done(
    spec: dict[str, object],
) -> None:
    plan = build_plan(without_answer(edited(at_rest(3), spec), 2))
    assert plan.actions == ()
    assert not plan.settled


def test_a_name_that_is_taken_is_looked_at_again_soon() -> None:
    """No event tells when an object of somebody else's goes."""
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": names.membership_name("zk"), "namespace": "demo", "uid": "theirs"},
    }
    plan = build_plan(replace(at_rest(), foreign=(foreign,)))
    assert plan.problems[0].reason == reasons.NAME_TAKEN
    assert not plan.settled
