"""The list of members at a cut, and which pods must be restarted since they may run by another. Pure."""

from typing import Final

from zookeeper_operator.ensemble.adoption.presence import has_own_vote
from zookeeper_operator.ensemble.adoption.record import (
    is_cut_over,
    names_own,
    own_voters,
    recorded_fence,
)
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.zookeeper.servers import Server

EPOCHS_AHEAD: Final = 1000
"""More elections than happen between two reconfigurations, or at a source that nobody expects to run again.

All that is left of the epochs there were is the last version of the configuration, or where the source stood.
"""


def first_epoch(observed: Observed) -> int:
    """After which epoch our members begin: later than a source that is started again can come soon.

    Otherwise both would count the same zxids for different transactions, and a member or a client that has
    seen one of the two would take it for the other.
    """
    fence = recorded_fence(observed)
    return 0 if fence is None else (fence.zxid >> 32) + EPOCHS_AHEAD


def own_lines(observed: Observed) -> tuple[Server, ...]:
    """Our members as voters: as many as the source has."""
    return tuple(map(observed.ensemble.server, sorted(own_voters(observed))))


def find_standby(
    observed: Observed, published: Membership | None, *, void: bool
) -> tuple[tuple[tuple[int, str], ...], bool]:
    """The pods that may have started from another list, and whether one may be missing among them.

    Of a cut, those that may observe the source; of one that is `void`, those that may have started as voters.
    Between the list of pods that a reconcile read and the publication one may have been created. So the pods
    are listed once more in the reconcile after it.
    """
    cut = is_cut_over(observed) and not void
    own = names_own(observed, published)
    changes = (cut and not own) or (void and (own or published is None))
    pods = tuple((pod.id, pod.uid) for pod in observed.pods)
    known = () if published is None else published.standby
    if changes or (published is not None and published.standby_open):
        known = pods
    arrived = has_own_vote if cut else _serves
    return tuple(e for e in known if e in pods and not arrived(observed, e[0])), changes


def _serves(observed: Observed, member_id: int) -> bool:
    answer = observed.answers.get(member_id)
    return answer is not None and answer.serving
