"""Cutting a source over that cannot reconfigure: how that stands, and the next step of it.

Which step is safe is decided in `adoption.cut_over`, about ids and zxids alone. Here it gets the facts, and
becomes an action or a sentence.

Safety: the source is stopped only if, in a last round of questions, it and every member of ours still stand
where the recorded fence says; a member of ours is restarted only by the list that is published.
"""

from collections.abc import Mapping

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Basis, RecordAdoption, WriteFence
from zookeeper_operator.ensemble.adoption import cut_over as steps
from zookeeper_operator.ensemble.adoption.cut_over import CutOver, is_silent, next_step
from zookeeper_operator.ensemble.adoption.fence import (
    Memory,
    Silence,
    Standstill,
    Written,
    follow,
)
from zookeeper_operator.ensemble.adoption.presence import find_heard, is_void
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
    find_scalable,
    find_voters,
    scaling_of,
)
from zookeeper_operator.ensemble.plan.claim_deletion import (
    build_restart_basis,
    members_losing_claims,
    must_stay,
)
from zookeeper_operator.ensemble.plan.cut_over_texts import (
    describe_wait,
    losing_claims,
    stop_by_hand,
    unreadable_pods,
    why_recorded,
    why_scaled,
)
from zookeeper_operator.ensemble.plan.revision import restart_of, statefulset_of
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.published import published_membership
from zookeeper_operator.zookeeper.servers import CommittedConfig


def plan_cut_over(situation: Situation) -> Step:
    """How a cut-over stands that has begun, and its next step."""
    at = find_cut_over(situation)
    if at is None:
        return Step(Verdict(None, reasons.NOT_PROBED, "the members of the source are not known"))
    if at.fence is not None and at.fence.uid and not at.uid and not at.cut:
        return Step(unreadable_pods(situation))
    losing = members_losing_claims(situation) & frozenset(at.ours)
    # Once the source has no pods, a majority of ours that keep their claims is worth more than a wait.
    if losing and at.kept and not at.cut and at.gate != "Observe":
        return Step(losing_claims(losing))
    asked = next_step(at)
    match asked:
        case steps.WriteFence():
            why = "writing has stopped; a fence shows whether our members have everything"
            lines = situation.membership.source
            action = WriteFence(
                through=frozenset(at.ours_at),
                asked=situation.quorum.live,
                based_on=CommittedConfig(0, lines),
                why=why,
            )
            return Step(_verdict(at, why), (action,))
        case steps.Record(fence=fence, cut=cut):
            why = why_recorded(at, asked)
            return Step(_recorded(at, why), (RecordAdoption(fence, cut_over=cut, why=why),))
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
    known = observed.memory
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
        running=running | (find_heard(source) & frozenset(voters)),
        led=_led(situation, ours),
        leaderless=frozenset(i for i in ours if i in answers and answers[i].denies),
        left=pods is not None and pods.left > 0,
        generation=0 if pods is None else pods.generation,
        uid="" if pods is None else pods.uid,
        early=adopt.stopped_members if pods is None else (),
        version=0 if cut or committed is None else committed.version,
        fence=recorded_fence(observed),
        memory=follow(known, leader_at, observed.now) if isinstance(known, Standstill) else known,
        cut=cut,
        void=is_void(observed),
        standby=_standby(situation),
        voters=own,
        live=quorum.live,
    )


def find_memory(situation: Situation, written: Written | None) -> Memory | None:
    """What to remember until the next reconcile; `written` is what came of a fence in this one."""
    observed, adopt = situation.observed, situation.ensemble.spec.adopt
    if adopt is None or adopt.proceed == "Observe" or not cuts_over(observed):
        return None
    if is_cut_over(observed) or not is_adopting(observed) or not has_begun(observed):
        return None
    if written is not None:
        return Standstill(written.zxid, None, observed.now, written.version)
    known = observed.memory
    if recorded_fence(observed) is not None:
        at = find_cut_over(situation)
        if at is None or not is_silent(at):
            return None
        return known if isinstance(known, Silence) else Silence(observed.now)
    if not isinstance(known, Standstill):
        return None
    return follow(known, _leader_at(situation), observed.now)


def _leader_at(situation: Situation) -> int | None:
    """Where the leader of the source stands; None unless a majority of it serves."""
    quorum = situation.quorum
    if not quorum.healthy or quorum.leader is None:
        return None
    if not situation.ensemble.is_foreign(quorum.leader):
        return None
    return situation.observed.answers[quorum.leader].zxid


def _led(situation: Situation, ours: tuple[int, ...]) -> Mapping[int, int | None]:
    """Those of our members that serve, which none of them can without a leader."""
    answers = situation.observed.answers
    return {i: answers[i].zxid for i in ours if i in answers and answers[i].serving}


def _standby(situation: Situation) -> tuple[int, ...]:
    """Members that may run by an older list than the one that is published."""
    published = published_membership(situation.observed)
    known = () if published is None else published.standby
    return tuple(pod.id for pod in situation.observed.pods if (pod.id, pod.uid) in known)


def _verdict(at: CutOver, message: str) -> Verdict:
    going_back = at.gate == "Observe" and not at.cut
    return Verdict(False, reasons.UNDOING if going_back else reasons.CUTTING_OVER, message)


def _recorded(at: CutOver, message: str) -> Verdict:
    """Something is recorded: a cut that is void, or a fence that was, says that the source came back."""
    back = at.void or (at.fence is not None and at.kept and at.generation > at.fence.generation)
    if back and at.gate != "Observe":
        return Verdict(False, reasons.SOURCE_CAME_BACK, message)
    return _verdict(at, message)


def _scale(situation: Situation, at: CutOver, count: int) -> Step:
    """Stop the source, or start it again, or say who has to."""
    pods = find_scalable(situation)
    why = why_scaled(at, count)
    if pods is None:
        reason = reasons.SOURCE_CAME_BACK if at.cut else reasons.WAITING_FOR_SOURCE
        return Step(Verdict(False, reason, f"{why}; {stop_by_hand(situation, at, count)}"))
    basis = None
    if not count and at.fence is not None and not at.cut:
        voters = frozenset(at.source)
        asked = situation.quorum.live | frozenset(at.ours)
        basis = Basis(voters=voters, asked=asked, still=at.fence.zxid)
    action = scaling_of(pods, count, why, basis=basis)
    text = f"the source gets {count} pods: {why}"
    verdict = Verdict(False, reasons.SOURCE_CAME_BACK, text) if at.cut else _verdict(at, text)
    return Step(verdict, (action,))


def _restart(situation: Situation, at: CutOver) -> Step:
    """Restart the first of our members that may be, so that it starts as a voter."""
    waiting = [pod for pod in situation.observed.pods if pod.id in at.standby]
    free = [pod for pod in waiting if not must_stay(situation, pod) and not pod.terminating]
    # Known not to serve: one that is only silent may have a vote by now.
    due = [pod for pod in free if pod.id in situation.quorum.absent]
    statefulset = statefulset_of(situation, waiting[0].component)
    if not due or statefulset is None:
        named = ", ".join(str(pod.id) for pod in waiting)
        losing = [pod for pod in waiting if must_stay(situation, pod)]
        reason = reasons.CLAIM_BEING_DELETED if losing else reasons.CUTTING_OVER
        return Step(Verdict(False, reason, f"waiting for member {named} to be restarted"))
    why = (
        "the source is stopped, and it starts again as a voter"
        if at.cut
        else "the source serves again, and it starts again as an observer of it"
    )
    action = restart_of(due[0], statefulset, why, basis=build_restart_basis(situation, due[0]))
    return Step(_verdict(at, f"restarting {due[0].name}: {why}"), (action,))
