"""Whether a snapshot is the image of a tree at one zxid, as far as the file itself can prove it.

A server continues to change its tree while it writes a snapshot, so the file may hold a tree that never was.
The digest in it is that of the tree when the last znode had been written: only an image of that moment has
the same one.
"""

import struct
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from zookeeper_operator.zookeeper.snapshot.compression import Read
from zookeeper_operator.zookeeper.snapshot.digest import (
    MODULUS,
    SYSTEM,
    ascii_digest_of,
    digest_of,
    signed,
)
from zookeeper_operator.zookeeper.snapshot.reader import LONGEST, SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import (
    DIGEST_VERSION,
    NO_OWNER,
    OPEN_ACL,
    Kind,
    Record,
    Trailer,
    kind_of,
    quoted,
)

_NUMBER: Final = struct.Struct(">q")
_NEGATIVE: Final = b"\x80" + bytes(7)


class Consistency(StrEnum):
    """What a file proves about the tree in it."""

    EXACT = "Exact"
    TORN = "Torn"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Verification:
    """What was found in a snapshot whose seals are intact."""

    consistency: Consistency
    reason: str
    """Why it is not exact; empty if it is."""
    zxid: int | None
    """The transaction after which the tree was like this; None if the file does not say."""
    digest: int
    """The digest of the znodes in the file, as servers show it."""
    trailer: Trailer
    highest_zxid: int
    """The highest zxid in the stat of a znode outside `/zookeeper/`."""
    nodes: int
    data_bytes: int
    sessions: int
    kinds: Mapping[Kind, int]

    @property
    def latest_zxid(self) -> int:
        """The highest zxid that the file knows of: clients of its server have seen one at least as high."""
        stated = self.trailer.digest.zxid if self.trailer.digest is not None else 0
        return max(self.highest_zxid, stated, self.trailer.last_zxid or 0)


class Verifier:
    """Verifies what another function reads: it yields the same records."""

    def __init__(self, reader: SnapshotReader) -> None:
        """Verify what this reader reads from now on; nothing may have been read from it before."""
        self.reader = reader
        self._nodes = 0
        self._data_bytes = 0
        self._digest = 0
        self._ascii_digest = 0
        self._highest = bytes(8)
        self._unlisted: bytes | None = None
        self._kinds: Counter[Kind] = Counter()

    def records(self) -> Iterator[Record]:
        """Iterate over the znodes.

        Raises:
            SnapshotError: a server would not load the file.
        """
        listed = {_NUMBER.pack(number) for number in (OPEN_ACL, *self.reader.header.acls)}
        nodes = data_bytes = digest = other_charset = others = 0
        highest = self._highest
        for record in self.reader.records():
            path, data, fixed = record
            nodes += 1
            if data:
                data_bytes += len(data)
            if not path.startswith(SYSTEM):
                value = digest_of(record)
                digest += value
                if not path.isascii():
                    other_charset += ascii_digest_of(record) - value
                if highest < (modified := fixed[16:24]) < _NEGATIVE:
                    highest = modified
                if highest < (children_changed := fixed[60:]) < _NEGATIVE:
                    highest = children_changed
            if fixed[:8] not in listed and self._unlisted is None:
                self._unlisted = path
            if fixed[52:60] != NO_OWNER:
                self._kinds[kind_of(record)] += 1
                others += 1
            yield record
        self._nodes, self._data_bytes, self._highest = nodes, data_bytes, highest
        self._digest = digest % MODULUS
        self._ascii_digest = (digest + other_charset) % MODULUS
        self._kinds[Kind.PERSISTENT] = nodes - others

    def result(self) -> Verification:
        """What was found; the records must have been read to their end."""
        trailer = self.reader.trailer
        highest = int.from_bytes(self._highest)
        zxid = _zxid_of(trailer)
        consistency, reason = self._judge(trailer, zxid, highest)
        return Verification(
            consistency,
            reason,
            zxid,
            signed(self._digest),
            trailer,
            highest,
            self._nodes,
            self._data_bytes,
            len(self.reader.header.sessions),
            dict(self._kinds),
        )

    def _judge(self, trailer: Trailer, zxid: int | None, highest: int) -> tuple[Consistency, str]:
        if self._unlisted is not None:
            return Consistency.TORN, f"the ACL of {quoted(self._unlisted)} is not in the file"
        if zxid is not None and highest > zxid:
            return (
                Consistency.TORN,
                f"a znode was changed by the transaction {highest:#x}, the tree is that after {zxid:#x}",
            )
        digest = trailer.digest
        if digest is None:
            return Consistency.UNKNOWN, "the file has no digest"
        if digest.zxid == 0:
            return Consistency.UNKNOWN, "the server had not computed a digest yet"
        if digest.version != DIGEST_VERSION:
            return Consistency.UNKNOWN, f"digests of version {digest.version} are not known"
        if digest.value % MODULUS not in {self._digest, self._ascii_digest}:
            return (
                Consistency.TORN,
                (
                    f"the digest of the znodes is {signed(self._digest)}, that of the tree after "
                    f"{digest.zxid:#x} was {signed(digest.value)}: it changed while the file was written"
                ),
            )
        return Consistency.EXACT, ""


def verify(read: Read, *, longest: int = LONGEST) -> Verification:
    """Read a snapshot to its end and verify it.

    Args:
        read: the `read` of a stream at its beginning; its content may be compressed by gzip.
        longest: how many bytes the data of one znode may have.

    Raises:
        SnapshotError: a server would not load the file.
    """
    verifier = Verifier(SnapshotReader(read, longest=longest))
    deque(verifier.records(), maxlen=0)
    return verifier.result()


def _zxid_of(trailer: Trailer) -> int | None:
    """The transaction of the digest, if there is one: the last zxid may be that of a later one."""
    if trailer.digest is not None and trailer.digest.zxid > 0:
        return trailer.digest.zxid
    return trailer.last_zxid
