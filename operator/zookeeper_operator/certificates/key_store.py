"""What the members mount: a key store and a trust store, in the forms ZooKeeper 3.8 and 3.9 read.

Pure but for salts. The key store is PEM: the key in PKCS8, then the chain. The trust store is PKCS12, because
ZooKeeper's PEM loader keeps only one of several CAs that have the same subject, and a CA that is renewed
usually keeps its subject. PKCS12 is encrypted with a random salt, so stores are compared by what they hold,
never by their bytes: the same content leads to no write.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from zookeeper_operator.certificates.certificate import (
    UNREADABLE,
    Chain,
    Trust,
    load,
    read_certificate,
    read_certificates,
    trust_of,
)
from zookeeper_operator.certificates.private_key import KeyPair, read_private_key

KEY_STORE: Final = "keystore.pem"
TRUST_STORE: Final = "truststore.p12"
PASSWORD: Final = "truststore.password"  # noqa: S105 -- the name of a key


@dataclass(frozen=True)
class Stores:
    """What a member presents, and whom it accepts."""

    key_pair: KeyPair
    trust: Trust

    @property
    def fingerprint(self) -> str:
        """A short hash of the certificates and the CAs; nothing of the key is in it."""
        text = self.key_pair.chain.pem + self.trust.fingerprint.encode()
        return hashlib.sha256(text).hexdigest()[:16]


def build_stores(
    wanted: Stores, *, live: Mapping[str, bytes], fresh_password: str
) -> dict[str, bytes]:
    """The data of the Secret.

    What is live stays as it is where it holds what is wanted. The password stays as long as there is one: a
    member may read it at another instant than the store.

    Args:
        wanted: what must be in it.
        live: the data that is there; empty if there is none.
        fresh_password: the password of a trust store that has none yet.
    """
    password = live.get(PASSWORD, b"")
    if not _is_password(password):
        password = fresh_password.encode("ascii")
    store = live.get(TRUST_STORE, b"")
    if _read_trust(store, password) != wanted.trust:
        store = _write_trust(wanted.trust, password)
    return {KEY_STORE: wanted.key_pair.pem, TRUST_STORE: store, PASSWORD: password}


def read_stores(data: Mapping[str, bytes]) -> Stores | None:
    """What such a Secret holds, or None if it cannot be read as a whole."""
    trust = _read_trust(data.get(TRUST_STORE, b""), data.get(PASSWORD, b""))
    try:
        key = read_private_key(data.get(KEY_STORE, b""))
        chain = Chain(read_certificates(data.get(KEY_STORE, b"")))
    except ValueError:
        return None
    if trust is None or chain.leaf.public_key != key.public_key:
        return None
    return Stores(KeyPair(key, chain), trust)


def _is_password(password: bytes) -> bool:
    """Whether it can be a line of a file that ZooKeeper reads as it is."""
    return bool(password) and all(0x21 <= byte <= 0x7E for byte in password)  # noqa: PLR2004 -- printable ASCII


def _write_trust(trust: Trust, password: bytes) -> bytes:
    entries = [
        pkcs12.PKCS12Certificate(load(one), f"ca-{one.fingerprint[:16]}".encode())
        for one in trust.authorities
    ]
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(password))


@lru_cache(maxsize=128)  # the key is derived anew each time, which takes some milliseconds
def _read_trust(store: bytes, password: bytes) -> Trust | None:
    if not store or not _is_password(password):
        return None
    try:
        found = pkcs12.load_pkcs12(store, password)
        if found.key is not None or found.cert is not None:
            return None
        return trust_of(
            read_certificate(one.certificate.public_bytes(Encoding.DER))
            for one in found.additional_certs
        )
    except UNREADABLE:
        return None
