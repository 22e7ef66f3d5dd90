"""gzip is read like plain content, in bounded memory; what is wrong with it is an error of the snapshot."""

import io
import os
import tracemalloc
import zlib

import pytest
from tests.unit.zookeeper.snapshot.trees import SMALL, compressed, read, verified, write

from zookeeper_operator.zookeeper.snapshot.compression import BLOCK, Read, uncompressed
from zookeeper_operator.zookeeper.snapshot.records import SnapshotError


def test_gzip_is_read() -> None:
    assert read(compressed(write(SMALL))) == read(write(SMALL))


def test_gzip_in_several_parts_is_read() -> None:
    content = write(SMALL)
    assert read(compressed(content[:100]) + compressed(content[100:])) == read(content)


def test_gzip_that_ends_early_is_refused() -> None:
    content = compressed(write(SMALL))
    for end in range(len(content)):
        with pytest.raises(SnapshotError):
            read(content[:end])


def test_something_else_in_gzip_is_refused() -> None:
    with pytest.raises(SnapshotError, match="the compressed content is not a snapshot"):
        read(compressed(b"something else"))


def test_each_flipped_bit_of_gzip_is_found_or_changes_nothing() -> None:
    plain = write(SMALL)
    content = compressed(plain)
    for bit in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            verified(bytes(flipped))
        except SnapshotError:
            continue
        # A time stamp, or another way to say the same.
        assert whole(uncompressed(io.BytesIO(flipped).read)) == plain


def whole(read: Read) -> bytes:
    return b"".join(iter(lambda: read(BLOCK), b""))


def test_a_small_file_that_contains_a_lot_does_not_fill_the_memory() -> None:
    megabytes = 64
    squeezed = zlib.compressobj(9, wbits=31)
    content = squeezed.compress(b"ZKSN" + bytes(megabytes << 20)) + squeezed.flush()
    tracemalloc.start()
    try:
        read_on = uncompressed(io.BytesIO(content).read)
        total = 0
        while piece := read_on(BLOCK):
            total += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 4 + (megabytes << 20)
    assert peak < 4 << 20


def test_plain_content_is_passed_on_whole() -> None:
    content = b"ZKSN" + os.urandom(10)
    read_on = uncompressed(io.BytesIO(content).read)
    assert whole(read_on) == content
