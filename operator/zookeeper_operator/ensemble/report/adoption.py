"""What the status says of the ensemble that is taken over. Pure."""

from zookeeper_operator.api.ensemble_status import AdoptionStatus, FenceStatus
from zookeeper_operator.ensemble.actions import RecordAdoption
from zookeeper_operator.ensemble.adoption.fence import Fence
from zookeeper_operator.ensemble.adoption.record import is_cut_over, recorded_fence
from zookeeper_operator.ensemble.plan.adoption_facts import count_connections
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.kube.times import format_time


def build_adoption(
    situation: Situation, record: RecordAdoption | None = None
) -> AdoptionStatus | None:
    """The source; None while nothing is, or was, taken over.

    `record` is what this reconcile has to record of a fence and of a cut; otherwise they stay as they are.
    """
    lines = tuple(server.line() for server in situation.membership.source)
    if not lines:
        return None
    observed = situation.observed
    source = observed.source
    pods = source.pods if source is not None else None
    fence = recorded_fence(observed) if record is None else record.fence
    is_cut = is_cut_over(observed) if record is None else record.cut_over
    known = (observed.ensemble.status.get("adoption") or {}).get("cutOverAt")
    cut_over_at = (known or format_time(observed.now)) if is_cut else None
    return AdoptionStatus(
        source=lines,
        pods=pods.replicas if pods is not None else None,
        connections=count_connections(situation),
        fence=None if fence is None else write_fence(fence),
        cut_over_at=cut_over_at,
    )


def write_fence(fence: Fence) -> FenceStatus:
    """A fence as the status has it."""
    return FenceStatus(
        zxid=f"{fence.zxid:x}", generation=fence.generation, pods=fence.pods, uid=fence.uid
    )
