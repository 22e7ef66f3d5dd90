"""Streams of blocks: compressed, hashed and counted while they pass, with memory for one block. Pure."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from zookeeper_operator.zookeeper.snapshot.compression import Read

BLOCK: Final = 1 << 18
_GZIP_FORMAT: Final = 31  # zlib's number for a gzip header and the largest window
_LEVEL: Final = 3
"""Of nine. Snapshots are text and numbers: more takes thrice the time for a tenth less."""


def blocks_of(read: Read, size: int = BLOCK) -> Iterator[bytes]:
    """Iterate over what a `read` yields."""
    while block := read(size):
        yield block


def compressed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Compress by gzip. The same content becomes the same bytes: no name and no time is stored."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    for block in blocks:
        if content := deflate.compress(block):
            yield content
    yield deflate.flush()


class Measured:
    """Passes blocks on, and knows their size and their SHA-256 when they have passed."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks
        self._hash = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self._hash.update(block)
            self.size += len(block)
            yield block

    @property
    def sha256(self) -> str:
        """The checksum of what has passed so far, in hexadecimal."""
        return self._hash.hexdigest()


class Reader:
    """The `read` of a stream of blocks."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._pending = memoryview(b"")

    def __call__(self, size: int) -> bytes:
        """Return at most so many bytes, none only at the end."""
        while not self._pending:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._pending = memoryview(block)
        taken, self._pending = bytes(self._pending[:size]), self._pending[size:]
        return taken
