"""Writes a snapshot file as a server of 3.9 does: with seals, digest and last zxid."""

import struct
import zlib
from collections.abc import Callable
from typing import Final, TypeAlias

from zookeeper_operator.zookeeper.snapshot.compression import BLOCK
from zookeeper_operator.zookeeper.snapshot.digest import SYSTEM, digest_of, signed
from zookeeper_operator.zookeeper.snapshot.records import (
    DIGEST_VERSION,
    END,
    FIXED,
    FORMAT_VERSION,
    MAGIC,
    SEAL_END,
    Header,
    Record,
    parent_of,
)

Write: TypeAlias = Callable[[bytes], object]
"""The `write` of a stream; it must take all bytes, as buffered streams do."""

_INT: Final = struct.Struct(">i")
_LONG: Final = struct.Struct(">q")
_NULL: Final = _INT.pack(-1)


class SnapshotWriter:
    """One snapshot, written in order: the header, the znodes, and by `finish` the end."""

    def __init__(self, write: Write, header: Header) -> None:
        """Write the header."""
        self._write = write
        self._parts: list[bytes] = []
        self._size = 0
        self._adler = 1
        self._digest = 0
        self._previous: bytes | None = None
        self._put(MAGIC, _INT.pack(FORMAT_VERSION), _LONG.pack(header.database))
        self._put(_INT.pack(len(header.sessions)), header.sessions.raw)
        self._put(_INT.pack(len(header.acls)))
        for number, acls in header.acls.items():
            self._put(_LONG.pack(number), _INT.pack(len(acls)))
            for acl in acls:
                scheme, identity = (_string(text) for text in (acl.scheme, acl.id))
                self._put(_INT.pack(acl.permissions), scheme, identity)

    def add(self, record: Record) -> None:
        """Write one znode. Its parent must be the one before or an ancestor of it.

        Raises:
            ValueError: a server would not load the file with this record.
        """
        path, data, fixed = record
        if self._previous is not None:
            parent_of(path, self._previous)
        elif path:
            raise ValueError("the first znode must be the root")
        if len(fixed) != FIXED.size:
            raise ValueError(f"{len(fixed)} bytes of ACL reference and stat, not {FIXED.size}")
        self._previous = path
        if not path.startswith(SYSTEM):
            self._digest += digest_of(record)
        length = _NULL if data is None else _INT.pack(len(data))
        self._put(_INT.pack(len(path)), path, length, data or b"", fixed)

    def finish(self, zxid: int) -> int:
        """Write the end: the tree is as it was after the transaction `zxid`.

        A server compares the digest when it loads the file if its name has the same zxid.

        Returns:
            The digest, as servers show it.
        """
        digest = signed(self._digest)
        self._put(_string(END.decode()))
        self._seal()
        self._put(_LONG.pack(zxid), _INT.pack(DIGEST_VERSION), _LONG.pack(digest))
        self._seal()
        self._put(_LONG.pack(zxid))
        self._seal()
        self._flush()
        return digest

    def _put(self, *parts: bytes) -> None:
        self._parts += parts
        self._size += sum(map(len, parts))
        if self._size >= BLOCK:
            self._flush()

    def _seal(self) -> None:
        self._flush()
        self._put(_LONG.pack(self._adler), SEAL_END)

    def _flush(self) -> None:
        block = b"".join(self._parts)
        self._adler = zlib.adler32(block, self._adler)
        self._write(block)
        self._parts = []
        self._size = 0


def _string(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return _INT.pack(len(content)) + content
