"""Whether a child has to be applied, and the apply that does it.

Pure. An object is applied when it is missing, when what we would apply has changed since we last did (the
hash in its annotation), or when a value we own was edited by someone else.
"""

from dataclasses import replace

from zookeeper_operator.certificates.authority import PRIVATE_KEY
from zookeeper_operator.certificates.key_store import KEY_STORE
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Apply
from zookeeper_operator.ensemble.build.auth import PASSWORD_KEY
from zookeeper_operator.ensemble.build.stamp import stamp_of
from zookeeper_operator.ensemble.observed import Applied
from zookeeper_operator.ensemble.plan.claim_deletion import build_stop_basis
from zookeeper_operator.ensemble.plan.pin import is_pinned
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.diff import first_difference


def find_apply(situation: Situation, body: Object, live: Object | None) -> Apply | None:
    """The apply that makes a live child what it must be, stamped; None if it is, or is being deleted."""
    if live is None:
        return build_apply(body, "it is missing", only_new=_is_drawn(body))
    if live["metadata"].get("deletionTimestamp"):
        return None
    if _is_pinned_as_it_is(situation, body, live):
        return None  # the stamp differs only in how another version wrote the same
    if _was_just_applied(situation, body, live):
        return None  # it differs only in how the API server writes it
    if not is_applied(live, body):
        return _ending(situation, build_apply(body, "its desired state has changed"), live)
    if (edited := first_difference(body, live)) is not None:
        return _ending(situation, build_apply(body, f"{edited} was edited"), live)
    return None


def build_apply(body: Object, why: str, *, only_new: bool = False) -> Apply:
    """An apply; a node port that is taken must not keep the members from being founded or rolled."""
    external = body["kind"] == "Service" and body["spec"].get("type") in {
        "NodePort",
        "LoadBalancer",
    }
    return Apply(body, why, only_new=only_new, optional=external)


def _ending(situation: Situation, apply: Apply, live: Object) -> Apply:
    """An apply that says what it depends on, if it ends every pod."""
    ends = (
        live["kind"] == "StatefulSet"
        and apply.body["spec"]["replicas"] == 0
        and live["spec"].get("replicas", 1) > 0
    )
    return replace(apply, basis=build_stop_basis(situation)) if ends else apply


def _is_drawn(body: Object) -> bool:
    """Whether it holds a password or a key: one that another process has just generated may be in use."""
    return body["kind"] == "Secret" and bool(
        {PASSWORD_KEY, PRIVATE_KEY, KEY_STORE} & body["data"].keys()
    )


def _is_pinned_as_it_is(situation: Situation, body: Object, live: Object) -> bool:
    return (
        live["kind"] == "StatefulSet"
        and is_pinned(situation, live)
        and first_difference(_bare(body), live) is None
    )


def _was_just_applied(situation: Situation, body: Object, live: Object) -> bool:
    """Whether the same apply has led to the object as it is: it would change nothing."""
    metadata = live["metadata"]
    known = situation.observed.applied.get(metadata["uid"])
    return known is not None and known == Applied(
        metadata.get("resourceVersion", ""), stamp_of(body)
    )


def _bare(body: Object) -> Object:
    """A child without its stamp."""
    metadata = body["metadata"]
    annotations = {
        k: v for k, v in metadata["annotations"].items() if k != names.ANNOTATION_APPLIED
    }
    return {**body, "metadata": {**metadata, "annotations": annotations}}


def is_applied(live: Object, body: Object) -> bool:
    """Whether a live child bears the stamp of what it must be."""
    return stamp_of(live) == stamp_of(body)
