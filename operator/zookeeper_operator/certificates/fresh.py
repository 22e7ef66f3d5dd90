"""New private keys: the only randomness of this package, kept out of what decides."""

from cryptography.hazmat.primitives.asymmetric import ec

from zookeeper_operator.certificates.private_key import PrivateKey, private_key_of


def fresh_private_key() -> PrivateKey:
    """A new EC key on P-256.

    Each connection to a member is a whole handshake, and one with P-256 costs a small part of one with RSA.
    ZooKeeper 3.8 and 3.9 take it with and without `fips-mode`.
    """
    return private_key_of(ec.generate_private_key(ec.SECP256R1()))
