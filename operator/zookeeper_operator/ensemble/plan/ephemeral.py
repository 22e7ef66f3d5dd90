"""What a restart deletes where the members keep their data in emptyDir (docs/adr/0007).

With volumes a restart costs nothing but time. An emptyDir goes with its pod: the member comes back empty and
copies the data from the others, if they have it.
"""

from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.plan.step import Situation


def loses_data(situation: Situation, pod: Pod) -> bool:
    """Whether deleting a pod now deletes data that the others do not have for certain."""
    if not situation.ensemble.spec.storage.ephemeral or pod.never_ready:
        return False
    quorum = situation.quorum
    others_suffice = quorum.healthy and (
        pod.id not in quorum.voters or quorum.survives_without(pod.id)
    )
    return not others_suffice


def keeps_only_copy(situation: Situation, pod: Pod) -> bool:
    """Whether a member that serves is the only one to have the data, so that more members are the way out."""
    return loses_data(situation, pod) and situation.quorum.live == {pod.id}


def stop_deletes_data(situation: Situation) -> bool:
    """Whether stopping the members now deletes data; not if they are gone, or have never served."""
    return situation.ensemble.spec.storage.ephemeral and any(
        not (pod.terminating or pod.never_ready) for pod in situation.observed.pods
    )
