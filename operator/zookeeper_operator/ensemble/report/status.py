"""The status a user reads, computed whole from one look and the plan made of it.

Pure: times that must not jump (since when somebody leads, when a condition last changed) are taken over
from the status that stands; everything else is computed anew each time, so it cannot lie for long
(pain 28). What changes with every write of a client alone (`zxid`, `connections`) is no reason to write.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.conditions import Condition
from zookeeper_operator.api.ensemble_status import (
    EnsembleStatus,
    LeaderStatus,
    MembershipStatus,
    MemberStatus,
    QuorumStatus,
    VersionStatus,
)
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.connection import connection_string
from zookeeper_operator.ensemble.observed import Observed, Pod
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.replicas import live_replicas
from zookeeper_operator.ensemble.plan.revision import update_revision
from zookeeper_operator.ensemble.plan.step import Verdict
from zookeeper_operator.ensemble.report.external import external_connection_string
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.answers import Answers

# A follower normally trails by a handful of transactions; these steps make a lag worth a status write.
_LAG_STEPS: Final = (100, 1_000, 10_000, 100_000)


def format_time(moment: datetime) -> str:
    """A moment as the Kubernetes API writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build_status(
    plan: Plan, *, restarted: Mapping[int, str], failure: str = "", refused: bool = False
) -> Object:
    """The whole status as the API server should hold it.

    `restarted` are the members restarted in this pass, with why; `failure` says what kept the pass from
    doing what it planned; `refused` that the API server does not accept what the spec makes of a child.
    """
    situation = plan.situation
    observed, ensemble, quorum = situation.observed, situation.ensemble, plan.quorum
    old = EnsembleStatus.model_validate(ensemble.status)
    now = format_time(observed.now)
    answered = build_conditions(plan, failure=failure, refused=refused)
    merged = conditions.merge(old.conditions, answered, now)
    committed = observed.committed
    return EnsembleStatus(
        observed_generation=ensemble.generation,
        summary=_summary(plan, merged),
        next_action=failure or plan.next_action,
        conditions=tuple(merged),
        replicas=live_replicas(situation, names.VOTER) or 0,
        ready_replicas=sum(p.ready and p.component == names.VOTER for p in observed.pods),
        selector=f"{names.LABEL_ENSEMBLE}={ensemble.name},{names.LABEL_COMPONENT}={names.VOTER}",
        observers=sum(i >= names.FIRST_OBSERVER_ID for i in quorum.serving),
        leader=_leader(plan, old, now),
        quorum=QuorumStatus(
            voters=len(quorum.voters),
            needed=quorum.needed if quorum.voters else 0,
            live=len(quorum.live),
            tolerates=max(quorum.tolerates, 0),
            summary=f"{len(quorum.live)}/{ensemble.spec.replicas}",
        ),
        membership=MembershipStatus(
            config_version=f"{committed.version:x}"
            if committed
            else (old.membership.config_version if old.membership else ""),
            settled=plan.membership.state is True,
        ),
        version=_version(plan),
        members=tuple(_member(plan, old, i, restarted, now) for i in _listed_ids(plan)),
        connection_string=connection_string(ensemble, situation.membership),
        external_connection_string=external_connection_string(observed, situation.membership),
        admin_server_exposed=_exposes_admin(plan) or None,
        retained_claims=_retained(plan),
        identity=situation.membership.identity,
        founded_at=old.founded_at or (now if situation.founded else None),
    ).to_api()


def _exposes_admin(plan: Plan) -> bool:
    external = plan.situation.ensemble.spec.external
    return external is not None and external.admin_server


def _retained(plan: Plan) -> tuple[str, ...]:
    """Claims of nobody who is a member, runs, or is asked for; theirs are the volumes that were kept."""
    members = {*_listed_ids(plan), *plan.situation.membership.ids}
    kept = (c.name for c in plan.situation.observed.claims if c.member_id not in members)
    return tuple(sorted(kept))


def build_conditions(plan: Plan, *, failure: str = "", refused: bool = False) -> list[Condition]:
    """Every condition, in the order of the documentation; times are not set."""
    situation = plan.situation
    spec_valid = (
        Verdict(False, plan.problems[0].reason, "; ".join(p.message for p in plan.problems))
        if plan.problems
        else Verdict(True, reasons.VALID, "the spec can be acted on")
    )
    if refused and not plan.problems:
        spec_valid = Verdict(False, reasons.INVALID_SPEC, failure)
    quorum_healthy = _quorum(plan)
    verdicts = {
        conditions.READY: _ready(plan, quorum_healthy, spec_valid, failure),
        conditions.QUORUM_HEALTHY: quorum_healthy,
        conditions.MEMBERSHIP_SETTLED: plan.membership,
        conditions.ROLLED_OUT: plan.rollout,
        conditions.SCALE_ALLOWED: plan.scale,
        conditions.STORAGE_HEALTHY: plan.storage,
        conditions.SPEC_VALID: spec_valid,
    }
    return [
        Condition(
            type=type_,
            status=conditions.UNKNOWN
            if verdict.state is None
            else (conditions.TRUE if verdict.state else conditions.FALSE),
            reason=verdict.reason,
            message=verdict.message,
            observed_generation=situation.ensemble.generation,
        )
        for type_, verdict in verdicts.items()
    ]


def _quorum(plan: Plan) -> Verdict:
    situation, quorum = plan.situation, plan.quorum
    observed = situation.observed
    if situation.ensemble.spec.stopped:
        return Verdict(False, reasons.STOPPED, "the ensemble is stopped; its data is kept")
    if quorum.contradiction is not None:
        return Verdict(False, quorum.contradiction.reason, quorum.contradiction.message)
    if quorum.healthy:
        return Verdict(
            True,
            reasons.SERVING,
            f"member {quorum.leader} leads {len(quorum.live)} of {len(quorum.voters)} voters; "
            f"{quorum.tolerates} more may be lost",
        )
    if not situation.founded:
        return Verdict(False, reasons.FOUNDING, "the first quorum has not formed yet")
    reachable = [a for a in observed.answers.values() if a.reachable and a.id in quorum.voters]
    if not reachable and any(p.ready for p in observed.pods):
        return Verdict(
            None,
            reasons.NOT_PROBED,
            "no member's AdminServer could be asked although pods are ready; check that the operator "
            "may reach port 8080 of the pods",
        )
    if len(reachable) >= quorum.needed:
        return Verdict(
            False,
            reasons.ELECTION_IN_PROGRESS,
            f"{len(reachable)} of {len(quorum.voters)} voters answer, but they have no leader yet",
        )
    return Verdict(
        False,
        reasons.NO_QUORUM,
        f"{len(reachable)} of {len(quorum.voters)} voters answer, {quorum.needed} are needed",
    )


def _ready(plan: Plan, quorum_healthy: Verdict, spec_valid: Verdict, failure: str) -> Verdict:
    ensemble = plan.situation.ensemble
    if ensemble.deleting:
        return Verdict(False, reasons.DELETING, "the ensemble is being deleted")
    if ensemble.spec.stopped:
        return Verdict(False, reasons.STOPPED, "the ensemble is stopped; its data is kept")
    if plan.quorum.contradiction is not None or not spec_valid.state:
        return quorum_healthy if plan.quorum.contradiction is not None else spec_valid
    trouble = _trouble(plan.situation.observed)
    blocking = {
        reasons.STORAGE_CLASS_MISSING,
        reasons.VOLUME_LOST,
        reasons.FOREIGN_VOLUME,
    }
    if plan.storage.state is False and plan.storage.reason in blocking:
        return plan.storage
    if trouble is not None:
        return trouble
    for verdict in (quorum_healthy, plan.rollout, plan.membership):
        if verdict.state is not True:
            if ensemble.spec.paused and (
                verdict is not quorum_healthy or not plan.situation.founded
            ):
                # It waits for us, and we do nothing: another reason would promise that it passes.
                return Verdict(False, reasons.PAUSED, f"paused, and {verdict.message}")
            return Verdict(False, verdict.reason, verdict.message)
    if not plan.quorum.all_live:
        missing = ", ".join(map(str, sorted(plan.quorum.voters - plan.quorum.live)))
        return Verdict(False, reasons.WAITING_FOR_MEMBER, f"member {missing} does not serve")
    if failure:
        return Verdict(None, reasons.APPLY_FAILED, failure)
    return Verdict(True, reasons.SERVING, "serving as the spec asks")


def _trouble(observed: Observed) -> Verdict | None:
    for pod in sorted(observed.pods, key=lambda p: p.id):
        if pod.trouble is not None and not pod.ready:
            return Verdict(False, pod.trouble.reason, f"{pod.name}: {pod.trouble.message}")
    return None


def _summary(plan: Plan, merged: list[Condition]) -> str:
    ready = conditions.find(merged, conditions.READY)
    assert ready is not None
    if ready.status != conditions.TRUE:
        return ready.reason
    if plan.situation.ensemble.spec.paused:
        return reasons.PAUSED
    return plan.storage.reason if plan.storage.state is False else ready.reason


def _leader(plan: Plan, old: EnsembleStatus, now: str) -> LeaderStatus | None:
    quorum = plan.quorum
    if quorum.leader is None:
        return None
    known = old.leader if old.leader is not None and old.leader.id == quorum.leader else None
    # A leader that was too busy to tell its epoch has not been elected anew.
    epoch = quorum.epoch or (known.epoch if known else 0)
    return LeaderStatus(
        id=quorum.leader,
        pod=names.member_name(plan.situation.ensemble.name, quorum.leader),
        epoch=epoch,
        since=known.since if known and known.epoch == epoch else now,
    )


def _version(plan: Plan) -> VersionStatus:
    seen: dict[str, int] = {}
    for answer in plan.situation.observed.answers.values():
        if answer.version:
            seen[answer.version] = seen.get(answer.version, 0) + 1
    # Left out rather than empty: where all its keys go, a server-side apply makes null of an empty map.
    return VersionStatus(
        target=plan.situation.ensemble.spec.version, members=dict(sorted(seen.items())) or None
    )


def _listed_ids(plan: Plan) -> list[int]:
    ensemble = plan.situation.ensemble
    committed = plan.situation.observed.committed
    return sorted(
        {
            *ensemble.voter_ids,
            *ensemble.observer_ids,
            *(committed.ids if committed else ()),
            *(pod.id for pod in plan.situation.observed.pods),
        }
    )


def _member(
    plan: Plan, old: EnsembleStatus, member_id: int, restarted: Mapping[int, str], now: str
) -> MemberStatus:
    observed, quorum = plan.situation.observed, plan.quorum
    answer = observed.answers.get(member_id) or Answers(member_id, reachable=False)
    pod = observed.pod(member_id)
    before = next((m for m in old.members if m.id == member_id), None)
    reason = restarted.get(member_id) or _untold_restart(plan, before, pod)
    return MemberStatus(
        id=member_id,
        pod=names.member_name(plan.situation.ensemble.name, member_id),
        role=_role(answer),
        state=_state(answer, pod),
        serving=answer.serving,
        zxid="" if answer.zxid is None else f"{answer.zxid:#x}",
        epoch=answer.epoch,
        lag=_lag(answer, observed.answers.get(quorum.leader or 0)),
        connections=answer.connections,
        version=answer.version,
        revision=pod.revision if pod else "",
        restart_reason=reason or (before.restart_reason if before else ""),
        restarted_at=now if reason else (before.restarted_at if before else None),
    )


def _untold_restart(plan: Plan, before: MemberStatus | None, pod: Pod | None) -> str:
    """Why a member changed its revision, if nobody has told: who restarted it did not live to."""
    if before is None or not before.revision:
        return ""
    if pod is not None and not pod.terminating:
        revision = pod.revision
    else:
        revision = update_revision(plan.situation, names.component_of(before.id))
    told = before.restart_reason.endswith(f"→ {revision})")
    if not revision or revision == before.revision or told:
        return ""
    return f"its revision is old ({before.revision} → {revision})"


def _role(answer: Answers) -> str:
    if not answer.reachable:
        return ""
    if not answer.serving:
        return "looking"
    return "leader" if answer.is_leader else answer.server_state or "follower"


def _state(answer: Answers, pod: Pod | None) -> str:
    if answer.reachable:
        return answer.peer_state.split(" - ")[1] if " - " in answer.peer_state else "election"
    if pod is None:
        return "absent"
    if pod.terminating:
        return "stopping"
    return pod.trouble.reason if pod.trouble else "starting"


def _lag(answer: Answers, leader: Answers | None) -> int | None:
    if leader is None or leader.zxid is None or answer.zxid is None or not answer.serving:
        return None
    if answer.epoch == leader.epoch:
        return max(leader.zxid - answer.zxid, 0)
    # After an election without writes only the leader shows the new epoch.
    return leader.zxid & 0xFFFFFFFF


def status_differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the new status says anything worth a write."""
    return _settled_part(old) != _settled_part(new)


def _settled_part(status: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **status,
        "members": [
            {
                **{k: v for k, v in member.items() if k not in {"zxid", "connections", "lag"}},
                "lag": sum(member.get("lag", 0) >= step for step in _LAG_STEPS),
            }
            for member in status.get("members") or []
        ],
    }
