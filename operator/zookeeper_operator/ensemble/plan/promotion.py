"""Giving votes, and listing observers: the steps by which the committed configuration grows.

Safety:

* a member votes only after it has synced from the agreed leader as a non-voter;
* a new voter joins only while every committed voter is live;
* a new voter joins only while its StatefulSet has a pod for it: one that was shrunk takes the pod away, and
  the vote with it, before it could be grown again;
* a vote that was handed over is given back even while another voter is missing, since that is when it is
  needed most, and while the spec is invalid, since it is not what that depends on;
* under an invalid spec a member gets a vote only if it had one, or if its own Service is there: a server line
  must never name what belongs to someone else.
"""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.plan.claim_deletion import must_stay
from zookeeper_operator.ensemble.plan.members import demoted, server_in_role, wanted_ids
from zookeeper_operator.ensemble.plan.revision import is_outdated, statefulset_of
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.pods import ordinals
from zookeeper_operator.zookeeper.servers import CommittedConfig, majority


def plan_promotion(situation: Situation) -> Step | None:
    """Give (back) a vote to a synced member that must have one, or list a synced observer."""
    committed = situation.observed.committed
    if committed is None or not situation.quorum.healthy:
        return None
    for member_id in sorted(_candidates(situation) - committed.voters):
        if not _may_join(situation, committed, member_id):
            continue
        if not _would_be_refused(situation, committed, member_id):
            return _join(situation, committed, member_id)
        if situation.quorum.all_live and member_id in committed.observers:
            return _take_off_the_list(committed, member_id)
    return None


def _candidates(situation: Situation) -> frozenset[int]:
    """The members that must have a place: those asked for, which an invalid spec does not decide alone."""
    wanted = wanted_ids(situation)
    if not situation.problems:
        return wanted
    ensemble = situation.ensemble.name
    addressed = {
        i
        for i in wanted
        if situation.observed.child("Service", names.member_name(ensemble, i)) is not None
    }
    return demoted(situation) | addressed


def _may_join(situation: Situation, committed: CommittedConfig, member_id: int) -> bool:
    """Whether a member that has no vote is ready for its place in the configuration."""
    observed, quorum = situation.observed, situation.quorum
    pod = observed.pod(member_id)
    if pod is None or pod.terminating or not quorum.in_sync(member_id, observed.answers):
        return False
    if member_id >= names.FIRST_OBSERVER_ID:
        return member_id not in committed.observers
    if committed.server(member_id) is None and not _is_hosted(situation, member_id):
        return False
    is_new = committed.server(member_id) is None and member_id > max(committed.voters)
    if is_new and not quorum.all_live:
        return False
    # If its restart is due and allowed, that comes first: without a vote it costs nothing.
    comes_first = not situation.problems and not must_stay(situation, pod)
    return not (is_outdated(situation, pod) and quorum.all_live and comes_first)


def _is_hosted(situation: Situation, member_id: int) -> bool:
    """Whether the StatefulSet of a member has a pod for it as it is, and not only one that has yet to go."""
    found = statefulset_of(situation, names.VOTER)
    return found is not None and member_id in ordinals(found)


def _would_be_refused(situation: Situation, committed: CommittedConfig, member_id: int) -> bool:
    """Whether the configuration with this observer's vote has no majority without the observer itself.

    ZooKeeper counts only followers as synced when it is asked for a new configuration, so it refuses to
    make a voter of an observer whose own vote would be needed: the second of two (seen on 3.9.5). A
    member that is not listed at all becomes a follower without a vote, and counts; a moment after it was
    taken off the list it still observes.
    """
    observes = member_id in committed.observers or situation.observed.answers[member_id].observes
    return observes and len(situation.quorum.live) < majority(len(committed.voters) + 1)


def _join(situation: Situation, committed: CommittedConfig, member_id: int) -> Step:
    observer = member_id >= names.FIRST_OBSERVER_ID
    is_new = committed.server(member_id) is None
    place = "place as an observer" if observer else "vote"
    server = server_in_role(situation, member_id, "observer" if observer else "participant")
    return Step(
        Verdict(
            False,
            reasons.ADDING_MEMBER if is_new else reasons.REPAIRING_MEMBERSHIP,
            f"member {member_id} has synced and gets its {place}",
        ),
        (
            Reconfigure(
                based_on=committed,
                joining=(server,),
                reason=reasons.ADDING_MEMBER,
                why=f"member {member_id} is in sync with leader {situation.quorum.leader}",
            ),
        ),
    )


def _take_off_the_list(committed: CommittedConfig, member_id: int) -> Step:
    return Step(
        Verdict(
            False,
            reasons.REPAIRING_MEMBERSHIP,
            f"member {member_id} must follow without a vote first, so that it counts when it gets one",
        ),
        (
            Reconfigure(
                based_on=committed,
                leaving=(member_id,),
                reason=reasons.REPAIRING_MEMBERSHIP,
                why=f"as an observer, member {member_id} cannot become the voter that is needed",
            ),
        ),
    )
