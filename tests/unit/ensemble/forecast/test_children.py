"""What an apply makes of a child."""

from tests.unit.ensemble.plan.scenes import at_rest

from zookeeper_operator.ensemble.actions import Apply
from zookeeper_operator.ensemble.forecast.effects import act
from zookeeper_operator.ensemble.forecast.world import World, find_world
from zookeeper_operator.kube.api import Object


def statefulset(world: World) -> Object:
    found = world.observed.child("StatefulSet", "zk")
    assert found is not None
    return found


def revision(world: World) -> str:
    return str(statefulset(world)["status"]["updateRevision"])


def test_the_same_template_gets_the_same_revision_again() -> None:
    scene = at_rest()
    world = find_world(scene, scene)
    first = statefulset(world)
    other = {**first, "spec": {**first["spec"], "template": {"metadata": {"labels": {"a": "b"}}}}}
    changed = act(world, Apply(other, "an edit"))
    assert revision(changed) != revision(world)
    third = {**first, "spec": {**first["spec"], "template": {"metadata": {"labels": {"a": "c"}}}}}
    again = act(act(changed, Apply(third, "an edit")), Apply(other, "back"))
    assert revision(again) == revision(changed)
    assert revision(act(again, Apply(first, "back to the first"))) == revision(world)


def test_a_child_that_is_changed_keeps_its_uid_and_one_that_is_recreated_does_not() -> None:
    scene = at_rest()
    world = find_world(scene, scene)
    uid = statefulset(world)["metadata"]["uid"]
    changed = act(world, Apply(statefulset(world), "again"))
    assert statefulset(changed)["metadata"]["uid"] == uid
    assert statefulset(changed)["metadata"]["generation"] == 2
    gone = world.with_observed(children=())
    assert statefulset(act(gone, Apply(statefulset(world), "again")))["metadata"]["uid"] != uid
