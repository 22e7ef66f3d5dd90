"""Whether clients are served, as far as the members' answers prove it: the condition `QuorumHealthy`.

Pure, and it never acts. A loss is reported when it is known: fewer than a majority may serve, or for a minute
no majority has answered and a member that does answer has no leader. What is not known is `NotProbed`.
"""

from datetime import datetime, timedelta
from typing import Final

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.bootstrap import read_task
from zookeeper_operator.ensemble.plan.founding import why_restore_waits
from zookeeper_operator.ensemble.plan.loss import find_loss
from zookeeper_operator.ensemble.plan.recovery import describe_recovery
from zookeeper_operator.ensemble.plan.step import Situation, Verdict

# Counted from the status that says so, which is written up to 5 s after the members fell silent: together a
# minute of silence, and with the time of a reconcile that is short of CPU less than 75 s.
_SILENCE: Final = timedelta(seconds=55)
_LOST: Final = frozenset(
    {
        reasons.NO_QUORUM,
        reasons.ELECTION_IN_PROGRESS,
        reasons.ELECTION_EXPECTED,
        reasons.MEMBERS_NOT_CONNECTED,
        reasons.VOLUME_LOST,
        reasons.RECOVERING,
        reasons.RECOVERY_REFUSED,
        reasons.LOST_MEMBERS_MAY_RETURN,
    }
)
"""Reasons under which a known loss is reported."""


def availability(situation: Situation) -> Verdict:
    """Whether a majority of the voters serves under one leader: True, False, or None for not known."""
    quorum = situation.quorum
    if quorum.disputed and quorum.contradiction is not None:
        return Verdict(False, quorum.contradiction.reason, quorum.contradiction.message)
    if quorum.leader is not None and quorum.followed >= quorum.needed:
        return Verdict(True, reasons.SERVING, _serving(situation))
    if situation.leftovers:
        return Verdict(False, reasons.PREVIOUS_ENSEMBLE, _leftovers(situation))
    if not situation.founded:
        return _founding(situation)
    loss = describe_recovery(situation) or find_loss(situation)
    if loss is not None:
        return loss
    if not quorum.may_serve:
        return _lost(situation)
    if _is_lost_by_silence(situation):
        return Verdict(False, reasons.NO_QUORUM, _silence(situation))
    return Verdict(None, reasons.NOT_PROBED, _unknown(situation))


def _founding(situation: Situation) -> Verdict:
    waits = why_restore_waits(situation)
    if waits is not None:
        return Verdict(False, reasons.RESTORING, waits)
    task = read_task(situation.membership.restore) if situation.membership.restore else None
    if task is not None:
        name = names.member_name(situation.ensemble.name, task.member)
        return Verdict(False, reasons.RESTORING, f"{name} is restored from backup {task.path}")
    return Verdict(
        False, reasons.FOUNDING, f"the first quorum has not formed yet{_extra_founders(situation)}"
    )


def _extra_founders(situation: Situation) -> str:
    ensemble = situation.ensemble
    extra = sorted(set(situation.membership.founders) - set(ensemble.voter_ids))
    if not extra:
        return ""
    named = ", ".join(names.member_name(ensemble.name, i) for i in extra)
    return (
        f"; {named} may hold its data, from before spec.replicas was {len(ensemble.voter_ids)}, so it is "
        "founded with all of them and scaled down then"
    )


def _leftovers(situation: Situation) -> str:
    return (
        f"{', '.join(situation.leftovers)} of a deleted ensemble of this name is still being deleted; "
        "the founding waits for that"
    )


def _serving(situation: Situation) -> str:
    quorum = situation.quorum
    text = (
        f"member {quorum.leader} leads {quorum.followed} of {len(quorum.voters)} voters; "
        f"{quorum.followed - quorum.needed} more may be lost"
    )
    return "; ".join(filter(None, (text, _who_is_silent(situation))))


def _who_is_silent(situation: Situation) -> str:
    silent = sorted(situation.quorum.silent)
    if not silent:
        return ""
    named = ", ".join(map(str, silent))
    return (
        f"member {named} does not answer the operator"
        if len(silent) == 1
        else f"members {named} do not answer the operator"
    )


def _lost(situation: Situation) -> Verdict:
    quorum, answers = situation.quorum, situation.observed.answers
    reachable = sum(answers[i].reachable for i in quorum.voters & answers.keys())
    voters = len(quorum.voters)
    if reachable >= quorum.needed:
        return Verdict(
            False,
            reasons.ELECTION_IN_PROGRESS,
            f"{reachable} of {voters} voters answer, but they have no leader yet",
        )
    return Verdict(
        False,
        reasons.NO_QUORUM,
        f"{reachable} of {voters} voters answer, {quorum.needed} are needed",
    )


def _is_lost_by_silence(situation: Situation) -> bool:
    """Whether it has been unknown for so long that the word of a member without a leader counts.

    A loss that was reported stands until members prove the opposite, or their kubelets do: readiness outlasts
    a loss by some seconds, but a member that has become ready since then has had a leader.
    """
    before = conditions.find_written(situation.ensemble.status, conditions.QUORUM_HEALTHY)
    if before.get("status") == conditions.FALSE and before.get("reason") in _LOST:
        reported = datetime.fromisoformat(before["lastTransitionTime"])
        ready = [
            pod
            for pod in situation.observed.pods
            if pod.ready and pod.id in situation.quorum.voters
        ]
        became_ready = any(p.ready_since is not None and p.ready_since > reported for p in ready)
        return len(ready) < situation.quorum.needed and not became_ready
    if (before.get("status"), before.get("reason")) != (conditions.UNKNOWN, reasons.NOT_PROBED):
        return False
    since = datetime.fromisoformat(before["lastTransitionTime"])
    return bool(_without_leader(situation)) and situation.observed.now - since > _SILENCE


def _without_leader(situation: Situation) -> list[int]:
    """The voters that say that they do not serve."""
    answers = situation.observed.answers
    return sorted(i for i in situation.quorum.voters & answers.keys() if answers[i].denies)


def _silence(situation: Situation) -> str:
    said = ", ".join(map(str, _without_leader(situation)))
    return "; ".join(
        filter(None, (f"member {said} has no leader" if said else "", _who_is_silent(situation)))
    )


def _unknown(situation: Situation) -> str:
    quorum, observed = situation.quorum, situation.observed
    if quorum.contradiction is not None:
        return quorum.contradiction.message
    if not quorum.silent:
        return "the members' answers do not agree on a leader yet"
    if quorum.silent == quorum.voters and any(p.ready for p in observed.pods):
        return (
            "no member's AdminServer answers although pods are ready; check that the operator may reach "
            "port 8080 of the pods"
        )
    return f"{_who_is_silent(situation)}: whether a majority serves is not known"
