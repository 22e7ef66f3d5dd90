"""How pods come and go."""

from tests.unit.ensemble.plan.scenes import at_rest, changed, without_answer

from zookeeper_operator.ensemble.forecast.effects import wait
from zookeeper_operator.ensemble.forecast.pods import delete_pod, remove_pods
from zookeeper_operator.ensemble.forecast.world import World, find_world
from zookeeper_operator.ensemble.observed import Pod, Trouble


def pod_of(world: World, member_id: int) -> Pod:
    found = world.observed.pod(member_id)
    assert found is not None
    return found


def test_a_deleted_pod_comes_back_serves_and_is_ready_round_by_round() -> None:
    scene = at_rest(3, leader=3)
    world = delete_pod(find_world(scene, scene), 1)
    assert pod_of(world, 1).terminating
    assert 1 not in world.observed.answers
    world = wait(world)
    assert pod_of(world, 1).uid != scene.pods[0].uid
    assert (1 in world.serving, pod_of(world, 1).ready) == (False, False)
    world = wait(world)
    assert (1 in world.serving, pod_of(world, 1).ready) == (True, False)
    world = wait(world)
    assert (1 in world.serving, pod_of(world, 1).ready) == (True, True)
    assert wait(world).observed == world.observed


def test_a_short_election_costs_nobody_their_readiness_a_lost_quorum_does() -> None:
    scene = at_rest(3, leader=3)
    world = wait(remove_pods(find_world(scene, scene), {3}))
    assert [p.id for p in world.observed.pods if p.ready] == [1, 2]
    world = wait(remove_pods(find_world(scene, scene), {2, 3}))
    assert [p.id for p in world.observed.pods if p.ready] == []


def test_a_pod_in_trouble_does_not_come_up() -> None:
    trouble = Trouble("CrashLoopBackOff", "exit 1")
    scene = changed(without_answer(at_rest(3, leader=3), 1, 2), 1, trouble=trouble)
    world = wait(wait(find_world(scene, scene)))
    assert world.serving == {2, 3}


def test_pods_of_a_statefulset_that_is_being_recreated_are_left_alone() -> None:
    scene = at_rest(3)
    world = find_world(scene, scene)
    world = world.with_observed(
        children=tuple(c for c in world.observed.children if c["kind"] != "StatefulSet")
    )
    assert wait(world).observed.pods == scene.pods
