"""Which members hold no data, by what they say and by what is known of their pods.

A member cannot be asked what it holds while it does not serve. It says what it found at its start, and a pod
that was never ready has never served since: both together mean that it holds nothing. A member that has
copied the data and loses its leader in the second before its first readiness probe is taken for empty too.
"""

from typing import Final

from zookeeper_operator.ensemble.judge.quorum import Quorum
from zookeeper_operator.ensemble.observed import Observed, Pod
from zookeeper_operator.zookeeper.servers import majority

EMPTY: Final = "none"
"""Found no database at its start, and waits for a leader to copy one from."""
FOUNDER: Final = "founder"
"""Found no database at its start, and made an empty one to vote with."""


def is_empty(observed: Observed, pod: Pod, *, or_founder: bool = False) -> bool:
    """Whether a member is known to hold no data; with `or_founder`, none but an empty database."""
    answer = observed.answers.get(pod.id)
    return (
        pod.never_ready
        and not pod.terminating
        and answer is not None
        and answer.denies
        and answer.database in ({EMPTY, FOUNDER} if or_founder else {EMPTY})
    )


def find_lost_voters(observed: Observed, quorum: Quorum) -> frozenset[int]:
    """The empty voters without which there is no majority; none if the others are one.

    An empty member does not vote before it has copied the data from a leader, so these wait forever.
    """
    if quorum.healthy or quorum.contradiction is not None:
        return frozenset()
    empty = frozenset(p.id for p in observed.pods if is_empty(observed, p)) & quorum.voters
    return empty if len(quorum.voters - empty) < majority(len(quorum.voters)) else frozenset()
