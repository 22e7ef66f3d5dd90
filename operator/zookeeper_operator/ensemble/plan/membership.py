"""The membership, one committed step at a time.

Safety, each with a property test and an invariant of the simulator:

* a step changes one member, so every old majority meets every new one;
* no step without a configuration read from a healthy quorum;
* what the ensemble has just refused is not tried again at once.

An interrupted change is completed from what is committed; there is no other memory.
"""

from dataclasses import replace

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.adoption.record import is_adopting
from zookeeper_operator.ensemble.plan.copying import because_of_slow_copies
from zookeeper_operator.ensemble.plan.members import wanted_ids
from zookeeper_operator.ensemble.plan.permission import scale_permission
from zookeeper_operator.ensemble.plan.promotion import plan_promotion
from zookeeper_operator.ensemble.plan.removal import plan_removal
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict


def plan_membership(situation: Situation) -> Step:
    """How the membership stands, and the next step towards the spec if there is one.

    An ensemble that is being stopped takes no step any more: it continues from what is committed when it
    is started again.
    """
    if situation.ensemble.spec.stopped:
        return Step(_standing(situation))
    if is_adopting(situation.observed):
        return Step(
            Verdict(
                False, reasons.ADOPTING, "the members of another ensemble are being taken over"
            ),
            announced=False,
        )
    # Who leaves is the spec's to say; a vote that was handed over is given back whatever it says.
    removal = None if situation.problems else plan_removal(situation)
    step = plan_promotion(situation) or removal or Step(_standing(situation))
    refusal = situation.observed.refusal
    if refusal is not None and refusal.is_recent(situation.observed.now):
        # The other concerns go ahead: they may be what it takes, since members that still know an older
        # password refuse until they are restarted.
        return replace(step, actions=())
    return step


def _standing(situation: Situation) -> Verdict:
    observed, ensemble = situation.observed, situation.ensemble
    committed = observed.committed
    if ensemble.spec.stopped:
        return Verdict(None, reasons.STOPPED, "the ensemble is stopped; its membership is kept")
    if not situation.founded:
        return Verdict(False, reasons.FOUNDING, "the first quorum has not formed yet")
    if committed is None:
        return Verdict(
            None, reasons.NOT_PROBED, observed.unreadable or "the configuration was not read"
        )
    waiting = sorted(
        i
        for i in wanted_ids(situation) - committed.voters
        if i < names.FIRST_OBSERVER_ID or i not in committed.observers
    )
    if not waiting:
        return Verdict(True, reasons.SETTLED, "the members are those the spec asks for")
    present = [i for i in waiting if observed.pod(i) is not None]
    if present:
        named = ", ".join(map(str, present))
        why = because_of_slow_copies(situation, present)
        return Verdict(
            False,
            reasons.WAITING_FOR_SYNC,
            f"waiting for member {named} to sync before it joins{why}",
        )
    allowed = scale_permission(situation)
    named = ", ".join(map(str, waiting))
    if not allowed.state:
        return Verdict(False, allowed.reason, f"member {named} cannot join yet: {allowed.message}")
    return Verdict(False, reasons.ADDING_MEMBER, f"member {named} will join")
