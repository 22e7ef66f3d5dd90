"""What is said of an adoption: sentences for the status, with the commands for who may change the source.

Pure, and it decides nothing.
"""

from collections.abc import Sequence

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.adoption.walk import Stage, Wait, Walk
from zookeeper_operator.ensemble.plan.adoption_facts import find_voters
from zookeeper_operator.ensemble.plan.step import Situation, Verdict
from zookeeper_operator.zookeeper.servers import Server


def why_added(situation: Situation, member: int) -> str:
    """Why a member gets a vote."""
    if situation.ensemble.is_foreign(member):
        return f"member {member} of the source gets its vote back"
    return f"member {member} has the data and gets a vote"


def why_scaled(walk: Walk, count: int) -> str:
    """Why the source gets another number of pods."""
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


def scale_command(situation: Situation, count: int) -> str:
    """How a person gives the source another number of pods; empty if it is not known whose pods they are."""
    source = situation.observed.source
    pods = source.pods if source is not None else None
    if pods is None or source is None or not source.ordered:
        return ""
    return (
        f"run: kubectl --namespace {pods.namespace} scale statefulset/{pods.name} --replicas={count}; or let "
        f"the operator do it: kubectl --namespace {pods.namespace} annotate statefulset/{pods.name} "
        f"{names.ANNOTATION_ADOPTABLE_BY}={situation.ensemble.namespace}/{situation.ensemble.name}"
    )


def by_hand(situation: Situation, walk: Walk, count: int) -> str:
    """The command for whoever may change the source."""
    if command := scale_command(situation, count):
        return command
    source = situation.observed.source
    hosts = {server.id: server.host for server in situation.membership.source}
    starts = count > walk.kept
    chosen = walk.source[walk.kept : count] if starts else walk.source[count:]
    running = [i for i in chosen if starts or i in walk.running]
    named = ", ".join(f"{i} ({hosts.get(i, 'unknown')})" for i in running)
    stopped = ", ".join(map(str, walk.source[count:]))
    unknown = f"{source.pods_why}: " if source is not None and source.pods_why else ""
    todo = f"start member {named}" if starts else f"stop member {named} for good"
    return f"{unknown}{todo}, and set spec.adopt.stoppedMembers: [{stopped}]"


def progress(walk: Walk) -> str:
    """How far the votes have gone over."""
    return f"{len(walk.joined)} of {len(walk.source)} votes are ours"


def came_back(situation: Situation, members: tuple[int, ...]) -> str:
    """What must be done about members of the source that run again."""
    named = ", ".join(map(str, members))
    source = situation.observed.source
    pods = source.pods if source is not None else None
    # Those that still vote must run, and a StatefulSet stops its last pods first.
    places = [n for n, s in enumerate(find_voters(situation)) if s.id in situation.quorum.voters]
    adopt = situation.ensemble.spec.adopt
    bridges = adopt is not None and adopt.mode == "Join" and adopt.proceed == "Swap"
    bridge = 1 if bridges else 0
    command = (
        f"kubectl --namespace {pods.namespace} scale statefulset/{pods.name} "
        f"--replicas={max([n + 1 for n in places], default=bridge)}"
        if pods is not None and source is not None and source.ordered
        else "stop those that have no vote"
    )
    return (
        f"member {named} of the source runs again and may take writes that the ensemble does not have; "
        f"stop what restores it (GitOps, Helm, another operator), and {command}"
    )


def taken_ids(taken: Sequence[Server]) -> str:
    """What must be done where members of another ensemble have the ids of ours."""
    named = ", ".join(f"{server.id} ({server.host})" for server in taken)
    return (
        f"member {named} of the configuration has an id of ours and is none of ours: another ensemble takes "
        "the same source over; delete one of the two, the one whose members do not vote"
    )


def single(situation: Situation) -> str:
    """What must be done before the vote of a source of one goes over."""
    adopt = situation.ensemble.spec.adopt
    if adopt is None or adopt.stateful_set is None:
        return (
            "the process of a single server must be stopped within seconds after its vote has gone over: "
            "name its StatefulSet in spec.adopt.statefulSet, or copy the data instead"
        )
    pods = adopt.stateful_set
    namespace = pods.namespace or situation.ensemble.namespace
    return (
        "the pod of a single server must be stopped within seconds after its vote has gone over; let the "
        f"operator do it: kubectl --namespace {namespace} annotate statefulset/{pods.name} "
        f"{names.ANNOTATION_ADOPTABLE_BY}={situation.ensemble.namespace}/{situation.ensemble.name}"
    )


def bridging(walk: Walk) -> str:
    """What there is to do before the last member of the source is stopped."""
    return (
        f"only our members vote; member {walk.source[0]} of the source serves the clients that it has "
        "(status.adoption.connections) until its next restart. Give them the "
        "addresses of our members (a session is kept if its list, or the Service behind it, holds one of "
        "them), then set spec.adopt.proceed: Finish; spec.adopt.proceed: Observe goes back"
    )


def unfinished(situation: Situation) -> Verdict:
    """A source that still votes, and a spec that does not name it any more."""
    committed = situation.observed.committed
    ids = situation.membership.ids if committed is None else committed.ids
    foreign = sorted(i for i in ids if situation.ensemble.is_foreign(i))
    named = ", ".join(map(str, foreign)) or "unknown"
    if not situation.ensemble.status.get("foundedAt"):
        return Verdict(
            False,
            reasons.ADOPTION_UNFINISHED,
            "spec.adopt is gone before anything was started; it does not become an ensemble of its own: "
            "delete it, and create another one",
        )
    if situation.ensemble.status.get("adoptedAt"):
        return Verdict(
            False,
            reasons.ADOPTION_UNFINISHED,
            f"member {named} has got into the configuration again since the adoption ended; nothing about "
            "members is changed: remove it (zkCli.sh reconfig -remove)",
        )
    return Verdict(
        False,
        reasons.ADOPTION_UNFINISHED,
        f"member {named} of the source is committed, and spec.adopt is gone; nothing about members is "
        "changed: set spec.adopt as it was",
    )


def after_adoption(situation: Situation) -> Verdict:
    """How it stands when the adoption has ended, and the spec still names the source."""
    source = situation.observed.source
    answers = {} if source is None else source.answers
    back = tuple(sorted(i for i, answer in answers.items() if answer.mode))
    pods = source.pods if source is not None else None
    if back or (pods is not None and pods.replicas):
        members = back or tuple(server.id for server in situation.membership.source)
        return Verdict(False, reasons.SOURCE_CAME_BACK, came_back(situation, members))
    since = situation.ensemble.status.get("adoptedAt")
    return Verdict(
        True, reasons.ADOPTED, f"the adoption ended at {since}; spec.adopt may be removed"
    )


def stage_verdict(stage: Stage, message: str) -> Verdict:
    """How the adoption stands, by how far it has come; True at its end."""
    match stage:
        case "observing":
            return Verdict(False, reasons.OBSERVING, message)
        case "swapping" | "finishing":
            return Verdict(False, reasons.SWAPPING, message)
        case "undoing":
            return Verdict(False, reasons.UNDOING, message)
        case "bridging":
            return Verdict(False, reasons.BRIDGING, message)
        case "adopted":
            return Verdict(True, reasons.ADOPTED, message)


def describe_wait(situation: Situation, walk: Walk, asked: Wait, stage: Stage) -> Verdict:
    """What the walk waits for."""
    named = ", ".join(map(str, asked.members))
    match asked.why:
        case "sync":
            return stage_verdict(stage, f"waiting for member {named} to copy the data")
        case "members":
            return stage_verdict(stage, f"waiting for member {named} to serve")
        case "pods":
            return _waiting_for_pods(situation, walk, asked, stage)
        case "finish":
            return stage_verdict(stage, bridging(walk))
        case "single":
            text = (
                "the source is a single server, which is exchanged and stopped within seconds: give its "
                "clients the addresses of our members, then set spec.adopt.proceed: Finish"
            )
            return Verdict(False, reasons.OBSERVING, text)
        case "came back":
            return Verdict(False, reasons.SOURCE_CAME_BACK, came_back(situation, asked.members))
        case "alone":
            text = (
                f"member {named} of the source was restarted and finds no other member of its own list, so "
                "it cannot get its vote back; set spec.adopt.proceed: Swap again"
            )
            return stage_verdict(stage, text)
        case "unknown":
            text = (
                f"member {named} has got a vote at the source since the votes began to go over; its owner "
                "must remove it there (zkCli.sh reconfig -remove)"
            )
            return Verdict(False, reasons.SOURCE_REFUSED, text)
        case "nothing":
            return stage_verdict(stage, _reached(walk, stage))


def _waiting_for_pods(situation: Situation, walk: Walk, asked: Wait, stage: Stage) -> Verdict:
    source = situation.observed.source
    if source is not None and source.pods is not None and source.pods.replicas <= walk.kept:
        named = ", ".join(map(str, asked.members))
        return stage_verdict(stage, f"waiting for the pod of member {named} of the source to end")
    place = min((walk.source.index(i) for i in asked.members), default=walk.kept)
    return Verdict(False, reasons.WAITING_FOR_SOURCE, by_hand(situation, walk, place))


def _reached(walk: Walk, stage: Stage) -> str:
    if stage == "adopted":
        return "every member of the source has left and is stopped"
    behind = ", ".join(str(i) for i in walk.ours if i not in walk.live)
    if behind:
        return f"waiting for member {behind} to copy the data"
    ours = ", ".join(map(str, walk.ours))
    return (
        f"members {ours} have the data and no vote; set spec.adopt.proceed: Swap to let votes go over, or "
        "delete the ensemble to leave the source as it was"
    )
