"""Uncompressed content of a snapshot, whatever `snapshot.compression.method` its server had.

The first bytes decide, never the name of the file. zlib checks the checksums of gzip. snappy is refused: the
standard library cannot read it.
"""

import zlib
from collections.abc import Callable
from typing import Final, TypeAlias

from zookeeper_operator.zookeeper.snapshot.records import MAGIC, SnapshotError

Read: TypeAlias = Callable[[int], bytes]
"""The `read` of a stream: at most so many bytes, none only at its end."""

BLOCK: Final = 1 << 18
_GZIP: Final = b"\x1f\x8b"
_SNAPPY: Final = b"\x82SNA"
_GZIP_FORMAT: Final = 31  # zlib's number for a gzip header and the largest window


def uncompressed(read: Read) -> Read:
    """Return the `read` of the uncompressed content.

    Raises:
        SnapshotError: the content is no snapshot, or it is compressed by snappy.
    """
    start = b""
    while len(start) < len(MAGIC) and (more := read(len(MAGIC) - len(start))):
        start += more
    if start == _SNAPPY:
        raise SnapshotError(
            "the snapshot is compressed by snappy, which is not supported; "
            "set snapshot.compression.method=gz, or remove the setting",
            0,
        )
    if start.startswith(_GZIP):
        return _Gunzip(_after(start, read))
    if start != MAGIC:
        raise SnapshotError(f"not a snapshot: it begins with {start.hex() or 'nothing'}", 0)
    return _after(start, read)


def _after(start: bytes, read: Read) -> Read:
    """Return a `read` that yields `start` first."""
    pending = start

    def read_on(size: int) -> bytes:
        nonlocal pending
        if not pending:
            return read(size)
        taken, pending = pending[:size], pending[size:]
        return taken

    return read_on


class _Gunzip:
    """A `read` of what a gzip stream contains, in bounded memory."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._inflate = zlib.decompressobj(_GZIP_FORMAT)
        self._input = b""
        self._offset = 0

    def __call__(self, size: int) -> bytes:
        while True:
            if self._inflate.eof:
                self._input = self._inflate.unused_data or self._read(BLOCK)
                if not self._input:
                    return b""
                self._inflate = zlib.decompressobj(_GZIP_FORMAT)
            elif not self._input:
                self._input = self._read(BLOCK)
                if not self._input:
                    raise SnapshotError("the gzip stream ends early", self._offset)
            try:
                content = self._inflate.decompress(self._input, size)
            except zlib.error as error:
                raise SnapshotError(f"the gzip stream is corrupt: {error}", self._offset) from error
            self._input = self._inflate.unconsumed_tail
            if content:
                self._offset += len(content)
                return content
