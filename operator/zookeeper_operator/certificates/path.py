"""The way from a certificate to a CA that is trusted, as Java and OpenSSL go it.

Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zookeeper_operator.certificates.certificate import Certificate, Chain

_LONGEST: Final = 8
WEAK_HASHES: Final = frozenset({"md2", "md4", "md5", "sha1"})
_LEAST_RSA_BITS: Final = 2048
_CURVES: Final = ("EC P-256", "EC P-384", "EC P-521")


@dataclass(frozen=True)
class Path:
    """A chain to present, and the CA by which it is trusted."""

    chain: Chain
    anchor: Certificate

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Everything whose end ends the path."""
        return tuple(dict.fromkeys((*self.chain.certificates, self.anchor)))


def chain_of(leaf: Certificate, intermediates: Sequence[Certificate]) -> Chain:
    """The leaf and those of its issuers that are there, in the order TLS wants them.

    A self-signed issuer is left out: whoever verifies has it, or does not trust it.
    """
    chain = [leaf]
    while len(chain) < _LONGEST:
        issuer = next(
            (c for c in intermediates if c not in chain and chain[-1].is_issued_by(c)), None
        )
        if issuer is None or issuer.is_self_signed:
            break
        chain.append(issuer)
    return Chain(tuple(chain))


def path_to(chain: Chain, authorities: Sequence[Certificate]) -> Path | None:
    """The path by the first certificate of the chain that one of these CAs has issued, or is."""
    for certificate in chain.certificates:
        for authority in authorities:
            if certificate == authority or certificate.is_issued_by(authority):
                return Path(chain, authority)
    return None


def objection_to(path: Path) -> tuple[Certificate, str] | None:
    """The certificate that keeps a path from being accepted, and why; None if none does.

    Dates are judged elsewhere (`lifetime`): they change by themselves.
    """
    below = 0
    signed, issuers = path.chain.leaf, _issuers(path)
    for issuer in issuers:
        if signed.signature_hash in WEAK_HASHES:
            return (
                signed,
                f"is signed with {signed.signature_hash.upper()}, which Java and OpenSSL refuse",
            )
        if not issuer.is_authority:
            return issuer, "is not a CA (basicConstraints) and may not issue certificates"
        if issuer.key_usage is not None and "keyCertSign" not in issuer.key_usage:
            return issuer, "may not sign certificates (keyUsage has no keyCertSign)"
        if issuer.path_length is not None and issuer.path_length < below:
            return (
                issuer,
                f"allows {issuer.path_length} CAs below it (pathlen), and there are {below}",
            )
        if not _is_strong(issuer.algorithm):
            return issuer, f"has a key of {issuer.algorithm}, which not every Java accepts"
        signed, below = issuer, below + 1
    return None


def _issuers(path: Path) -> tuple[Certificate, ...]:
    """Who signed whom, from the issuer of the leaf up to the CA that is trusted."""
    found: list[Certificate] = []
    for certificate in path.chain.certificates[1:]:
        if certificate == path.anchor or (found or [path.chain.leaf])[-1].is_issued_by(path.anchor):
            break
        found.append(certificate)
    return () if path.anchor == path.chain.leaf else (*found, path.anchor)


def _is_strong(algorithm: str) -> bool:
    kind, _, size = algorithm.partition(" ")
    return algorithm in _CURVES or (kind == "RSA" and int(size) >= _LEAST_RSA_BITS)
