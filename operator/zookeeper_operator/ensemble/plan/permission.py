"""Whether the number of members may change now: the condition `ScaleAllowed`.

Safety: no pod of a new voter is started

* before the first quorum, or without a configuration read from a healthy one;
* while a committed voter is missing, because one more voter may raise the majority that is needed;
* while a rollout is under way, so that each step starts with every member at the current revision. A rollout
  that waits for more members, because the only one keeps its data in emptyDir, is none.
"""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.adoption.record import is_adopting
from zookeeper_operator.ensemble.plan.availability import availability
from zookeeper_operator.ensemble.plan.ephemeral import keeps_only_copy
from zookeeper_operator.ensemble.plan.members import demoted
from zookeeper_operator.ensemble.plan.revision import is_outdated
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict


def scale_permission(situation: Situation) -> Verdict:
    """Whether a change of `replicas` would be started now, and if not, why."""
    quorum = situation.quorum
    if situation.ensemble.spec.paused:
        return Verdict(False, reasons.PAUSED, "the ensemble is paused; nothing is changed")
    if situation.ensemble.spec.stopped:
        return Verdict(False, reasons.STOPPED, "the ensemble is stopped; start it first")
    if is_adopting(situation.observed):
        return Verdict(
            False,
            reasons.ADOPTING,
            "another ensemble is being taken over; the number changes after that",
        )
    if not situation.founded:
        return Verdict(False, reasons.FOUNDING, "the first quorum has not formed yet")
    if quorum.contradiction is not None:
        return Verdict(False, quorum.contradiction.reason, quorum.contradiction.message)
    if situation.observed.committed is None or not quorum.healthy:
        standing = availability(situation)
        reason = reasons.NOT_PROBED if standing.state is not False else reasons.NO_QUORUM
        return Verdict(
            False, reason, f"no majority has confirmed who the members are: {standing.message}"
        )
    if not quorum.all_live:
        return Verdict(
            False,
            reasons.MEMBER_NOT_SYNCED,
            f"{quorum.missing} votes but is not in sync; bring it back first",
        )
    if demoted(situation):
        return Verdict(
            False, reasons.ROLLOUT_IN_PROGRESS, "a member has handed its vote over for a restart"
        )
    due = [
        p.name
        for p in situation.observed.pods
        if is_outdated(situation, p) and not keeps_only_copy(situation, p)
    ]
    if due:
        return Verdict(
            False, reasons.ROLLOUT_IN_PROGRESS, f"{', '.join(due)} must be restarted first"
        )
    return Verdict(True, reasons.ALLOWED, "a change of replicas would be started now")


def plan_scale_permission(situation: Situation) -> Step:
    """The permission as a concern of the plan. It never acts, and nothing waits for it."""
    return Step(scale_permission(situation), awaited=False, announced=False)
