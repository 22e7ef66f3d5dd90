"""Which members of a source, and which of ours beside it, are known to run while one is taken over.

Pure. Silence proves nothing: a member of a source counts as stopped by what the API server says of its pod,
or by the word of its owner where no pod is known, and never if it has just answered.

Safety: a cut that is recorded is void when the source runs again before one of ours can have had a vote.
"""

from collections.abc import Mapping, Sequence

from zookeeper_operator.ensemble.adoption.record import (
    is_cut_over,
    names_own,
    own_voters,
    recorded_source,
)
from zookeeper_operator.ensemble.adoption.source import Source
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.published import published_membership
from zookeeper_operator.zookeeper.servers import Server, majority


def order_voters(source: Source | None, recorded: Sequence[Server]) -> tuple[Server, ...]:
    """The voters of a source at the beginning, in the order of their pods."""
    if source is None:
        voters = [server for server in recorded if server.role == "participant"]
        return tuple(sorted(voters, key=lambda server: server.id))
    known = Source(servers=tuple(recorded), pods=source.pods) if recorded else source
    return known.voters


def find_running(
    source: Source | None, voters: Sequence[Server], stopped: Sequence[int]
) -> frozenset[int]:
    """The voters of a source whose process may run: all that are not known to be stopped.

    Where their pods are not known, that is what the owner says, and no answer denies. That one refuses
    connections, or that its name does not resolve, proves nothing: it may be starting.
    """
    if source is not None and source.pods is not None and source.ordered:
        pods = source.pods
        return frozenset(
            server.id
            for place, server in enumerate(voters)
            if place < pods.replicas or f"{pods.name}-{pods.first + place}" in pods.existing
        )
    heard = find_heard(source)
    return frozenset(s.id for s in voters if s.id not in stopped or s.id in heard)


def find_heard(source: Source | None) -> frozenset[int]:
    """The members of a source whose process has answered, whether it serves or not."""
    said = {} if source is None else source.answers
    return frozenset(i for i, answer in said.items() if answer.mode or answer.denies)


def find_observing(observed: Observed) -> frozenset[int]:
    """Those of our members that serve, and say that none of ours votes: they follow the source."""
    views = _views(observed)
    return frozenset(i for i, view in views.items() if not view & own_voters(observed))


def has_own_vote(observed: Observed, member_id: int) -> bool:
    """Whether a member says that it serves by a list in which only ours vote."""
    view = _views(observed).get(member_id)
    return view is not None and not any(map(observed.ensemble.is_foreign, view))


def _views(observed: Observed) -> Mapping[int, frozenset[int]]:
    """Who votes, as those of our members say that serve."""
    return {
        i: answer.voting_view
        for i, answer in observed.answers.items()
        if not observed.ensemble.is_foreign(i) and answer.serving and answer.voting_view
    }


def is_void(observed: Observed) -> bool:
    """Whether a cut that is recorded must be taken back: the source runs again, and none of ours votes.

    While the list that is published names the source, none of ours can have had a vote. Afterwards a majority
    of ours must say that it follows the source.
    """
    if not is_cut_over(observed):
        return False
    published, observing = published_membership(observed), find_observing(observed)
    if published is not None and not names_own(observed, published):
        adopt = observed.ensemble.spec.adopt
        voters = order_voters(observed.source, recorded_source(observed))
        stopped = () if adopt is None else adopt.stopped_members
        back = find_running(observed.source, voters, stopped) | find_heard(observed.source)
        return bool(back | observing)
    if published is not None and published.version:
        return False
    ours = own_voters(observed)
    return bool(ours) and len(observing & ours) >= majority(len(ours))
