"""What handshakes with the members would show: every member that runs has taken over what it mounts.

Pure.
"""

from zookeeper_operator.ensemble.forecast.world import World
from zookeeper_operator.ensemble.security.certificates import (
    has_tls,
    judge_certificates,
    tls_ports,
)
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
