"""What the planner promises: each plan, and each action of it, is checked against the world as it is."""

from collections.abc import Callable

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Delete,
    Reconfigure,
    ReplaceMember,
    RestartMember,
)
from zookeeper_operator.ensemble.forecast.claims import requested_size
from zookeeper_operator.ensemble.forecast.election import find_able, find_next_config
from zookeeper_operator.ensemble.forecast.world import World, find_config
from zookeeper_operator.ensemble.plan import Plan
from zookeeper_operator.ensemble.pods import ordinals
from zookeeper_operator.ensemble.security.phase import Phase, read_phase, template_phase
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import majority


class PromiseBrokenError(AssertionError):
    """A plan does what the planner promises never to do."""


def check_order(plan: Plan) -> None:
    """At most one disruptive action, and that the last one."""
    if any(action.disruptive for action in plan.actions[:-1]):
        raise PromiseBrokenError(f"more than one thing at a time: {plan.actions}")


def check_action(world: World, action: Action) -> None:
    """What the action does is allowed now, and the API server does not refuse it."""
    try:
        for check in _CHECKS:
            check(world, action)
    except PromiseBrokenError as error:
        raise PromiseBrokenError(f"{action}: {error}") from None


def check_phases(world: World) -> None:
    """No two members that run are more than one phase apart, of TLS and of authentication."""
    phases = running_phases(world)
    levels = {world.name(i): phase.quorum for i, phase in phases.items()}
    if levels and max(levels.values()) - min(levels.values()) > 1:
        raise PromiseBrokenError(f"members of these phases do not find each other: {levels}")
    logins = {world.name(i): phase.auth for i, phase in phases.items()}
    if logins and max(logins.values()) - min(logins.values()) > 1:
        raise PromiseBrokenError(f"no session is served by members of all these phases: {logins}")


def running_phases(world: World) -> dict[int, Phase]:
    """The phase of each pod that is not being deleted."""
    return {
        pod.id: phase
        for pod in world.observed.pods
        if not pod.terminating and (phase := read_phase(pod.template)) is not None
    }


def live_voters(world: World) -> frozenset[int]:
    """The voters that serve, or would if they had a leader."""
    return find_config(world).voters & find_able(world)


def _check_majority(world: World, action: Action) -> None:
    """No majority is taken away, and no data that the others do not have."""
    if not isinstance(action, RestartMember | ReplaceMember):
        return
    voters, live = find_config(world).voters, live_voters(world)
    match action:
        case RestartMember() if action.member_id in live:
            # One voter alone cannot be spared; of two, neither can unless it may hand over.
            refused = world.observed.refusal is not None
            spared = len(voters) == 1 or (len(voters) == 2 and refused)
            if len(live - {action.member_id}) < majority(len(voters)) and not spared:
                raise PromiseBrokenError("no majority is left")
        case ReplaceMember() if len(live - {action.member_id}) < majority(len(voters)):
            raise PromiseBrokenError("the others are no majority that has the data")
        case _:
            pass


def _check_reconfiguration(world: World, action: Action) -> None:
    """One vote at a time, on what is committed, and only for members that are in sync."""
    if not isinstance(action, Reconfigure):
        return
    old = world.config
    has_quorum = len(live_voters(world)) >= majority(len(find_config(world).voters))
    if old is None or action.based_on != old or world.leader is None or not has_quorum:
        raise PromiseBrokenError("decided on what is not so")
    new = find_next_config(action, version=0)
    if len(new.voters ^ old.voters) > 1:
        raise PromiseBrokenError("more than one vote changes at once")
    # Observers acknowledge nothing: ZooKeeper refuses what needs their vote.
    if len(new.voters & (world.serving - old.observers)) < majority(len(new.voters)):
        raise PromiseBrokenError("the new configuration has no live majority")
    if not (new.voters - old.voters) <= world.serving:
        raise PromiseBrokenError("a vote for a member that is not in sync")


def _check_pods_stay(world: World, action: Action) -> None:
    """No member loses its pod before it has left, nor what its pod needs to start again."""
    match action:
        case Apply() if action.body["kind"] == "StatefulSet":
            dropped = _dropped(world, action.body)
            if dropped:
                raise PromiseBrokenError(f"members {dropped} lose their pods before they left")
        case Delete() if action.kind == "StatefulSet" and not action.orphan:
            component = names.OBSERVER if action.name.endswith(names.OBSERVER) else names.VOTER
            if any(pod.component == component for pod in world.observed.pods):
                raise PromiseBrokenError("its pods go with it")
        case Delete() if action.kind == "ConfigMap":
            if action.name in {pod.config for pod in world.observed.pods}:
                raise PromiseBrokenError("a pod that starts again needs it")
        case _:
            pass


def _dropped(world: World, statefulset: Object) -> frozenset[int]:
    """Members of the configuration whose pods this StatefulSet would end."""
    if world.config is None or world.observed.ensemble.spec.stopped:
        return frozenset()
    component = statefulset["metadata"]["labels"][names.LABEL_COMPONENT]
    gone = world.config.ids - set(ordinals(statefulset))
    return frozenset(i for i in gone if names.component_of(i) == component)


def _check_preconditions(world: World, action: Action) -> None:
    """It is still what was seen, and a claim does not shrink."""
    claims = {claim.name: claim for claim in world.observed.claims}
    pods = {pod.id: pod.uid for pod in world.observed.pods}
    match action:
        case Apply() if action.body["kind"] == "PersistentVolumeClaim":
            size = requested_size(action.body)
            if size is not None and size < claims[action.body["metadata"]["name"]].requested:
                raise PromiseBrokenError("a claim does not shrink")
        case Delete():
            # One that is gone already is no error, as in `kube.client`.
            child = world.observed.child(action.kind, action.name)
            if child is not None and child["metadata"]["uid"] != action.uid:
                raise PromiseBrokenError("it is not the one that was seen")
        case RestartMember():
            if pods.get(action.member_id) != action.uid:
                raise PromiseBrokenError("it is not the pod that was seen")
        case ReplaceMember():
            seen = [(name, claims[name].uid) for name, _ in action.claims]
            if list(action.claims) != seen or pods.get(action.member_id) != action.pod[1]:
                raise PromiseBrokenError("they are not those that were seen")
        case _:
            pass


def _check_template(world: World, action: Action) -> None:
    """No template is more than one phase away from a member that runs: a pod may be created from it now."""
    if not isinstance(action, Apply) or action.body["kind"] != "StatefulSet":
        return
    found = template_phase(action.body["spec"]["template"])
    for member_id, phase in running_phases(world).items():
        if (
            found is None
            or abs(found.auth - phase.auth) > 1
            or abs(found.quorum - phase.quorum) > 1
        ):
            raise PromiseBrokenError(
                f"member {member_id} runs {phase}, and the template is {found}"
            )


_CHECKS: tuple[Callable[[World, Action], None], ...] = (
    _check_majority,
    _check_reconfiguration,
    _check_pods_stay,
    _check_preconditions,
    _check_template,
)
