"""What becomes of a source that is cut over: it stands still, and what is recorded of that. Pure."""

from dataclasses import replace

from zookeeper_operator.ensemble.actions import RecordAdoption
from zookeeper_operator.ensemble.adoption.fence import QUIET, Standstill
from zookeeper_operator.ensemble.forecast.world import World
from zookeeper_operator.ensemble.report.adoption import write_fence
from zookeeper_operator.kube.times import format_time


def stand_still(world: World) -> World:
    """A fence is written, everyone has it, and nothing comes after it."""
    observed = world.observed
    stand = max((a.zxid or 0 for a in observed.answers.values() if a.serving), default=0)
    return world.with_observed(memory=Standstill(stand - 1, stand, observed.now - QUIET))


def record_adoption(world: World, action: RecordAdoption) -> World:
    """The status says it."""
    ensemble = world.observed.ensemble
    known = dict(ensemble.status.get("adoption") or {})
    known.pop("fence", None)
    if action.fence is not None:
        known["fence"] = write_fence(action.fence).to_api()
    known.pop("cutOverAt", None)
    if action.cut_over:
        known["cutOverAt"] = format_time(world.observed.now)
    status = {**ensemble.status, "adoption": known}
    return world.with_observed(ensemble=replace(ensemble, status=status))
