"""Each fault a source can have is found before a member sees it, and named so that a person can fix it."""

import base64
import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.certificates.issuing import BOTH, Issued, Key, a_ca, issued

from zookeeper_operator.certificates.path import objection_to
from zookeeper_operator.certificates.source import Flaw, Reading, Source, read_source

ROOT: Final = a_ca("root")
MIDDLE: Final = a_ca("middle", ROOT)
LEAF: Final = issued("zk", ROOT, names=["zk-client.demo.svc", "*.demo.svc"], purposes=BOTH)
BELOW: Final = issued("zk", MIDDLE)


def data(
    leaf: Issued = LEAF, *more: Issued, ca: bytes = ROOT.pem, **other: bytes
) -> dict[str, bytes]:
    found = {"tls.crt": leaf.pem + b"".join(m.pem for m in more), "tls.key": b"", "ca.crt": ca}
    found["tls.key"] = other.get("key", b"") or leaf.key_pem()
    return found


def accepted(secret: Mapping[str, bytes], **asked: Any) -> Source:
    reading = read_source(secret, **asked)
    assert reading.flaws == ()
    assert reading.source is not None
    return reading.source


def flaw_of(secret: Mapping[str, bytes], **asked: Any) -> Flaw:
    reading = read_source(secret, **asked)
    assert reading.source is None
    assert len(reading.flaws) == 1, [flaw.sentence for flaw in reading.flaws]
    return reading.flaws[0]


@lru_cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@pytest.mark.parametrize(
    ("key", "form"),
    [
        (ec.generate_private_key(ec.SECP256R1()), PrivateFormat.PKCS8),
        (ec.generate_private_key(ec.SECP384R1()), PrivateFormat.TraditionalOpenSSL),
        (rsa_key(2048), PrivateFormat.PKCS8),
        (rsa_key(2048), PrivateFormat.TraditionalOpenSSL),
    ],
    ids=["P-256 in PKCS8", "P-384 in SEC1", "RSA in PKCS8", "RSA in PKCS1"],
)
def test_a_key_of_any_form_becomes_pkcs8(key: Key, form: PrivateFormat) -> None:
    leaf = issued("zk", ROOT, key=key)
    source = accepted(data(leaf, key=b"# of a person\n" + leaf.key_pem(form)))
    assert source.key_pair.key.pem == leaf.key_pem(PrivateFormat.PKCS8)
    assert source.key_pair.pem == leaf.key_pem(PrivateFormat.PKCS8) + leaf.pem


def test_parameters_before_a_key_do_not_matter() -> None:
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    accepted(data(key=parameters + LEAF.key_pem(PrivateFormat.TraditionalOpenSSL)))


_SECRET: Final = BestAvailableEncryption(b"secret")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (b"garbage", "it holds no private key in PEM"),
        (LEAF.key_pem(PrivateFormat.PKCS8, _SECRET), "the private key is encrypted"),
        (LEAF.key_pem(PrivateFormat.TraditionalOpenSSL, _SECRET), "the private key is encrypted"),
        (LEAF.key_pem().replace(b"M", b"N"), "the private key cannot be read"),
        (
            LEAF.key_pem().replace(b"\n-----END", b"\n" * 8192 + b"-----END"),
            "is longer than 8192 bytes",
        ),
        (Issued(LEAF.certificate, rsa_key(1024)).key_pem(), "is RSA 1024, which"),
        (
            Issued(LEAF.certificate, ed25519.Ed25519PrivateKey.generate()).key_pem(),
            "is Ed25519, which",
        ),
        (Issued(LEAF.certificate, dsa.generate_private_key(2048)).key_pem(), "is DSA, which"),
        (
            Issued(LEAF.certificate, ec.generate_private_key(ec.SECP256K1())).key_pem(),
            "is EC secp256k1",
        ),
        (issued("other").key_pem(), "it does not belong to the certificate of CN=zk"),
    ],
)
def test_a_key_that_cannot_be_used(key: bytes, said: str) -> None:
    flaw = flaw_of(data(key=key))
    assert flaw.key == "tls.key"
    assert said in flaw.problem
    assert flaw.sentence.startswith(f"tls.key: {flaw.problem}; ")


@pytest.mark.parametrize("key", ["tls.crt", "tls.key", "ca.crt"])
@pytest.mark.parametrize("content", [None, b"", b" \n"])
def test_a_key_of_the_secret_that_is_not_there(key: str, content: bytes | None) -> None:
    secret = {**data(), key: content}
    flaw = flaw_of({k: v for k, v in secret.items() if v is not None})
    assert flaw.key == key
    assert "no such key, or nothing in it" in flaw.problem


def test_an_empty_secret_lacks_all_three() -> None:
    assert [flaw.key for flaw in read_source({}).flaws] == ["tls.crt", "tls.key", "ca.crt"]


@pytest.mark.parametrize("key", ["tls.crt", "ca.crt"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"garbage", "it holds no certificate in PEM"),
        (LEAF.certificate.public_bytes(Encoding.DER), "it holds no certificate in PEM"),
        (
            pkcs12.serialize_java_truststore(
                [pkcs12.PKCS12Certificate(ROOT.certificate, b"ca")], _SECRET
            ),
            "it holds no certificate in PEM",
        ),
        (LEAF.key_pem(), "it holds no certificate in PEM"),
        (LEAF.pem.replace(b"M", b"N"), "a certificate in it cannot be read"),
        (LEAF.pem[:200], "a certificate in it cannot be read"),
    ],
    ids=["garbage", "DER", "PKCS12", "a key", "damaged", "cut"],
)
def test_certificates_that_cannot_be_read(key: str, content: bytes, said: str) -> None:
    flaw = flaw_of({**data(), key: content})
    assert flaw.key == key
    assert said in flaw.problem


def test_a_chain_is_put_in_order_and_ends_below_the_root() -> None:
    lowest = a_ca("lowest", MIDDLE)
    leaf = issued("zk", lowest)
    stranger = a_ca("stranger")
    source = accepted(data(leaf, MIDDLE, stranger, ROOT, lowest))
    assert source.key_pair.chain.certificates == (leaf.value, lowest.value, MIDDLE.value)
    assert source.path.anchor == ROOT.value
    assert source.path.certificates == (leaf.value, lowest.value, MIDDLE.value, ROOT.value)


def test_an_intermediate_may_be_what_is_trusted() -> None:
    source = accepted(data(BELOW, MIDDLE, ca=MIDDLE.pem))
    assert source.key_pair.chain.certificates == (BELOW.value, MIDDLE.value)
    assert source.trust.authorities == (MIDDLE.value,)
    assert accepted(data(BELOW, ca=MIDDLE.pem)).key_pair.chain.certificates == (BELOW.value,)


def test_a_certificate_that_is_its_own_ca() -> None:
    alone = issued("zk", authority=True)
    assert accepted(data(alone, ca=alone.pem)).path.certificates == (alone.value,)


@pytest.mark.parametrize(
    ("secret", "key", "said"),
    [
        (data(BELOW), "tls.crt", "no CA in ca.crt has issued it, its issuer is CN=middle"),
        (data(ca=a_ca("other").pem), "tls.crt", "no CA in ca.crt has issued it"),
        (data(ca=a_ca("root").pem), "tls.crt", "no CA in ca.crt has issued it"),
        (data(ca=ROOT.pem + LEAF.pem), "ca.crt", "the certificate of CN=zk is not a CA"),
        (data(ca=ROOT.pem * 51), "ca.crt", "it holds 51 certificates, more than 50"),
        (data(LEAF, *[ROOT] * 10), "tls.crt", "it holds 11 certificates, more than 10"),
        (
            data(MIDDLE, LEAF, key=LEAF.key_pem()),
            "tls.crt",
            "the certificate that belongs to tls.key is not the first",
        ),
    ],
    ids=[
        "no intermediate",
        "other CA",
        "CA of the same name",
        "leaf as CA",
        "many CAs",
        "long",
        "order",
    ],
)
def test_a_certificate_that_the_peers_would_refuse(
    secret: dict[str, bytes], key: str, said: str
) -> None:
    flaw = flaw_of(secret)
    assert (flaw.key, said in flaw.problem) == (key, True), flaw.sentence


@pytest.mark.parametrize(
    ("ca", "between", "key", "said"),
    [
        (
            a_ca("root", path_length=0),
            a_ca,
            "ca.crt",
            "allows 0 CAs below it (pathlen), and there are 1",
        ),
        (a_ca("root", usage=["crl_sign"]), None, "ca.crt", "may not sign certificates"),
        (ROOT, issued, "tls.crt", "is not a CA (basicConstraints)"),
        (
            a_ca("root", key=ed25519.Ed25519PrivateKey.generate()),
            None,
            "ca.crt",
            "has a key of Ed25519",
        ),
        (a_ca("root", key=rsa_key(1024)), None, "ca.crt", "has a key of RSA 1024"),
    ],
    ids=["path length", "key usage", "not a CA", "Ed25519", "RSA 1024"],
)
def test_an_issuer_that_may_not_issue(ca: Issued, between: Any, key: str, said: str) -> None:
    middle = between("between", ca) if between else None
    leaf = issued("zk", middle or ca)
    flaw = flaw_of(data(leaf, *([middle] if middle else []), ca=ca.pem))
    assert (flaw.key, said in flaw.problem) == (key, True), flaw.sentence


def test_a_weak_signature_is_refused_but_not_the_root_s_own() -> None:
    path = accepted(data()).path
    assert objection_to(path) is None
    weak = dataclasses.replace(path.chain.leaf, signature_hash="sha1")
    chain = dataclasses.replace(path.chain, certificates=(weak,))
    found = objection_to(dataclasses.replace(path, chain=chain))
    assert found == (weak, "is signed with SHA1, which Java and OpenSSL refuse")
    anchor = dataclasses.replace(path.anchor, signature_hash="sha1")
    assert objection_to(dataclasses.replace(path, anchor=anchor)) is None


@pytest.mark.parametrize(
    ("purposes", "lacking"),
    [
        ((), None),
        (BOTH, None),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), None),
        ((ExtendedKeyUsageOID.SERVER_AUTH,), "lacks clientAuth"),
        ((ExtendedKeyUsageOID.CLIENT_AUTH,), "lacks serverAuth"),
        ((ExtendedKeyUsageOID.CODE_SIGNING,), "lacks serverAuth and clientAuth"),
    ],
)
def test_a_member_is_server_and_client(
    purposes: tuple[x509.ObjectIdentifier, ...], lacking: str | None
) -> None:
    secret = data(issued("zk", ROOT, purposes=purposes))
    if lacking is None:
        accepted(secret)
    else:
        assert lacking in flaw_of(secret).problem


def test_a_key_usage_needs_the_signature_of_the_handshake() -> None:
    accepted(data(issued("zk", ROOT, usage=["digital_signature"])))
    flaw = flaw_of(data(issued("zk", ROOT, usage=["key_encipherment"])))
    assert flaw.problem == "its key usage lacks digitalSignature"


def test_names_are_a_warning_unless_they_are_checked() -> None:
    names = ["zk-client.demo.svc", "ZK-1.demo.svc", "a.b.demo.svc", "demo.svc", "x", "y"]
    reading = read_source(data(), names=names)
    assert reading.source is not None
    assert [flaw.problem for flaw in reading.warnings] == [
        "it does not name a.b.demo.svc, demo.svc, x and 1 more"
    ]
    assert flaw_of(data(), names=names, names_required=True) == reading.warnings[0]
    assert read_source(data(), names=names[:2], names_required=True).warnings == ()


def test_two_cas_of_one_subject_are_trusted_with_a_warning_about_clients() -> None:
    again = a_ca("root")
    reading = read_source(data(ca=again.pem + ROOT.pem + ROOT.pem))
    assert reading.source is not None
    assert set(reading.source.trust.authorities) == {ROOT.value, again.value}
    assert len(reading.source.trust.authorities) == 2
    assert [flaw.problem for flaw in reading.warnings] == ["two CAs have the subject CN=root"]


def test_all_that_is_wrong_is_reported_at_once() -> None:
    other = issued("zk", a_ca("other"), purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
    flaws = read_source({**data(other), "tls.key": LEAF.key_pem()}).flaws
    assert [flaw.key for flaw in flaws] == ["tls.key", "tls.crt", "tls.crt"]


def test_dates_do_not_matter_here() -> None:
    now = LEAF.value.not_after
    accepted(data(issued("zk", ROOT, start=now, end=now + (now - LEAF.value.not_before))))


def _keeps_the_key_to_itself(reading: Reading) -> None:
    told = repr(reading) + "".join(f.sentence for f in (*reading.flaws, *reading.warnings))
    assert not any(line in told for line in LEAF.key_pem().decode().splitlines()[1:-1])


@given(
    st.sampled_from(["tls.crt", "tls.key", "ca.crt"]),
    st.one_of(
        st.binary(max_size=400),
        st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=4)),
    ),
)
def test_whatever_stands_there_becomes_an_answer(key: str, change: Any) -> None:
    secret = data(BELOW, MIDDLE)
    if isinstance(change, bytes):
        secret[key] = change
    else:
        at = change[0] % len(secret[key])
        secret[key] = secret[key][:at] + change[1] + secret[key][at + len(change[1]) :]
    reading = read_source(secret)
    assert (reading.source is None) == bool(reading.flaws)
    _keeps_the_key_to_itself(reading)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_certificate_with_any_byte_changed_becomes_an_answer(at: int, byte: int) -> None:
    der = bytearray(LEAF.certificate.public_bytes(Encoding.DER))
    der[at % len(der)] = byte
    secret = data()
    secret["tls.crt"] = _pem(bytes(der))
    reading = read_source(secret)
    changed = bytes(der) != LEAF.certificate.public_bytes(Encoding.DER)
    assert (reading.source is None) == changed, "nothing else has the CA's signature"


def _pem(der: bytes) -> bytes:
    lines = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + lines + b"-----END CERTIFICATE-----\n"
