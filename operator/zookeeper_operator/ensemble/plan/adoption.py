"""Taking over a running ensemble: how that stands, and the next step of the walk.

Which step is safe is decided in `adoption.walk`, about ids alone. Here it gets the facts, and becomes an action or
a sentence.

Safety:

* before the first list is published, nothing is created: a source that cannot be taken over is told why;
* no step without a configuration read from a healthy quorum;
* the only thing of a source that is ever written is the number of its pods, and only where its owner allows it.
"""

from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Basis, Reconfigure, ScaleSource
from zookeeper_operator.ensemble.adoption.checks import find_obstacle
from zookeeper_operator.ensemble.adoption.record import is_adopting
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
from zookeeper_operator.ensemble.plan.availability import availability
from zookeeper_operator.ensemble.plan.claim_deletion import members_losing_claims
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server

_REASONS: Final[dict[Stage, str]] = {
    "observing": reasons.OBSERVING,
    "swapping": reasons.SWAPPING,
    "undoing": reasons.UNDOING,
    "bridging": reasons.BRIDGING,
    "finishing": reasons.SWAPPING,
    "adopted": reasons.ADOPTED,
}


def why_adoption_waits(situation: Situation) -> str | None:
    """Why nothing of an ensemble that adopts may be created yet; None if it may."""
    if situation.founded or not is_adopting(situation.observed):
        return None
    problem = _obstacle(situation)
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
        step = Step(_after(situation), awaited=False)
    else:
        step = Step(Verdict(True, reasons.ADOPTED, "nothing is taken over"))
    held = bool(situation.problems) or situation.ensemble.spec.stopped
    refusal = observed.refusal
    if held or (refusal is not None and refusal.is_recent(observed.now)):
        return Step(step.verdict, awaited=step.awaited)
    return step


def hosted_while_adopting(situation: Situation, *, live: int) -> int:
    """How many of our voters have pods: one more as soon as all that have one are in sync.

    As many as the source has voters, whatever the spec asks for: that is done when the adoption has ended.
    """
    first = situation.ensemble.first_id
    last = names.FIRST_OBSERVER_ID - 1
    wanted = min(len(_voters(situation)), last - first + 1)
    ids = [i for i in situation.membership.ids if first <= i <= last]
    base = max(max(ids, default=first - 1) - first + 1, live)
    in_sync = situation.quorum.in_sync
    ready = all(in_sync(i, situation.observed.answers) for i in range(first, first + base))
    return max(base, min(wanted, base + 1) if ready and not situation.problems else base)


def find_walk(situation: Situation) -> Walk | None:
    """Where the walk stands; None if who the members are is not known for certain."""
    observed, quorum = situation.observed, situation.quorum
    committed, adopt = observed.committed, situation.ensemble.spec.adopt
    if committed is None or adopt is None or not quorum.healthy:
        return None
    source = tuple(server.id for server in _voters(situation))
    ids = {*source, *committed.ids, *(pod.id for pod in observed.pods)}
    running = _running(situation)
    first = situation.ensemble.first_id
    return Walk(
        source=source,
        ours=tuple(range(first, first + len(source))),
        voters=committed.voters,
        live=frozenset(i for i in ids if quorum.in_sync(i, observed.answers)),
        kept=_kept(situation, running),
        running=running,
        gate=adopt.proceed,
    )


def _obstacle(situation: Situation) -> Problem | None:
    ensemble = situation.ensemble
    return find_obstacle(
        situation.observed.source or Source(why="it was not asked"),
        first_id=ensemble.first_id,
        version=ensemble.spec.version,
        namespace=ensemble.namespace,
        name=ensemble.name,
    )


def _plan(situation: Situation) -> Step:
    observed = situation.observed
    if situation.ensemble.spec.adopt is None:
        return Step(_unfinished(situation))
    problem = None if situation.founded else _obstacle(situation)
    if problem is not None:
        return Step(Verdict(False, problem.reason, problem.message))
    if not situation.founded:
        return Step(Verdict(False, reasons.CHECKING_SOURCE, "the source can be taken over"))
    committed, walk = observed.committed, find_walk(situation)
    if committed is None or walk is None:
        standing = availability(situation)
        said = observed.unreadable or standing.message
        return Step(
            Verdict(None, reasons.NOT_PROBED, f"no majority has confirmed anything: {said}")
        )
    if zombies := _strangers(situation):
        return Step(Verdict(False, reasons.SOURCE_CAME_BACK, _came_back(situation, zombies)))
    return _carry_out(situation, walk, committed)


def _carry_out(situation: Situation, walk: Walk, committed: CommittedConfig) -> Step:
    """The next step of the walk, as an action or as what is waited for."""
    asked, reason = next_step(walk), _REASONS[find_stage(walk)]
    match asked:
        case AddVoter(member_id=member):
            if member in members_losing_claims(situation):
                why = f"member {member} gets no vote: its claim is being deleted"
                return Step(Verdict(False, reasons.CLAIM_BEING_DELETED, why))
            line = _line(situation, member)
            why = _why_added(situation, member)
            return Step(
                Verdict(False, reason, why),
                (
                    Reconfigure(
                        based_on=committed, why=why, reason=reasons.ADDING_MEMBER, joining=(line,)
                    ),
                ),
            )
        case RemoveVoter(member_id=member):
            why = f"member {member} leaves: {_progress(walk)}"
            return Step(
                Verdict(False, reason, why),
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
            return _scale(situation, walk, pods, reason)
        case Wait():
            others = sorted(i for i in committed.observers if situation.ensemble.is_foreign(i))
            if others and not walk.theirs and walk.gate != "Observe":
                return _remove_observer(committed, others[-1], reason)
            return Step(_wait(situation, walk, asked, reason))


def _remove_observer(committed: CommittedConfig, member: int, reason: str) -> Step:
    why = f"observer {member} of the source leaves"
    action = Reconfigure(
        based_on=committed, why=why, reason=reasons.REMOVING_MEMBER, leaving=(member,)
    )
    return Step(Verdict(False, reason, why), (action,))


def _why_added(situation: Situation, member: int) -> str:
    if situation.ensemble.is_foreign(member):
        return f"member {member} of the source gets its vote back"
    return f"member {member} has the data and gets a vote"


def _line(situation: Situation, member: int) -> Server:
    """The server line of one of ours, or of a member of the source as it was at the beginning."""
    if not situation.ensemble.is_foreign(member):
        return situation.ensemble.server(member)
    return next(s for s in situation.membership.source if s.id == member)


def _scale(situation: Situation, walk: Walk, count: int, reason: str) -> Step:
    """Give the source another number of pods, or say who has to."""
    source = situation.observed.source
    pods = source.pods if source is not None else None
    why = _why_scaled(walk, count)
    if source is None or pods is None or not pods.writable or not source.ordered:
        by_hand = f"{why}; {_by_hand(situation, walk, count)}"
        return Step(Verdict(False, reasons.WAITING_FOR_SOURCE, by_hand))
    member, basis = 0, None
    if count < walk.kept and (leaver := walk.source[count]) in walk.voters:
        member = leaver
        basis = Basis(voters=walk.voters, asked=situation.quorum.live)
    return Step(
        Verdict(False, reason, f"the source gets {count} pods: {why}"),
        (
            ScaleSource(
                name=pods.name,
                namespace=pods.namespace,
                uid=pods.uid,
                version=pods.version,
                replicas=count,
                why=why,
                member_id=member,
                basis=basis,
            ),
        ),
    )


def _why_scaled(walk: Walk, count: int) -> str:
    if count > walk.kept:
        named = ", ".join(map(str, walk.source[walk.kept : count]))
        return f"member {named} has its vote back and must run"
    named = ", ".join(map(str, walk.source[count : walk.kept]))
    if count == 0:
        return f"member {named} of the source is not needed any more"
    return (
        f"member {named} of the source must be stopped: restarted from its own list, it could form an "
        "ensemble of its own with the others of that list"
    )


def _by_hand(situation: Situation, walk: Walk, count: int) -> str:
    """The command for whoever may change the source."""
    source = situation.observed.source
    pods = source.pods if source is not None else None
    if pods is not None and source is not None and source.ordered:
        return (
            f"run: kubectl --namespace {pods.namespace} scale statefulset/{pods.name} --replicas={count}; or let "
            f"the operator do it: kubectl --namespace {pods.namespace} annotate statefulset/{pods.name} "
            f"{names.ANNOTATION_ADOPTABLE_BY}={situation.ensemble.namespace}/{situation.ensemble.name}"
        )
    hosts = {server.id: server.host for server in situation.membership.source}
    verb = "start" if count > walk.kept else "stop"
    chosen = walk.source[walk.kept : count] if count > walk.kept else walk.source[count:]
    named = ", ".join(f"{i} ({hosts.get(i, 'unknown')})" for i in chosen)
    return f"{verb} member {named}, and keep it so"


def _progress(walk: Walk) -> str:
    return f"{len(walk.joined)} of {len(walk.source)} votes are ours"


def _wait(situation: Situation, walk: Walk, asked: Wait, reason: str) -> Verdict:
    named = ", ".join(map(str, asked.members))
    match asked.why:
        case "sync":
            return Verdict(False, reason, f"waiting for member {named} to copy the data")
        case "members":
            return Verdict(False, reason, f"waiting for member {named} to serve")
        case "pods":
            return Verdict(False, *_waiting_for_pods(situation, walk, asked, reason))
        case "finish":
            return Verdict(False, reason, _bridging(walk))
        case "single":
            text = (
                "the source is a single server, which is exchanged and stopped within seconds: give its clients "
                "the addresses of our members, then set spec.adopt.proceed: Finish"
            )
            return Verdict(False, reasons.OBSERVING, text)
        case "came back":
            return Verdict(False, reasons.SOURCE_CAME_BACK, _came_back(situation, asked.members))
        case "alone":
            return Verdict(
                False,
                reason,
                f"member {named} of the source was restarted and finds no other member of its own list, so it "
                "cannot get its vote back; set spec.adopt.proceed: Swap again",
            )
        case "nothing":
            return _reached(situation, walk, reason)


def _waiting_for_pods(
    situation: Situation, walk: Walk, asked: Wait, reason: str
) -> tuple[str, str]:
    named = ", ".join(map(str, asked.members))
    source = situation.observed.source
    if source is not None and source.pods is not None and source.pods.replicas <= walk.kept:
        return reason, f"waiting for the pod of member {named} of the source to end"
    place = min((walk.source.index(i) for i in asked.members), default=walk.kept)
    return reasons.WAITING_FOR_SOURCE, _by_hand(situation, walk, place)


def _reached(situation: Situation, walk: Walk, reason: str) -> Verdict:
    if reason == reasons.ADOPTED:
        return Verdict(True, reason, "every member of the source has left and is stopped")
    behind = [i for i in walk.ours if i not in walk.live]
    if behind:
        named = ", ".join(map(str, behind))
        return Verdict(False, reason, f"waiting for member {named} to copy the data")
    ours = ", ".join(map(str, walk.ours))
    return Verdict(
        False,
        reason,
        f"members {ours} have the data and no vote; set spec.adopt.proceed: Swap to let votes go over, or delete "
        "the ensemble to leave the source as it was",
    )


def _bridging(walk: Walk) -> str:
    return (
        f"only our members vote; member {walk.source[0]} of the source serves the clients that it has "
        "(status.adoption.connections) until its next restart. Give them the "
        "addresses of our members (a session is kept if its list, or the Service behind it, holds one of them), "
        "then set spec.adopt.proceed: Finish; spec.adopt.proceed: Observe goes back"
    )


def count_connections(situation: Situation) -> int | None:
    """How many clients members of the source hold, without the question itself."""
    source = situation.observed.source
    if source is None:
        return None
    counts = [a.connections for a in source.answers.values() if a.connections is not None]
    return sum(max(count - 1, 0) for count in counts) if counts else None


def _strangers(situation: Situation) -> tuple[int, ...]:
    """Members of the source that lead although they have no vote: an ensemble beside the committed one."""
    source = situation.observed.source
    answers = {} if source is None else source.answers
    voters = situation.quorum.voters
    return tuple(sorted(i for i, a in answers.items() if a.mode == "leader" and i not in voters))


def _came_back(situation: Situation, members: tuple[int, ...]) -> str:
    named = ", ".join(map(str, members))
    source = situation.observed.source
    pods = source.pods if source is not None else None
    command = (
        f"kubectl --namespace {pods.namespace} scale statefulset/{pods.name} --replicas=0"
        if pods is not None
        else "stop them"
    )
    return (
        f"member {named} of the source runs again and may take writes that the ensemble does not have; stop what "
        f"restores it (GitOps, Helm, another operator), and {command}"
    )


def _after(situation: Situation) -> Verdict:
    """How it stands when the adoption has ended, and the spec still names the source."""
    source = situation.observed.source
    answers = {} if source is None else source.answers
    back = tuple(sorted(i for i, answer in answers.items() if answer.mode))
    pods = source.pods if source is not None else None
    if back or (pods is not None and pods.replicas):
        members = back or tuple(server.id for server in situation.membership.source)
        return Verdict(False, reasons.SOURCE_CAME_BACK, _came_back(situation, members))
    since = situation.ensemble.status.get("adoptedAt")
    return Verdict(
        True, reasons.ADOPTED, f"the adoption ended at {since}; spec.adopt may be removed"
    )


def _unfinished(situation: Situation) -> Verdict:
    committed = situation.observed.committed
    ids = situation.membership.ids if committed is None else committed.ids
    foreign = sorted(i for i in ids if situation.ensemble.is_foreign(i))
    named = ", ".join(map(str, foreign)) or "unknown"
    return Verdict(
        False,
        reasons.ADOPTION_UNFINISHED,
        f"member {named} of the source is committed, and spec.adopt is gone; nothing about members is changed: "
        "set spec.adopt as it was",
    )


def _voters(situation: Situation) -> tuple[Server, ...]:
    """The voters of the source at the beginning, in the order of their pods."""
    recorded, source = situation.membership.source, situation.observed.source
    if source is None:
        voters = [server for server in recorded if server.role == "participant"]
        return tuple(sorted(voters, key=lambda server: server.id))
    known = Source(servers=recorded, pods=source.pods) if recorded else source
    return known.voters


def _running(situation: Situation) -> frozenset[int]:
    """The voters of the source whose process may run: all that are not known to be gone."""
    observed, source = situation.observed, situation.observed.source
    voters = _voters(situation)
    if source is not None and source.pods is not None and source.ordered:
        pods = source.pods
        return frozenset(
            server.id
            for place, server in enumerate(voters)
            if place < pods.replicas or f"{pods.name}-{pods.first + place}" in pods.existing
        )
    absent = situation.quorum.absent
    gone = {i for i in absent if (a := observed.answers.get(i)) is None or not a.denies}
    return frozenset(server.id for server in voters if server.id not in gone)


def _kept(situation: Situation, running: frozenset[int]) -> int:
    """How many pods the source must have as it is: of one without a StatefulSet, up to the last that runs."""
    source, voters = situation.observed.source, _voters(situation)
    if source is not None and source.pods is not None and source.ordered:
        return min(source.pods.replicas, len(voters))
    places = [place for place, server in enumerate(voters) if server.id in running]
    return max(places, default=-1) + 1


def is_reported(situation: Situation) -> bool:
    """Whether the status has a condition about it."""
    return situation.ensemble.spec.adopt is not None or is_adopting(situation.observed)
