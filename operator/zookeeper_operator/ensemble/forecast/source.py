"""What becomes of the pods of a source that is taken over. Pure."""

from dataclasses import replace

from zookeeper_operator.ensemble.actions import ScaleSource
from zookeeper_operator.ensemble.forecast.world import World
from zookeeper_operator.zookeeper.answers import Answers


def scale_source(world: World, action: ScaleSource) -> World:
    """The source has that many pods; the members of the others are gone."""
    source = world.observed.source
    if source is None or source.pods is None:
        return world
    staying = source.voters[: action.replicas]
    existing = frozenset(
        f"{source.pods.name}-{source.pods.first + n}" for n in range(action.replicas)
    )
    pods = replace(source.pods, replicas=action.replicas, existing=existing)
    gone = {s.id for s in source.voters} - {s.id for s in staying}
    kept = {i: answer for i, answer in source.answers.items() if i not in gone}
    world = world.with_observed(source=replace(source, pods=pods, answers=kept))
    return world.with_answers({i: Answers(i, reachable=False, refuses=True) for i in gone})
