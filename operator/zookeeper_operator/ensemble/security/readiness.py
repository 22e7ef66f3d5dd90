"""What the certificates of an ensemble allow its members to do.

Pure.
"""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.security.certificates import Certificates, unconfirmed_members
from zookeeper_operator.ensemble.security.phase import DIALS_TLS, read_phase
from zookeeper_operator.ensemble.security.walk import Readiness


def judge_readiness(observed: Observed, certificates: Certificates) -> Readiness:
    """Whether members may mount the certificates, and whether they may connect by them."""
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


def why_not_restarted(observed: Observed, certificates: Certificates) -> str:
    """Why a member that is restarted now would not join the others again; empty if it would."""
    phases = [read_phase(pod.template) for pod in observed.pods]
    if not any(phase is not None and phase.quorum >= DIALS_TLS for phase in phases):
        return ""
    if certificates.wanted is None:
        return f"Secret {names.tls_name(observed.ensemble.name)} is missing"
    return why_ended(certificates)


def trust_of_clients(certificates: Certificates) -> str:
    """The CAs that clients need to trust, in PEM."""
    live = certificates.wanted
    return "" if live is None else live.trust.pem.decode("ascii")
