"""Who of a source may connect to our members' quorum ports, as peers of a NetworkPolicy. Pure."""

from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.kube.api import Object


def find_peers(observed: Observed) -> tuple[Object, ...]:
    """The pods of the source, and who else the spec names; none when nothing is taken over."""
    adopt, source = observed.ensemble.spec.adopt, observed.source
    if adopt is None:
        return ()
    further = tuple(peer.to_peer() for peer in adopt.from_)
    pods = source.pods if source is not None else None
    if pods is None or not pods.selector:
        return further
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": pods.namespace}}
    selector = {"matchLabels": dict(pods.selector)}
    return ({"namespaceSelector": namespace, "podSelector": selector}, *further)
