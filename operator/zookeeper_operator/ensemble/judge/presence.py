"""Which members are known not to serve, and what proves it.

Pure. A member that is late, or whose readiness probe has timed out, may serve: beside busy neighbours both
happen to members that acknowledge every write. Only these are proofs: it says so itself, its address refuses
the connection and its pod is not ready, it has no running container, or its node is lost.
"""

from datetime import datetime, timedelta
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observed import Observed

# While a StatefulSet is recreated its pods run on, and have no owner for a moment.
_RECREATION: Final = timedelta(seconds=10)


def find_absent(observed: Observed) -> frozenset[int]:
    """The members, present or expected, that are known not to serve."""
    ensemble, committed = observed.ensemble, observed.committed
    ids = {
        *ensemble.voter_ids,
        *ensemble.observer_ids,
        *observed.answers,
        *(committed.ids if committed else ()),
        *(pod.id for pod in observed.pods),
    }
    return frozenset(i for i in ids if why_absent(observed, i) is not None)


def why_absent(observed: Observed, member_id: int) -> str | None:
    """What proves that a member does not serve; None if it serves, or may serve."""
    answer, pod = observed.answers.get(member_id), observed.pod(member_id)
    if answer is not None and answer.serving:
        return None
    if answer is not None and answer.denies:
        return "says that it does not serve"
    if observed.ensemble.is_foreign(member_id):
        # Its pod and its node are not ours to see: only its own word, or a closed port, counts.
        return "refuses connections" if answer is not None and answer.refuses else None
    if pod is None:
        return "has no pod" if _would_be_listed(observed, member_id) else None
    if pod.terminating:
        return "is being deleted"
    if not pod.running:
        return "has no running container"
    if pod.node in observed.lost_nodes:
        return f"is on node {pod.node}, which is not ready"
    # A pod that is ready answers its own kubelet: then it is something in between that refuses.
    if answer is not None and answer.refuses and not pod.ready:
        return "refuses connections"
    return None


def _would_be_listed(observed: Observed, member_id: int) -> bool:
    """Whether a pod would be seen if there was one: its StatefulSet stands, and not since just now."""
    if names.member_name(observed.ensemble.name, member_id) in observed.unclaimed:
        return False
    found = observed.statefulset(names.component_of(member_id))
    created = found and found["metadata"].get("creationTimestamp")
    if not created:
        return False
    return observed.now - datetime.fromisoformat(str(created)) > _RECREATION
