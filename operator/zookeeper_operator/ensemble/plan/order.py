"""What has precedence over what, as one list.

`ORDER` is read from top to bottom. A `Hold` that applies forbids every line below it to act. A `Concern`
answers with a `Step`; from these answers a plan takes

* in the order of the list, every action that disturbs no member: applies, and deletes of unneeded children;
* as its last action, at most one that `is_exclusive`: the first line that asks for one gets it, and the
  next reconcile decides again.

So a new concern is one function from `Situation` to `Step`, and one line here. What must run even if the
spec is invalid, because it is not built from the spec, belongs above that hold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Action, Delete
from zookeeper_operator.ensemble.adoption.rivals import find_taken_ids
from zookeeper_operator.ensemble.plan.adoption import plan_adoption, why_adoption_waits
from zookeeper_operator.ensemble.plan.children import (
    plan_children,
    plan_founding_end,
    plan_publication,
)
from zookeeper_operator.ensemble.plan.claim_template import plan_claim_templates
from zookeeper_operator.ensemble.plan.delivery import plan_delivery
from zookeeper_operator.ensemble.plan.founders import plan_founders
from zookeeper_operator.ensemble.plan.founding import why_restore_waits
from zookeeper_operator.ensemble.plan.issuance import plan_issuance
from zookeeper_operator.ensemble.plan.members import waiting_for_vote
from zookeeper_operator.ensemble.plan.membership import plan_membership
from zookeeper_operator.ensemble.plan.permission import plan_scale_permission
from zookeeper_operator.ensemble.plan.plain_port import plan_plain_port
from zookeeper_operator.ensemble.plan.recovery import plan_recovery
from zookeeper_operator.ensemble.plan.rollout import plan_rollout
from zookeeper_operator.ensemble.plan.security import plan_security, why_founding_waits
from zookeeper_operator.ensemble.plan.step import Situation, Step
from zookeeper_operator.ensemble.plan.storage import plan_storage
from zookeeper_operator.ensemble.pods import ordinals


@dataclass(frozen=True)
class Hold:
    """Forbids every line below it to act while `why` gives a sentence; that is the plan's next action."""

    name: str
    why: Callable[[Situation], str | None]


@dataclass(frozen=True)
class Concern:
    """One concern of the plan.

    The status reports its verdict if it is `reported`. Such a concern is asked below a hold too, for its
    verdict only; any other is not asked there.
    """

    name: str
    plan: Callable[[Situation], Step]
    reported: bool = True


def is_exclusive(action: Action) -> bool:
    """Whether nothing else of this sort may happen in the same reconcile.

    A StatefulSet that is deleted to be recreated is not disruptive by itself, but a pod that is deleted
    meanwhile is not recreated.
    """
    return action.disruptive or (isinstance(action, Delete) and action.orphan)


def _deletion(situation: Situation) -> str | None:
    return "nothing: the ensemble is being deleted" if situation.ensemble.deleting else None


def _invalid_spec(situation: Situation) -> str | None:
    problems = situation.problems
    return f"nothing until the spec is fixed: {problems[0].message}" if problems else None


def _previous_ensemble(situation: Situation) -> str | None:
    left = situation.leftovers
    return f"waiting for {', '.join(left)} of a deleted ensemble to go" if left else None


def _pause(situation: Situation) -> str | None:
    if not situation.ensemble.spec.paused:
        return None
    parts = ["nothing: the ensemble is paused"]
    voteless = ", ".join(map(str, sorted(waiting_for_vote(situation))))
    if voteless:
        parts.append(
            f"member {voteless} has handed over its vote and gets it back when the pause ends"
        )
    parts += [f"the spec is invalid: {problem.message}" for problem in situation.problems[:1]]
    return "; ".join(parts)


def _being_adopted(situation: Situation) -> str | None:
    found = situation.observed.statefulset(names.VOTER)
    annotations = {} if found is None else found["metadata"].get("annotations") or {}
    by = annotations.get(names.ANNOTATION_ADOPTABLE_BY)
    if not by or found is None or not _has_lost_control(situation, len(ordinals(found))):
        return None
    return (
        f"nothing: the ensemble {by} may take this one over; delete this one when it has, or remove the "
        f"annotation {names.ANNOTATION_ADOPTABLE_BY} of its StatefulSet"
    )


def _has_lost_control(situation: Situation, pods: int) -> bool:
    """Whether who takes it over has begun: its members are committed, or pods of this one are stopped."""
    ensemble, committed = situation.ensemble, situation.observed.committed
    ours = [i for i in situation.membership.voters if i in ensemble.voter_ids]
    strangers = committed is not None and find_taken_ids(ensemble, committed)
    return bool(strangers) or pods < len(ours)


def _contradiction(situation: Situation) -> str | None:
    found = situation.quorum.contradiction
    return f"nothing: {found.message}" if found is not None else None


ORDER: Final[tuple[Hold | Concern, ...]] = (
    # Kubernetes removes what the ensemble owns; whatever is applied now would outlive it or delay that.
    Hold("deletion", _deletion),
    # The only thing that a pause does not keep as it is: the record on which the safety of all data rests.
    Concern("founding end", plan_founding_end, reported=False),
    # A person works on the ensemble: nothing is touched, not even what is half done.
    Hold("pause", _pause),
    # Members that are not its own have votes, and its pods are stopped one by one.
    Hold("being adopted", _being_adopted),
    # A new ensemble is founded on new volumes, and only by its own members.
    Hold("previous ensemble", _previous_ensemble),
    # Never exclusive. A founding waits for what it asks for.
    Concern("issuance", plan_issuance, reported=False),
    # It would be founded without the TLS that its spec asks for.
    Hold("certificate", why_founding_waits),
    # It would be founded empty.
    Hold("backup", why_restore_waits),
    # Members that start without a word of the source could become a copy of it.
    Hold("source", why_adoption_waits),
    # While members contradict each other, any change could turn one ensemble into two.
    Hold("contradiction", _contradiction),
    # Before everything that needs a quorum.
    Concern("founders", plan_founders, reported=False),
    # Only while a person asks for it and there is no quorum, or to complete what was begun.
    Concern("recovery", plan_recovery, reported=False),
    # Before the membership, which leaves all members to it until it has ended.
    Concern("adoption", plan_adoption),
    # Early, because it completes what a restart or a scaling has left half done, and so gives back the
    # votes that every other line needs. Under an invalid spec it does nothing else.
    Concern("membership", plan_membership),
    # Never exclusive. Only under an invalid spec, since the children below publish it otherwise.
    Concern("publication", plan_publication, reported=False),
    # Before the rollout, because a member without its volume is missing until it is replaced, and a
    # rollout waits for every member. Under an invalid spec no volume grows.
    Concern("storage", plan_storage),
    # Children built from a spec that cannot work would take members out of service.
    Hold("invalid spec", _invalid_spec),
    # Before claim templates are replaced: those can wait until nothing must be restarted, while a
    # restarted pod needs its StatefulSet to come back.
    Concern("rollout", plan_rollout),
    # After the rollout: a member is closed to plain clients when every one listens for TLS.
    Concern("plain port", plan_plain_port, reported=False),
    # Last of the exclusive ones: nothing needs it before the next member is added.
    Concern("claim templates", plan_claim_templates, reported=False),
    # Never exclusive. After the storage: a volume must no longer count as a member's when its pod goes. A
    # membership without founders is applied before everything else, see `decision`.
    # Not asked below a hold, because an invalid spec cannot be built from.
    Concern("children", plan_children, reported=False),
    # Never exclusive. After the children: a kubelet is notified of a Secret that is there.
    Concern("delivery", plan_delivery, reported=False),
    # Never acts: what it reports is brought about by the children, and by the rollout of their templates.
    Concern("security", plan_security),
    # Never acts: it reports whether the membership would start a change of `replicas` now.
    Concern("scale", plan_scale_permission),
)
