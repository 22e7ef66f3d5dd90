"""ZooKeeper's digest of a tree, version 2: the sum of one CRC-32 per znode, modulo 2^64.

Equal to `DigestCalculator` of ZooKeeper 3.6 and later. The order of znodes does not matter, and what is below
`/zookeeper/` does not count. ACLs do not count either, only how often one was changed.
"""

from typing import Final
from zlib import crc32

from zookeeper_operator.zookeeper.snapshot.records import Record

SYSTEM: Final = b"/zookeeper/"
"""What is below it belongs to the server and has no digest."""

MODULUS: Final = 1 << 64


def digest_of(record: Record) -> int:
    """Return the digest of one znode outside `/zookeeper/`.

    The stat is counted in another order than it is stored in: `pzxid` comes third, not last.
    """
    path, data, fixed = record
    crc = crc32(data, crc32(path)) if data else crc32(path)
    return crc32(fixed[8:24] + fixed[60:] + fixed[24:60], crc)


def ascii_digest_of(record: Record) -> int:
    """Return the digest as a server computes it whose default charset is ASCII.

    Before Java 18 the charset is that of the locale, and `LANG` is unset in many containers: there each other
    character of a path counts as a question mark.
    """
    path, data, fixed = record
    return digest_of((path.decode().encode("ascii", "replace"), data, fixed))


def signed(value: int) -> int:
    """Return a digest as Java's `long`, which is how it is stored and how servers show it."""
    value %= MODULUS
    return value - MODULUS if value >= MODULUS >> 1 else value
