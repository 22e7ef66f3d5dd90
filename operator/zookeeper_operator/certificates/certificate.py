"""One X.509 certificate, and several in a row or side by side.

Pure. A certificate may come from anyone: from a Secret a person wrote, or from whatever listens on a
member's port. So every text of it is printable and short, and what cannot be read is a `ValueError`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

SERVER: Final = "serverAuth"
CLIENT: Final = "clientAuth"
ANY_PURPOSE: Final = "anyExtendedKeyUsage"

_PURPOSES: Final = {
    ExtendedKeyUsageOID.SERVER_AUTH: SERVER,
    ExtendedKeyUsageOID.CLIENT_AUTH: CLIENT,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: ANY_PURPOSE,
}
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_LONGEST_TEXT: Final = 200
_MOST_REMEMBERED: Final = 512
_LONGEST_NAME: Final = 253  # a DNS name has no more, and is compared as a whole
_MOST_NAMES: Final = 1000
_LARGEST: Final = 64 * 1024

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

UNREADABLE: Final = (
    Warning,  # of what a later version of the library refuses, where warnings are errors
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""Everything that reading a certificate or a key raises when its content is wrong."""


@dataclass(frozen=True)
class Certificate:
    """What a certificate says, beside its own bytes.

    `key_usage` and `purposes` (the extended key usage) are None where the extension is absent, which allows
    every use. `signature_hash` is empty for signatures without a hash of their own, such as Ed25519.
    """

    der: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    serial: int
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    is_authority: bool = False
    path_length: int | None = None
    key_usage: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    algorithm: str = ""
    signature_hash: str = ""

    @property
    def serial_text(self) -> str:
        """The serial number as `openssl x509 -serial` prints it."""
        text = f"{self.serial:X}"
        return f"0{text}" if len(text) % 2 else text

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, in hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self) -> bytes:
        """The certificate in PEM, with nothing around it."""
        return load(self).public_bytes(Encoding.PEM)

    def is_issued_by(self, issuer: "Certificate") -> bool:
        """Whether the names fit and the issuer's key made the signature."""
        return _is_issued_by(self.der, issuer.der)

    @property
    def is_self_signed(self) -> bool:
        """Whether it is its own issuer."""
        return self.is_issued_by(self)

    def has_subject_of(self, other: "Certificate") -> bool:
        """Whether both name the same subject, compared as it is encoded."""
        return load(self).subject.public_bytes() == load(other).subject.public_bytes()


@dataclass(frozen=True)
class Chain:
    """Certificates as a server presents them: its own first, each issued by the next."""

    certificates: tuple[Certificate, ...]

    @property
    def leaf(self) -> Certificate:
        """The certificate of the server itself."""
        return self.certificates[0]

    @property
    def pem(self) -> bytes:
        """All of them in PEM, in this order."""
        return b"".join(certificate.pem for certificate in self.certificates)


@dataclass(frozen=True)
class Trust:
    """The CAs whose certificates are accepted. Make it by `trust_of`, so that equal sets are equal values."""

    authorities: tuple[Certificate, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A short hash of the set."""
        text = ",".join(sorted(authority.fingerprint for authority in self.authorities))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def pem(self) -> bytes:
        """All of them in PEM, the newest last: of CAs with one subject, Java clients keep the last."""
        return b"".join(authority.pem for authority in self.authorities)

    def and_also(self, other: "Trust") -> "Trust":
        """The CAs of both."""
        return trust_of((*self.authorities, *other.authorities))


def trust_of(authorities: Iterable[Certificate]) -> Trust:
    """The set of these CAs, each once, by age."""
    unique = {authority.fingerprint: authority for authority in authorities}.values()
    return Trust(tuple(sorted(unique, key=lambda a: (a.not_before, a.fingerprint))))


def load(certificate: Certificate) -> x509.Certificate:
    """The certificate as `cryptography` knows it, for the modules of this package."""
    return x509.load_der_x509_certificate(certificate.der)


def read_certificate(der: bytes) -> Certificate:
    """Read one certificate.

    Raises:
        ValueError: it is none, or not one that can be read.
    """
    if len(der) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST} bytes")
    try:
        return _read(der)
    except UNREADABLE as error:
        raise ValueError(printable(str(error)) or type(error).__name__) from error


def read_certificates(pem: bytes) -> tuple[Certificate, ...]:
    """Read every certificate of a PEM text, in order; what stands between them does not matter.

    Raises:
        ValueError: there is none, or one of them cannot be read.
    """
    try:
        found = x509.load_pem_x509_certificates(pem)
    except UNREADABLE as error:
        raise ValueError(printable(str(error)) or type(error).__name__) from error
    return tuple(read_certificate(one.public_bytes(Encoding.DER)) for one in found)


def printable(text: str, longest: int = _LONGEST_TEXT) -> str:
    """A text that can stand in a message: one line, printable, not long."""
    cut = text if len(text) <= longest else f"{text[:longest]}…"
    return "".join(c if c.isprintable() else "?" for c in cut)


def algorithm_of(key: object) -> str:
    """What kind of key it is, such as `RSA 2048` or `EC P-256`."""
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return f"EC {_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.replace("PublicKey", "").replace("PrivateKey", "")


@lru_cache(maxsize=_MOST_REMEMBERED)
def _is_issued_by(der: bytes, issuer: bytes) -> bool:
    found, by = map(x509.load_der_x509_certificate, (der, issuer))
    try:
        found.verify_directly_issued_by(by)
    except Exception as error:  # noqa: BLE001 -- one exception per algorithm, all of them mean no
        return _no(error)
    return True


def _no(_reason: Exception) -> bool:
    return False


# Each reconcile reads what its members mount and serve, which changes once in months.
@lru_cache(maxsize=_MOST_REMEMBERED)
def _read(der: bytes) -> Certificate:
    found = x509.load_der_x509_certificate(der)
    if found.serial_number <= 0:
        raise ValueError("its serial number is not positive, which RFC 5280 forbids")
    constraints = _extension(found, x509.BasicConstraints)
    names = _extension(found, x509.SubjectAlternativeName)
    purposes = _extension(found, x509.ExtendedKeyUsage)
    usage = _extension(found, x509.KeyUsage)
    key = found.public_key()
    algorithm = found.signature_hash_algorithm
    dns = names.get_values_for_type(x509.DNSName)[:_MOST_NAMES] if names else []
    addresses = names.get_values_for_type(x509.IPAddress)[:_MOST_NAMES] if names else []
    return Certificate(
        der=found.public_bytes(Encoding.DER),
        public_key=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        serial=found.serial_number,
        subject=printable(found.subject.rfc4514_string()),
        issuer=printable(found.issuer.rfc4514_string()),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        dns_names=tuple(printable(name, _LONGEST_NAME) for name in dns),
        ip_addresses=tuple(str(address) for address in addresses),
        is_authority=bool(constraints and constraints.ca),
        path_length=constraints.path_length if constraints else None,
        key_usage=_uses(usage) if usage else None,
        purposes=(
            frozenset(_PURPOSES.get(oid, oid.dotted_string) for oid in purposes)
            if purposes
            else None
        ),
        algorithm=algorithm_of(key),
        signature_hash=algorithm.name if algorithm else "",
    )


def _extension(found: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return found.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _uses(usage: x509.KeyUsage) -> frozenset[str]:
    known = {
        "digitalSignature": usage.digital_signature,
        "keyEncipherment": usage.key_encipherment,
        "keyCertSign": usage.key_cert_sign,
        "cRLSign": usage.crl_sign,
    }
    return frozenset(name for name, allowed in known.items() if allowed)
