"""Restarting members one by one without losing a write.

Safety, each with a property test and an invariant of the simulator:

* one pod at a time, and only while every other committed voter is live: the operator itself never
  leaves fewer live voters than a majority (a single voter cannot be restarted otherwise);
* not-ready members first, followers next, the leader last; who leads is read again before every step;
* before the leader, or a member without which no majority would be left, is restarted, it hands its vote
  over by reconfiguration and gets it back when it has synced (measured: writes pause for 0.2-0.7 s, in a
  plain restart for about a second; see `hand_over`);
* the first member that does not come back stops the rollout; a corrected spec resumes it, because a pod
  that is in trouble on an *old* revision may always be restarted;
* what is in emptyDir goes with its pod: a member is not restarted unless the others are a majority that has
  the data, or it holds none;
* without a quorum only members may be restarted that are in trouble and do not answer, or have not been ready
  for longer than a start and an election take;
* a quorum that has just come back is given some ticks before the next voter is restarted;
* a member whose claim is being deleted is not restarted while its data could be lost with its pod; while that
  keeps the ensemble from being stopped, only those are restarted that do not serve: it may need them first;
* no member is restarted with a certificate that has ended, since the others would not accept it, nor while
  another one serves a certificate that it would not accept.
"""

from datetime import timedelta
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import RestartMember
from zookeeper_operator.ensemble.adoption.record import is_adopting
from zookeeper_operator.ensemble.observed import Pod, Trouble
from zookeeper_operator.ensemble.plan.claim_deletion import is_stop_refused, is_stopped, must_stay
from zookeeper_operator.ensemble.plan.copying import because_of_slow_copies
from zookeeper_operator.ensemble.plan.ephemeral import loses_data
from zookeeper_operator.ensemble.plan.hand_over import plan_hand_over
from zookeeper_operator.ensemble.plan.members import waiting_for_vote
from zookeeper_operator.ensemble.plan.quorum_age import has_quorum_held
from zookeeper_operator.ensemble.plan.restart import restart
from zookeeper_operator.ensemble.plan.restart_reason import restart_reason
from zookeeper_operator.ensemble.plan.revision import (
    is_outdated,
    statefulset_of,
    update_revision,
)
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.pods import missing_pods
from zookeeper_operator.ensemble.security.readiness import find_refused, why_none_restarted

# A start takes 6-7 s, an election up to 5 s (measured); readiness is reported some seconds late.
_TIME_TO_COME_BACK: Final = timedelta(seconds=30)
_UNTIL_STOPPED: Final = "the ensemble is about to stop; only pods that do not serve are restarted"


def plan_rollout(situation: Situation) -> Step:
    """How the rollout stands, and the next restart or hand-over if one is due and safe."""
    if is_stopped(situation):
        return Step(Verdict(None, reasons.STOPPED, "the ensemble is stopped; no pod is restarted"))
    unknown = [
        component
        for component in (names.VOTER, names.OBSERVER)
        if statefulset_of(situation, component) and not update_revision(situation, component)
    ]
    if unknown or statefulset_of(situation, names.VOTER) is None:
        return Step(
            Verdict(
                None,
                reasons.WAITING_FOR_MEMBER,
                "Kubernetes has not reported the current revision yet",
            )
        )
    due = [pod for pod in situation.observed.pods if is_outdated(situation, pod)]
    step = _unready_step(situation, due) or _healthy_step(situation, due)
    return _after_adoption(situation, step) if is_adopting(situation.observed) else step


def _after_adoption(situation: Situation, step: Step) -> Step:
    """While another ensemble is taken over, only members are restarted that have no vote, or do not serve."""
    quorum = situation.quorum
    voting = quorum.voters & quorum.serving
    if all(isinstance(a, RestartMember) and a.member_id not in voting for a in step.actions):
        return step
    text = "members that vote are restarted when the adoption has ended"
    return Step(Verdict(False, reasons.ADOPTING, text), announced=False)


def _unready_step(situation: Situation, due: list[Pod]) -> Step | None:
    """What to do about members that do not serve; None if the rollout need not wait for them."""
    unready = [p for p in situation.observed.pods if p.id not in situation.quorum.serving]
    current = [p for p in unready if p not in due]
    for pod in current:
        if pod.trouble is not None and not pod.terminating:
            return Step(_stopped_by(pod.name, pod.trouble, others_due=bool(due)))
    present = {p.name for p in situation.observed.pods}
    for name in sorted(situation.observed.refused.keys() - present):
        trouble = situation.observed.refused[name]
        return Step(_stopped_by(name, trouble, others_due=bool(due)))
    if not due:
        return None
    kept = [p for p in due if must_stay(situation, p)]
    absent = [p.name for p in unready if p.terminating] + _missing(situation)
    if absent:
        return _wait(f"waiting for {', '.join(absent)} to be created")
    starting = [p.name for p in current if not _answers(situation, p)]
    if starting:
        return _wait(f"waiting for {', '.join(starting)} to come back")
    stuck = [p for p in unready if p in due and p not in kept and _is_stuck(situation, p)]
    broken = [p for p in stuck if not loses_data(situation, p)]
    if stuck and not broken:
        return _refuse(situation, stuck[0])
    if broken:
        worst = min(broken, key=lambda p: (p.trouble is None, p.id))
        why = f"{restart_reason(situation, worst)}, and it does not serve"
        return restart(situation, worst, why)
    if any(p in kept for p in unready):
        return _stopped_by_deletion(kept)
    if unready:
        return _wait_to_serve(situation, unready)
    for pod in situation.observed.pods:
        # It serves, but not to clients of the Service for all of them; the same would happen to the others.
        if pod.sidecar is not None and pod not in due:
            return Step(_stopped_by(pod.name, pod.sidecar, others_due=True))
    return None


def _is_stuck(situation: Situation, pod: Pod) -> bool:
    """Whether a member that does not serve may be restarted for the new revision.

    With a quorum a restart costs nothing. Without one the member may be about to form it again,
    and a restart would prolong the outage: it gets the time of a start and an election first, and it must be
    known not to serve. One that is silent may be half of a majority that was not seen.
    """
    if pod.trouble is not None and (situation.quorum.healthy or not _answers(situation, pod)):
        return True
    if pod.ready:
        return False
    if situation.quorum.healthy:
        return True
    since = pod.unready_since
    return (
        pod.id in situation.quorum.absent
        and since is not None
        and situation.observed.now - since > _TIME_TO_COME_BACK
    )


def _stopped_by(name: str, trouble: Trouble, *, others_due: bool) -> Verdict:
    rest = "; no other member is touched until it does or the spec is fixed" if others_due else ""
    return Verdict(
        False,
        reasons.ROLLOUT_STOPPED,
        f"{name} does not come up with the current revision ({trouble.reason}: "
        f"{trouble.message}){rest}",
    )


def _stopped_by_deletion(kept: list[Pod]) -> Step:
    named = ", ".join(p.name for p in kept)
    return Step(
        Verdict(
            False,
            reasons.CLAIM_BEING_DELETED,
            f"{named} must be restarted, but its claim is being deleted and its data would be lost",
        )
    )


def _wait(message: str) -> Step:
    return Step(Verdict(False, reasons.WAITING_FOR_MEMBER, message))


def _wait_to_serve(situation: Situation, pods: list[Pod]) -> Step:
    named = ", ".join(p.name for p in pods)
    why = because_of_slow_copies(situation, [p.id for p in pods])
    return _wait(f"waiting for {named} to serve{why}")


def _answers(situation: Situation, pod: Pod) -> bool:
    answer = situation.observed.answers.get(pod.id)
    return answer is not None and answer.reachable


def _awaiting(situation: Situation) -> Step | None:
    """What is waited for although nothing is due: pods that are not there, or do not serve.

    One that is ready serves, also if it has just not answered the operator; of one that is neither known to
    serve nor known not to, nothing is claimed.
    """
    observed, quorum = situation.observed, situation.quorum
    pods = observed.pods
    found = (statefulset_of(situation, c) for c in (names.VOTER, names.OBSERVER))
    absent = [
        name
        for s in found
        if s is not None
        for name in missing_pods(s, pods)
        if name not in observed.unclaimed
    ]
    going = [p.name for p in pods if p.terminating]
    unready = [p for p in pods if not (p.terminating or p.ready or p.id in quorum.serving)]
    away = [p for p in unready if p.id in quorum.absent]
    if absent or going:
        return _wait(f"waiting for {', '.join((*going, *absent))} to be created")
    if away:
        return _wait_to_serve(situation, away)
    if unready:
        named = ", ".join(p.name for p in unready)
        pods_are = "its pod is" if len(unready) == 1 else "their pods are"
        said = f"no answer from {named}, and {pods_are} not ready"
        return Step(Verdict(None, reasons.NOT_PROBED, said))
    return None


def _missing(situation: Situation) -> list[str]:
    present = {p.id for p in situation.observed.pods}
    foreign = situation.ensemble.is_foreign
    return [
        names.member_name(situation.ensemble.name, i)
        for i in sorted(situation.quorum.voters)
        if i not in present and i < names.FIRST_OBSERVER_ID and not foreign(i)
    ]


def _healthy_step(situation: Situation, due: list[Pod]) -> Step:
    """Every member serves, or nothing is due: take the next one that is due."""
    if is_stop_refused(situation):
        return Step(Verdict(None, reasons.STOPPED, _UNTIL_STOPPED))
    quorum = situation.quorum
    if not due:
        return _awaiting(situation) or Step(
            Verdict(True, reasons.UP_TO_DATE, "every member runs the current revision")
        )
    if not quorum.all_live or situation.observed.committed is None:
        return _wait(
            f"{len(due)} members are due for a restart; waiting until every voter is in sync"
        )
    phase = situation.walk.target
    if why := why_none_restarted(
        situation.observed, situation.certificates, situation.users, phase
    ):
        said = f"{due[0].name} is not restarted: {why}"
        if phase.knows_users and not situation.users.jaas:
            return Step(Verdict(False, reasons.PASSWORD_MISSING, said))
        return Step(Verdict(False, reasons.CERTIFICATE_EXPIRING, said))
    voters = quorum.voters
    kept = [p for p in due if must_stay(situation, p)]
    free = [p for p in due if p not in kept]
    if not free:
        return _stopped_by_deletion(kept)
    refused = find_refused(situation.observed, situation.certificates, phase)
    fitting = [p for p in free if refused <= {p.id}]
    if not fitting:
        return _wait_for_certificates(free[0], refused)
    pod = min(fitting, key=lambda p: (p.id in voters, p.id == quorum.leader, p.id))
    away = sorted(waiting_for_vote(situation) - {pod.id})
    if pod.id in voters and away:
        return _wait(f"waiting for member {', '.join(map(str, away))} to get its vote back")
    if pod.id not in voters:
        return restart(situation, pod, restart_reason(situation, pod))
    if loses_data(situation, pod) and len(voters) == 1:
        return _refuse(situation, pod)
    if not has_quorum_held(situation):
        return _wait("waiting until the quorum, which has just formed, has held for some seconds")
    if len(voters) == 1:
        return restart(situation, pod, restart_reason(situation, pod))
    if pod.id == quorum.leader or not quorum.survives_without(pod.id):
        return plan_hand_over(situation, pod)
    return restart(situation, pod, restart_reason(situation, pod))


def _wait_for_certificates(pod: Pod, refused: frozenset[int]) -> Step:
    named = ", ".join(map(str, sorted(refused)))
    said = f"it would refuse the certificate that member {named} still serves, and not join it"
    verdict = Verdict(
        False, reasons.ROTATING_CERTIFICATES, f"{pod.name} is not restarted yet: {said}"
    )
    return Step(verdict)


def _refuse(situation: Situation, pod: Pod) -> Step:
    """Do not delete the last copy of the data. With a quorum, nothing changes before a person acts."""
    if situation.quorum.healthy:
        why = "no other member has its data"
        advice = "raise spec.replicas first"
    else:
        why = "there is no quorum to copy it from"
        advice = "bring the other members back"
    verdict = Verdict(
        False,
        reasons.DATA_WOULD_BE_LOST,
        f"{pod.name} is not restarted for its new revision: its data is in emptyDir, which goes with the "
        f"pod, and {why}; {advice}, or delete the pod if the data may go",
    )
    return Step(verdict, awaited=not situation.quorum.healthy)
