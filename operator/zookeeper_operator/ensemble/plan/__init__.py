"""The decision: from one look at an ensemble to what is to be done now, and what to tell about it.

`build_plan` is pure. It returns the harmless applies first and at most one disruptive action, always the
last one; whatever comes after that is decided by the next look. A plan on its own result is empty.
"""

from dataclasses import dataclass, replace
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Action
from zookeeper_operator.ensemble.judge.quorum import Quorum, judge_quorum
from zookeeper_operator.ensemble.judge.spec import Problem, validate
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan.children import changes_template, plan_children
from zookeeper_operator.ensemble.plan.founding import decide_membership, is_founded
from zookeeper_operator.ensemble.plan.rollout import plan_rollout
from zookeeper_operator.ensemble.plan.scale import may_grow, plan_membership
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.plan.storage import plan_storage, plan_template

__all__ = ["Plan", "Situation", "Verdict", "build_plan"]


@dataclass(frozen=True)
class Plan:
    """What to do now, and how each concern stands.

    `settled` means that nothing is left to do or to wait for: the next look can be far away.
    """

    situation: Situation
    problems: tuple[Problem, ...]
    membership: Verdict
    rollout: Verdict
    scale: Verdict
    storage: Verdict
    actions: tuple[Action, ...] = ()
    next_action: str = "nothing to do"
    settled: bool = False

    @property
    def under_way(self) -> bool:
        """Whether a member is away by our own hand: every moment until the next look counts."""
        waiting = {reasons.WAITING_FOR_MEMBER, reasons.WAITING_FOR_SYNC}
        return self.quorum.healthy and (
            (self.rollout.state is False and self.rollout.reason in waiting)
            or (self.membership.state is False and self.membership.reason in waiting)
        )

    @property
    def quorum(self) -> Quorum:
        """The state of the quorum the plan was made for."""
        return self.situation.quorum


def build_plan(observed: Observed) -> Plan:
    """Decide what to do about one ensemble now."""
    situation = understand(observed)
    membership = plan_membership(situation)
    rollout = plan_rollout(situation)
    storage = plan_storage(situation)
    plan = Plan(
        situation=situation,
        problems=validate(observed),
        membership=membership.verdict,
        rollout=rollout.verdict,
        scale=may_grow(situation),
        storage=storage.verdict,
    )
    held = _why_nothing_may_be_done(plan)
    if held is not None:
        return replace(plan, next_action=held, settled=_will_be_told(plan))
    step = _next_step(observed, membership, storage, rollout)
    # Marks first: a volume must not count as a member's any more when its pod goes.
    children = plan_children(situation)
    actions = (*_harmless(storage), *children, *_disruptive(situation, step))
    if changes_template(situation, children):
        plan = replace(plan, rollout=_ON_ITS_WAY)
    return replace(
        plan,
        actions=actions,
        next_action=_say(plan, step, actions),
        settled=not actions and _is_settled(plan),
    )


_ON_ITS_WAY: Final = Verdict(
    False, reasons.WAITING_FOR_MEMBER, "a change is on its way to the pods"
)
"""Until Kubernetes has given a new template its revision, pods of the old one look up to date."""


def _will_be_told(plan: Plan) -> bool:
    """Whether an event comes when there is something new to tell.

    None comes from objects that are not ours, nor from members in trouble, whom nobody helps now.
    """
    taken = any(problem.reason == reasons.NAME_TAKEN for problem in plan.problems)
    situation = plan.situation
    ought_to_serve = situation.founded and not situation.ensemble.spec.stopped
    troubled = ought_to_serve and not (plan.quorum.all_live or situation.ensemble.deleting)
    return plan.quorum.contradiction is None and not taken and not troubled


def understand(observed: Observed) -> Situation:
    """What follows from an observation before anything is decided."""
    published = decide_membership(
        observed, judge_quorum(observed.answers, committed=None, published=frozenset())
    )
    voters = frozenset(s.id for s in published.servers if s.role == "participant")
    committed = observed.committed
    quorum = judge_quorum(
        observed.answers,
        committed=committed.voters if committed and committed.servers else None,
        published=voters,
    )
    return Situation(
        observed=observed,
        quorum=quorum,
        membership=decide_membership(observed, quorum),
        founded=is_founded(observed, quorum),
    )


def _why_nothing_may_be_done(plan: Plan) -> str | None:
    ensemble = plan.situation.ensemble
    if ensemble.deleting:
        return "nothing: the ensemble is being deleted"
    if plan.problems:
        return f"nothing until the spec is mended: {plan.problems[0].message}"
    if ensemble.spec.paused:
        return "nothing: the ensemble is paused"
    if plan.quorum.contradiction is not None:
        return f"nothing: {plan.quorum.contradiction.message}"
    return None


def _next_step(observed: Observed, membership: Step, storage: Step, rollout: Step) -> Step | None:
    """The one concern that may be disruptive in this pass.

    Membership first: it finishes what a restart or a scaling left half done. A lost volume is replaced
    before anything is rolled. What the ensemble has just refused lets the others go ahead: they may be
    what it takes (members that still know an older password have to be restarted).
    """
    refused = observed.refusal is not None and observed.refusal.is_recent(observed.now)
    return next(
        (
            step
            for step in ((storage, rollout) if refused else (membership, storage, rollout))
            if any(action.disruptive for action in step.actions)
        ),
        None,
    )


def _harmless(step: Step) -> tuple[Action, ...]:
    return tuple(action for action in step.actions if not action.disruptive)


def _disruptive(situation: Situation, step: Step | None) -> tuple[Action, ...]:
    if step is not None:
        return tuple(action for action in step.actions if action.disruptive)[:1]
    remake = plan_template(situation)
    return () if remake is None else (remake,)


def _is_settled(plan: Plan) -> bool:
    spec = plan.situation.ensemble.spec
    if spec.stopped:
        return not plan.situation.observed.pods
    return (
        plan.situation.founded
        and plan.quorum.all_live
        and plan.membership.state is True
        and plan.rollout.state is True
        and plan.storage.reason != reasons.RESIZE_PENDING
        and len(plan.quorum.serving) == len(plan.situation.observed.pods)
        and all(pod.ready for pod in plan.situation.observed.pods)
    )


def _say(plan: Plan, step: Step | None, actions: tuple[Action, ...]) -> str:
    """What happens next, or what is waited for, in one sentence."""
    if step is not None:
        return step.verdict.message
    if plan.situation.ensemble.spec.stopped:
        return "nothing: the ensemble is stopped"
    if actions:
        count = len(actions)
        return f"bringing {count} child object{'s' if count > 1 else ''} in line with the spec"
    for verdict in (plan.rollout, plan.membership, plan.storage):
        if verdict.state is not True and verdict.reason != reasons.EPHEMERAL_STORAGE:
            return verdict.message
    if not plan.quorum.all_live:
        missing = sorted(plan.quorum.voters - plan.quorum.live)
        return f"waiting for member {', '.join(map(str, missing))} to serve"
    return "nothing to do"
