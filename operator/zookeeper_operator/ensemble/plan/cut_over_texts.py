"""What is said of a cut-over: sentences for the status, with the commands for who may change the source.

Pure, and it decides nothing.
"""

from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.adoption.cut_over import Await, CutOver, Record
from zookeeper_operator.ensemble.adoption.fence import QUIET
from zookeeper_operator.ensemble.plan.adoption_facts import find_scalable
from zookeeper_operator.ensemble.plan.adoption_texts import scale_command
from zookeeper_operator.ensemble.plan.step import Situation, Verdict

_SECONDS: Final = int(QUIET.total_seconds())
_VERSIONED: Final = (
    "the source allows reconfiguration now: its list of members has a version, which our members would take "
    "for newer than their own. So it is taken over without a pause: delete this ensemble, of which no member "
    "votes, and create it with spec.adopt.mode: Join"
)


def why_recorded(at: CutOver, record: Record) -> str:
    """Why a fence or the cut is recorded."""
    if at.void:
        return (
            "the source runs again, and no member of ours has had a vote: it is cut over anew; stop what "
            "starts it (GitOps, Helm, another operator)"
        )
    if record.cut:
        return "the source is stopped and our members have all its data: they become an ensemble of their own"
    if record.fence is not None:
        return f"the source and our members stand still at zxid {record.fence.zxid:x}: it can be stopped"
    if at.fence is not None and at.generation != at.fence.generation:
        return (
            "something else has changed or started the source since it stood still: that counts no more; "
            "stop what does it (GitOps, Helm, another operator)"
        )
    return "the source has committed something since it stood still: that counts no more"


def why_scaled(at: CutOver, count: int) -> str:
    """Why the source gets another number of pods."""
    if at.cut:
        return (
            "our members are an ensemble of their own, and what the source takes now is not there"
        )
    if not count:
        return "our members have all its data, and nothing is written any more"
    if at.gate == "Observe":
        return "the user goes back"
    return "it was stopped before our members were known to have all its data"


def unreadable_pods(situation: Situation) -> Verdict:
    """The StatefulSet that was seen when the fence was recorded is not seen now."""
    source = situation.observed.source
    why = "it is not known" if source is None else source.pods_why
    why = why or "the server lines of the source do not name its pods any more"
    text = f"whether the source runs is not known: spec.adopt.statefulSet: {why}"
    return Verdict(False, reasons.WAITING_FOR_SOURCE, text)


def losing_claims(members: frozenset[int]) -> Verdict:
    """The source is not stopped while data of ours goes with its pod."""
    named = ", ".join(map(str, sorted(members)))
    text = f"the source is not cut over: the claim of member {named} is being deleted"
    return Verdict(False, reasons.CLAIM_BEING_DELETED, text)


def stop_by_hand(situation: Situation, at: CutOver, count: int) -> str:
    """The command for who may change the source."""
    if command := scale_command(situation, count):
        return command
    source = situation.observed.source
    hosts = {server.id: server.host for server in situation.membership.source}
    named = ", ".join(f"{i} ({hosts.get(i, 'unknown')})" for i in at.source)
    unknown = f"{source.pods_why}: " if source is not None and source.pods_why else ""
    if count:
        return f"{unknown}start member {named}, and set spec.adopt.stoppedMembers: []"
    listed = ", ".join(map(str, at.source))
    return f"{unknown}stop member {named} for good, and set spec.adopt.stoppedMembers: [{listed}]"


def describe_wait(situation: Situation, at: CutOver, asked: Await) -> Verdict:
    """What a cut-over waits for."""
    named = ", ".join(map(str, asked.members))
    reason = reasons.CUTTING_OVER
    if going_back := at.gate == "Observe" and not at.cut:
        reason = reasons.UNDOING if at.fence else reasons.OBSERVING
    match asked.why:
        case "sync":
            text = f"waiting for member {named} to copy the data"
            # Nothing of the source is touched before all have it.
            return Verdict(False, reason if at.fence else reasons.OBSERVING, text)
        case "members" if at.fence and not (going_back or find_scalable(situation)):
            # Its owner has begun to stop it.
            return _ask_to_stop(situation, at)
        case "members":
            return Verdict(False, reason, f"waiting for member {named} of the source to serve")
        case "writes":
            return Verdict(False, reasons.SOURCE_STILL_WRITES, _writes(at))
        case "copies":
            return Verdict(False, reason, f"waiting for member {named} to have the fence")
        case "quiet":
            text = f"the source must stand still for {_SECONDS} s before it is stopped"
            return Verdict(False, reason, text)
        case "early":
            text = (
                f"member {named} counts as stopped, and nothing is stopped yet: set "
                "spec.adopt.stoppedMembers: [] until the status asks for them"
            )
            return Verdict(False, reasons.WAITING_FOR_SOURCE, text)
        case "version":
            return Verdict(False, reasons.SOURCE_REFUSED, _VERSIONED)
        case "off":
            text = f"the source has no pods; {stop_by_hand(situation, at, len(at.source))}"
            return Verdict(False, reasons.WAITING_FOR_SOURCE, text)
        case "led":
            text = f"the source must be stopped, but member {named} of ours still has a leader"
            return Verdict(False, reasons.WAITING_FOR_SOURCE, text)
        case "leaderless":
            text = f"waiting for member {named} to say that it has no leader"
            return Verdict(False, reason, text)
        case "silent":
            text = f"nothing of the source must be heard for {_SECONDS} s before our members begin"
            return Verdict(False, reason, text)
        case "pods":
            return _waiting_for_pods(situation, at, named)
        case "founding":
            text = (
                f"the source is stopped; waiting for member {named} to serve as a voter; if their data is "
                "lost, one that has it can go on alone: kubectl zk recover"
            )
            return Verdict(False, reason, text)
        case "nothing":
            return _reached(at)


def _writes(at: CutOver) -> str:
    stand = "" if at.leader_at is None else f", its zxid is {at.leader_at:x} now"
    return (
        f"the source still commits transactions{stand}: stop everything that writes or opens sessions, or "
        "set spec.adopt.proceed: Observe; nothing is stopped before it has stood still for "
        f"{_SECONDS} s"
    )


def _waiting_for_pods(situation: Situation, at: CutOver, named: str) -> Verdict:
    if at.kept:
        return _ask_to_stop(situation, at)
    reason = reasons.SOURCE_CAME_BACK if at.cut else reasons.CUTTING_OVER
    whose = f"the pod of member {named}" if named else "further pods"
    return Verdict(False, reason, f"waiting for {whose} of the source to end")


def _ask_to_stop(situation: Situation, at: CutOver) -> Verdict:
    text = f"{why_scaled(at, 0)}; {stop_by_hand(situation, at, 0)}"
    return Verdict(False, reasons.WAITING_FOR_SOURCE, text)


def _reached(at: CutOver) -> Verdict:
    ours = ", ".join(map(str, at.ours))
    if at.cut:
        return Verdict(
            True, reasons.ADOPTED, f"members {ours} have begun from the data of the source"
        )
    text = (
        f"members {ours} have the data and no vote; stop writing, then set spec.adopt.proceed: Swap, which "
        "stops the source and lets them begin; or delete the ensemble to leave the source as it was"
    )
    return Verdict(False, reasons.OBSERVING, text)
