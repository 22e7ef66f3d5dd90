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
    pods = replace(
        source.pods,
        replicas=action.replicas,
        existing=existing,
        generation=source.pods.generation + 1,
    )
    gone = {s.id for s in source.voters} - {s.id for s in staying}
    kept = {i: answer for i, answer in source.answers.items() if i not in gone}
    world = world.with_observed(source=replace(source, pods=pods, answers=kept))
    world = world.with_answers({i: Answers(i, reachable=False, refuses=True) for i in gone})
    committed = world.observed.committed
    if committed is None or committed.voters - gone:
        return world
    # Those that observed it have nobody to follow any more.
    left = {
        i: Answers(i, reachable=True, problem="it has no leader", denies=True)
        for i, answer in world.observed.answers.items()
        if answer.serving
    }
    return world.with_answers(left).with_observed(committed=None)
