"""A snapshot for a new ensemble: without sessions and ephemeral znodes, at a zxid that no client has seen.

When a client connects, it names the highest zxid that it has seen, and a server whose own last zxid is lower
refuses it, for ever: to that client its data is from the past. So an ensemble that starts from a backup must
start above every zxid of the old one. A zxid is `epoch << 32 | counter`: a later epoch is above all counters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import (
    Kind,
    Sessions,
    SnapshotError,
    kind_of,
    quoted,
)
from zookeeper_operator.zookeeper.snapshot.verification import (
    Consistency,
    Verification,
    Verifier,
)
from zookeeper_operator.zookeeper.snapshot.writer import SnapshotWriter, Write

UNKNOWN_EPOCHS: Final = 1000
"""How many elections there may have been after a backup, where the last epoch is not known."""

_CONFIG: Final = b"/zookeeper/config"
_SYSTEM: Final = b"/zookeeper"
_HIGHEST_EPOCH: Final = (
    1 << 31
) - 2  # the first election raises it by one, and a zxid is not negative


@dataclass(frozen=True)
class RestorePoint:
    """Where a restored ensemble begins: at the start of an epoch that the old one never had."""

    epoch: int

    @property
    def zxid(self) -> int:
        """The zxid of the restored tree."""
        return self.epoch << 32

    @property
    def files(self) -> Mapping[str, str]:
        """Names and content of the files beside the snapshot: both epochs, as a server writes them."""
        return {"currentEpoch": str(self.epoch), "acceptedEpoch": str(self.epoch)}

    @property
    def snapshot(self) -> str:
        """The name of the snapshot in `version-2`. A server reads the zxid from it."""
        return f"snapshot.{self.zxid:x}"


@dataclass(frozen=True)
class Stripped:
    """What was written, and from what."""

    source: Verification
    nodes: int
    sessions: int
    """How many sessions were left out."""
    ephemerals: int
    """How many ephemeral znodes were left out."""
    digest: int
    """The digest of the written tree, as servers show it."""


def restore_point(zxid: int, *, last_epoch: int | None) -> RestorePoint:
    """Choose where a restored ensemble begins.

    Args:
        zxid: the highest that the snapshot knows, `Verification.latest_zxid`.
        last_epoch: the highest epoch that the old ensemble may have had; None if it is not known.

    Raises:
        ValueError: there is no epoch above it.
    """
    epoch = zxid >> 32
    last = epoch + UNKNOWN_EPOCHS if last_epoch is None else max(epoch, last_epoch)
    if not 0 <= last < _HIGHEST_EPOCH:
        raise ValueError(f"there is no epoch above {last}: a zxid has 31 bits for it")
    return RestorePoint(last + 1)


def strip(
    reader: SnapshotReader, write: Write, point: RestorePoint, *, subtree: str = "/"
) -> Stripped:
    """Copy a snapshot without its sessions and ephemeral znodes, as the tree at the restore point.

    The ephemeral znodes are those of sessions that do not come back. Containers and znodes with a TTL stay.
    `/zookeeper/config` becomes empty: the restored ensemble writes its own members there. Stats stay as they
    are, those of parents too: to clients it is as if the children had been deleted. An ephemeral znode with
    children is refused: no server creates one, but znodes with a TTL of ZooKeeper 3.5.3 look like one.

    What was written must not be used unless this returns.

    Args:
        reader: the source, of which nothing has been read yet.
        write: where the copy goes.
        point: where the restored ensemble begins.
        subtree: copy only the znode of this path, what is below it, its ancestors, and what is below
            `/zookeeper`.

    Raises:
        SnapshotError: a server would not load the source, it is torn, or not older than the restore point.
    """
    verifier = Verifier(reader)
    writer = SnapshotWriter(write, replace(reader.header, sessions=Sessions()))
    chosen = _Subtree(subtree)
    nodes = ephemerals = 0
    below: bytes | None = None
    for record in verifier.records():
        path, _, fixed = record
        if below is not None and path.startswith(below):
            raise SnapshotError(f"{quoted(path)} is below an ephemeral znode", reader.offset)
        if kind_of(record) is Kind.EPHEMERAL and path:
            ephemerals += 1
            below = path + b"/"
            continue
        if not chosen.holds(path):
            continue
        writer.add((path, b"", fixed) if path == _CONFIG else record)
        nodes += 1
    source = verifier.result()
    if source.consistency is Consistency.TORN:
        raise SnapshotError(
            f"the snapshot is no image of one moment: {source.reason}", reader.offset
        )
    if source.latest_zxid >= point.zxid:
        raise SnapshotError(
            f"the snapshot is of {source.latest_zxid:#x}: the restored tree must be later than that, "
            f"not at {point.zxid:#x}",
            reader.offset,
        )
    if not chosen.found:
        raise SnapshotError(f"there is no znode {subtree} in the snapshot", reader.offset)
    digest = writer.finish(point.zxid)
    return Stripped(source, nodes, source.sessions, ephemerals, digest)


class _Subtree:
    """Which znodes a copy of one subtree has."""

    def __init__(self, path: str) -> None:
        if not path.startswith("/") or (path != "/" and path.endswith("/")) or "//" in path:
            raise ValueError(f"{path!r} is not the path of a znode")
        self._root = b"" if path == "/" else path.encode()
        self._below = self._root + b"/"
        self.found = False

    def holds(self, path: bytes) -> bool:
        """Whether a znode belongs to it; the path of the root is empty."""
        if path == self._root:
            self.found = True
            return True
        if not path or path.startswith(self._below) or self._root.startswith(path + b"/"):
            return True
        return path == _SYSTEM or path.startswith(_SYSTEM + b"/")
