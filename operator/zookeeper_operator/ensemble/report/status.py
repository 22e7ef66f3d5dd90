"""The status a user reads, computed whole from one observation and the plan made from it.

Pure: times that must not jump (since when a member leads, when a condition last changed) are taken over
from the status that stands; everything else is computed again each time, so a wrong status cannot last.
What changes with every write of a client alone (`zxid`, `connections`) is no reason to write.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.conditions import Condition
from zookeeper_operator.api.ensemble_status import (
    EnsembleStatus,
    LeaderStatus,
    MembershipStatus,
    QuorumStatus,
    VersionStatus,
)
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import RecordAdoption
from zookeeper_operator.ensemble.adoption.record import is_adopting
from zookeeper_operator.ensemble.bootstrap import read_task
from zookeeper_operator.ensemble.build.connection import (
    connection_string,
    tls_connection_string,
)
from zookeeper_operator.ensemble.failure import NO_FAILURE, Failure
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.plan.availability import availability
from zookeeper_operator.ensemble.plan.decision import NOTHING_TO_DO
from zookeeper_operator.ensemble.plan.replicas import live_replicas
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.published import published_membership
from zookeeper_operator.ensemble.report.adoption import build_adoption
from zookeeper_operator.ensemble.report.conditions import build_conditions
from zookeeper_operator.ensemble.report.external import external_connection_string
from zookeeper_operator.ensemble.report.limits import within_limits
from zookeeper_operator.ensemble.report.members import build_members, listed_ids, member_named
from zookeeper_operator.ensemble.report.security import build_security
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.times import format_time

# A follower normally trails by a handful of transactions; these steps make a lag worth a status write.
_LAG_STEPS: Final = (100, 1_000, 10_000, 100_000)


def build_status(
    plan: Plan,
    *,
    restarted: Mapping[int, str],
    failure: Failure = NO_FAILURE,
    record: RecordAdoption | None = None,
) -> Object:
    """The whole status as the API server should hold it.

    `restarted` are the members restarted in this reconcile, with why; `failure` says what kept it from doing
    what it planned; `record` is what must be recorded of an adoption.
    """
    situation, quorum = plan.situation, plan.quorum
    observed, ensemble = situation.observed, situation.ensemble
    external = ensemble.spec.external
    old = EnsembleStatus.model_validate(ensemble.status)
    now = format_time(observed.now)
    found = build_conditions(plan, failure)
    gone = ensemble.spec.stopped and quorum.leader is None
    served = False if gone else availability(situation).state
    status = EnsembleStatus(
        observed_generation=ensemble.generation,
        summary=_summary(plan, found),
        next_action=_next_action(plan, found, failure),
        conditions=tuple(conditions.merge(old.conditions, found, now)),
        replicas=live_replicas(situation, names.VOTER) or 0,
        ready_replicas=sum(p.ready and p.component == names.VOTER for p in observed.pods),
        selector=f"{names.LABEL_ENSEMBLE}={ensemble.name},{names.LABEL_COMPONENT}={names.VOTER}",
        observers=sum(i >= names.FIRST_OBSERVER_ID for i in quorum.serving),
        leader=_leader(plan, old, now, served=served),
        quorum=_quorum(plan, served=served),
        membership=_membership(plan, old),
        version=_version(situation),
        members=build_members(plan, old, restarted, now),
        connection_string=connection_string(situation.target),
        security=build_security(situation),
        tls_connection_string=tls_connection_string(situation.target) or None,
        external_connection_string=external_connection_string(observed, situation.membership),
        admin_server_exposed=(external is not None and external.admin_server) or None,
        retained_claims=_retained_claims(situation),
        identity=situation.membership.identity,
        managed_by=ensemble.operator or old.managed_by,
        adoption=build_adoption(situation, record),
        adopted_at=old.adopted_at
        or (now if is_adopting(observed) and plan.adoption.state is True else None),
        founded_at=(old.founded_at or now) if situation.founded else None,
        restored_from=_restored_from(situation) or old.restored_from,
        founded_again_at=now if old.founded_at and not situation.founded else old.founded_again_at,
    )
    return within_limits(status.to_api())


def _restored_from(situation: Situation) -> str | None:
    """The backup that the first member was given, as long as that is published."""
    published = published_membership(situation.observed)
    task = read_task(published.restore) if published is not None and published.restore else None
    return None if task is None else task.path


def _summary(plan: Plan, found: Sequence[Condition]) -> str:
    ready = next(c for c in found if c.type == conditions.READY)
    if ready.status != conditions.TRUE:
        return ready.reason
    if plan.situation.ensemble.spec.paused:
        return reasons.PAUSED
    return plan.storage.reason if plan.storage.state is False else ready.reason


def _next_action(plan: Plan, found: Sequence[Condition], failure: Failure) -> str:
    """What happens next; of an ensemble with nothing to do, what it still lacks."""
    ready = next(c for c in found if c.type == conditions.READY)
    if failure.message:
        return failure.message
    lacking = ready.status == conditions.TRUE and ready.reason != reasons.SERVING
    if lacking and plan.next_action == NOTHING_TO_DO:
        return ready.message
    return "; ".join((plan.next_action, *failure.optional))


def _leader(
    plan: Plan, old: EnsembleStatus, now: str, *, served: bool | None
) -> LeaderStatus | None:
    """Who leads. What is not known now stays as it was last known, with the time since when it is not."""
    quorum, known = plan.quorum, old.leader
    if served is False:
        return None
    unconfirmed = known and known.model_copy(
        update={"unconfirmed_since": known.unconfirmed_since or now}
    )
    if quorum.leader is None:
        return unconfirmed
    before = known if known is not None and known.id == quorum.leader else None
    # A leader that was too busy to report its epoch has not been elected again.
    epoch = quorum.epoch if quorum.epoch is not None else (before.epoch if before else None)
    if epoch is None:
        return unconfirmed
    return LeaderStatus(
        id=quorum.leader,
        pod=member_named(plan.situation, quorum.leader),
        epoch=epoch,
        since=before.since if before and before.epoch == epoch else now,
    )


def _quorum(plan: Plan, *, served: bool | None) -> QuorumStatus:
    quorum = plan.quorum
    live = max(len(quorum.live), quorum.followed)
    shown = "?" if served is None else str(live)
    return QuorumStatus(
        voters=len(quorum.voters),
        needed=quorum.needed if quorum.voters else 0,
        live=live,
        tolerates=max(live - quorum.needed, 0),
        unknown=0 if served is False else len(quorum.silent),
        summary=f"{shown}/{plan.situation.ensemble.spec.replicas}",
    )


def _membership(plan: Plan, old: EnsembleStatus) -> MembershipStatus:
    committed = plan.situation.observed.committed
    if committed:
        version = f"{committed.version:x}"
    else:
        version = old.membership.config_version if old.membership else ""
    return MembershipStatus(config_version=version, settled=plan.membership.state is True)


def _version(situation: Situation) -> VersionStatus:
    seen = Counter(a.version for a in situation.observed.answers.values() if a.version)
    # Left out rather than empty: where all its keys go, a server-side apply makes null of an empty map.
    return VersionStatus(
        target=situation.ensemble.spec.version, members=dict(sorted(seen.items())) or None
    )


def _retained_claims(situation: Situation) -> tuple[str, ...]:
    """Claims of no member that is committed, runs, or is asked for: their volumes were kept."""
    members = {*listed_ids(situation), *situation.membership.ids}
    return tuple(sorted(c.name for c in situation.observed.claims if c.member_id not in members))


def status_differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the new status says anything worth a write."""
    return _settled_part(old) != _settled_part(new)


def _settled_part(status: Mapping[str, Any]) -> dict[str, Any]:
    adoption = {k: v for k, v in (status.get("adoption") or {}).items() if k != "connections"}
    return {
        **status,
        "adoption": adoption,
        "members": [
            {
                **{k: v for k, v in member.items() if k not in {"zxid", "connections", "lag"}},
                "lag": sum(member.get("lag", 0) >= step for step in _LAG_STEPS),
            }
            for member in status.get("members") or []
        ],
    }
