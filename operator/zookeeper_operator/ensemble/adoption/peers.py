"""Who of a source may connect to our members' quorum ports, as peers of a NetworkPolicy. Pure."""

from collections.abc import Iterable

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.kube.api import Object

_NAMESPACE = "kubernetes.io/metadata.name"


def find_peers(observed: Observed) -> tuple[Object, ...]:
    """The pods of the source, and who else the spec names; none when nothing is taken over.

    While the StatefulSet of the source cannot be read, those that were let in before stay: without them its
    members and ours would lose each other.
    """
    adopt, source = observed.ensemble.spec.adopt, observed.source
    if adopt is None:
        return ()
    further = tuple(peer.to_peer() for peer in adopt.from_)
    if adopt.stateful_set is None:
        return further
    pods = source.pods if source is not None else None
    if pods is None:
        return (*_let_in(observed, further), *further)
    if not pods.selector:
        return further
    namespace = {"matchLabels": {_NAMESPACE: pods.namespace}}
    selector = {"matchLabels": dict(pods.selector)}
    return ({"namespaceSelector": namespace, "podSelector": selector}, *further)


def _let_in(observed: Observed, but: Iterable[Object]) -> Iterable[Object]:
    """The pods of one other namespace that the policy, as it is now, lets in at the quorum port."""
    policy = observed.child("NetworkPolicy", observed.ensemble.name) or {}
    for rule in (policy.get("spec") or {}).get("ingress") or []:
        if names.QUORUM_PORT in (port.get("port") for port in rule.get("ports") or []):
            for peer in rule.get("from") or []:
                labels = (peer.get("namespaceSelector") or {}).get("matchLabels") or {}
                if _NAMESPACE in labels and peer not in but:
                    yield peer
