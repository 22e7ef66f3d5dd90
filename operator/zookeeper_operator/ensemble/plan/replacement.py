"""Replacing a member: its volumes and its pod go, and it comes back empty and syncs from the others.

Safety:

* a claim is only ever deleted when it has never been bound, or when its volume is gone or a person asked
  for the replacement;
* in the last two cases only while the other live voters are a majority of the committed ones;
* one member at a time.
"""

from dataclasses import dataclass

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import ReplaceMember
from zookeeper_operator.ensemble.observed import Claim, Pod
from zookeeper_operator.ensemble.plan.claims import asked_class
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict


@dataclass(frozen=True)
class _Due:
    """A member that must be replaced; `unbound` if nothing was ever on the volume that goes."""

    pod: Pod
    claims: tuple[tuple[str, str], ...]
    why: str
    unbound: bool


def plan_replacement(situation: Situation) -> Step | None:
    """Replace a member whose volume is lost, or whose replacement a person asked for; one at a time.

    Not while the ensemble is stopped: there is nobody to copy the data from. One that has to wait for
    the others does not delay theirs, which may be what it waits for.
    """
    if situation.ensemble.spec.stopped:
        return None
    pods = sorted(situation.observed.pods, key=lambda p: p.id)
    due = [found for pod in pods if (found := _due(situation, pod)) is not None]
    for one in due:
        if one.pod.terminating and not one.claims:
            return Step(
                Verdict(False, reasons.VOLUME_LOST, f"{one.pod.name} is being replaced ({one.why})")
            )
    for one in due:
        if one.unbound or _others_suffice(situation, one.pod):
            return _replace(one)
    if not due:
        return None
    return Step(
        Verdict(
            False,
            reasons.VOLUME_LOST,
            f"{due[0].pod.name} is to be replaced ({due[0].why}), but the other members are no majority "
            "in sync; bring them back first",
        )
    )


def _due(situation: Situation, pod: Pod) -> _Due | None:
    claims = [c for c in situation.observed.claims if c.member_id == pod.id]
    lost = [c for c in claims if c.phase == "Lost"]
    misplaced = [c for c in claims if _never_bound_elsewhere(situation, c)]
    if misplaced:
        why = f"{misplaced[0].name} was never bound and asks for another storage class"
    elif lost:
        why = f"the volume of {lost[0].name} is gone"
    elif pod.replace_requested:
        why = "its replacement was asked for"
    else:
        return None
    doomed = tuple((c.name, c.uid) for c in claims if not c.terminating)
    return _Due(pod=pod, claims=doomed, why=why, unbound=bool(misplaced))


def _replace(due: _Due) -> Step:
    return Step(
        Verdict(False, reasons.VOLUME_LOST, f"replacing {due.pod.name}: {due.why}"),
        (
            ReplaceMember(
                member_id=due.pod.id,
                claims=due.claims,
                pod=(due.pod.name, due.pod.uid),
                why=due.why,
            ),
        ),
    )


def _others_suffice(situation: Situation, pod: Pod) -> bool:
    return situation.quorum.certain and situation.quorum.survives_without(pod.id)


def _never_bound_elsewhere(situation: Situation, claim: Claim) -> bool:
    asked = asked_class(situation.ensemble, claim.volume)
    return (
        claim.phase == "Pending"
        and not claim.member
        and not claim.terminating
        and asked is not None
        and claim.storage_class != asked
    )
