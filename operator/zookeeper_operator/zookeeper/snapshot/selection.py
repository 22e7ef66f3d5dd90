"""The znodes of a snapshot that are written back into a living ensemble. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from zookeeper_operator.zookeeper.snapshot.content import OPEN
from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import OPEN_ACL, Acl, Kind, kind_of

SYSTEM: Final = "/zookeeper"
"""What is at and below this path is ZooKeeper's own."""


@dataclass(frozen=True)
class Wanted:
    """One znode of a backup. `kind` says whether it was a container or had a TTL."""

    path: str
    data: bytes | None
    acls: tuple[Acl, ...]
    kind: Kind = Kind.PERSISTENT


def select(reader: SnapshotReader, top: str) -> Iterator[Wanted]:
    """Iterate over a subtree and the znodes above it, parents first, without ephemeral ones.

    Raises:
        SnapshotError: a server would not load the file.
    """
    acls = {OPEN_ACL: OPEN, **reader.header.acls}
    for record in reader.records():
        path, data, fixed = record
        name = path.decode() or "/"
        if is_system(name) or not (is_below(name, top) or is_below(top, name)):
            continue
        kind = kind_of(record)
        if kind is not Kind.EPHEMERAL:
            number = int.from_bytes(fixed[:8], signed=True)
            yield Wanted(name, data, acls.get(number, OPEN), kind)


def is_system(path: str) -> bool:
    """Whether a znode is ZooKeeper's own, and not an application's."""
    return is_below(path, SYSTEM)


def is_below(path: str, top: str) -> bool:
    """Whether a znode is the top of a subtree, or below it."""
    return top in {"/", path} or path.startswith(f"{top}/")
