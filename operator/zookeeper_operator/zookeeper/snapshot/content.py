"""What of a tree counts as its content: what applications wrote, and not when or how often.

Two trees are equal if the same paths have the same data, ACLs and kinds. Zxids, times and versions do not
count. Sessions, ephemeral znodes, and what servers write themselves do not count either: `/zookeeper/config`,
and the statistics of quotas.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, TypeAlias

from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import OPEN_ACL, Acl, Kind, kind_of

OPEN: Final = (Acl(31, "world", "anyone"),)
"""The list that `OPEN_ACL` stands for."""

_CONFIG: Final = "/zookeeper/config"
_QUOTA: Final = "/zookeeper/quota/"
_STATISTICS: Final = "/zookeeper_stats"
_HASH_SIZE: Final = 16


@dataclass(frozen=True)
class Content:
    """The content of one znode. `data` is a hash of its data; null data and empty data differ.

    `kind` is None where it is not known: a client cannot see whether a znode is a container or has a TTL.
    """

    path: str
    data: bytes
    size: int
    acls: tuple[Acl, ...]
    kind: Kind | None = None


Tree: TypeAlias = Callable[[], Iterable[Content]]
"""Reads a tree from its beginning, in any order. It is called more than once."""


def content_of(path: str, data: bytes | None, acls: tuple[Acl, ...], kind: Kind | None) -> Content:
    """Make the content of one znode."""
    prefix = b"null" if data is None else b"data"
    hashed = blake2b(data or b"", digest_size=_HASH_SIZE, person=prefix).digest()
    return Content(path, hashed, len(data or b""), acls, kind)


def contents(reader: SnapshotReader) -> Iterator[Content]:
    """Iterate over the content of a snapshot.

    Raises:
        SnapshotError: a server would not load the file.
    """
    acls = {OPEN_ACL: OPEN, **reader.header.acls}
    for record in reader.records():
        kind = kind_of(record)
        path = record[0].decode() or "/"
        if kind is not Kind.EPHEMERAL and is_content(path):
            number = int.from_bytes(record[2][:8], signed=True)
            # An ACL that is not in the file: `verification` reports it, here it is one that equals no other.
            listed = acls.get(number, (Acl(0, "missing", str(number)),))
            yield content_of(path, record[1], listed, kind)


def is_content(path: str) -> bool:
    """Whether applications wrote the znode, as far as its path says."""
    if path == _CONFIG:
        return False
    return not (path.startswith(_QUOTA) and path.endswith(_STATISTICS))
