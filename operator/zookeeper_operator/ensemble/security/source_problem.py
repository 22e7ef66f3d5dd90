"""Why the source of the certificate cannot be used, in words that say what to do.

Pure. What is wrong with the content of a Secret is said by `certificates.source`.
"""

from dataclasses import dataclass

from zookeeper_operator.api import reasons
from zookeeper_operator.api.security import IssuerReference
from zookeeper_operator.certificates.lifetime import Lifetime
from zookeeper_operator.ensemble.observed import Observed


@dataclass(frozen=True)
class SourceProblem:
    """Why the source of the certificate cannot be used: a reason and a sentence."""

    reason: str
    message: str


def missing_source(observed: Observed, name: str) -> SourceProblem:
    """Why there is no Secret of this name, or none that may be read."""
    tls = observed.ensemble.spec.tls
    why = next((f.why for f in observed.referenced.found if f.reference.name == name and f.why), "")
    if why:
        message = f"Secret {name} cannot be read: {why}"
    elif tls is not None and tls.source.issuer_ref is not None:
        message = _not_issued(observed, name, tls.source.issuer_ref)
    else:
        message = (
            f"spec.tls.source.secretName names Secret {name}, which does not exist; create it in namespace "
            f"{observed.ensemble.namespace} with tls.crt, tls.key and ca.crt"
        )
    return SourceProblem(reasons.CERTIFICATE_MISSING, message)


def _not_issued(observed: Observed, name: str, issuer: IssuerReference) -> str:
    """Why there is no Secret of cert-manager yet, and what to do."""
    issuance = observed.issuance
    if issuance is None:
        return (
            f"Secret {name} does not exist; create a Certificate of cert-manager with secretName: {name} "
            f"and the issuer {issuer.name}, or install the operator with certManager.enabled"
        )
    if issuance.unreadable:
        return (
            f"Secret {name} does not exist, and Certificate {name} cannot be created: "
            f"{issuance.unreadable}"
        )
    if issuance.certificate is not None and not issuance.ours:
        return (
            f"Secret {name} does not exist, and Certificate {name}, which should write it, does not belong "
            "to this ensemble; set its secretName, or remove it and the operator creates one"
        )
    said = f": {issuance.message}" if issuance.message else ""
    return f"{issuer.kind} {issuer.name} has not issued Certificate {name} yet{said}"


def stale_source(name: str, key: str, lifetime: Lifetime) -> SourceProblem:
    """Why a certificate of these dates, under a key of the Secret, is not given to members."""
    subject = lifetime.subject or "an empty subject"
    if lifetime.state == "NotYetValid":
        said = f"the certificate of {subject} is not valid yet"
    elif lifetime.state == "Expired":
        said = f"the certificate of {subject} has expired"
    else:
        said = f"the certificate of {subject} ends at {lifetime.ends.isoformat()}, too soon to be taken"
    return SourceProblem(
        reasons.CERTIFICATE_INVALID, f"Secret {name} cannot be used: {key}: {said}; renew it"
    )
