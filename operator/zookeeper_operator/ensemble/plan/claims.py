"""What is edited on a volume claim: whose it is, its size, and a label that it must not bear.

Safety:

* a claim is marked as a member's only by a configuration read from a healthy quorum;
* a claim only ever grows, and only where its storage class allows that;
* a claim bears no label by which another tool would remove it;
* an edit names the UID it was decided on, and leaves nothing out that an earlier edit has set.
"""

from collections.abc import Mapping

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Apply
from zookeeper_operator.ensemble.build.volumes import volumes_asked_for
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.observed import Claim
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.quantity import parse_quantity


def asked_size(ensemble: Ensemble, volume: str) -> int:
    """The size in bytes that the spec asks for; 0 for a volume the spec does not have, or gives no size."""
    spec = volumes_asked_for(ensemble.spec).get(volume)
    try:
        return 0 if spec is None else parse_quantity(spec.size)
    except ValueError:
        return 0  # `judge.spec` reports it, and nothing is built from it


def asked_class(ensemble: Ensemble, volume: str) -> str | None:
    """The storage class the spec asks for; None for the cluster's default."""
    spec = volumes_asked_for(ensemble.spec).get(volume)
    return None if spec is None else spec.storage_class_name


def plan_marks(situation: Situation) -> tuple[Apply, ...]:
    """Mark each claim whose volume belongs to a committed member, and no other.

    The mark is what a later ensemble of the same name goes by when it finds retained volumes.
    """
    committed = situation.observed.committed
    if committed is None or not situation.quorum.healthy:
        return ()
    return tuple(
        Apply(
            _claim_body(situation, claim, member=claim.member_id in committed.ids),
            why="it belongs to a member"
            if claim.member_id in committed.ids
            else "its member has left",
        )
        for claim in situation.observed.claims
        if bool(claim.member) != (claim.member_id in committed.ids) and not claim.terminating
    )


def plan_labels(situation: Situation) -> tuple[Apply, ...]:
    """Take the label of a GitOps tool off each claim that bears it from an earlier version.

    The StatefulSet controller has set it, so an apply without it leaves it there. An apply of another value
    makes the field ours alone, and the next one, without it, removes it.
    """
    return tuple(
        Apply(
            _claim_body(
                situation,
                claim,
                member=claim.member,
                labels={names.LABEL_INSTANCE: ""} if claim.instance else {},
            ),
            why=f"a GitOps tool would manage it because of the label {names.LABEL_INSTANCE}",
        )
        for claim in situation.observed.claims
        if claim.instance in {"", situation.ensemble.name} and not claim.terminating
    )


def plan_growth(situation: Situation) -> tuple[Apply, ...]:
    """Ask for more where the spec does and the class allows it."""
    return tuple(
        Apply(
            _claim_body(situation, claim, member=claim.member),
            why=f"the spec asks for {_asked(situation.ensemble, claim.volume)}",
        )
        for claim in situation.observed.claims
        if must_grow(situation, claim) and can_grow(situation, claim) and not claim.terminating
    )


def must_grow(situation: Situation, claim: Claim) -> bool:
    """Whether the spec asks for more than a claim does."""
    return claim.requested < asked_size(situation.ensemble, claim.volume)


def can_grow(situation: Situation, claim: Claim) -> bool:
    """Whether Kubernetes accepts a larger size for a claim."""
    found = situation.observed.storage_classes.get(claim.storage_class)
    return found is not None and found.expandable and claim.phase == "Bound"


def _asked(ensemble: Ensemble, volume: str) -> str:
    spec = volumes_asked_for(ensemble.spec).get(volume)
    return "" if spec is None else spec.size


def _claim_body(
    situation: Situation,
    claim: Claim,
    *,
    member: bool | None,
    labels: Mapping[str, str] | None = None,
) -> Object:
    body: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim.name,
            "namespace": situation.ensemble.namespace,
            "uid": claim.uid,
        },
    }
    if member is not None:
        body["metadata"]["annotations"] = {names.ANNOTATION_MEMBER: "true" if member else "false"}
    if labels:
        body["metadata"]["labels"] = dict(labels)
    if claim.phase == "Bound":
        # Left out, a size that was ours before would be taken away again.
        body["spec"] = {"resources": {"requests": {"storage": _size(situation, claim)}}}
    return body


def _size(situation: Situation, claim: Claim) -> str:
    """What a claim asks for after an edit; unless it grows, in its own spelling."""
    if must_grow(situation, claim) and can_grow(situation, claim):
        return _asked(situation.ensemble, claim.volume)
    return claim.size or str(claim.requested)
