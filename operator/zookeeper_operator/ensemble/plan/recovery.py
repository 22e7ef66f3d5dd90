"""Recovering an ensemble on one survivor, when the other members have lost their data for good.

A person asks for it by an annotation that names the survivor and the UID of its pod. The survivor becomes the
whole configuration, by a list that is published at the version of the old one. It is restarted with that list
and leads alone; the others, which are empty, join it as they would join any ensemble.

Safety:

* only while no member serves, and has not for two minutes;
* the survivor answers that it has no leader, and holds data on volumes that stay;
* no other voter can come back with its data, since two of three would be the old majority: the claim that was
  marked as the member's is gone, its volume too, and what stands there now is empty by its own answer;
* no member of an ensemble that is taken over votes, or is about to: it may hold the data;
* the request names the pod that is restarted: it is used up by its own effect;
* what was begun is completed from the published list, which names the pods that must still be restarted.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.adoption.record import is_adopting
from zookeeper_operator.ensemble.judge.emptiness import EMPTY, is_empty
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Claim, Pod
from zookeeper_operator.ensemble.plan.claim_deletion import build_restart_basis, is_stopped
from zookeeper_operator.ensemble.plan.revision import restart_of, statefulset_of
from zookeeper_operator.ensemble.plan.step import Recovery, Situation, Step, Verdict
from zookeeper_operator.kube.times import parse_time

# The members may still find each other: an election with a large database takes a minute.
_PATIENCE: Final = timedelta(minutes=2)
_REQUEST: Final = re.compile(r"([1-9][0-9]{0,2})/([0-9A-Za-z-]{1,64})")
_NO_POD: Final = "-"
"""Stands for the UID of a member that had no pod."""


def read_request(text: str) -> tuple[int, str] | None:
    """The survivor and the UID of its pod, as the annotation names them; None if it names none."""
    found = _REQUEST.fullmatch(text.strip())
    return None if found is None else (int(found[1]), found[2])


def judge_recovery(situation: Situation) -> Recovery | None:
    """Whether the recovery that is asked for may be carried out; None if none is asked for now.

    A request that names a pod that is gone was carried out, or overtaken; it counts for nothing.
    """
    request = read_request(situation.ensemble.recover)
    if request is None or situation.quorum.serving or is_stopped(situation):
        return None
    survivor, uid = request
    pod = situation.observed.pod(survivor)
    if pod is None or pod.uid != uid or not situation.founded:
        return None
    if pod.terminating and (survivor, uid) in situation.membership.restart:
        return None  # that is its restart
    refused = (
        _why_not_survivor(situation, pod)
        or _why_others_may_return(situation, survivor)
        or _why_too_early(situation)
    )
    return Recovery(survivor, refused)


def recovered_membership(situation: Situation, survivor: int) -> Membership:
    """The list of which the survivor is the only member, at the version of the list that it replaces.

    A list that was lost with the members was published again without a version: the status has it, too.
    """
    before = situation.membership
    line = replace(next(s for s in before.servers if s.id == survivor), role="participant")
    pods = {pod.id: pod.uid for pod in situation.observed.pods}
    ids = sorted(before.ids | pods.keys())
    return replace(
        before,
        servers=(line,),
        version=max(before.version, _reported_version(situation)),
        founders=(),
        restart=tuple((i, pods.get(i, _NO_POD)) for i in ids),
    )


def _reported_version(situation: Situation) -> int:
    """The version of the last configuration that the ensemble was seen to have committed; 0 if none was."""
    reported = (situation.ensemble.status.get("membership") or {}).get("configVersion", "")
    return int(reported, 16) if re.fullmatch("[0-9a-f]{1,16}", str(reported)) else 0


def describe_recovery(situation: Situation) -> Verdict | None:
    """How a recovery stands that is asked for or under way; None if there is none."""
    recovery = situation.recovery
    if recovery is not None and recovery.refused is not None:
        return recovery.refused
    survivor = _survivor(situation.membership)
    if survivor is None:
        return None
    lost = sorted(i for i, _ in situation.membership.restart if i != survivor)
    return Verdict(
        False,
        reasons.RECOVERING,
        f"recovering on member {survivor} alone; writes that members {_listed(lost)} have acknowledged "
        "without it are lost",
    )


def plan_recovery(situation: Situation) -> Step:
    """Restart the pods that know the old list, the survivor first, and commit the new one."""
    standing = describe_recovery(situation)
    refused = situation.recovery is not None and situation.recovery.refused is not None
    if standing is not None and refused:
        return Step(standing)
    membership = situation.membership
    due = [
        pod
        for pod in situation.observed.pods
        if (pod.id, pod.uid) in membership.restart and not pod.terminating
    ]
    for pod in sorted(due, key=lambda p: (p.id not in membership.voters, p.id)):
        step = _restart(situation, pod)
        if step is not None:
            return step
    survivor = _survivor(membership)
    if survivor is not None and (step := _commit(situation, survivor)) is not None:
        return step
    return Step(standing or Verdict(True, reasons.SETTLED, "no recovery is under way"))


def _survivor(membership: Membership) -> int | None:
    """The member that a recovery under way makes the whole configuration; None once that is committed."""
    return next((i for i, _ in membership.restart if i in membership.voters), None)


def _restart(situation: Situation, pod: Pod) -> Step | None:
    statefulset = statefulset_of(situation, pod.component)
    if statefulset is None or pod.id in situation.quorum.serving:
        return None
    why = (
        "it becomes the only member of the configuration"
        if pod.id in situation.membership.voters
        else "it must read the configuration of the recovered ensemble"
    )
    basis = build_restart_basis(situation, pod) if pod.id in situation.membership.voters else None
    return Step(
        Verdict(False, reasons.RECOVERING, f"restarting {pod.name}: {why}"),
        (restart_of(pod, statefulset, why, basis=basis),),
    )


def _commit(situation: Situation, survivor: int) -> Step | None:
    """The reconfiguration that gives the new list a version of its own, which no lost member knows."""
    committed, membership = situation.observed.committed, situation.membership
    if committed is None or not situation.quorum.healthy:
        return None
    if committed.version != membership.version or committed.voters != {survivor}:
        return None
    refusal = situation.observed.refusal
    if refusal is not None and refusal.is_recent(situation.observed.now):
        return None
    leaving = tuple(sorted({i for i, _ in membership.restart} - committed.ids))
    if not leaving:
        return None
    return Step(
        Verdict(False, reasons.RECOVERING, f"member {survivor} commits that it is the only member"),
        (
            Reconfigure(
                based_on=committed,
                leaving=leaving,
                reason=reasons.RECOVERING,
                why="they have lost their data, and join again",
            ),
        ),
    )


def _why_not_survivor(situation: Situation, pod: Pod) -> Verdict | None:
    observed = situation.observed
    answer = observed.answers.get(pod.id)
    claims = [c for c in observed.claims if c.member_id == pod.id]
    lasting = [c for c in claims if c.phase == "Bound" and not c.terminating]
    why: str | None = None
    adopt = situation.ensemble.spec.adopt
    goes_back = adopt is not None and adopt.proceed == "Observe" and is_adopting(observed)
    if goes_back or any(map(situation.ensemble.is_foreign, situation.membership.voters)):
        why = "members of the ensemble that is taken over vote, and hold the data too"
    elif situation.ensemble.spec.storage.ephemeral:
        why = "its data is in emptyDir and would go with its restart"
    elif pod.id not in situation.membership.ids or pod.component != names.VOTER:
        why = "it is no voter of the configuration"
    elif pod.terminating or len(lasting) < len(claims) or not claims:
        why = "its pod or its claim is being deleted, or its volume is not bound"
    elif answer is None or not answer.denies:
        why = "it does not answer"
    elif is_empty(observed, pod) or not _holds_data(pod, answer.database, claims):
        why = "it holds no data"
    if why is None:
        return None
    return Verdict(
        False,
        reasons.RECOVERY_REFUSED,
        f"the ensemble is not recovered on member {pod.id}: {why}; name another survivor",
    )


def _holds_data(pod: Pod, database: str, claims: Iterable[Claim]) -> bool:
    """Whether a member has a database. One that found none at its start has copied it if it was ready."""
    if database == EMPTY:
        return not pod.never_ready
    return bool(database) or all(claim.member for claim in claims)


def _why_others_may_return(situation: Situation, survivor: int) -> Verdict | None:
    observed = situation.observed
    marked = {c.member_id for c in observed.claims if c.member}
    others = sorted(
        i
        for i in (situation.membership.voters | marked) - {survivor}
        if i < names.FIRST_OBSERVER_ID
    )
    found = [why for i in others if (why := _why_may_return(situation, i)) is not None]
    found += [
        f"pod {name} is none of this ensemble's; delete it" for name in observed.previous_pods
    ]
    if observed.former_volumes is None:
        found.append(
            "the operator may not read PersistentVolumes, so it does not know whether one holds the data of "
            f"member {_listed(others)}; let it list them"
        )
    else:
        claims = {
            names.claim_name(situation.ensemble.name, i, volume)
            for i in others
            for volume in (names.DATA_VOLUME, names.LOG_VOLUME)
        }
        found += [
            f"PersistentVolume {v.name} ({v.phase}) was that of {v.claim}, and may be bound again; bring the "
            "member back with it, or delete it"
            for v in observed.former_volumes
            if v.claim in claims
        ]
    if not found:
        return None
    return Verdict(
        False,
        reasons.LOST_MEMBERS_MAY_RETURN,
        f"the ensemble is not recovered on member {survivor} yet: {'; '.join(found)}",
    )


def _why_may_return(situation: Situation, member_id: int) -> str | None:
    """Why another voter may come back with its data; None if it is known to have lost it."""
    observed = situation.observed
    claims = [c for c in observed.claims if c.member_id == member_id]
    pod, name = observed.pod(member_id), names.member_name(situation.ensemble.name, member_id)
    going = [c.name for c in claims if c.terminating]
    if going:
        return f"{', '.join(going)} is still being deleted"
    kept = [c.name for c in claims if c.member]
    if kept:
        return (
            f"{', '.join(kept)} is that of member {member_id} and may hold its data; bring the member back "
            f"with it, or delete it and pod {name}"
        )
    if pod is not None and is_empty(observed, pod):
        return None
    unbound = all(claim.phase == "Pending" for claim in claims)
    foreign = name in observed.unclaimed
    if unbound and not foreign and (pod is None or not pod.running):
        return None  # no volume stands there that it could have started with
    return f"member {member_id} has not answered that it is empty"


def _why_too_early(situation: Situation) -> Verdict | None:
    standing = conditions.find_written(situation.ensemble.status, conditions.QUORUM_HEALTHY)
    since = parse_time(standing.get("lastTransitionTime"))
    lost = standing.get("status") == conditions.FALSE and since is not None
    if lost and since is not None and situation.observed.now - since >= _PATIENCE:
        return None
    return Verdict(
        False,
        reasons.RECOVERING,
        "a recovery begins when there has been no quorum for two minutes: members may still find each other",
    )


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids)) or "none"
