"""What the certificates of an ensemble allow its members, and the operator, to do.

Pure.
"""

from dataclasses import replace

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.certificates.key_store import read_stores
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.membership import read_membership
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.security.certificates import (
    Certificates,
    read_secret,
    unconfirmed_members,
)
from zookeeper_operator.ensemble.security.phase import DIALS_TLS, Phase, read_phase
from zookeeper_operator.ensemble.security.walk import Readiness
from zookeeper_operator.zookeeper.protocol import SecureAccess
from zookeeper_operator.zookeeper.servers import Server


def judge_readiness(observed: Observed, certificates: Certificates) -> Readiness:
    """What members may do: mount the certificates, connect by them, and do without them."""
    servers = published_servers(observed)
    if observed.committed is not None:
        servers = (*servers, *observed.committed.servers)
    closed = tuple(sorted({server.id for server in servers if server.is_closed}))
    return replace(_judge(observed, certificates), closed=closed)


def _judge(observed: Observed, certificates: Certificates) -> Readiness:
    if certificates.wanted is None:
        problem = certificates.problem
        return Readiness(problem.message if problem else "there is no certificate for the members")
    if ended := why_ended(certificates):
        return Readiness(ended)
    leaf = certificates.leaf
    if leaf is None:
        return Readiness(unconfirmed="the certificate has not reached the members yet")
    silent = unconfirmed_members(observed, leaf)
    if not silent:
        return Readiness()
    named = ", ".join(map(str, silent))
    shown = observed.handshakes.get(silent[0], {}).get(names.ELECTION_PORT)
    why = f" ({shown.why})" if shown is not None and shown.why else ""
    return Readiness(unconfirmed=f"member {named} does not serve the new certificate yet{why}")


def why_ended(certificates: Certificates) -> str:
    """Why no handshake can succeed with the certificate of the members now; empty if it can."""
    lifetime = certificates.lifetime
    if lifetime is None or lifetime.usable:
        return ""
    if lifetime.state == "Expired":
        return f"the certificate of {lifetime.subject} has expired"
    return f"the certificate of {lifetime.subject} is not valid yet"


def why_not_restarted(observed: Observed, certificates: Certificates, target: Phase) -> str:
    """Why a member that is restarted now, in this phase, would not join the others; empty if it would."""
    if target.uses_certificates and certificates.wanted is None:
        return f"Secret {names.tls_name(observed.ensemble.name)}, which it mounts, is missing"
    phases = [target, *(read_phase(pod.template) for pod in observed.pods)]
    dials = any(phase is not None and phase.quorum >= DIALS_TLS for phase in phases)
    return why_ended(certificates) if dials else ""


def secure_access(observed: Observed) -> SecureAccess | None:
    """What the operator's own sessions take, where they have to use TLS; None where they are plain.

    As soon as members must be closed to plain clients, or one is: all of them listen for TLS then.
    """
    closed = any(server.is_closed for server in published_servers(observed))
    if not (closed or closes_plain_port(observed.ensemble.spec)):
        return None
    phases = [read_phase(pod.template) for pod in observed.pods]
    if not phases or any(phase is None or not phase.clients for phase in phases):
        return None
    secret = observed.child("Secret", names.tls_name(observed.ensemble.name))
    stores = read_stores(read_secret(secret))
    return None if stores is None else SecureAccess(stores.trust, stores.key_pair)


def closes_plain_port(spec: EnsembleSpec) -> bool:
    """Whether a spec asks for clients with TLS only."""
    return spec.tls is not None and spec.tls.clients == "Required"


def published_servers(observed: Observed) -> tuple[Server, ...]:
    """The server lines that pods start from, as far as they can be read."""
    name = names.membership_name(observed.ensemble.name)
    config_map = observed.child("ConfigMap", name)
    try:
        return () if config_map is None else read_membership(config_map).servers
    except (KeyError, ValueError):
        return ()


def trust_of_clients(certificates: Certificates) -> str:
    """The CAs that clients need to trust, in PEM."""
    live = certificates.wanted
    return "" if live is None else live.trust.pem.decode("ascii")
