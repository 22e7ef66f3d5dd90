"""Who leads in the model, and who does not."""

from dataclasses import replace

from tests.unit.ensemble.plan.scenes import NOW, at_rest, edited, ensemble

from zookeeper_operator.ensemble.forecast.effects import wait
from zookeeper_operator.ensemble.forecast.election import lose, silent
from zookeeper_operator.ensemble.forecast.forecast import build_forecast
from zookeeper_operator.ensemble.forecast.pods import remove_pods
from zookeeper_operator.ensemble.forecast.world import find_world
from zookeeper_operator.ensemble.observed import Observed


def test_a_lost_leader_is_followed_by_another_one() -> None:
    scene = at_rest(3, leader=3)
    world = remove_pods(find_world(scene, scene), {3})
    assert (world.leader, world.observed.committed) == (None, None)
    world = wait(world)
    assert world.leader == 2
    assert world.observed.committed == scene.committed
    assert world.news == ("zk-3 starts", "zk-2 leads epoch 2")


def test_a_member_without_a_database_does_not_vote() -> None:
    scene = at_rest(3, leader=3)
    world = replace(find_world(scene, scene), empty=frozenset({1}))
    world = wait(remove_pods(world, {3}))
    assert world.leader is None, "one of two would not be enough"
    assert wait(world).leader == 3


def test_a_frozen_member_is_silent_until_it_goes_on() -> None:
    scene = at_rest(3, leader=3)
    world = lose(find_world(scene, scene), {1}).with_answers({1: silent(1)})
    frozen = wait(replace(world, frozen=frozenset({1})))
    assert frozen.serving == {2, 3}
    assert [p.id for p in frozen.observed.pods if not p.ready] == [1]
    assert wait(replace(frozen, frozen=frozenset())).serving == {1, 2, 3}


def test_the_first_leader_gives_the_configuration_its_version() -> None:
    new = Observed(ensemble=replace(ensemble(), status={}), now=NOW, fresh_password="fresh")
    end = build_forecast(new).end
    assert end.committed is not None
    assert end.committed.version == 1 << 32
    published = end.child("ConfigMap", "zk-membership")
    assert published is not None
    assert published["data"]["configVersion"] == "100000000"


def test_epochs_go_on_after_a_stop() -> None:
    scene = at_rest(3)
    stopped = build_forecast(edited(scene, {"stopped": True}), before=scene).end
    start = build_forecast(edited(stopped, {"stopped": False}), before=stopped)
    news = [news for move in start.moves for news in move.then]
    assert "zk-3 leads epoch 2" in news


def test_data_in_the_pod_is_lost_with_it() -> None:
    """A single member is not rolled; three copy from each other."""
    scene = at_rest(1, {"storage": {"ephemeral": True}})
    scene = replace(scene, claims=())
    forecast = build_forecast(edited(scene, {"version": "3.9.3"}), before=scene)
    assert forecast.of("restart") == ()
    world = remove_pods(find_world(scene, scene), {1})
    for _ in range(3):
        world = wait(world)
    assert world.leader is None, "a member that starts empty after the founding does not lead"
    three = replace(at_rest(3, {"storage": {"ephemeral": True}}), claims=())
    assert build_forecast(edited(three, {"version": "3.9.3"}), before=three).outcome == "settled"
