"""What the certificates of an ensemble allow its members, and the operator, to do.

Pure.
"""

from dataclasses import replace

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.certificates.authority import names_host
from zookeeper_operator.certificates.key_store import read_stores
from zookeeper_operator.certificates.lifetime import Lifetime, judge_lifetime
from zookeeper_operator.certificates.path import chain_of, path_to
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.membership import read_membership
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.security.certificates import (
    Certificates,
    read_secret,
    unconfirmed_members,
)
from zookeeper_operator.ensemble.security.phase import DIALS_TLS, Phase, read_phase
from zookeeper_operator.ensemble.security.users import Users
from zookeeper_operator.ensemble.security.walk import Readiness
from zookeeper_operator.zookeeper.protocol import SecureAccess
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server


def judge_readiness(observed: Observed, certificates: Certificates, users: Users) -> Readiness:
    """What members may do: mount certificates and users, and connect by them, or do without them."""
    servers = published_servers(observed)
    if observed.committed is not None:
        servers = (*servers, *observed.committed.servers)
    closed = tuple(sorted({server.id for server in servers if server.is_closed}))
    return replace(
        _judge(observed, certificates),
        closed=closed,
        no_users=users.problem.message if users.problem is not None else "",
        locked_out=_why_locked_out(observed),
    )


def _why_locked_out(observed: Observed) -> str:
    """Why the operator could not be sure of a way in if authentication were required; empty if it can."""
    if observed.login_accepted is None:
        return "the operator has not logged in yet"
    return "" if observed.login_accepted else "the members do not accept the user of the operator"


def _judge(observed: Observed, certificates: Certificates) -> Readiness:
    if certificates.problem is not None:
        return Readiness(certificates.problem.message)  # what is there may be of an earlier source
    if certificates.wanted is None:
        return Readiness("there is no certificate for the members")
    if ended := why_ended(certificates.lifetime):
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


def why_ended(lifetime: Lifetime | None) -> str:
    """Why no handshake can succeed with certificates of these dates now; empty if it can."""
    if lifetime is None or lifetime.usable:
        return ""
    if lifetime.state == "Expired":
        return f"the certificate of {lifetime.subject} has expired"
    return f"the certificate of {lifetime.subject} is not valid yet"


def why_none_restarted(
    observed: Observed, certificates: Certificates, users: Users, target: Phase
) -> str:
    """Why no member that is restarted now, in this phase, would join the others; empty if it would."""
    if target.knows_users and not users.jaas:
        return f"Secret {names.users_name(observed.ensemble.name)}, which it mounts, is missing"
    if target.uses_certificates and certificates.wanted is None:
        return f"Secret {names.tls_name(observed.ensemble.name)}, which it mounts, is missing"
    return why_ended(certificates.lifetime) if _dials(observed, target) else ""


def find_refused(observed: Observed, certificates: Certificates, target: Phase) -> frozenset[int]:
    """The members that one which is started now would not connect to: by the certificate that they serve.

    They have not taken over what is mounted: it has replaced one that had ended, or was lost.
    """
    stores = certificates.wanted
    if stores is None or not _dials(observed, target):
        return frozenset()
    verify = observed.ensemble.spec.tls is not None and observed.ensemble.spec.tls.verify_peer_names
    found = set()
    for member_id, shown in observed.handshakes.items():
        served = shown.get(names.ELECTION_PORT)
        if served is None or served.leaf is None or served.leaf == stores.key_pair.chain.leaf:
            continue
        chain = chain_of(served.leaf, stores.key_pair.chain.certificates[1:])
        path = path_to(chain, stores.trust.authorities)
        host = observed.ensemble.server(member_id).host
        if (
            path is None
            or not judge_lifetime(path.certificates, observed.now).usable
            or (verify and not names_host(served.leaf, host))
        ):
            found.add(member_id)
    return frozenset(found)


def _dials(observed: Observed, target: Phase) -> bool:
    phases = [target, *(read_phase(pod.template) for pod in observed.pods)]
    return any(phase is not None and phase.quorum >= DIALS_TLS for phase in phases)


def secure_access(observed: Observed) -> SecureAccess | None:
    """What the operator's own sessions take, where they have to use TLS; None where they are plain.

    As soon as members must be closed to plain clients, or one is: all of them listen for TLS then.
    """
    closed = any(server.is_closed for server in published_servers(observed))
    if not (closed or closes_plain_port(observed.ensemble.spec)):
        return None
    if not _listens(observed):
        return None
    secret = observed.child("Secret", names.tls_name(observed.ensemble.name))
    stores = read_stores(read_secret(secret))
    return None if stores is None else SecureAccess(stores.trust, stores.key_pair)


def closes_plain_port(spec: EnsembleSpec) -> bool:
    """Whether a spec asks for clients with TLS only."""
    return spec.tls is not None and spec.tls.clients == "Required"


def awaits_plain_clients(observed: Observed) -> bool:
    """Whether clients without TLS are waited for: the plain port must be closed, and is not yet.

    As soon as one member is closed the others follow, so that all of them are alike.
    """
    committed = observed.committed
    if committed is None or not closes_plain_port(observed.ensemble.spec):
        return False
    return _listens(observed) and not any(server.is_closed for server in committed.servers)


def _listens(observed: Observed) -> bool:
    """Whether every member listens for clients with TLS, as far as it is known."""
    phases = [read_phase(pod.template) for pod in observed.pods]
    return bool(phases) and all(phase is None or phase.clients for phase in phases)


def published_servers(observed: Observed) -> tuple[Server, ...]:
    """The server lines that pods start from, as far as they can be read."""
    published = published_config(observed)
    return () if published is None else published.servers


def published_config(observed: Observed) -> CommittedConfig | None:
    """The configuration that was published last; None if it cannot be read."""
    name = names.membership_name(observed.ensemble.name)
    config_map = observed.child("ConfigMap", name)
    try:
        membership = None if config_map is None else read_membership(config_map)
    except (KeyError, ValueError):
        return None
    return None if membership is None else CommittedConfig(membership.version, membership.servers)


def trust_of_clients(certificates: Certificates) -> str:
    """The CAs that clients need to trust, in PEM."""
    live = certificates.wanted
    return "" if live is None else live.trust.pem.decode("ascii")
