"""What becomes of volume claims."""

from dataclasses import replace
from typing import Any

from tests.unit.ensemble.plan.scenes import GIBIBYTE, at_rest

from zookeeper_operator.ensemble.actions import ReplaceMember
from zookeeper_operator.ensemble.forecast.effects import act, wait
from zookeeper_operator.ensemble.forecast.forecast import build_forecast
from zookeeper_operator.ensemble.forecast.pods import remove_pods
from zookeeper_operator.ensemble.forecast.world import World, find_world
from zookeeper_operator.ensemble.observed import Claim, Observed, StorageClass

CLASSES = {"standard": StorageClass("standard", expandable=True, default=True)}


def with_claim(scene: Observed, member_id: int, **changes: Any) -> Observed:
    claims = tuple(replace(c, **changes) if c.member_id == member_id else c for c in scene.claims)
    return replace(scene, claims=claims)


def claim_of(world: World, member_id: int) -> Claim:
    return next(c for c in world.observed.claims if c.member_id == member_id)


def test_a_file_system_that_waits_for_a_restart_grows_with_it() -> None:
    waiting: dict[str, Any] = {
        "requested": 10 * GIBIBYTE,
        "resizing": True,
        "file_system_resize_pending": True,
    }
    scene = with_claim(at_rest(3, {"storage": {"data": {"size": "10Gi"}}}), 1, **waiting)
    scene = replace(scene, storage_classes=CLASSES)
    assert claim_of(wait(find_world(scene, scene)), 1).capacity == 5 * GIBIBYTE, "not by itself"
    forecast = build_forecast(scene)
    assert [move.subject for move in forecast.of("restart")] == ["zk-1"]
    assert forecast.outcome == "settled"
    assert {c.capacity for c in forecast.end.claims} == {10 * GIBIBYTE}


def test_the_claims_of_a_replaced_member_go_with_its_pod() -> None:
    scene = replace(at_rest(3), storage_classes=CLASSES)
    world = find_world(scene, scene)
    old, pod = claim_of(world, 1), scene.pods[0]
    world = act(world, ReplaceMember(1, ((old.name, old.uid),), (pod.name, pod.uid), "it is lost"))
    assert claim_of(world, 1).terminating
    world = wait(world)
    new = claim_of(world, 1)
    assert (new.terminating, new.member, new.storage_class) == (False, None, "standard")
    assert new.uid != old.uid
    assert world.empty == {1}
    assert wait(world).empty == frozenset(), "it has synced"


def test_a_member_without_its_volume_does_not_come_up() -> None:
    scene = with_claim(at_rest(3), 1, phase="Lost")
    world = find_world(scene, scene)
    assert 1 in wait(world).serving, "a process that runs goes on"
    world = wait(wait(wait(remove_pods(world, {1}))))
    assert world.serving == {2, 3}


def test_a_claim_is_bound_if_its_storage_class_exists() -> None:
    scene = with_claim(at_rest(3), 1, phase="Pending", storage_class="fast")
    scene = replace(scene, storage_classes=CLASSES)
    assert claim_of(wait(find_world(scene, scene)), 1).phase == "Pending"
    scene = with_claim(scene, 1, storage_class="")
    assert claim_of(wait(find_world(scene, scene)), 1).phase == "Bound"
