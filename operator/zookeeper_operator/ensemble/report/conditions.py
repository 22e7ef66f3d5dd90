"""The conditions of an ensemble, one function for each that is not a verdict of the plan itself.

Pure. Nothing is decided here: a condition reports what the plan has found.
"""

from dataclasses import replace
from typing import Final

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.conditions import Condition, Status
from zookeeper_operator.api.ensemble_status import EnsembleStatus
from zookeeper_operator.ensemble.failure import NO_FAILURE, Failure
from zookeeper_operator.ensemble.judge.quorum import Quorum
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.adoption import is_reported, why_adoption_waits
from zookeeper_operator.ensemble.plan.claim_deletion import is_stop_refused, is_stopped
from zookeeper_operator.ensemble.plan.founding import why_restore_waits
from zookeeper_operator.ensemble.plan.security import has_security, why_founding_waits
from zookeeper_operator.ensemble.plan.step import Situation, Verdict
from zookeeper_operator.ensemble.report.absence import describe_absence
from zookeeper_operator.ensemble.report.external import missing_addresses
from zookeeper_operator.ensemble.report.quorum_condition import STOPPED, judge_quorum_condition

_STATUS: Final[dict[bool | None, Status]] = {
    True: conditions.TRUE,
    False: conditions.FALSE,
    None: conditions.UNKNOWN,
}
_BLOCKING: Final = frozenset(
    {reasons.STORAGE_CLASS_MISSING, reasons.VOLUME_LOST, reasons.FOREIGN_VOLUME}
)
"""Reasons of the storage that explain why members do not serve; the others only endanger them."""


def build_conditions(plan: Plan, failure: Failure = NO_FAILURE) -> list[Condition]:
    """Every condition, in the order of the documentation; times are not set.

    `failure` says what kept the reconcile from doing what it planned.
    """
    quorum_healthy = judge_quorum_condition(plan)
    spec_valid = _spec_valid(plan, failure)
    verdicts = {
        conditions.READY: _ready(plan, quorum_healthy, spec_valid, failure),
        conditions.QUORUM_HEALTHY: quorum_healthy,
        conditions.MEMBERSHIP_SETTLED: plan.membership,
        conditions.ROLLED_OUT: plan.rollout,
        conditions.SCALE_ALLOWED: plan.scale,
        conditions.STORAGE_HEALTHY: plan.storage,
        conditions.SPEC_VALID: spec_valid,
        **({conditions.SECURED: plan.security} if has_security(plan.situation.observed) else {}),
        **({conditions.ADOPTED: plan.adoption} if is_reported(plan.situation) else {}),
    }
    generation = plan.situation.ensemble.generation
    recent = plan.situation.observed.backup_recent
    return [
        *(
            Condition(
                type=type_,
                status=_STATUS[verdict.state],
                reason=verdict.reason,
                message=verdict.message,
                observed_generation=generation,
            )
            for type_, verdict in verdicts.items()
        ),
        *(
            ()
            if recent is None
            else (recent.model_copy(update={"observed_generation": generation}),)
        ),
    ]


def _ready(plan: Plan, quorum_healthy: Verdict, spec_valid: Verdict, failure: Failure) -> Verdict:
    """The summary: the most important of all verdicts."""
    situation, ensemble = plan.situation, plan.situation.ensemble
    if ensemble.deleting:
        return Verdict(False, reasons.DELETING, "the ensemble is being deleted")
    if is_stopped(situation):
        return STOPPED
    if is_stop_refused(situation):
        return Verdict(
            False, plan.storage.reason, f"the stop is refused for now: {plan.storage.message}"
        )
    if plan.quorum.disputed:
        return quorum_healthy
    if not spec_valid.state:
        return spec_valid
    unapplied = Verdict(False, reasons.APPLY_FAILED, failure.message)
    if failure.kind and not situation.founded:
        return unapplied
    if why_founding_waits(situation) is not None:
        return plan.security
    if why_restore_waits(situation) is not None:
        return quorum_healthy
    if why_adoption_waits(situation) is not None:
        return plan.adoption
    if plan.storage.state is False and plan.storage.reason in _BLOCKING:
        return plan.storage
    trouble = _trouble(situation)
    if trouble is not None:
        return trouble
    if quorum_healthy.state is True and failure.kind and not _is_complete(plan):
        return unapplied
    if quorum_healthy.state and plan.rollout.reason == reasons.WAITING_FOR_MEMBER:
        said = _describe(plan, _lost_voters(plan.quorum)) or plan.rollout.message
        rollout = replace(plan.rollout, message=said)
    else:
        rollout = plan.rollout
    adopting = plan.adoption if plan.membership.reason == reasons.ADOPTING else plan.membership
    for verdict in (quorum_healthy, rollout, adopting):
        if verdict.state is not True:
            if ensemble.spec.paused and (
                verdict is not quorum_healthy or not plan.situation.founded
            ):
                # It waits for the operator, which is paused: its own reason would promise that it ends.
                return Verdict(False, reasons.PAUSED, f"paused, and {verdict.message}")
            if verdict.reason == reasons.NOT_PROBED:
                return verdict
            return Verdict(False, verdict.reason, verdict.message)
    missing = _missing(plan)
    if missing is not None:
        return missing
    if failure.message:
        return Verdict(None, reasons.APPLY_FAILED, failure.message)
    return _lacking(plan, failure) or Verdict(True, reasons.SERVING, "serving as the spec asks")


def _missing(plan: Plan) -> Verdict | None:
    """Which voters do not serve, or may not. A silent one whose pod is ready does, as its kubelet says."""
    quorum, observed = plan.quorum, plan.situation.observed
    ready = {pod.id for pod in observed.pods if pod.ready}
    lost = _lost_voters(quorum)
    if lost:
        return Verdict(False, reasons.WAITING_FOR_MEMBER, _describe(plan, lost))
    unknown = ", ".join(map(str, sorted(quorum.silent - ready)))
    if unknown:
        return Verdict(
            None, reasons.NOT_PROBED, f"member {unknown} does not answer and its pod is not ready"
        )
    return None


def _is_complete(plan: Plan) -> bool:
    return plan.rollout.state is True and plan.membership.state is True


def _lost_voters(quorum: Quorum) -> frozenset[int]:
    """The voters that do not serve, as far as is known."""
    return quorum.voters - quorum.live - quorum.silent


def _describe(plan: Plan, members: frozenset[int]) -> str:
    """What is known of each of these members; empty if there are none."""
    old = EnsembleStatus.model_validate(plan.situation.ensemble.status)
    before = {member.id: member for member in old.members}
    return "; ".join(describe_absence(plan.situation, i, before.get(i)) for i in sorted(members))


def _lacking(plan: Plan, failure: Failure) -> Verdict | None:
    """What an ensemble that serves does without although the spec asks for it; None if nothing."""
    observed = plan.situation.observed
    for pod in observed.pods:
        if pod.sidecar is not None:
            return Verdict(
                True, pod.sidecar.reason, f"serving, but {pod.name}: {pod.sidecar.message}"
            )
    if failure.optional:
        return Verdict(True, reasons.APPLY_FAILED, f"serving, but {'; '.join(failure.optional)}")
    if plan.adoption.state is False:
        return Verdict(True, plan.adoption.reason, f"serving, but {plan.adoption.message}")
    if plan.security.state is False:
        return Verdict(True, plan.security.reason, f"serving, but {plan.security.message}")
    waiting = missing_addresses(observed, plan.situation.membership)
    if waiting:
        return Verdict(True, reasons.WAITING_FOR_ADDRESS, f"serving, but {waiting}")
    return None


def _trouble(situation: Situation) -> Verdict | None:
    """What keeps the first member in trouble from serving, or its pod from being created."""
    observed = situation.observed
    for name in sorted(observed.refused):
        refusal = observed.refused[name]
        if all(pod.name != name for pod in observed.pods):
            return Verdict(False, refusal.reason, f"{name}: {refusal.message}")
    for pod in sorted(observed.pods, key=lambda p: p.id):
        if pod.trouble is not None and not pod.ready:
            message = f"{pod.name}: {pod.trouble.message}"
            if pod.trouble.reason == reasons.IMAGE_PULL_FAILED:
                message = "; ".join((message, *observed.referenced.problems()))
            return Verdict(False, pod.trouble.reason, message)
    return None


def _spec_valid(plan: Plan, failure: Failure) -> Verdict:
    if plan.problems:
        return Verdict(False, plan.problems[0].reason, "; ".join(p.message for p in plan.problems))
    if failure.kind == "spec":
        return Verdict(False, reasons.INVALID_SPEC, failure.message)
    if plan.warnings:
        return Verdict(True, plan.warnings[0].reason, "; ".join(p.message for p in plan.warnings))
    return Verdict(True, reasons.VALID, "the spec can be acted on")
