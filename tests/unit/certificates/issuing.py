"""Real certificates of every kind, right and wrong, for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zookeeper_operator.certificates.certificate import Certificate, read_certificate

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BOTH: Final = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def value(self) -> Certificate:
        return read_certificate(self.certificate.public_bytes(Encoding.DER))

    def key_pem(
        self,
        form: PrivateFormat = PrivateFormat.PKCS8,
        encryption: KeySerializationEncryption | None = None,
    ) -> bytes:
        return self.key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


def subject_of(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def issued(
    common_name: str,
    by: Issued | None = None,
    *,
    key: Key | None = None,
    authority: bool = False,
    path_length: int | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    usage: Sequence[str] | None = None,
    names: Sequence[str] = (),
    start: datetime = NOW - timedelta(days=1),
    end: datetime = NOW + timedelta(days=89),
) -> Issued:
    """A certificate of this common name, signed by its own key if no issuer is given."""
    key = key or new_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject_of(common_name))
        .issuer_name(by.certificate.subject if by else subject_of(common_name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(authority, path_length), critical=True)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if usage is not None:
        builder = builder.add_extension(_usage(usage), critical=True)
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    signer = by.key if by else key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Issued(builder.sign(signer, algorithm), key)


def a_ca(
    common_name: str = "CA",
    by: Issued | None = None,
    *,
    key: Key | None = None,
    path_length: int | None = None,
    usage: Sequence[str] | None = ("key_cert_sign", "crl_sign"),
) -> Issued:
    return issued(
        common_name,
        by,
        key=key,
        authority=True,
        path_length=path_length,
        usage=usage,
        end=NOW + timedelta(days=3650),
    )


def _usage(names: Sequence[str]) -> x509.KeyUsage:
    every = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: name in names for name in every})
