"""What is asked of the TLS of members: every one that runs has taken over what it mounts, and clients use it.

Pure.
"""

from zookeeper_operator.ensemble.forecast.world import World
from zookeeper_operator.ensemble.security.certificates import (
    has_tls,
    judge_certificates,
    tls_ports,
)
from zookeeper_operator.ensemble.security.readiness import awaits_plain_clients
from zookeeper_operator.zookeeper.served import Handshake


def shake_hands(world: World) -> World:
    """The same world, in which the members have shown their certificates."""
    observed = world.observed
    if not has_tls(observed):
        return world.with_observed(handshakes={}) if observed.handshakes else world
    certificates = judge_certificates(observed)
    source = certificates.source
    anchor = source.path.anchor if certificates.to_present is not None and source else None
    shown = Handshake(
        certificates.leaf, accepts=True if anchor is not None else None, presented=anchor
    )
    answering = {i for i, answer in observed.answers.items() if answer.reachable}
    handshakes = {
        member_id: dict.fromkeys(ports, shown)
        for member_id, ports in tls_ports(observed).items()
        if member_id in answering
    }
    return world.with_observed(handshakes=handshakes)


def leave_plain_port(world: World) -> World:
    """The same world, in which no client uses the plain port that must be closed."""
    observed = world.observed
    found = {pod.id: 0 for pod in observed.pods} if awaits_plain_clients(observed) else {}
    return world if found == observed.plain_clients else world.with_observed(plain_clients=found)
