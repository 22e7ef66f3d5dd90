"""What changes in the world: by one action of the operator, and by itself.

Pure. Applies take effect, deleted pods come back with the current revision, members that start come up,
sync and serve, and a lost leader is followed by another one. What does not come up now and is not touched
stays as it is.
"""

from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Delete,
    Reconfigure,
    RecordAdoption,
    ReplaceMember,
    RestartMember,
    ScaleSource,
    WriteFence,
)
from zookeeper_operator.ensemble.forecast.children import drop_child, put_child
from zookeeper_operator.ensemble.forecast.claims import (
    apply_claim,
    bind_claims,
    delete_claims,
    grow_claims,
)
from zookeeper_operator.ensemble.forecast.cut_over import record_adoption, stand_still
from zookeeper_operator.ensemble.forecast.election import (
    reconfigure,
    record_quorum,
    settle_leadership,
)
from zookeeper_operator.ensemble.forecast.handshakes import leave_plain_port, shake_hands
from zookeeper_operator.ensemble.forecast.logins import log_in
from zookeeper_operator.ensemble.forecast.pods import (
    annotate_pod,
    delete_pod,
    probe_readiness,
    run_statefulsets,
    start_members,
)
from zookeeper_operator.ensemble.forecast.source import scale_source
from zookeeper_operator.ensemble.forecast.world import World


def act(world: World, action: Action) -> World:
    """The immediate effect of one action, as `ensemble.apply` brings it about."""
    match action:
        case Apply() if action.body["kind"] == "PersistentVolumeClaim":
            return apply_claim(world, action.body)
        case Apply() if action.body["kind"] == "Pod":
            return annotate_pod(world, action.body)
        case Apply():
            return put_child(world, action.body)
        case Delete():
            return drop_child(world, action.kind, action.name)
        case RestartMember():
            return delete_pod(world, action.member_id)
        case ReplaceMember():
            doomed = frozenset(name for name, _ in action.claims)
            return delete_pod(delete_claims(world, doomed), action.member_id)
        case Reconfigure():
            return reconfigure(world, action)
        case ScaleSource():
            return scale_source(world, action)
        case WriteFence():
            return stand_still(world)
        case RecordAdoption():
            return record_adoption(world, action)


def wait(world: World) -> World:
    """One round of what Kubernetes and the members do while the operator waits."""
    served = world.serving
    world = run_statefulsets(start_members(world))
    world = settle_leadership(grow_claims(bind_claims(world)))
    world = shake_hands(probe_readiness(record_quorum(world), served))
    return log_in(leave_plain_port(world))
