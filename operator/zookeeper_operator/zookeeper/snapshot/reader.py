"""Reads a snapshot file: the header, the znodes one by one, the trailer.

It refuses what a server refuses to load: lengths, the order of znodes, seals, the end of the file. The digest
is a matter of `verification`.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from zookeeper_operator.zookeeper.snapshot.blocks import Blocks
from zookeeper_operator.zookeeper.snapshot.compression import Read, uncompressed
from zookeeper_operator.zookeeper.snapshot.records import (
    END,
    FIXED,
    FORMAT_VERSION,
    MAGIC,
    SEAL_END,
    SESSION,
    Acl,
    Header,
    Record,
    Sessions,
    SnapshotError,
    Trailer,
    TreeDigest,
    parent_of,
    quoted,
)

LONGEST: Final = 64 << 20
"""How many bytes the data of one znode may have, unless the caller allows more."""

_LENGTHS_SIZE: Final = 8  # of the path, and of the data after it; a seal follows the last path
_FIXED_SIZE: Final = FIXED.size
_NODE_SIZE: Final = 4 + _FIXED_SIZE  # without path and data
_SEAL_SIZE: Final = 8 + len(SEAL_END)
_DIGEST_SIZE: Final = 20 + _SEAL_SIZE
_LAST_ZXID_SIZE: Final = 8 + _SEAL_SIZE
_TRAILERS: Final = {
    0: (False, False),
    _DIGEST_SIZE: (True, False),
    _LAST_ZXID_SIZE: (False, True),
    _DIGEST_SIZE + _LAST_ZXID_SIZE: (True, True),
}
"""Whether a trailer of this size has a digest, and a last zxid: a server writes either or both."""


class SnapshotReader:
    """One snapshot, read once and in order."""

    def __init__(self, read: Read, *, longest: int = LONGEST) -> None:
        """Read the header.

        Args:
            read: the `read` of a stream at its beginning; its content may be compressed by gzip.
            longest: how many bytes the data of one znode may have.

        Raises:
            SnapshotError: the content is no snapshot.
        """
        self._blocks = Blocks(uncompressed(read), longest=longest)
        self._trailer: Trailer | None = None
        self.header = _read_header(self._blocks)

    @property
    def offset(self) -> int:
        """How many bytes of the uncompressed content have been read."""
        return self._blocks.offset

    @property
    def trailer(self) -> Trailer:
        """What comes after the znodes; they must have been read to their end."""
        if self._trailer is None:
            raise RuntimeError("the trailer is known when all records have been read")
        return self._trailer

    def records(self) -> Iterator[Record]:
        """Iterate over the znodes, parents first; the seals are checked after the last one.

        Raises:
            SnapshotError: a server would not load the file.
        """
        blocks = self._blocks
        unpack = struct.Struct(">i").unpack_from
        buffer, position, size = blocks.buffer, blocks.position, len(blocks.buffer)
        previous: bytes | None = None
        parent: bytes | None = None  # of the last znode; the first one is the root and has none
        while True:
            if size - position < _LENGTHS_SIZE:
                blocks.position = position
                blocks.fill(_LENGTHS_SIZE)
                buffer, position, size = blocks.buffer, 0, len(blocks.buffer)
            length = unpack(buffer, position)[0]
            if not 0 <= length <= size - position - _LENGTHS_SIZE:
                blocks.position = position
                blocks.check_length(length)
                blocks.fill(length + _LENGTHS_SIZE)
                buffer, position, size = blocks.buffer, 0, len(blocks.buffer)
            begin = position + 4
            end = begin + length
            path = buffer[begin:end]
            if path == END:
                break
            cut = path.rfind(b"/")
            if cut < 0 or path[:cut] != parent or cut == length - 1 or not path.isascii():
                blocks.position = position
                parent = _check_path(path, previous, blocks.offset)
            previous = path
            position = end
            length = unpack(buffer, position)[0]
            kept = length if length > 0 else 0  # noqa: FURB136 -- a call costs more than the rest of the line
            if length < -1 or kept > size - position - _NODE_SIZE:
                blocks.position = position
                blocks.check_length(kept if length >= -1 else length)
                blocks.fill(kept + _NODE_SIZE)
                buffer, position, size = blocks.buffer, 0, len(blocks.buffer)
            begin = position + 4
            end = begin + kept
            position = end + _FIXED_SIZE
            yield path, None if length < 0 else buffer[begin:end], buffer[end:position]
        if previous is None:
            raise SnapshotError("there is no root znode", blocks.offset)
        blocks.position = end
        self._trailer = _read_trailer(blocks)


def _check_path(path: bytes, previous: bytes | None, offset: int) -> bytes:
    """Return the parent of a znode that is not a plain sibling of the one before it."""
    if previous is None:
        if path:
            raise SnapshotError(f"the first znode is {quoted(path)}, not the root", offset)
        return b""
    try:
        path.decode()
        return parent_of(path, previous)
    except UnicodeDecodeError as error:
        raise SnapshotError(
            f"the path {quoted(path)} is not UTF-8: {error.reason}", offset
        ) from error
    except ValueError as error:
        raise SnapshotError(str(error), offset) from error


def _read_header(blocks: Blocks) -> Header:
    if blocks.take(len(MAGIC)) != MAGIC:
        raise SnapshotError("the compressed content is not a snapshot", 0)
    version = blocks.take_int()
    if version != FORMAT_VERSION:
        raise SnapshotError(f"format version {version}; only {FORMAT_VERSION} is known", 4)
    database = blocks.take_long()
    size = blocks.take_count() * SESSION.size
    blocks.check_length(size)
    return Header(Sessions(blocks.take(size)), _read_acls(blocks), database)


def _read_acls(blocks: Blocks) -> Mapping[int, tuple[Acl, ...]]:
    acls: dict[int, tuple[Acl, ...]] = {}
    for _ in range(blocks.take_count()):
        number = blocks.take_long()
        acls[number] = tuple(
            Acl(blocks.take_int(), blocks.take_string(), blocks.take_string())
            for _ in range(blocks.take_count())
        )
    return acls


def _read_trailer(blocks: Blocks) -> Trailer:
    """Check the seal of the znodes, then what servers of 3.6 and later append, each with a seal."""
    digest: TreeDigest | None = None
    last_zxid: int | None = None
    _check_seal(blocks)
    left = blocks.left(max(_TRAILERS))
    if left not in _TRAILERS:
        raise SnapshotError(
            f"{left} or more bytes follow the znodes, which is neither a digest nor a last zxid",
            blocks.offset,
        )
    with_digest, with_last_zxid = _TRAILERS[left]
    if with_digest:
        digest = TreeDigest(blocks.take_long(), blocks.take_int(), blocks.take_long())
        _check_seal(blocks)
    if with_last_zxid:
        last_zxid = blocks.take_long()
        _check_seal(blocks)
    return Trailer(digest, last_zxid)


def _check_seal(blocks: Blocks) -> None:
    """Compare the checksum that follows with the content before it."""
    offset = blocks.offset
    computed = blocks.checksum()
    stated = blocks.take_long()
    if stated != computed:
        raise SnapshotError(
            f"the seal is {stated:#x}, the checksum of the content before it is {computed:#x}: "
            "the file is corrupt",
            offset,
        )
    if blocks.take(len(SEAL_END)) != SEAL_END:
        raise SnapshotError("the seal does not end with its mark: the file is corrupt", offset + 8)
