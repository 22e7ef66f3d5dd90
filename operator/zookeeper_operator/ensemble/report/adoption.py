"""What the status says of the ensemble that is taken over. Pure."""

from zookeeper_operator.api.ensemble_status import AdoptionStatus
from zookeeper_operator.ensemble.plan.adoption_facts import count_connections
from zookeeper_operator.ensemble.plan.step import Situation


def build_adoption(situation: Situation) -> AdoptionStatus | None:
    """The source; None while nothing is, or was, taken over."""
    lines = tuple(server.line() for server in situation.membership.source)
    if not lines:
        return None
    source = situation.observed.source
    pods = source.pods if source is not None else None
    return AdoptionStatus(
        source=lines,
        pods=pods.replicas if pods is not None else None,
        connections=count_connections(situation),
    )
