"""Replacing a member: its volumes and its pod go, and it comes back empty and syncs from the others.

Safety:

* a claim is only ever deleted when it has never been bound, when its volume is gone, when a person asked for
  the replacement, or when another claim of the same member is being deleted already;
* but for the first case only while the other live voters are a majority of the committed ones;
* a member that still has its data is replaced only while a majority keeps it on volumes that are not being
  deleted; a person may ask for less, for a member whose own claim is being deleted;
* without being asked, the operator replaces a member only while every other voter is in sync, and has been
  for some ticks;
* one member at a time, and only if its StatefulSet is there to create its pod again.
"""

from dataclasses import dataclass, field
from typing import Literal

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import ReplaceMember
from zookeeper_operator.ensemble.observed import Claim, Pod
from zookeeper_operator.ensemble.plan.claim_deletion import (
    build_replacement_basis,
    claims_being_deleted,
    is_stopped,
    others_keep_the_data,
)
from zookeeper_operator.ensemble.plan.claims import asked_class
from zookeeper_operator.ensemble.plan.quorum_age import has_quorum_held
from zookeeper_operator.ensemble.plan.revision import statefulset_of
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict

_Cause = Literal["unbound", "lost", "deletion", "request"]


@dataclass(frozen=True)
class _Due:
    """A member that must be replaced. `requested` also by a person."""

    pod: Pod
    cause: _Cause
    why: str
    requested: bool
    claims: tuple[tuple[str, str], ...] = field(default=())

    def verdict(self, message: str) -> Verdict:
        """How the volumes stand. A replacement that a person has asked for raises no alarm."""
        unasked = self.cause == "deletion" and not self.requested
        return Verdict(
            False, reasons.CLAIM_BEING_DELETED if unasked else reasons.VOLUME_LOST, message
        )

    @property
    def confirmed(self) -> bool:
        """Whether a person accepts that the claims of the others are being deleted too."""
        return self.cause == "lost" or (self.cause == "deletion" and self.requested)


def plan_replacement(situation: Situation) -> Step | None:
    """Replace a member whose volume is lost or going, or whose replacement was asked for; one at a time.

    Not while the ensemble is stopped: there is no member to copy the data from. One that must wait for
    the others does not delay theirs, which may be what it waits for.
    """
    if is_stopped(situation):
        return None
    leader = situation.quorum.leader
    pods = sorted(situation.observed.pods, key=lambda p: (p.id == leader, p.id))
    due = [found for pod in pods if (found := _due(situation, pod)) is not None]
    for one in due:
        if one.pod.terminating and not one.claims:
            return Step(one.verdict(f"{one.pod.name} is being replaced ({one.why})"))
    for one in due:
        if _may_be_replaced(situation, one):
            return _replace(situation, one)
    return Step(_why_not(situation, due)) if due else None


def _due(situation: Situation, pod: Pod) -> _Due | None:
    claims = [c for c in situation.observed.claims if c.member_id == pod.id]
    lost = [c for c in claims if c.phase == "Lost"]
    misplaced = [c for c in claims if _never_bound_elsewhere(situation, c)]
    going = [c for c in claims if c.terminating]
    cause: _Cause
    if misplaced:
        cause, why = (
            "unbound",
            f"{misplaced[0].name} was never bound and asks for another storage class",
        )
    elif lost:
        cause, why = "lost", f"the volume of {lost[0].name} is gone"
    elif going:
        bound = any(c.phase == "Bound" for c in claims)
        cause, why = "deletion" if bound else "unbound", f"{going[0].name} is being deleted"
    elif pod.replace_requested:
        cause, why = "request", "its replacement was asked for"
    else:
        return None
    return _Due(
        pod=pod,
        cause=cause,
        why=why,
        requested=pod.replace_requested,
        claims=tuple((c.name, c.uid) for c in claims if not c.terminating),
    )


def _may_be_replaced(situation: Situation, due: _Due) -> bool:
    quorum = situation.quorum
    if statefulset_of(situation, due.pod.component) is None:
        return False
    if due.cause == "unbound":
        return True
    if not quorum.certain or not quorum.survives_without(due.pod.id):
        return False
    if due.confirmed:
        return True
    if not others_keep_the_data(situation, due.pod.id):
        return False
    return due.requested or (
        quorum.voters - {due.pod.id} <= quorum.live and has_quorum_held(situation)
    )


def _replace(situation: Situation, due: _Due) -> Step:
    basis = None
    if due.cause != "unbound":
        basis = build_replacement_basis(situation, due.pod, confirmed=due.confirmed)
    return Step(
        due.verdict(f"replacing {due.pod.name}: {due.why}"),
        (
            ReplaceMember(
                member_id=due.pod.id,
                claims=due.claims,
                pod=(due.pod.name, due.pod.uid),
                why=due.why,
                basis=basis,
            ),
        ),
    )


def _waits_for_others(due: list[_Due]) -> Verdict:
    """Why nobody is replaced while the others do not have the data; a request is no loss of a volume."""
    others = "the other members are no majority in sync"
    lost = next((one for one in due if one.cause != "request"), None)
    if lost is not None:
        name = lost.pod.name
        return lost.verdict(
            f"{name} must be replaced ({lost.why}), but {others}; bring them back first"
        )
    return Verdict(
        False,
        reasons.DATA_WOULD_BE_LOST,
        f"{due[0].pod.name} is not replaced as requested, because {others} without it; add members, or "
        "bring them back",
    )


def _why_not(situation: Situation, due: list[_Due]) -> Verdict:
    going = claims_being_deleted(situation)
    if not going:
        return _waits_for_others(due)
    named = ", ".join(claim.name for claim in going)
    return Verdict(
        False,
        reasons.CLAIM_BEING_DELETED,
        f"{named} is being deleted, and the data on it is lost when its pod ends; the operator replaces the "
        "member when all others are in sync and a majority of them keeps its volumes, and ends no such pod "
        "before; set the reclaim policy of its PersistentVolume to Retain now",
    )


def _never_bound_elsewhere(situation: Situation, claim: Claim) -> bool:
    if situation.problems:
        return False  # what the spec asks for is not known
    asked = asked_class(situation.ensemble, claim.volume)
    return (
        claim.phase == "Pending"
        and not claim.member
        and not claim.terminating
        and asked is not None
        and claim.storage_class != asked
    )
