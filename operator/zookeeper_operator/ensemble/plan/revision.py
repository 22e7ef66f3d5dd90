"""The StatefulSets as they are, and which pods run another revision than theirs asks for."""

from zookeeper_operator.ensemble.actions import Basis, RestartMember
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.pods import update_revision_of
from zookeeper_operator.kube.api import Object


def statefulset_of(situation: Situation, component: str) -> Object | None:
    """The live StatefulSet of a component."""
    return situation.observed.statefulset(component)


def restart_of(
    pod: Pod, statefulset: Object, why: str, *, revisions: str = "", basis: Basis | None = None
) -> RestartMember:
    """The restart of a pod as long as it and its StatefulSet are the ones that were observed."""
    return RestartMember(
        member_id=pod.id,
        pod=pod.name,
        uid=pod.uid,
        statefulset=statefulset["metadata"]["name"],
        generation=statefulset["metadata"].get("generation", 0),
        why=why,
        revisions=revisions,
        basis=basis,
    )


def update_revision(situation: Situation, component: str) -> str:
    """The revision every pod of a component must run; empty while Kubernetes has not reported it yet."""
    found = statefulset_of(situation, component)
    return "" if found is None else update_revision_of(found)


def is_outdated(situation: Situation, pod: Pod) -> bool:
    """Whether a pod must be restarted: it runs another revision, or its file system waits to grow.

    None must while its StatefulSet is being recreated: it would not come back.
    """
    revision = update_revision(situation, pod.component)
    if not revision:
        return False
    # Starting is all that a file system waits for; that it has grown is reported later.
    waits = pod.ready and any(
        claim.member_id == pod.id and claim.file_system_resize_pending
        for claim in situation.observed.claims
    )
    return waits or pod.revision != revision
