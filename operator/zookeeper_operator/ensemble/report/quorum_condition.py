"""The condition `QuorumHealthy`: the verdict of `plan.availability`, with what is known of why it is lost.

Pure. Whether it is lost is not decided here. What the operator has just done itself is distinguished from
what happened to the ensemble, and members that answer but find no leader from members that are gone.
"""

from datetime import datetime, timedelta
from typing import Final

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.conditions import Condition
from zookeeper_operator.api.ensemble_status import EnsembleStatus
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.availability import availability
from zookeeper_operator.ensemble.plan.claim_deletion import is_stopped
from zookeeper_operator.ensemble.plan.step import Situation, Verdict
from zookeeper_operator.ensemble.report.absence import TIME_TO_RETURN, judge_absence
from zookeeper_operator.kube.times import format_time, parse_time

# An election takes up to 5 s; after a hand-over it is a fraction of one.
_LONGEST_HANDOVER: Final = timedelta(seconds=15)
# To synchronise a large database takes longer than to elect a leader.
_LONGEST_ELECTION: Final = timedelta(seconds=60)
_AT_WORK: Final = frozenset(
    {
        reasons.ROLLING_MEMBER,
        reasons.HANDING_OVER_LEADERSHIP,
        reasons.WAITING_FOR_MEMBER,
        reasons.ADDING_MEMBER,
        reasons.REMOVING_MEMBER,
        reasons.REPAIRING_MEMBERSHIP,
        reasons.WAITING_FOR_SYNC,
    }
)
"""Reasons of `RolledOut` and `MembershipSettled` while the operator changes something."""

_REFINED: Final = frozenset({reasons.NO_QUORUM, reasons.ELECTION_IN_PROGRESS, reasons.FOUNDING})
"""Reasons of a loss that a more precise one may take the place of."""

STOPPED: Final = Verdict(False, reasons.STOPPED, "the ensemble is stopped; its data is kept")


def judge_quorum_condition(plan: Plan) -> Verdict:
    """How the quorum stands, with the most precise reason for a loss that is known of it."""
    situation = plan.situation
    if is_stopped(situation):
        return STOPPED
    verdict = availability(situation)
    if verdict.state is not False or verdict.reason not in _REFINED:
        return verdict
    since = _lost_since(situation)
    answering = _answering(situation)
    if len(answering) >= max(plan.quorum.needed, 2) and _are_not_connected(situation, since):
        message = _describe(situation, answering, since)
        return Verdict(False, reasons.MEMBERS_NOT_CONNECTED, message)
    if verdict.reason not in {reasons.FOUNDING, reasons.RESTORING} and _is_expected(plan, since):
        return Verdict(
            False,
            reasons.ELECTION_EXPECTED,
            "the members elect a leader, because one was restarted or the configuration was changed",
        )
    return verdict


def _answering(situation: Situation) -> frozenset[int]:
    """The voters that answer the operator."""
    answers = situation.observed.answers.values()
    return frozenset(a.id for a in answers if a.reachable) & situation.quorum.voters


def _standing(situation: Situation) -> dict[str, Condition]:
    """The conditions that stand in the status, by type."""
    status = EnsembleStatus.model_validate(situation.ensemble.status)
    return {condition.type: condition for condition in status.conditions}


def _lost_since(situation: Situation) -> datetime | None:
    """Since when the quorum is reported as lost; None if it is not."""
    found = _standing(situation).get(conditions.QUORUM_HEALTHY)
    if found is None or found.status != conditions.FALSE:
        return None
    return parse_time(found.last_transition_time)


def _are_not_connected(situation: Situation, since: datetime | None) -> bool:
    """Whether members that answer have had more than the time of any election."""
    now = situation.observed.now
    started = [p.running_since for p in situation.observed.pods if p.running_since is not None]
    begun = max((since, *started)) if since is not None else None
    return begun is not None and now - begun > _LONGEST_ELECTION


def _describe(situation: Situation, answering: frozenset[int], since: datetime | None) -> str:
    hosts = [s.host for s in situation.membership.servers if s.id in answering]
    duration = f" since {format_time(since)}" if since is not None else ""
    return (
        f"{len(answering)} voters answer the operator, but have not agreed on a leader{duration}: they do "
        f"not reach each other at ports {names.QUORUM_PORT} and {names.ELECTION_PORT} of {', '.join(hosts)}, "
        "do not resolve these names, or still copy the data"
    )


def _is_expected(plan: Plan, since: datetime | None) -> bool:
    """Whether the quorum is away because of what the operator has just done, and not for too long."""
    situation = plan.situation
    if since is not None and situation.observed.now - since > (
        _LONGEST_HANDOVER if len(plan.quorum.voters) > 1 else TIME_TO_RETURN
    ):
        return False
    standing = _standing(situation)
    at_work = any(
        (found := standing.get(type_)) is not None
        and found.status == conditions.FALSE
        and found.reason in _AT_WORK
        for type_ in (conditions.ROLLED_OUT, conditions.MEMBERSHIP_SETTLED)
    )
    before = EnsembleStatus.model_validate(situation.ensemble.status).members
    return at_work and not any(
        judge_absence(situation, member.id, member, serving=False, restarted=False).lost
        for member in before
        if member.id in plan.quorum.voters
    )
