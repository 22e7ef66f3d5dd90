"""The operator's own CA: its certificate, the certificates it issues, and when either has to be replaced.

Pure and deterministic: keys and the time are given, serial numbers are hashes, and signatures are those of
RFC 6979. The same input makes the same certificate, byte for byte.
"""

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zookeeper_operator.certificates.certificate import (
    Certificate,
    Chain,
    load,
    read_certificate,
    read_certificates,
    trust_of,
)
from zookeeper_operator.certificates.path import Path
from zookeeper_operator.certificates.private_key import (
    KeyPair,
    PrivateKey,
    load_private_key,
    read_private_key,
)
from zookeeper_operator.certificates.source import Source, covers

CERTIFICATE: Final = "tls.crt"
PRIVATE_KEY: Final = "tls.key"

_CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far the clock of a node may be behind the operator's and still take a new certificate."""
_LONGEST_OVERLAP: Final = 0.98


@dataclass(frozen=True)
class Authority:
    """A CA with its key."""

    certificate: Certificate
    key: PrivateKey


@dataclass(frozen=True)
class Terms:
    """How long certificates are valid, and how long before its end one is replaced."""

    validity: timedelta
    certificate_validity: timedelta
    renew_before: timedelta


@dataclass(frozen=True)
class Holder:
    """For whom a certificate is issued: an ensemble, and every name by which its members are dialled."""

    namespace: str
    name: str
    hosts: tuple[str, ...] = ()


def create_authority(holder: Holder, *, key: PrivateKey, now: datetime, terms: Terms) -> Authority:
    """A new CA. Its common name differs from that of every other, so that a trust store can hold both."""
    mark = hashlib.sha256(key.public_key).hexdigest()[:8]
    subject = _name(f"ZooKeeper CA {mark}", holder)
    not_before = _start(now)
    builder = _builder(subject, subject, key, not_before, not_before + terms.validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    return Authority(_signed(builder, key), key)


def issue(
    authority: Authority, holder: Holder, *, key: PrivateKey, now: datetime, terms: Terms
) -> KeyPair:
    """A certificate for all members of an ensemble. It never outlives its CA.

    Raises:
        ValueError: the CA has ended.
    """
    issuer = load(authority.certificate)
    not_before = _start(now)
    not_after = min(not_before + terms.certificate_validity, authority.certificate.not_after)
    builder = _builder(_name(holder.name, holder), issuer.subject, key, not_before, not_after)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(_usage(authority=False), critical=True)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    if holder.hosts:
        alternatives = x509.SubjectAlternativeName([_general_name(host) for host in holder.hosts])
        builder = builder.add_extension(alternatives, critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
        critical=False,
    )
    return KeyPair(key, Chain((_signed(builder, authority.key),)))


def why_authority_is_due(certificate: Certificate, *, now: datetime, terms: Terms) -> str:
    """Why a CA has to be replaced now; empty if it has not.

    While its last certificate is still valid for long, so that the stages of the change have time.
    """
    half = (certificate.not_after - certificate.not_before) / 2
    if certificate.not_after - now < min(terms.certificate_validity, half):
        return "the next certificate would outlive its CA"
    return ""


def why_certificate_is_due(
    key_pair: KeyPair, authority: Authority, holder: Holder, *, now: datetime, terms: Terms
) -> str:
    """Why the members need another certificate; empty if they do not."""
    leaf = key_pair.chain.leaf
    left = leaf.not_after - now
    whole = terms.certificate_validity
    # A limit that no spec should reach, for each certificate must be in use for some time.
    soon = min(terms.renew_before, whole * _LONGEST_OVERLAP)
    lasts_longer = (
        min(now + whole, authority.certificate.not_after) - leaf.not_after > _CLOCKS_DIFFER
    )
    if leaf.public_key != key_pair.key.public_key:
        return "the key does not belong to the certificate"
    if not leaf.is_issued_by(authority.certificate):
        return "the CA has changed"
    if missing := [host for host in holder.hosts if not names_host(leaf, host)]:
        return f"it does not name {missing[0]}"
    if leaf.not_before > now:
        return "it is not valid yet"
    if left <= soon and lasts_longer:
        return "it ends soon"
    if left > whole:
        return "it is valid for longer than asked for"
    return ""


def names_host(leaf: Certificate, host: str) -> bool:
    """Whether a certificate names a host, by a DNS name or an address."""
    return host in leaf.ip_addresses or covers(leaf, host)


def source_of(authority: Authority, key_pair: KeyPair) -> Source:
    """What members are given of it, in the form of every other source."""
    trust = trust_of([authority.certificate])
    return Source(key_pair, trust, Path(key_pair.chain, authority.certificate))


def build_authority(authority: Authority) -> dict[str, bytes]:
    """The data of the Secret that keeps a CA."""
    return {CERTIFICATE: authority.certificate.pem, PRIVATE_KEY: authority.key.pem}


def read_authority(data: Mapping[str, bytes]) -> Authority | None:
    """The CA in such a Secret, or None if there is none that can issue."""
    try:
        found = read_certificates(data.get(CERTIFICATE, b""))
        key = read_private_key(data.get(PRIVATE_KEY, b""))
    except ValueError:
        return None
    certificate = found[0]
    issues = (
        certificate.is_authority
        and certificate.public_key == key.public_key
        and (certificate.key_usage is None or "keyCertSign" in certificate.key_usage)
    )
    return Authority(certificate, key) if issues else None


def _name(common_name: str, holder: Holder) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, holder.namespace),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, holder.name),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _start(now: datetime) -> datetime:
    return now.replace(microsecond=0) - _CLOCKS_DIFFER


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    public = load_private_key(key).public_key()
    inputs = (
        subject.public_bytes(),
        issuer.public_bytes(),
        key.public_key,
        f"{start}{end}".encode(),
    )
    digest = hashlib.sha256(b"".join(inputs)).digest()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        # Positive, and at most 20 bytes.
        .serial_number(int.from_bytes(b"\x01" + digest[:15]))
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, key: PrivateKey) -> Certificate:
    loaded = load_private_key(key)
    curve = isinstance(loaded, ec.EllipticCurvePrivateKey)
    signed = builder.sign(loaded, hashes.SHA256(), ecdsa_deterministic=True if curve else None)
    return read_certificate(signed.public_bytes(Encoding.DER))


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
