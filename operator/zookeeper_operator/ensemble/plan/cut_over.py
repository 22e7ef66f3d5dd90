"""Cutting a source over that cannot reconfigure: how that stands, and the next step of it.

Which step is safe is decided in `adoption.cut_over`, about ids and zxids alone. Here it gets the facts, and
becomes an action or a sentence.

Safety: the source is stopped only if, in a last round of questions, it and every member of ours still stand
where the recorded fence says; a member of ours is restarted only by the list that is published.
"""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Basis, RecordAdoption, ScaleSource, WriteFence
from zookeeper_operator.ensemble.adoption import cut_over as steps
from zookeeper_operator.ensemble.adoption.cut_over import CutOver, Standstill, follow, next_step
from zookeeper_operator.ensemble.adoption.record import (
    cuts_over,
    has_begun,
    is_adopting,
    is_cut_over,
    recorded_fence,
)
from zookeeper_operator.ensemble.adoption.walk import ScaleSource as OtherPods
from zookeeper_operator.ensemble.plan.adoption_facts import (
    find_kept,
    find_running,
    find_voters,
    may_scale,
)
from zookeeper_operator.ensemble.plan.claim_deletion import (
    build_restart_basis,
    members_losing_claims,
    must_stay,
)
from zookeeper_operator.ensemble.plan.cut_over_texts import (
    describe_wait,
    stop_by_hand,
    why_recorded,
    why_scaled,
)
from zookeeper_operator.ensemble.plan.revision import restart_of, statefulset_of
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.published import published_membership


def plan_cut_over(situation: Situation) -> Step:
    """How a cut-over stands that has begun, and its next step."""
    at = find_cut_over(situation)
    if at is None:
        return Step(Verdict(None, reasons.NOT_PROBED, "the members of the source are not known"))
    losing = members_losing_claims(situation) & frozenset(at.ours)
    if losing and not at.cut and at.gate != "Observe":
        named = ", ".join(map(str, sorted(losing)))
        why = f"the source is not cut over: the claim of member {named} is being deleted"
        return Step(Verdict(False, reasons.CLAIM_BEING_DELETED, why))
    asked = next_step(at)
    match asked:
        case steps.WriteFence():
            why = "writing has stopped; a fence shows whether our members have everything"
            through = frozenset(at.ours_at)
            return Step(_verdict(at, why), (WriteFence(through=through, why=why),))
        case steps.Record(fence=fence, cut=cut):
            why = why_recorded(asked)
            return Step(_verdict(at, why), (RecordAdoption(fence, cut_over=cut, why=why),))
        case OtherPods(pods=pods):
            return _scale(situation, at, pods)
        case steps.RestartStandby():
            return _restart(situation, at)
        case steps.Await():
            return Step(describe_wait(situation, at, asked))


def find_cut_over(situation: Situation) -> CutOver | None:
    """Where the cut-over stands; None if the source is not known."""
    observed, adopt = situation.observed, situation.ensemble.spec.adopt
    voters = tuple(server.id for server in find_voters(situation))
    if adopt is None or not voters:
        return None
    first, running = situation.ensemble.first_id, find_running(situation)
    ours = tuple(range(first, first + len(voters)))
    source, quorum, committed = observed.source, situation.quorum, observed.committed
    pods = source.pods if source is not None and source.ordered else None
    leader_at = _leader_at(situation)
    cut = is_cut_over(observed)
    own = committed.voters if committed is not None and committed.version and cut else frozenset()
    answers = observed.answers
    return CutOver(
        source=voters,
        ours=ours,
        gate=adopt.proceed,
        now=observed.now,
        leader_at=leader_at,
        ours_at={
            i: zxid
            for i in ours
            if quorum.in_sync(i, answers) and (zxid := answers[i].zxid) is not None
        },
        kept=find_kept(situation, running) if pods is None else pods.replicas,
        running=running,
        generation=0 if pods is None else pods.generation,
        fence=recorded_fence(observed),
        standstill=follow(observed.standstill, leader_at, observed.now),
        cut=cut,
        standby=_standby(situation),
        voters=own,
        live=quorum.live,
    )


def find_standstill(situation: Situation, fence: int | None) -> Standstill | None:
    """What to remember until the next reconcile; `fence` is the zxid of one that was written in this one."""
    observed, adopt = situation.observed, situation.ensemble.spec.adopt
    if adopt is None or adopt.proceed == "Observe" or not cuts_over(observed):
        return None
    if is_cut_over(observed) or not is_adopting(observed) or not has_begun(observed):
        return None
    if fence is not None:
        return Standstill(fence, None, observed.now)
    if recorded_fence(observed) is not None:
        return None
    return follow(observed.standstill, _leader_at(situation), observed.now)


def _leader_at(situation: Situation) -> int | None:
    """Where the leader of the source stands; None unless a majority of it serves."""
    quorum = situation.quorum
    if not quorum.healthy or quorum.leader is None:
        return None
    if not situation.ensemble.is_foreign(quorum.leader):
        return None
    return situation.observed.answers[quorum.leader].zxid


def _standby(situation: Situation) -> tuple[int, ...]:
    """Members that run as observers of the source, by the list that is published."""
    published = published_membership(situation.observed)
    known = () if published is None else published.standby
    return tuple(pod.id for pod in situation.observed.pods if (pod.id, pod.uid) in known)


def _verdict(at: CutOver, message: str) -> Verdict:
    going_back = at.gate == "Observe" and not at.cut
    return Verdict(False, reasons.UNDOING if going_back else reasons.CUTTING_OVER, message)


def _scale(situation: Situation, at: CutOver, count: int) -> Step:
    """Stop the source, or start it again, or say who has to."""
    source = situation.observed.source
    pods = source.pods if source is not None else None
    why = why_scaled(at, count)
    if pods is None or not may_scale(situation):
        reason = reasons.SOURCE_CAME_BACK if at.cut else reasons.WAITING_FOR_SOURCE
        return Step(Verdict(False, reason, f"{why}; {stop_by_hand(situation, at, count)}"))
    basis = None
    if not count and at.fence is not None and not at.cut:
        voters = frozenset(at.source)
        asked = situation.quorum.live | frozenset(at.ours)
        basis = Basis(voters=voters, asked=asked, still=at.fence.zxid)
    action = ScaleSource(
        name=pods.name,
        namespace=pods.namespace,
        uid=pods.uid,
        version=pods.version,
        replicas=count,
        why=why,
        basis=basis,
    )
    text = f"the source gets {count} pods: {why}"
    verdict = Verdict(False, reasons.SOURCE_CAME_BACK, text) if at.cut else _verdict(at, text)
    return Step(verdict, (action,))


def _restart(situation: Situation, at: CutOver) -> Step:
    """Restart the first of our members that may be, so that it starts as a voter."""
    waiting = [pod for pod in situation.observed.pods if pod.id in at.standby]
    free = [pod for pod in waiting if not must_stay(situation, pod) and not pod.terminating]
    due = [pod for pod in free if pod.id not in situation.quorum.serving]
    statefulset = statefulset_of(situation, waiting[0].component)
    if not due or statefulset is None:
        named = ", ".join(str(pod.id) for pod in waiting)
        losing = [pod for pod in waiting if must_stay(situation, pod)]
        reason = reasons.CLAIM_BEING_DELETED if losing else reasons.CUTTING_OVER
        return Step(Verdict(False, reason, f"waiting for member {named} to be restarted"))
    why = "the source is stopped, and it starts again as a voter"
    action = restart_of(due[0], statefulset, why, basis=build_restart_basis(situation, due[0]))
    return Step(_verdict(at, f"restarting {due[0].name}: {why}"), (action,))
