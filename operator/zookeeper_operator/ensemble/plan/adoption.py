"""Taking over a running ensemble: how that stands, and the next step of the walk.

Which step is safe is decided in `adoption.walk`, about ids alone. Here it gets the facts, and becomes an
action or a sentence.

Safety:

* before the first list is published, nothing is created: a source that cannot be taken over is told why;
* no step without a configuration read from a healthy quorum;
* the only thing of a source that is ever written is the number of its pods, and only where its owner allows
  it.
"""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Basis, Reconfigure
from zookeeper_operator.ensemble.adoption.checks import find_obstacles, read_config_of
from zookeeper_operator.ensemble.adoption.presence import is_void
from zookeeper_operator.ensemble.adoption.record import cuts_over, has_begun, is_adopting
from zookeeper_operator.ensemble.adoption.rivals import find_taken_ids
from zookeeper_operator.ensemble.adoption.source import Source
from zookeeper_operator.ensemble.adoption.walk import (
    AddVoter,
    RemoveVoter,
    Stage,
    Wait,
    Walk,
    find_stage,
    next_step,
)
from zookeeper_operator.ensemble.adoption.walk import ScaleSource as OtherPods
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.ensemble.plan.adoption_facts import (
    find_scalable,
    find_strangers,
    find_walk,
    scaling_of,
)
from zookeeper_operator.ensemble.plan.adoption_texts import (
    after_adoption,
    by_hand,
    came_back,
    describe_wait,
    progress,
    single,
    stage_verdict,
    taken_ids,
    unfinished,
    why_added,
    why_scaled,
)
from zookeeper_operator.ensemble.plan.availability import availability
from zookeeper_operator.ensemble.plan.claim_deletion import members_losing_claims
from zookeeper_operator.ensemble.plan.cut_over import plan_cut_over
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server


def why_adoption_waits(situation: Situation) -> str | None:
    """Why nothing of an ensemble that adopts may be created yet; None if it may."""
    if not is_adopting(situation.observed):
        return None
    problem = None if has_begun(situation.observed) else _obstacle(situation)
    if problem is not None:
        return problem.message
    if not situation.membership.servers:
        return "nothing: the members of the source are not known, and cannot be read"
    return None


def plan_adoption(situation: Situation) -> Step:
    """How the adoption stands, and the next step of the walk if there is one."""
    observed = situation.observed
    if is_adopting(observed):
        step = _plan(situation)
    elif situation.ensemble.spec.adopt is not None:
        step = Step(after_adoption(situation), awaited=False)
    else:
        step = Step(Verdict(True, reasons.ADOPTED, "nothing is taken over"))
    held = bool(situation.problems) or situation.ensemble.spec.stopped
    refusal = observed.refusal
    if held or (refusal is not None and refusal.is_recent(observed.now)):
        return Step(step.verdict, awaited=step.awaited)
    return step


def _obstacle(situation: Situation) -> Problem | None:
    ensemble = situation.ensemble
    if problem := _leftover_claims(situation):
        return problem
    found = find_obstacles(
        situation.observed.source or Source(why="it was not asked"),
        first_id=ensemble.first_id,
        version=ensemble.spec.version,
        namespace=ensemble.namespace,
        name=ensemble.name,
        mode="Join" if ensemble.spec.adopt is None else ensemble.spec.adopt.mode,
    )
    return found[0] if found else None


def _leftover_claims(situation: Situation) -> Problem | None:
    """What must be done about claims of an ensemble of this name that was deleted."""
    uid, source = situation.ensemble.uid, situation.observed.source
    others = [
        c for c in situation.observed.claims if c.identity != uid and (c.identity or c.member)
    ]
    if not others:
        return None
    named = ", ".join(sorted(c.name for c in others))
    config = None if source is None else read_config_of(source)
    voted = {c.member_id for c in others if c.member}
    listed = ", ".join(map(str, sorted(voted & (config.voters if config else frozenset()))))
    if listed:
        # Who shows this list has a majority without them, and so everything that was acknowledged.
        why = (
            f"{named} belongs to an ensemble of this name that was deleted, whose member {listed} still "
            f"votes at the source: remove it there (zkCli.sh reconfig -remove {listed}), then delete the "
            "claims"
        )
    elif voted:
        why = (
            f"{named} belongs to an ensemble of this name that was deleted, and one of its members had a "
            "vote: writes may be there and nowhere else. Do not delete it. Delete this ensemble and create "
            "it without spec.adopt, with the same firstMemberId: it begins from these volumes. If a member "
            "of the source still votes then, remove it (zkCli.sh reconfig -remove)"
        )
    else:
        why = (
            f"{named} belongs to an ensemble of this name that was deleted, in which it had no vote; delete "
            "it, and the adoption begins"
        )
    return Problem(reasons.SOURCE_REFUSED, why)


def _plan(situation: Situation) -> Step:
    observed = situation.observed
    if situation.ensemble.spec.adopt is None:
        return Step(unfinished(situation))
    begun = has_begun(observed)
    problem = None if begun else _obstacle(situation)
    if problem is not None:
        return Step(Verdict(False, problem.reason, problem.message))
    if not begun:
        return Step(Verdict(False, reasons.CHECKING_SOURCE, "the source can be taken over"))
    if (zombies := find_strangers(situation)) and not is_void(observed):
        return Step(Verdict(False, reasons.SOURCE_CAME_BACK, came_back(situation, zombies)))
    if cuts_over(observed):
        return plan_cut_over(situation)
    committed, walk = observed.committed, find_walk(situation)
    if committed is None or walk is None:
        standing = availability(situation)
        said = observed.unreadable or standing.message
        return Step(
            Verdict(None, reasons.NOT_PROBED, f"no majority has confirmed anything: {said}")
        )
    if taken := find_taken_ids(situation.ensemble, committed):
        return Step(Verdict(False, reasons.SOURCE_REFUSED, taken_ids(taken)))
    return _carry_out(situation, walk, committed)


def _carry_out(situation: Situation, walk: Walk, committed: CommittedConfig) -> Step:
    """The next step of the walk, as an action or as what is waited for."""
    asked, stage = next_step(walk), find_stage(walk)
    match asked:
        case AddVoter(member_id=member):
            if member in members_losing_claims(situation):
                why = f"member {member} gets no vote: its claim is being deleted"
                return Step(Verdict(False, reasons.CLAIM_BEING_DELETED, why))
            if len(walk.source) == 1 and find_scalable(situation) is None:
                return Step(Verdict(False, reasons.WAITING_FOR_SOURCE, single(situation)))
            line = _line(situation, member)
            why = why_added(situation, member)
            return Step(
                stage_verdict(stage, why),
                (
                    Reconfigure(
                        based_on=committed, why=why, reason=reasons.ADDING_MEMBER, joining=(line,)
                    ),
                ),
            )
        case RemoveVoter(member_id=member):
            why = f"member {member} leaves: {progress(walk)}"
            return Step(
                stage_verdict(stage, why),
                (
                    Reconfigure(
                        based_on=committed,
                        why=why,
                        reason=reasons.REMOVING_MEMBER,
                        leaving=(member,),
                    ),
                ),
            )
        case OtherPods(pods=pods):
            return _scale(situation, walk, pods, stage)
        case Wait():
            others = sorted(i for i in committed.observers if situation.ensemble.is_foreign(i))
            if others and not walk.theirs and walk.gate == "Finish":
                return _remove_observer(committed, others[-1])
            return Step(describe_wait(situation, walk, asked, stage))


def _remove_observer(committed: CommittedConfig, member: int) -> Step:
    why = f"observer {member} of the source leaves"
    action = Reconfigure(
        based_on=committed, why=why, reason=reasons.REMOVING_MEMBER, leaving=(member,)
    )
    return Step(Verdict(False, reasons.SWAPPING, why), (action,))


def _line(situation: Situation, member: int) -> Server:
    """The server line of one of ours, or of a member of the source as it was at the beginning."""
    if not situation.ensemble.is_foreign(member):
        return situation.ensemble.server(member)
    return next(s for s in situation.membership.source if s.id == member)


def _scale(situation: Situation, walk: Walk, count: int, stage: Stage) -> Step:
    """Give the source another number of pods, or say who has to."""
    pods = find_scalable(situation)
    why = why_scaled(walk, count)
    if pods is None:
        command = f"{why}; {by_hand(situation, walk, count)}"
        return Step(Verdict(False, reasons.WAITING_FOR_SOURCE, command))
    ending = frozenset(walk.source[count:]) & walk.voters if count < walk.kept else frozenset()
    basis = Basis(voters=walk.voters, asked=situation.quorum.live) if ending else None
    action = scaling_of(pods, count, why, ending=ending, basis=basis)
    return Step(stage_verdict(stage, f"the source gets {count} pods: {why}"), (action,))


def is_reported(situation: Situation) -> bool:
    """Whether the status has a condition about it."""
    return situation.ensemble.spec.adopt is not None or is_adopting(situation.observed)
