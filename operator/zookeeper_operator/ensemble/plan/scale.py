"""The membership, one committed step at a time.

Safety, each with a property test and an invariant of the simulator:

* a step changes one member, so every old majority meets every new one (pains 1 and 2);
* a member votes only after it has synced from the agreed leader as a non-voter;
* a member leaves the committed configuration before its pod goes (pains 4 and 5), and only while the
  members that stay are a live majority of the configuration without it;
* no step without a configuration read from a healthy quorum.

Whatever was interrupted is finished from what is committed; there is no other memory.
"""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.plan.revision import is_outdated
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.zookeeper.servers import CommittedConfig, majority


def wanted_ids(situation: Situation) -> frozenset[int]:
    """The members the spec asks for, voters and observers."""
    ensemble = situation.ensemble
    return frozenset(ensemble.voter_ids) | frozenset(ensemble.observer_ids)


def hosted_voters(situation: Situation) -> int:
    """How many replicas the voters' StatefulSet must have now.

    Every voter of the configuration has a pod. One more is started when the next member is to join and
    nothing speaks against it. A StatefulSet is never shrunk without a configuration read from the
    ensemble itself.
    """
    voters = [i for i in situation.membership.ids if i < names.FIRST_OBSERVER_ID]
    base = max(voters, default=situation.ensemble.spec.replicas)
    live = live_replicas(situation, names.VOTER)
    if not situation.founded:
        return base
    target = situation.ensemble.spec.replicas
    if target > base:
        joiner_started = live is not None and live > base
        return base + 1 if joiner_started or may_grow(situation).state else base
    if live is not None and live > base and not may_shrink_pods(situation):
        return live
    return base


def hosted_observers(situation: Situation) -> int:
    """How many replicas the observers' StatefulSet must have now.

    Observers wait for the founding: they have nobody to observe before.
    """
    if not situation.founded:
        return 0
    wanted = situation.ensemble.spec.observers.replicas
    committed = [i for i in situation.membership.ids if i >= names.FIRST_OBSERVER_ID]
    needed = max(committed, default=names.FIRST_OBSERVER_ID - 1) - names.FIRST_OBSERVER_ID + 1
    return max(wanted, needed)


def live_replicas(situation: Situation, component: str) -> int | None:
    """The replicas of a StatefulSet as it is, or None if there is none."""
    ensemble = situation.ensemble
    found = situation.observed.child(
        "StatefulSet", names.statefulset_name(ensemble.name, component)
    )
    return None if found is None else int(found["spec"].get("replicas", 1))


def may_shrink_pods(situation: Situation) -> bool:
    """Whether pods beyond the configuration may go: only if it was read from a healthy quorum."""
    return situation.observed.committed is not None and situation.quorum.healthy


def may_grow(situation: Situation) -> Verdict:
    """Whether a change of `replicas` would be started now, and if not, why: `ScaleAllowed`."""
    quorum = situation.quorum
    if situation.ensemble.spec.paused:
        return Verdict(False, reasons.PAUSED, "the ensemble is paused; nothing is changed")
    if situation.ensemble.spec.stopped:
        return Verdict(False, reasons.STOPPED, "the ensemble is stopped; start it first")
    if not situation.founded:
        return Verdict(False, reasons.FOUNDING, "the first quorum has not formed yet")
    if quorum.contradiction is not None:
        return Verdict(False, quorum.contradiction.reason, quorum.contradiction.message)
    if situation.observed.committed is None or not quorum.healthy:
        return Verdict(
            False, reasons.NO_QUORUM, "no healthy quorum has confirmed who the members are"
        )
    if not quorum.all_live:
        missing = ", ".join(map(str, sorted(quorum.voters - quorum.live)))
        return Verdict(
            False,
            reasons.MEMBER_NOT_SYNCED,
            f"member {missing} votes but is not in sync; bring it back first",
        )
    if demoted(situation):
        return Verdict(
            False, reasons.ROLLOUT_IN_PROGRESS, "a member has handed its vote over for a restart"
        )
    due = [p.name for p in situation.observed.pods if is_outdated(situation, p)]
    if due:
        return Verdict(
            False, reasons.ROLLOUT_IN_PROGRESS, f"{', '.join(due)} must be restarted first"
        )
    return Verdict(True, reasons.ALLOWED, "a change of replicas would be started now")


def demoted(situation: Situation) -> frozenset[int]:
    """Voters-to-be that the configuration lists as observers: restarts under way, or joiners."""
    committed = situation.observed.committed
    if committed is None:
        return frozenset()
    return frozenset(i for i in committed.observers if i < names.FIRST_OBSERVER_ID)


def plan_promotion(situation: Situation) -> Step | None:
    """Give (back) a vote to a synced member that should have one, or list a synced observer."""
    observed, quorum, ensemble = situation.observed, situation.quorum, situation.ensemble
    committed = observed.committed
    if committed is None or not quorum.healthy:
        return None
    wanted = wanted_ids(situation)
    for member_id in sorted(wanted - committed.voters):
        observer = member_id >= names.FIRST_OBSERVER_ID
        if observer and member_id in committed.observers:
            continue
        pod = observed.pod(member_id)
        if pod is None or pod.terminating or not quorum.in_sync(member_id, observed.answers):
            continue
        if not observer:
            grows = committed.server(member_id) is None and member_id > max(committed.voters)
            if grows and not quorum.all_live:
                continue
            if is_outdated(situation, pod) and quorum.all_live:
                continue  # its restart comes first; without a vote it costs nobody anything
            if _needs_to_count(situation, committed, member_id):
                if not quorum.all_live:
                    continue
                return _take_off_the_list(committed, member_id)
        return Step(
            Verdict(
                False,
                reasons.ADDING_MEMBER
                if committed.server(member_id) is None
                else reasons.REPAIRING_MEMBERSHIP,
                f"member {member_id} has synced and gets its "
                + ("place as an observer" if observer else "vote"),
            ),
            (
                Reconfigure(
                    based_on=committed,
                    joining=(
                        ensemble.server(member_id, "observer" if observer else "participant"),
                    ),
                    reason=reasons.ADDING_MEMBER,
                    why=f"member {member_id} is in sync with leader {quorum.leader}",
                ),
            ),
        )
    return None


def _needs_to_count(situation: Situation, committed: CommittedConfig, member_id: int) -> bool:
    """Whether the configuration with this observer's vote has no majority without the observer itself.

    ZooKeeper takes only followers for synced when it is asked for a new configuration, so it refuses to
    make a voter of an observer whose own vote would be needed: the second of two (seen on 3.9.5). Whoever
    is not listed at all is a follower without a vote, and counts.
    """
    return member_id in committed.observers and len(situation.quorum.live) < majority(
        len(committed.voters) + 1
    )


def _take_off_the_list(committed: CommittedConfig, member_id: int) -> Step:
    return Step(
        Verdict(
            False,
            reasons.REPAIRING_MEMBERSHIP,
            f"member {member_id} is to follow without a vote, so that it counts when it gets one",
        ),
        (
            Reconfigure(
                based_on=committed,
                leaving=(member_id,),
                reason=reasons.REPAIRING_MEMBERSHIP,
                why=f"as an observer, member {member_id} cannot become the voter that is needed",
            ),
        ),
    )


def plan_removal(situation: Situation) -> Step | None:
    """Remove the highest member that the spec no longer asks for."""
    observed, quorum = situation.observed, situation.quorum
    committed = observed.committed
    if committed is None:
        return None
    leaving = committed.ids - wanted_ids(situation)
    if not leaving:
        return None
    leaver = max(leaving)
    blocked = why_not_without(situation, committed, leaver)
    if blocked is not None:
        return Step(blocked)
    handover = (
        " (it leads; the others take over in the same step)" if leaver == quorum.leader else ""
    )
    return Step(
        Verdict(False, reasons.REMOVING_MEMBER, f"member {leaver} is being removed{handover}"),
        (
            Reconfigure(
                based_on=committed,
                leaving=(leaver,),
                reason=reasons.REMOVING_MEMBER,
                why=f"the spec asks for {situation.ensemble.spec.replicas} voters and "
                f"{situation.ensemble.spec.observers.replicas} observers",
            ),
        ),
    )


def why_not_without(
    situation: Situation, committed: CommittedConfig, leaver: int
) -> Verdict | None:
    """What speaks against a configuration without one member now; None if nothing does."""
    quorum = situation.quorum
    if not quorum.healthy:
        return Verdict(
            False,
            reasons.NO_QUORUM,
            f"member {leaver} is to leave, but without a healthy quorum nothing can be committed",
        )
    staying = committed.voters - {leaver}
    missing = staying - quorum.live
    if not staying or len(staying & quorum.live) < majority(len(staying)) or missing:
        named = ", ".join(map(str, sorted(missing)))
        return Verdict(
            False,
            reasons.MEMBER_NOT_SYNCED,
            f"member {leaver} is to leave, but member {named} would stay and is not in sync",
        )
    pending = demoted(situation) & wanted_ids(situation)
    if pending:
        named = ", ".join(map(str, sorted(pending)))
        return Verdict(
            False,
            reasons.REPAIRING_MEMBERSHIP,
            f"member {leaver} is to leave after member {named} has its vote back",
        )
    return None


def plan_membership(situation: Situation) -> Step:
    """How the membership stands, and the next step towards the spec if there is one.

    An ensemble that is being stopped takes no step any more: it goes on from what is committed when it is
    started again.
    """
    if situation.ensemble.spec.stopped:
        return Step(_standing(situation))
    step = plan_promotion(situation) or plan_removal(situation)
    if step is not None:
        return step
    return Step(_standing(situation))


def _standing(situation: Situation) -> Verdict:
    observed, ensemble = situation.observed, situation.ensemble
    committed = observed.committed
    if ensemble.spec.stopped:
        return Verdict(None, reasons.STOPPED, "the ensemble is stopped; its membership is kept")
    if not situation.founded:
        return Verdict(False, reasons.FOUNDING, "the first quorum has not formed yet")
    if committed is None:
        return Verdict(
            None, reasons.NOT_PROBED, observed.unreadable or "the configuration was not read"
        )
    waiting = sorted(
        i
        for i in wanted_ids(situation) - committed.voters
        if i < names.FIRST_OBSERVER_ID or i not in committed.observers
    )
    if not waiting:
        return Verdict(True, reasons.SETTLED, "the members are those the spec asks for")
    present = [i for i in waiting if observed.pod(i) is not None]
    if present:
        named = ", ".join(map(str, present))
        return Verdict(
            False,
            reasons.WAITING_FOR_SYNC,
            f"waiting for member {named} to sync before it joins",
        )
    allowed = may_grow(situation)
    named = ", ".join(map(str, waiting))
    if not allowed.state:
        return Verdict(False, allowed.reason, f"member {named} is to join, but {allowed.message}")
    return Verdict(False, reasons.ADDING_MEMBER, f"member {named} is to join")
