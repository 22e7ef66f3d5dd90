"""A private key, in the one form that ZooKeeper's PEM loader takes: PKCS8 without a password.

Pure. A key never stands in a message, an error or a `repr`.
"""

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from zookeeper_operator.certificates.certificate import UNREADABLE, Chain, algorithm_of

LEAST_RSA_BITS: Final = 2048
LEAF_CURVES: Final = ("EC P-256", "EC P-384")
_LONGEST_BLOCK: Final = 8 * 1024  # RSA with 8192 bits; testing a larger one takes seconds

Loaded: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_BLOCK: Final = re.compile(
    rb"-----BEGIN ((?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY)-----.*?-----END \1-----",
    re.DOTALL,
)


class UnusableKeyError(ValueError):
    """A key that ZooKeeper could not use: what is wrong, and what to do."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem}; {advice}")
        self.problem = problem
        self.advice = advice


@dataclass(frozen=True)
class PrivateKey:
    """An RSA or EC key: PKCS8 in PEM, what kind it is, and the public key that belongs to it."""

    pem: bytes = field(repr=False)
    algorithm: str
    public_key: bytes = field(repr=False)


@dataclass(frozen=True)
class KeyPair:
    """A private key and the chain of the certificate that was issued for it."""

    key: PrivateKey
    chain: Chain

    @property
    def pem(self) -> bytes:
        """The key and then the chain: what ZooKeeper reads as a key store."""
        return self.key.pem + self.chain.pem


def private_key_of(key: Loaded) -> PrivateKey:
    """The value of a key of `cryptography`."""
    return PrivateKey(
        pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        algorithm=algorithm_of(key),
        public_key=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )


def load_private_key(key: PrivateKey) -> Loaded:
    """The key as `cryptography` knows it, for the modules of this package."""
    loaded = load_pem_private_key(key.pem, password=None)
    assert isinstance(loaded, Loaded)
    return loaded


def read_private_key(pem: bytes) -> PrivateKey:
    """Read a key in any form a person or a certificate controller writes: PKCS8, PKCS1 or SEC1.

    Raises:
        UnusableKeyError: there is none, it is encrypted, or of a kind ZooKeeper cannot use.
    """
    found = _BLOCK.search(pem)
    if found is None:
        raise UnusableKeyError(
            "it holds no private key in PEM", "write the key there as PEM, PKCS8 or PKCS1"
        )
    if found[1] == b"ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in found[0]:
        raise UnusableKeyError(
            "the private key is encrypted",
            "decrypt it, for example with openssl pkcs8 -topk8 -nocrypt, or the members cannot read it",
        )
    if len(found[0]) > _LONGEST_BLOCK:
        raise UnusableKeyError(
            f"the private key is longer than {_LONGEST_BLOCK} bytes",
            "use EC P-256, or RSA up to 8192 bits",
        )
    try:
        key = load_pem_private_key(found[0] + b"\n", password=None)
    except UNREADABLE:  # its message may quote the key
        raise UnusableKeyError(
            "the private key cannot be read", "write it again, it is damaged or of an unknown kind"
        ) from None
    algorithm = algorithm_of(key)
    usable = algorithm in LEAF_CURVES or (
        isinstance(key, rsa.RSAPrivateKey) and key.key_size >= LEAST_RSA_BITS
    )
    if not isinstance(key, Loaded) or not usable:
        raise UnusableKeyError(
            f"the private key is {algorithm}, which ZooKeeper cannot use or nobody should",
            f"use EC P-256, EC P-384 or RSA with {LEAST_RSA_BITS} bits or more",
        )
    return private_key_of(key)
