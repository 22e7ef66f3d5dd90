"""From one observation to a plan: what must be done now, and what the status reports about it.

Pure. A plan holds the harmless actions first and at most one exclusive action, always the last one; what
comes after that is decided by the next reconcile. A plan made on its own result is empty.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Action, Apply
from zookeeper_operator.ensemble.adoption.peers import find_peers
from zookeeper_operator.ensemble.build.config import follower_timeout
from zookeeper_operator.ensemble.judge.presence import find_absent
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.ensemble.judge.quorum import Quorum, judge_quorum
from zookeeper_operator.ensemble.judge.spec import judge_spec
from zookeeper_operator.ensemble.membership import FOUNDERS_KEY
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan.claim_deletion import is_stop_refused, is_stopped
from zookeeper_operator.ensemble.plan.founding import (
    decide_membership,
    find_leftovers,
    is_bootstrap_ignored,
    is_founded,
    why_restore_waits,
)
from zookeeper_operator.ensemble.plan.order import ORDER, Concern, Hold, is_exclusive
from zookeeper_operator.ensemble.plan.recovery import judge_recovery, recovered_membership
from zookeeper_operator.ensemble.plan.revision import is_outdated
from zookeeper_operator.ensemble.plan.security import why_founding_waits
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.security.certificates import judge_certificates
from zookeeper_operator.ensemble.security.readiness import judge_readiness, trust_of_clients
from zookeeper_operator.ensemble.security.users import judge_users
from zookeeper_operator.ensemble.security.walk import decide_walk
from zookeeper_operator.ensemble.target import build_target

# A leader checks its followers every half tick, and an answer is up to a probe's time-out old.
_MARGIN: Final = timedelta(seconds=5)
NOTHING_TO_DO: Final = "nothing to do"
_BOOTSTRAP_IGNORED: Final = Problem(
    reasons.BOOTSTRAP_IGNORED,
    "spec.bootstrap is ignored: the ensemble was created over volumes that exist, and they hold its data; to "
    "begin from the backup, create one of another name, or delete the claims before",
)


@dataclass(frozen=True)
class Plan:
    """What to do now, and how each concern stands.

    `verdicts` are those of the concerns that were asked, by name. `settled` means that nothing is left to
    do or to wait for: the next reconcile can be far away.
    """

    situation: Situation
    verdicts: Mapping[str, Verdict]
    actions: tuple[Action, ...] = ()
    next_action: str = NOTHING_TO_DO
    settled: bool = False

    @property
    def membership(self) -> Verdict:
        """Whether the committed members are those the spec asks for."""
        return self.verdicts["membership"]

    @property
    def rollout(self) -> Verdict:
        """Whether every member runs the current revision."""
        return self.verdicts["rollout"]

    @property
    def scale(self) -> Verdict:
        """Whether a change of `replicas` would be started now."""
        return self.verdicts["scale"]

    @property
    def storage(self) -> Verdict:
        """Whether every volume is as the spec asks."""
        return self.verdicts["storage"]

    @property
    def adoption(self) -> Verdict:
        """Whether the members of the source have gone."""
        return self.verdicts["adoption"]

    @property
    def security(self) -> Verdict:
        """Whether the members use TLS as the spec asks."""
        return self.verdicts["security"]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What makes the spec unusable."""
        return self.situation.problems

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a person should know of the spec."""
        return self.situation.warnings

    @property
    def quorum(self) -> Quorum:
        """The state of the quorum the plan was made for."""
        return self.situation.quorum

    @property
    def under_way(self) -> bool:
        """Whether a member is away because of the operator, or members contradict each other for a moment.

        Every moment until the next reconcile counts then. A member that no restart waits for may
        be away for days.
        """
        waiting = {reasons.WAITING_FOR_MEMBER, reasons.WAITING_FOR_SYNC}
        contradiction = self.quorum.contradiction
        if contradiction is not None:
            return not contradiction.lasted
        if self.adoption.reason == reasons.CUTTING_OVER:
            return True  # clients wait meanwhile
        pods = self.situation.observed.pods
        rolling = any(is_outdated(self.situation, pod) for pod in pods)
        return self.quorum.healthy and (
            (rolling and self.rollout.state is False and self.rollout.reason in waiting)
            or (self.membership.state is False and self.membership.reason in waiting)
        )


def build_plan(observed: Observed) -> Plan:
    """Decide what to do about one ensemble now."""
    return decide(understand(observed))


def understand(observed: Observed) -> Situation:
    """What follows from an observation before anything is decided."""
    judgement = judge_spec(observed)
    ensemble, committed = observed.ensemble, observed.committed
    may_act = not (judgement.problems or ensemble.spec.paused or ensemble.deleting)
    by_themselves = judge_quorum(observed.answers, committed=None, published=frozenset())
    founded = is_founded(observed, by_themselves, may_found_again=may_act)
    voters = decide_membership(observed, founded=founded).voters
    quorum = judge_quorum(
        observed.answers,
        committed=committed.voters if committed and committed.servers else None,
        published=voters,
        absent=find_absent(observed),
        lasted=_has_lasted(observed),
        changing=_find_changing(observed, voters),
    )
    founded = is_founded(observed, quorum, may_found_again=may_act)
    certificates = judge_certificates(observed)
    users = judge_users(observed)
    walk = decide_walk(observed, quorum, judge_readiness(observed, certificates, users))
    situation = Situation(
        observed=observed,
        quorum=quorum,
        target=build_target(
            ensemble,
            decide_membership(observed, founded=founded),
            phase=walk.target,
            reached=walk.reached,
            trust=trust_of_clients(certificates),
            users=users.fingerprint,
            source_peers=find_peers(observed),
        ),
        certificates=certificates,
        users=users,
        walk=walk,
        founded=founded,
        leftovers=() if founded else find_leftovers(observed),
        problems=judgement.problems,
        warnings=judgement.warnings,
    )
    if is_bootstrap_ignored(situation):
        situation = replace(situation, warnings=(*situation.warnings, _BOOTSTRAP_IGNORED))
    recovery = judge_recovery(situation)
    if recovery is None or recovery.refused is not None:
        return replace(situation, recovery=recovery)
    membership = recovered_membership(situation, recovery.survivor)
    return replace(
        situation, recovery=recovery, target=replace(situation.target, membership=membership)
    )


def _find_changing(observed: Observed, voters: frozenset[int]) -> frozenset[int]:
    """The members of which one may have got or lost its vote since the voters were read.

    That may be any: the spec may have changed since the reconfiguration whose answer was not seen, and a
    voter that hands over before its restart has no field of the spec that says so.
    """
    started = {pod.id for pod in observed.pods if names.component_of(pod.id) == names.VOTER}
    return voters | frozenset(observed.ensemble.voter_ids) | started


def _has_lasted(observed: Observed) -> bool:
    """Whether members have contradicted each other for longer than a leader that is cut off can lead."""
    since = observed.contradicted_since
    resolved_within = follower_timeout(observed.ensemble.spec) + _MARGIN
    return since is not None and observed.now - since > resolved_within


def decide(situation: Situation, order: tuple[Hold | Concern, ...] = ORDER) -> Plan:
    """The plan that the lines of an order make together."""
    steps, held = _ask(situation, order)
    actions = _choose(steps.values())
    settled = not actions and (
        _is_settled(situation, steps.values()) if held is None else _an_event_will_come(situation)
    )
    return Plan(
        situation=situation,
        verdicts=_reported(steps),
        actions=actions,
        next_action=_say(situation, steps, actions, held),
        settled=settled,
    )


def _ask(
    situation: Situation, order: tuple[Hold | Concern, ...]
) -> tuple[dict[str, Step], str | None]:
    """Each concern's answer, and why nothing below a hold may be done if one applies."""
    steps: dict[str, Step] = {}
    held: str | None = None
    for line in order:
        if isinstance(line, Hold):
            held = held or line.why(situation)
        elif held is None:
            steps[line.name] = line.plan(situation)
        elif line.reported:
            steps[line.name] = replace(line.plan(situation), actions=())
    return steps, held


def _choose(steps: Iterable[Step]) -> tuple[Action, ...]:
    wanted = [action for step in steps for action in step.actions]
    harmless = [action for action in wanted if not is_exclusive(action)]
    # First of all: until it is done, a founder that loses its volume may found again, and any action
    # before it may fail.
    harmless.sort(key=lambda action: not _forbids_founding(action))
    return (*harmless, *[action for action in wanted if is_exclusive(action)][:1])


def _forbids_founding(action: Action) -> bool:
    """Whether it publishes a membership without founders."""
    return isinstance(action, Apply) and action.body.get("data", {}).get(FOUNDERS_KEY) == ""


def _reported(steps: Mapping[str, Step]) -> dict[str, Verdict]:
    verdicts = {name: step.verdict for name, step in steps.items()}
    children = verdicts.get("children")
    if children is not None and children.state is False:
        # Until Kubernetes has given a new template its revision, pods of the old one seem up to date.
        verdicts["rollout"] = children
    return verdicts


def _an_event_will_come(situation: Situation) -> bool:
    """Whether an event triggers the next reconcile when something changes, while nothing may be done.

    None comes from objects that are not ours, nor from members that do not serve, nor from members that
    contradict each other. A founding that waits for what a deleted ensemble has left, or for a certificate,
    does not rely on one.
    """
    taken = any(problem.reason == reasons.NAME_TAKEN for problem in situation.problems)
    ensemble, quorum = situation.ensemble, situation.quorum
    must_serve = situation.founded and not (is_stopped(situation) or ensemble.deleting)
    certificate = why_founding_waits(situation) is not None
    backup = why_restore_waits(situation) is not None
    waits = taken or certificate or backup or bool(situation.leftovers)
    return quorum.contradiction is None and not waits and (quorum.all_live or not must_serve)


def _is_settled(situation: Situation, steps: Iterable[Step]) -> bool:
    pods = situation.observed.pods
    if is_stopped(situation):
        return not pods
    return (
        situation.founded
        and situation.quorum.all_live
        and all(step.verdict.state is True for step in steps if step.awaited)
        and len(situation.quorum.serving) == len(pods)
        and all(pod.ready for pod in pods)
    )


def _say(
    situation: Situation,
    steps: Mapping[str, Step],
    actions: tuple[Action, ...],
    held: str | None,
) -> str:
    """What happens next, or what is waited for, in one sentence."""
    if actions and actions[-1].disruptive:
        return next(s.verdict.message for s in steps.values() if actions[-1] in s.actions)
    if held is not None:
        return held
    if is_stopped(situation):
        return "nothing: the ensemble is stopped"
    if is_stop_refused(situation):
        return steps["storage"].verdict.message
    if actions:
        count = len(actions)
        return f"bringing {count} child object{'s' if count > 1 else ''} in line with the spec"
    # A rollout names the pod it waits for; the other concerns often wait for the same one.
    for _, step in sorted(steps.items(), key=lambda item: item[0] != "rollout"):
        if step.announced and step.verdict.state is not True:
            return step.verdict.message
    if not situation.quorum.all_live:
        return f"waiting for {situation.quorum.missing} to serve"
    return NOTHING_TO_DO
