"""What is in a snapshot, as values: sessions, ACLs, znodes with their stats, and the trailer.

A million znodes pass through the reader in seconds, so it yields a `Record`, as near to the file as possible;
`to_node` makes a readable value of one.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

MAGIC: Final = b"ZKSN"
FORMAT_VERSION: Final = 2
DIGEST_VERSION: Final = 2
OPEN_ACL: Final = -1
"""The ACL reference of a znode without an entry in the table: open to the world."""

Record: TypeAlias = tuple[bytes, bytes | None, bytes]
"""One znode as in the file: path, data, and 68 bytes with the ACL reference and the stat.

The path of the root is empty. Data may be null, which is not the same as empty.
"""

FIXED: Final = struct.Struct(">qqqqqiiiqq")
"""The 68 bytes of a record."""

SESSION: Final = struct.Struct(">qi")
END: Final = b"/"
"""The path after the last znode."""

SEAL_END: Final = b"\x00\x00\x00\x01/"
"""What follows the checksum in a seal."""

_SHOWN: Final = 100
_OWNER: Final = slice(52, 60)
NO_OWNER: Final = bytes(8)
_CONTAINER: Final = b"\x80" + bytes(7)
_EXTENDED: Final = b"\xff\x00\x00"  # the mask of extended types, then the bits of the type "TTL"


class SnapshotError(Exception):
    """A file is no snapshot that a server would load; `offset` is the byte, of the uncompressed content."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(f"at byte {offset}: {what}")
        self.offset = offset


class Kind(StrEnum):
    """What ends a znode besides a client that deletes it."""

    PERSISTENT = "persistent"
    EPHEMERAL = "ephemeral"
    CONTAINER = "container"
    TTL = "TTL"


@dataclass(frozen=True)
class Sessions:
    """The sessions that were open: 12 bytes each, as in the file."""

    raw: bytes = b""

    def __len__(self) -> int:
        return len(self.raw) // SESSION.size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Iterate over the id and the time-out in milliseconds of each."""
        return SESSION.iter_unpack(self.raw)


@dataclass(frozen=True)
class Acl:
    """One entry of an access control list; `permissions` is the sum of ZooKeeper's bits."""

    permissions: int
    scheme: str
    id: str


@dataclass(frozen=True)
class Header:
    """What comes before the znodes. `acls` are the lists that znodes refer to by number."""

    sessions: Sessions
    acls: Mapping[int, tuple[Acl, ...]]
    database: int = -1


@dataclass(frozen=True)
class TreeDigest:
    """The digest of all znodes outside `/zookeeper/` after the transaction `zxid`.

    A zxid of 0 says that the server had not computed one yet.
    """

    zxid: int
    version: int
    value: int


@dataclass(frozen=True)
class Trailer:
    """What comes after the znodes.

    ZooKeeper 3.5 writes neither, 3.6 to 3.8 the digest, 3.9 both. `last_zxid` is the last transaction that
    the server had processed when it finished the file.
    """

    digest: TreeDigest | None = None
    last_zxid: int | None = None


@dataclass(frozen=True)
class Stat:
    """The stat of a znode as stored. `cversion` counts creations of children; clients see another number."""

    czxid: int
    mzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    owner: int
    pzxid: int


@dataclass(frozen=True)
class Node:
    """One znode. `acl` is the number of its list in the header, or `OPEN_ACL`."""

    path: str
    data: bytes | None
    acl: int
    stat: Stat

    @property
    def kind(self) -> Kind:
        """What ends it."""
        return kind_of(to_record(self))


def kind_of(record: Record) -> Kind:
    """What ends a znode, by its owner.

    Sessions of the server with id 255 begin like a TTL: ZooKeeper allows no such id where there are TTLs.
    """
    owner = record[2][_OWNER]
    if owner == NO_OWNER:
        return Kind.PERSISTENT
    if owner == _CONTAINER:
        return Kind.CONTAINER
    return Kind.TTL if owner.startswith(_EXTENDED) else Kind.EPHEMERAL


def to_node(record: Record) -> Node:
    """Make a readable value of a record."""
    path, data, fixed = record
    acl, *stat = FIXED.unpack(fixed)
    return Node(path.decode() or "/", data, acl, Stat(*stat))


def to_record(node: Node) -> Record:
    """Make the record of a value."""
    stat = node.stat
    fixed = FIXED.pack(
        node.acl,
        stat.czxid,
        stat.mzxid,
        stat.ctime,
        stat.mtime,
        stat.version,
        stat.cversion,
        stat.aversion,
        stat.owner,
        stat.pzxid,
    )
    return (b"" if node.path == "/" else node.path.encode(), node.data, fixed)


def to_sessions(sessions: Mapping[int, int]) -> Sessions:
    """Make the table of sessions from ids and time-outs in milliseconds."""
    return Sessions(b"".join(SESSION.pack(*session) for session in sessions.items()))


def parent_of(path: bytes, previous: bytes) -> bytes:
    """Return the parent of a path that follows another one in a snapshot.

    A server writes a tree depth first: the parent is the znode before or one of its ancestors.

    Raises:
        ValueError: it is not; a server would not find the parent, or the path is none.
    """
    parent, slash, name = path.rpartition(b"/")
    if not slash or not name:
        raise ValueError(f"{quoted(path)} is not the path of a znode")
    if parent != previous and not previous.startswith(parent + b"/"):
        raise ValueError(f"{quoted(path)} does not follow its parent or a znode below its parent")
    return parent


def quoted(path: bytes) -> str:
    """Return a path for a message, however long and whatever is in it."""
    shown = path if len(path) <= _SHOWN else path[:_SHOWN] + b"..."
    return repr(shown.decode(errors="backslashreplace"))
