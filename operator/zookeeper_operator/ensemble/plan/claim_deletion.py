"""Volume claims that are being deleted: what must not end a pod that still holds the data.

Kubernetes keeps a claim that is being deleted until no pod uses it, and the deletion cannot be taken back.
The member serves as before, but the end of its pod, whatever the reason, is the end of its data.

Safety:

* the operator ends the pod of such a member only while the other voters that are in sync and whose volumes
  stay are a majority, or a person has asked for the replacement of this very member;
* an ensemble with such a claim is not stopped.
"""

from collections.abc import Iterable

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Basis
from zookeeper_operator.ensemble.observed import Claim, Pod
from zookeeper_operator.ensemble.plan.ephemeral import stop_deletes_data
from zookeeper_operator.ensemble.plan.revision import statefulset_of
from zookeeper_operator.ensemble.plan.step import Situation


def claims_being_deleted(situation: Situation) -> tuple[Claim, ...]:
    """Claims whose data lasts only as long as the pod that uses them.

    One that was never bound holds nothing, and of one whose pod is ending nothing can be kept.
    """
    running = {pod.id for pod in situation.observed.pods if not pod.terminating}
    return tuple(
        claim
        for claim in situation.observed.claims
        if claim.terminating and claim.phase == "Bound" and claim.member_id in running
    )


def members_losing_claims(situation: Situation) -> frozenset[int]:
    """The members that lose their data with their pod."""
    return frozenset(claim.member_id for claim in claims_being_deleted(situation))


def others_keep_the_data(situation: Situation, member_id: int) -> bool:
    """Whether other voters that are in sync, and whose volumes stay, are a majority."""
    quorum = situation.quorum
    keeping = len(_keepers(situation, member_id)) - quorum.uncounted
    return quorum.certain and quorum.healthy and keeping >= quorum.needed


def _keepers(situation: Situation, member_id: int) -> frozenset[int]:
    return situation.quorum.live - members_losing_claims(situation) - {member_id}


def must_stay(situation: Situation, pod: Pod) -> bool:
    """Whether the end of a pod could be the end of data that no majority has elsewhere."""
    return pod.id in members_losing_claims(situation) and not others_keep_the_data(
        situation, pod.id
    )


def is_stop_refused(situation: Situation) -> bool:
    """Whether the spec asks for a stop that would delete data. One that has begun is completed."""
    if not situation.ensemble.spec.stopped:
        return False
    if not (claims_being_deleted(situation) or stop_deletes_data(situation)):
        return False
    found = statefulset_of(situation, names.VOTER)
    return found is not None and int(found["spec"].get("replicas", 1)) > 0


def is_stopped(situation: Situation) -> bool:
    """Whether the spec asks for a stop, and nothing prevents it."""
    return situation.ensemble.spec.stopped and not is_stop_refused(situation)


def build_restart_basis(situation: Situation, pod: Pod) -> Basis:
    """What the restart of a member depends on."""
    quorum = situation.quorum
    served = pod.id in quorum.serving
    answer = situation.observed.answers.get(pod.id)
    alone = quorum.voters == {pod.id}
    return Basis(
        voters=quorum.voters,
        asked=quorum.live if quorum.healthy and not alone else frozenset(),
        silent=0 if served else pod.id,
        answered=answer is not None and answer.denies,
        never_ready=pod.never_ready,
        claims=_claims_to_stay(situation, pod),
    )


def build_replacement_basis(situation: Situation, pod: Pod, *, confirmed: bool) -> Basis:
    """What the replacement of a member, which removes its data, depends on.

    One that is `confirmed` does not depend on the claims of the others.
    """
    quorum = situation.quorum
    keepers = frozenset() if confirmed else _keepers(situation, pod.id)
    return Basis(voters=quorum.voters, asked=quorum.live, claims=_claims_of(situation, keepers))


def build_stop_basis(situation: Situation) -> Basis:
    """What a stop depends on: that it deletes no data."""
    return Basis(claims=_claims_of(situation, {pod.id for pod in situation.observed.pods}))


def _claims_to_stay(situation: Situation, pod: Pod) -> tuple[tuple[str, str], ...]:
    if pod.id in members_losing_claims(situation):
        return _claims_of(situation, _keepers(situation, pod.id))
    return _claims_of(situation, {pod.id})


def _claims_of(situation: Situation, members: Iterable[int]) -> tuple[tuple[str, str], ...]:
    chosen = frozenset(members)
    return tuple(
        (claim.name, claim.uid)
        for claim in situation.observed.claims
        if claim.member_id in chosen and claim.phase == "Bound" and not claim.terminating
    )
