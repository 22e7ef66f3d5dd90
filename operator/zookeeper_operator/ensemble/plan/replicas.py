"""How many replicas each StatefulSet must have.

Safety:

* every committed member has a pod: a StatefulSet is not shrunk below the committed configuration;
* it is not shrunk at all unless that configuration was read from a healthy quorum, because a smaller
  StatefulSet under a lost quorum is a lost ensemble;
* for the same reason one that replaces a deleted StatefulSet has as many replicas as that had;
* at most one pod is started for a member that has not joined yet.
"""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.adoption.record import is_adopting
from zookeeper_operator.ensemble.plan.adoption_facts import hosted_while_adopting
from zookeeper_operator.ensemble.plan.founding import find_voters_by_claims
from zookeeper_operator.ensemble.plan.permission import scale_permission
from zookeeper_operator.ensemble.plan.revision import statefulset_of
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.pods import ordinals


def hosted_voters(situation: Situation) -> int:
    """How many replicas the voters' StatefulSet must have now.

    Every voter of the configuration has a pod. One more is started when the next member must join and
    scaling is allowed.
    """
    live = live_replicas(situation, names.VOTER)
    if is_adopting(situation.observed):
        return hosted_while_adopting(situation, live=live or 0)
    first = situation.ensemble.first_id
    voters = [i for i in situation.membership.ids if i < names.FIRST_OBSERVER_ID]
    base = max(voters) - first + 1 if voters else len(situation.ensemble.voter_ids)
    if not situation.founded:
        return base
    if live is None:
        live = _replicas_before(situation)
    if len(situation.ensemble.voter_ids) > base:
        if live > base + 1 and not _may_shrink(situation):
            return live
        return base + 1 if live > base or scale_permission(situation).state else base
    if live > base and not _may_shrink(situation):
        return live
    return base


def hosted_observers(situation: Situation) -> int:
    """How many replicas the observers' StatefulSet must have now.

    Observers wait for the founding: before it they have no leader to observe.
    """
    if not situation.founded or is_adopting(situation.observed):
        return 0
    wanted = len(situation.ensemble.observer_ids)
    observers = range(names.FIRST_OBSERVER_ID, names.LAST_OBSERVER_ID + 1)
    committed = [i for i in situation.membership.ids if i in observers]
    needed = max(committed, default=names.FIRST_OBSERVER_ID - 1) - names.FIRST_OBSERVER_ID + 1
    return max(wanted, needed)


def live_replicas(situation: Situation, component: str) -> int | None:
    """How many members a StatefulSet has as it is, or None if there is none."""
    found = statefulset_of(situation, component)
    return None if found is None else len(ordinals(found))


def _replicas_before(situation: Situation) -> int:
    """How many voters the StatefulSet had that somebody has deleted.

    The last of them may have got its vote just before, which nobody but the members knows then.
    """
    ensemble = situation.ensemble
    voters = range(ensemble.first_id, names.FIRST_OBSERVER_ID)
    members = ensemble.status.get("members") or []
    ran = {m["id"] for m in members if m.get("revision") and m["id"] in voters}
    last = max(ran | find_voters_by_claims(situation.observed), default=ensemble.first_id - 1)
    return last - ensemble.first_id + 1


def _may_shrink(situation: Situation) -> bool:
    return situation.observed.committed is not None and situation.quorum.healthy
