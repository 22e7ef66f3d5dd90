"""Removing members: the steps by which the committed configuration shrinks.

Safety:

* a member leaves the committed configuration before its pod goes;
* no member leaves without a healthy quorum;
* one that serves leaves only while every voter that stays is live, so that the smaller configuration has its
  majority, after a vote that was handed over has been given back, and not while a claim of one that stays is
  being deleted, since it may hold the copy that is needed;
* one that does not serve leaves first, and waits for no other: without it the majority of the live voters is
  as large as before, or larger.
"""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.plan.availability import availability
from zookeeper_operator.ensemble.plan.claim_deletion import claims_being_deleted
from zookeeper_operator.ensemble.plan.members import waiting_for_vote, wanted_ids
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.zookeeper.servers import CommittedConfig


def plan_removal(situation: Situation) -> Step | None:
    """Remove the highest member that the spec no longer asks for; first those that do not serve."""
    committed = situation.observed.committed
    if committed is None:
        return None
    leaving = committed.ids - wanted_ids(situation)
    if not leaving:
        return None
    serving = situation.quorum.serving
    leaver = max(leaving, key=lambda i: (i not in serving, i))
    blocked = _why_not_without(situation, committed, leaver)
    if blocked is not None:
        return Step(blocked)
    leads = leaver == situation.quorum.leader
    handover = " (it leads; the others take over in the same step)" if leads else ""
    return Step(
        Verdict(False, reasons.REMOVING_MEMBER, f"member {leaver} is being removed{handover}"),
        (
            Reconfigure(
                based_on=committed,
                leaving=(leaver,),
                reason=reasons.REMOVING_MEMBER,
                why=f"the spec asks for {situation.ensemble.spec.replicas} voters and "
                f"{situation.ensemble.spec.observers.replicas} observers",
            ),
        ),
    )


def _why_not_without(
    situation: Situation, committed: CommittedConfig, leaver: int
) -> Verdict | None:
    """Why one member must not leave the configuration now; None if it may."""
    quorum = situation.quorum
    if not quorum.healthy:
        standing = availability(situation)
        return Verdict(
            False,
            reasons.NOT_PROBED if standing.state is not False else reasons.NO_QUORUM,
            f"member {leaver} cannot leave yet without a majority: {standing.message}",
        )
    staying = committed.voters & wanted_ids(situation)
    if not staying:
        return Verdict(
            False,
            reasons.MEMBER_NOT_SYNCED,
            f"member {leaver} cannot leave yet: no member that stays has a vote",
        )
    if leaver not in quorum.serving:
        return None
    missing = staying - quorum.live
    if missing or quorum.uncounted:
        named = f"member {', '.join(map(str, sorted(missing)))}" if missing else quorum.missing
        return Verdict(
            False,
            reasons.MEMBER_NOT_SYNCED,
            f"member {leaver} cannot leave yet: {named} would stay and is not in sync",
        )
    pending = waiting_for_vote(situation)
    if pending:
        named = ", ".join(map(str, sorted(pending)))
        return Verdict(
            False,
            reasons.REPAIRING_MEMBERSHIP,
            f"member {leaver} leaves when member {named} has its vote back",
        )
    going = [c.name for c in claims_being_deleted(situation) if c.member_id in staying]
    if going:
        return Verdict(
            False,
            reasons.CLAIM_BEING_DELETED,
            f"member {leaver} cannot leave yet: {', '.join(going)} of a member that stays is being deleted",
        )
    return None
