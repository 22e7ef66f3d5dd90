"""The conditions of an ensemble, one function for each that is not a verdict of the plan itself.

Pure. Nothing is decided here: a condition reports what the plan has found.
"""

from typing import Final

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.conditions import Condition, Status
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.step import Verdict

_STATUS: Final[dict[bool | None, Status]] = {
    True: conditions.TRUE,
    False: conditions.FALSE,
    None: conditions.UNKNOWN,
}
_STOPPED: Final = Verdict(False, reasons.STOPPED, "the ensemble is stopped; its data is kept")
_BLOCKING: Final = frozenset(
    {reasons.STORAGE_CLASS_MISSING, reasons.VOLUME_LOST, reasons.FOREIGN_VOLUME}
)
"""Reasons of the storage that explain why members do not serve; the others only endanger them."""


def build_conditions(plan: Plan, *, failure: str = "", refused: bool = False) -> list[Condition]:
    """Every condition, in the order of the documentation; times are not set.

    `failure` says what kept the pass from doing what it planned; `refused` that it was the API server, which
    does not accept what the spec makes of a child.
    """
    quorum_healthy = _quorum_healthy(plan)
    spec_valid = _spec_valid(plan, failure=failure, refused=refused)
    verdicts = {
        conditions.READY: _ready(plan, quorum_healthy, spec_valid, failure),
        conditions.QUORUM_HEALTHY: quorum_healthy,
        conditions.MEMBERSHIP_SETTLED: plan.membership,
        conditions.ROLLED_OUT: plan.rollout,
        conditions.SCALE_ALLOWED: plan.scale,
        conditions.STORAGE_HEALTHY: plan.storage,
        conditions.SPEC_VALID: spec_valid,
    }
    return [
        Condition(
            type=type_,
            status=_STATUS[verdict.state],
            reason=verdict.reason,
            message=verdict.message,
            observed_generation=plan.situation.ensemble.generation,
        )
        for type_, verdict in verdicts.items()
    ]


def _ready(plan: Plan, quorum_healthy: Verdict, spec_valid: Verdict, failure: str) -> Verdict:
    """The summary: the most telling of all verdicts."""
    ensemble = plan.situation.ensemble
    if ensemble.deleting:
        return Verdict(False, reasons.DELETING, "the ensemble is being deleted")
    if ensemble.spec.stopped:
        return _STOPPED
    if plan.quorum.contradiction is not None:
        return quorum_healthy
    if not spec_valid.state:
        return spec_valid
    if plan.storage.state is False and plan.storage.reason in _BLOCKING:
        return plan.storage
    trouble = _trouble(plan.situation.observed)
    if trouble is not None:
        return trouble
    for verdict in (quorum_healthy, plan.rollout, plan.membership):
        if verdict.state is not True:
            if ensemble.spec.paused and (
                verdict is not quorum_healthy or not plan.situation.founded
            ):
                # It waits for the operator, which is paused: its own reason would promise that it passes.
                return Verdict(False, reasons.PAUSED, f"paused, and {verdict.message}")
            return Verdict(False, verdict.reason, verdict.message)
    if not plan.quorum.all_live:
        missing = ", ".join(map(str, sorted(plan.quorum.voters - plan.quorum.live)))
        return Verdict(False, reasons.WAITING_FOR_MEMBER, f"member {missing} does not serve")
    if failure:
        return Verdict(None, reasons.APPLY_FAILED, failure)
    return Verdict(True, reasons.SERVING, "serving as the spec asks")


def _trouble(observed: Observed) -> Verdict | None:
    """What keeps the first member in trouble from serving."""
    for pod in sorted(observed.pods, key=lambda p: p.id):
        if pod.trouble is not None and not pod.ready:
            message = f"{pod.name}: {pod.trouble.message}"
            if pod.trouble.reason == reasons.IMAGE_PULL_FAILED:
                message = "; ".join((message, *observed.referenced.problems()))
            return Verdict(False, pod.trouble.reason, message)
    return None


def _quorum_healthy(plan: Plan) -> Verdict:
    situation, quorum = plan.situation, plan.quorum
    observed = situation.observed
    if situation.ensemble.spec.stopped:
        return _STOPPED
    if quorum.contradiction is not None:
        return Verdict(False, quorum.contradiction.reason, quorum.contradiction.message)
    if quorum.healthy:
        return Verdict(
            True,
            reasons.SERVING,
            f"member {quorum.leader} leads {len(quorum.live)} of {len(quorum.voters)} voters; "
            f"{quorum.tolerates} more may be lost",
        )
    if not situation.founded:
        return Verdict(False, reasons.FOUNDING, "the first quorum has not formed yet")
    reachable = [a for a in observed.answers.values() if a.reachable and a.id in quorum.voters]
    if not reachable and any(p.ready for p in observed.pods):
        return Verdict(
            None,
            reasons.NOT_PROBED,
            "no member's AdminServer could be asked although pods are ready; check that the operator "
            "may reach port 8080 of the pods",
        )
    if len(reachable) >= quorum.needed:
        return Verdict(
            False,
            reasons.ELECTION_IN_PROGRESS,
            f"{len(reachable)} of {len(quorum.voters)} voters answer, but they have no leader yet",
        )
    return Verdict(
        False,
        reasons.NO_QUORUM,
        f"{len(reachable)} of {len(quorum.voters)} voters answer, {quorum.needed} are needed",
    )


def _spec_valid(plan: Plan, *, failure: str, refused: bool) -> Verdict:
    if plan.problems:
        return Verdict(False, plan.problems[0].reason, "; ".join(p.message for p in plan.problems))
    if refused:
        return Verdict(False, reasons.INVALID_SPEC, failure)
    return Verdict(True, reasons.VALID, "the spec can be acted on")
