"""How long the quorum has held: what has just come back may go again.

On a busy node a quorum comes and goes within seconds, and a restart at that moment takes it away for
longer. Its age is read from the status, since nothing that a process remembers may decide this: since when
`QuorumHealthy` is True, and since when this leader leads in this epoch.

The normal rollout does not wait: the restart of one member does not end the quorum, and the leader hands
over last, after which only the member without a vote is restarted.
"""

from datetime import datetime, timedelta
from typing import Final

from zookeeper_operator.api import conditions
from zookeeper_operator.ensemble.build.config import tick_time
from zookeeper_operator.ensemble.plan.step import Situation

# What a member misses for more than two ticks it gives up.
_TICKS: Final = 3
_SHORTEST: Final = timedelta(seconds=6)
"""Three ticks of ZooKeeper's default. Times in the status are whole seconds: shorter ticks do not count."""


def has_quorum_held(situation: Situation) -> bool:
    """Whether the quorum there is now has been there for some ticks."""
    quorum, status = situation.quorum, situation.ensemble.status
    leader = status.get("leader") or {}
    healthy = conditions.find_written(status, conditions.QUORUM_HEALTHY)
    if healthy.get("status") != conditions.TRUE or leader.get("id") != quorum.leader:
        return False
    if quorum.epoch is not None and leader.get("epoch") != quorum.epoch:
        return False
    held = max(_SHORTEST, _TICKS * tick_time(situation.ensemble.spec))
    since = (_moment(healthy.get("lastTransitionTime")), _moment(leader.get("since")))
    return all(moment and situation.observed.now - moment >= held for moment in since)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
