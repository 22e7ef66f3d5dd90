"""The members in the status: each as it was last seen, and why it was last restarted.

Pure. Why and when a member was restarted is taken over from the status that stands; the rest is computed
from the observation.
"""

from collections.abc import Mapping

from zookeeper_operator.api.ensemble_status import EnsembleStatus, MemberStatus
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import ReplaceMember, RestartMember
from zookeeper_operator.ensemble.observed import Pod, Trouble
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.revision import update_revision
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.report.absence import is_silent, judge_absence, was_stopped
from zookeeper_operator.ensemble.report.security import build_member_security
from zookeeper_operator.zookeeper.answers import Answers


def listed_ids(situation: Situation) -> tuple[int, ...]:
    """The members the status lists: those asked for, those committed, and those that have a pod."""
    ensemble, committed = situation.ensemble, situation.observed.committed
    return tuple(
        sorted(
            {
                *ensemble.voter_ids,
                *ensemble.observer_ids,
                *(committed.ids if committed else ()),
                *(pod.id for pod in situation.observed.pods),
            }
        )
    )


def member_named(situation: Situation, member_id: int) -> str:
    """The pod of a member; of a member of a source, the address in its server line."""
    if not situation.ensemble.is_foreign(member_id):
        return names.member_name(situation.ensemble.name, member_id)
    membership = situation.membership
    lines = (*membership.source, *membership.servers)
    return next((s.host for s in lines if s.id == member_id), f"member {member_id}")


def build_members(
    plan: Plan, old: EnsembleStatus, restarted: Mapping[int, str], now: str
) -> tuple[MemberStatus, ...]:
    """Every listed member; `restarted` are those restarted in this reconcile, with why."""
    before = {member.id: member for member in old.members}
    return tuple(
        _member(plan, before.get(member_id), member_id, restarted.get(member_id, ""), now)
        for member_id in listed_ids(plan.situation)
    )


def _member(
    plan: Plan, before: MemberStatus | None, member_id: int, restarted: str, now: str
) -> MemberStatus:
    observed, quorum = plan.situation.observed, plan.quorum
    answer = observed.answers.get(member_id) or Answers(member_id, reachable=False)
    pod = observed.pod(member_id)
    in_sync = quorum.in_sync(member_id, observed.answers)
    reason = restarted or _unreported_restart(plan.situation, before, pod)
    serving = _serves(plan, before, answer, pod)
    absence = judge_absence(
        plan.situation, member_id, before, serving=serving, restarted=bool(reason)
    )
    name = names.member_name(plan.situation.ensemble.name, member_id)
    return MemberStatus(
        id=member_id,
        pod=member_named(plan.situation, member_id),
        role=member_role(answer),
        state=member_state(answer, pod, observed.refused.get(name)),
        serving=serving,
        not_serving_since=absence.since,
        lost=absence.lost,
        zxid="" if answer.zxid is None else f"{answer.zxid:#x}",
        # After an election without writes a follower still shows the last transaction of the epoch before.
        epoch=quorum.epoch if in_sync and quorum.epoch is not None else answer.epoch,
        lag=member_lag(answer, observed.answers.get(quorum.leader or 0)),
        connections=answer.connections,
        version=answer.version,
        revision=pod.revision if pod else "",
        restart_reason=reason or (before.restart_reason if before else ""),
        restarted_at=now if reason else (before.restarted_at if before else None),
        security=build_member_security(plan.situation, pod),
    )


def _serves(plan: Plan, before: MemberStatus | None, answer: Answers, pod: Pod | None) -> bool:
    """Whether it serves; of a silent member, what its kubelet says, or else what was last known."""
    gone = pod is None and plan.situation.ensemble.spec.stopped
    if answer.serving or gone or answer.id in plan.quorum.absent:
        return answer.serving
    known = before is not None and before.serving and not was_stopped(plan.situation)
    return (pod is not None and pod.ready) or known


def _unreported_restart(situation: Situation, before: MemberStatus | None, pod: Pod | None) -> str:
    """Why a member changed its revision, if the operator ended before it could report the restart."""
    if before is None or not before.revision:
        return ""
    if pod is not None and not pod.terminating:
        revision = pod.revision
    else:
        revision = update_revision(situation, names.component_of(before.id))
    reported = before.restart_reason.endswith(f"→ {revision})")
    if not revision or revision == before.revision or reported:
        return ""
    return f"its pod template changed ({before.revision} → {revision})"


def restart_text(action: RestartMember | ReplaceMember) -> str:
    """Why a member was restarted, as its status keeps it: with the revisions, where it is one of them."""
    revisions = action.revisions if isinstance(action, RestartMember) else ""
    return f"{action.why} ({revisions})" if revisions else action.why


def member_role(answer: Answers) -> str:
    """The role of a member by its own answer; empty if it gave none."""
    if not answer.reachable:
        return ""
    if not answer.serving:
        return "looking"
    return "leader" if answer.is_leader else answer.server_state or "follower"


def member_state(answer: Answers, pod: Pod | None, refused: Trouble | None) -> str:
    """Where a member is in the protocol; of one that does not answer, what is known of its pod.

    `refused` is why its pod cannot be created.
    """
    if answer.reachable:
        return answer.peer_state.split(" - ")[1] if " - " in answer.peer_state else "election"
    if pod is None:
        return refused.reason if refused else "absent"
    if pod.terminating:
        return "stopping"
    if pod.trouble:
        return pod.trouble.reason
    return "silent" if is_silent(answer, pod) else "starting"


def member_lag(answer: Answers, leader: Answers | None) -> int | None:
    """By how many transactions a member is behind the leader; None if that is not known."""
    if leader is None or leader.zxid is None or answer.zxid is None or not answer.serving:
        return None
    if answer.epoch == leader.epoch:
        return max(leader.zxid - answer.zxid, 0)
    # After an election without writes only the leader shows the new epoch.
    return leader.zxid & 0xFFFFFFFF
